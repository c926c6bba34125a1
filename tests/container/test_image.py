"""The image's steps without a container engine: its own RUN lines in a folder, then the command as the image runs it.

What is different: dependencies are those of the environment that runs the tests, and are not installed once more; that
the constraints meet what the wheel asks for is looked at instead. And the Python is this one, and not the image's.
"""

import email.message
import email.parser
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bulksend.config.model import AwsSettings
from bulksend.pipeline.copies import FINAL_S
from tests.container.dockerfile import last, steps, variables
from tests.support.command import CREDENTIALS, ROOT, simulator, wait_until

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root can become the image's user"),
    pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is missing (util-linux)"),
    pytest.mark.timeout(180),
]

SIMULATOR = """
[[identities]]
id = "+18885550100"
type = "toll_free"
country = "US"
mps = 40
"""
MPS = 40
ROWS = 200


@pytest.fixture(scope="module")
def image() -> Iterator[Path]:
    """The root of what the image's steps make; nothing in it can be written but /data, which belongs to its user."""
    root = Path(tempfile.mkdtemp(prefix="bulksend-image-"))
    root.chmod(0o755)
    (root / "src").mkdir()
    for step in steps():
        if step.name == "COPY" and step.stage == 0:
            *sources, target = step.words.split()
            for source in sources:
                _copy(ROOT / source, root / "src" / target / (source if target == "./" else ""))
        elif step.name == "RUN":
            subprocess.run(
                ["sh", "-c", in_image(step.words, root)],
                cwd=root / "src",
                env={
                    "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
                    **pip_settings(),
                    **({"PIP_NO_DEPS": "1"} if " pip install " in step.words else {}),
                },
                check=True,
                capture_output=True,
                timeout=120,
            )
            if " -m venv " in step.words:
                (packages,) = (root / "opt/bulksend/lib").glob("python*/site-packages")
                (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    wheel = root / "wheel"
    wheel.mkdir()
    shutil.copy(next((root / "src/dist").iterdir()), wheel)
    shutil.rmtree(root / "src")
    uid, gid = map(int, last("USER").split(":"))
    os.chown(root / "data", uid, gid)
    subprocess.run(["chmod", "-R", "a-w,a+rX", str(root / "opt"), str(wheel)], check=True)
    yield root
    shutil.rmtree(root)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def in_image(words: str, root: Path) -> str:
    """`words` with the image's paths in `root`."""
    for place in ("/src", "/opt/bulksend", "/data"):
        words = words.replace(place, f"{root}{place}")
    return words


def pip_settings() -> Mapping[str, str]:
    """How this machine's pip finds its registry, and reaches it."""
    wanted = ("PIP_", "HTTP", "NO_PROXY", "http", "no_proxy", "SSL_", "REQUESTS_", "UV_", "HOME", "XDG_")
    return {name: value for name, value in os.environ.items() if name.startswith(wanted)}


def started(root: Path, *arguments: str, env: Mapping[str, str]) -> "subprocess.Popen[str]":
    """ENTRYPOINT with `arguments`, as the image's user, in its working folder, with its variables and `env` alone.

    He may read and search everything, as the Python of the tests may lie where only root may look, and write nothing.
    """
    uid, gid = last("USER").split(":")
    may_read = [
        "--inh-caps=-all,+dac_read_search",
        "--ambient-caps=-all,+dac_read_search",
        "--bounding-set=-all,+dac_read_search",
    ]
    command = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs", *may_read]
    (entrypoint,) = json.loads(last("ENTRYPOINT"))
    settings = {name: in_image(value, root) for name, value in variables().items()}
    return subprocess.Popen(
        [*command, f"{root}/opt/bulksend/bin/{entrypoint}", *arguments],
        cwd=in_image(last("WORKDIR"), root),
        env={**settings, **CREDENTIALS, "AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "*", **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_constraints_are_what_the_wheel_asks_for(image: Path) -> None:
    """Every dependency of the wheel that was built is pinned to a version that it accepts."""
    (wheel,) = (image / "wheel").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        metadata: email.message.Message = email.parser.Parser().parsestr(archive.read(name).decode())
    pinned = {
        canonicalize_name(name): version
        for name, _, version in (
            line.partition("==") for line in (ROOT / "config/constraints.txt").read_text().splitlines() if "==" in line
        )
    }
    wanted = [Requirement(line) for line in metadata.get_all("Requires-Dist") or ()]
    wanted = [each for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})]
    assert wanted
    for each in wanted:
        assert each.specifier.contains(pinned[canonicalize_name(each.name)]), each


def test_a_campaign_in_the_image(image: Path, tmp_path: Path) -> None:
    """By variables alone; a SIGTERM ends it in order within the grace period, and the same command goes on."""
    data = image / "data"
    (data / "list.csv").write_text("phone\n" + "".join(f"+1425555{row:04d}\n" for row in range(ROWS)))
    before = written(image)
    with simulator(tmp_path, SIMULATOR) as running:
        env = {
            "BULKSEND_CAMPAIGN_NAME": "c",
            "BULKSEND_CAMPAIGN_TEMPLATE": "Hello",
            "BULKSEND_RECIPIENTS_DEFAULT_COUNTRY": "US",
            "BULKSEND_IDENTITIES": json.dumps([{"id": "+18885550100", "mps": MPS}]),
            "BULKSEND_AWS_ENDPOINT_URL": running.url,
            "BULKSEND_AWS_CHECK_IDENTITIES": "false",
        }
        arguments = ("send", f"{data}/list.csv", "--yes", "--json")
        first = started(image, *arguments, env=env)
        wait_until(lambda: running.stats()["messages"]["accepted"] >= MPS, "nothing was sent")
        assert f"\nUid:\t{last('USER').split(':')[0]}\t" in Path(f"/proc/{first.pid}/status").read_text()
        first.send_signal(signal.SIGTERM)
        out, err = first.communicate(timeout=AwsSettings().stop_grace_s + FINAL_S)
        assert first.returncode == 3, err
        summary = json.loads(out)
        assert 0 < summary["sent"] < ROWS
        assert summary["unknown"] == 0
        assert {"event", "level"} <= json.loads(err.splitlines()[-1]).keys()
        second = started(image, *arguments, env=env)
        out, err = second.communicate(timeout=60)
        assert second.returncode == 0, err
        assert json.loads(out)["sent"] == ROWS
        assert running.stats()["duplicates"] == {"destination_text": 0, "row": 0, "attempt": 0}
    assert written(image) == before
    assert sorted(each.name for each in data.iterdir()) == ["campaign.db", "list.csv"]


def test_what_may_not_be_written_is_said(image: Path) -> None:
    """Where the volume is missing, the command says so, sends nothing, and ends with exit code 2."""
    env = {
        "BULKSEND_CAMPAIGN_NAME": "c",
        "BULKSEND_CAMPAIGN_TEMPLATE": "Hello",
        "BULKSEND_IDENTITIES": json.dumps([{"id": "+18885550100", "mps": MPS}]),
        "BULKSEND_LEDGER": str(image / "opt/campaign.db"),
    }
    (image / "data/list.csv").write_text("phone\n+14255550001\n")
    process = started(image, "send", f"{image}/data/list.csv", "--yes", "--json", env=env)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2, err
    assert str(image / "opt") in json.loads(out)["error"]


def written(root: Path) -> dict[str, int]:
    """Everything beside the volume, with the time of its last change."""
    return {str(each): each.stat().st_mtime_ns for each in sorted((root / "opt").rglob("*"))}
