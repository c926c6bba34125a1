"""What a command loads: only what it uses. How long that takes is in benchmarks/, as every time is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bulksend.cli.app import COMMANDS
from bulksend.config.load import load_settings
from bulksend.pipeline.plan import make_plan
from tests.support.command import ROOT, environment
from tests.unit.store.helpers import StandingClock

SDK = {"aiobotocore", "aiohttp", "boto3", "botocore"}
"""Half a second and 35 MiB of whoever loads it."""

PLANNING = {"jinja2", "phonenumbers", "regex", "zstandard"}

HEAVY = (
    SDK | PLANNING | {"aiolimiter", "asyncio", "msgspec", "rich", "sqlite3", "ssl", "structlog", "traceback", "uvloop"}
)

CONFIG = """
[campaign]
name = "start"
template = "Hi {{ first_name }}"
[recipients]
default_country = "US"
[[identities]]
id = "+18885550100"
mps = 3
countries = ["US"]
"""

RUN = """
import json, sys
from bulksend.cli.app import run
code = run(sys.argv[2:])
with open(sys.argv[1], "w") as out:
    json.dump([code, sorted({name.split(".")[0] for name in sys.modules})], out)
"""


def loaded_by(*arguments: str, folder: Path) -> set[str]:
    """The packages of `HEAVY` that are loaded when the command has ended well."""
    told = folder / "modules.json"
    subprocess.run(
        [sys.executable, "-P", "-c", RUN, str(told), *arguments],
        cwd=folder,
        env={**environment(folder), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
        timeout=60,
    )
    code, packages = json.loads(told.read_text())
    assert code == 0
    return HEAVY.intersection(packages)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a list, its settings, and the ledger of a plan of it."""
    folder = tmp_path_factory.mktemp("campaign")
    (folder / "list.csv").write_text("phone,first_name\n+12125550142,Ann\n")
    config = folder / "bulksend.toml"
    config.write_text(CONFIG)
    settings = load_settings(config, environ={}, overrides=[])
    make_plan(settings, str(folder / "list.csv"), folder / "sale.db", clock=StandingClock())
    return folder


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_and_version_load_nothing_heavy(flag: str, tmp_path: Path) -> None:
    """Who asks what there is does not wait for the SDK, the event loop, or the ledger."""
    assert loaded_by(flag, folder=tmp_path) == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_loads_nothing_that_only_running_it_needs(name: str, tmp_path: Path) -> None:
    """At most it loads the records, for the words that an option takes, and msgspec with them."""
    assert loaded_by(name, "--help", folder=tmp_path) <= {"msgspec"}


LOOP = {"asyncio", "ssl", "traceback"}
"""What comes with the event loop, which the system's clock waits on."""

USES = {
    "parts Hello": {"regex", "msgspec"},
    "parts Hello --json": {"regex", "msgspec"},
    "export sale.db --format csv": {"sqlite3", "msgspec"},
    "export sale.db --format jsonl --deliveries": {"sqlite3", "msgspec"},
    "status sale.db": {"sqlite3", "msgspec"} | LOOP,
    "status sale.db --json": {"sqlite3", "msgspec"} | LOOP,
    "plan list.csv --config bulksend.toml": {"sqlite3", "msgspec", "aiolimiter"} | PLANNING | LOOP,
}
"""What a command may load of `HEAVY`: none of these needs the SDK, and only what plans a list needs what that takes."""


@pytest.mark.parametrize("line", USES)
def test_a_command_loads_only_what_it_uses(line: str, campaign: Path) -> None:
    """Looking at a ledger, a text or a list waits for nothing that sending needs."""
    assert loaded_by(*line.split(), folder=campaign) <= USES[line]
