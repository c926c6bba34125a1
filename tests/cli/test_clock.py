"""A clock that is off, and credentials that expire: by the real command, against the simulator."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bulksend.cli.demonstrating import RunningSimulator
from tests.support.command import (
    CREDENTIALS,
    Finished,
    bulksend,
    simulator,
    started,
    wait_until,
)

ROWS = 60

CAMPAIGN = """
[campaign]
name = "test"
template = "Hi {{ name }}"
[[identities]]
id = "ACME"
mps = 20
countries = ["DE"]
[aws]
check_identities = false  # so that messages alone use credentials up
"""

IDENTITY = """
[[identities]]
id = "ACME"
type = "sender_id"
country = "DE"
mps = 20
"""

A_HANDFUL = 21
"""Requests that may be on their way when the first answer comes back, however late it is: 20 MPS for the second that
an answer is taken to need until the first is there, and one more."""


def prepare(folder: Path, *, rows: int = ROWS) -> None:
    """A folder with `list.csv`, of so many rows, and `campaign.toml`."""
    lines = "".join(f"+4917139{number:05d},N{number}\n" for number in range(20_000, 20_000 + rows))
    (folder / "list.csv").write_text(f"phone,name\n{lines}")
    (folder / "campaign.toml").write_text(CAMPAIGN)


def arguments(running: RunningSimulator) -> list[str]:
    """`send` to a simulator."""
    return [
        "send", "list.csv", "-c", "campaign.toml", "--ledger", "l.db", "--endpoint-url", running.url, "--yes", "--json",
    ]  # fmt: skip


def send(folder: Path, running: RunningSimulator, env: dict[str, str]) -> Finished:
    """`bulksend send` of that folder's campaign."""
    return bulksend(*arguments(running), folder=folder, env=env)


def faulty(expired_after: int) -> str:
    """A service at which credentials are good for so many requests."""
    return f"{IDENTITY}[faults]\nexpired_token_after = {expired_after}\n[latency]\nmedian_ms = 20\n"


def require_complete(document: dict[str, Any], stats: dict[str, Any], *, rows: int = ROWS) -> None:
    """Every row was sent, and none twice."""
    assert document["sent"] == stats["messages"]["accepted"] == rows
    assert stats["duplicates"] == {"destination_text": 0, "row": 0, "attempt": 0}


@pytest.mark.parametrize("offset_s", [3600, -3600])
def test_a_clock_that_is_off_stops_the_campaign_until_it_is_set(offset_s: int, tmp_path: Path) -> None:
    """Exit code 4, one line that names the clock, no message lost, no endless tries; afterwards `resume` finishes."""
    prepare(tmp_path)
    with simulator(tmp_path, f"[account]\nclock_offset_s = {offset_s}\n{IDENTITY}") as running:
        done = send(tmp_path, running, CREDENTIALS)
        stats = running.stats()
    assert done.code == 4, done.err
    assert "clock" in done.error
    assert "credentials" not in done.error
    assert (done.json["pending"], done.json["sent"], done.json["unknown"]) == (ROWS, 0, 0)
    assert 1 <= stats["errors"]["InvalidSignatureException"] <= A_HANDFUL
    assert stats["messages"]["offered"] == 0
    with simulator(tmp_path, IDENTITY) as running:
        again = bulksend(
            "resume", "l.db", "--yes", "--json", "--endpoint-url", running.url, folder=tmp_path, env=CREDENTIALS
        )
        assert again.code == 0, again.err
        require_complete(again.json, running.stats())


def test_credentials_that_are_rotated_in_time_lose_nothing(tmp_path: Path) -> None:
    """The shared credentials file changes while the campaign runs; it goes on with the new ones to the end."""
    rows, good_for = 130, 100  # five seconds, of which the rotation takes a small part
    prepare(tmp_path, rows=rows)
    file = tmp_path / "credentials"

    def rotate(key: str) -> None:
        new = tmp_path / "new"
        new.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = made-up\n")
        new.replace(file)

    rotate("FIRST")
    env = {"AWS_SHARED_CREDENTIALS_FILE": str(file), "AWS_REGION": "us-east-1"}
    with simulator(tmp_path, faulty(good_for)) as running:
        process = started(*arguments(running), folder=tmp_path, env=env)
        wait_until(lambda: running.stats()["messages"]["accepted"] >= 1, "nothing was sent")
        rotate("SECOND")
        out, err = process.communicate(timeout=60)
        stats = running.stats()
    assert process.returncode == 0, err
    assert 1 <= stats["errors"]["ExpiredTokenException"] <= A_HANDFUL
    require_complete(json.loads(out), stats, rows=rows)


def test_a_credential_process_is_asked_again_each_time(tmp_path: Path) -> None:
    """Every set is good for a few requests only, and a program gives another one whenever it is asked."""
    prepare(tmp_path)
    program = tmp_path / "give.py"
    program.write_text(
        "import json, pathlib\n"
        f"asked = pathlib.Path({str(tmp_path / 'asked')!r})\n"
        "with asked.open('a') as file: file.write('x')\n"
        "key = f'KEY{asked.stat().st_size}'\n"
        "print(json.dumps({'Version': 1, 'AccessKeyId': key, 'SecretAccessKey': 'made-up'}))\n"
    )
    config = tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = {sys.executable} {program}\n")
    with simulator(tmp_path, faulty(25)) as running:
        done = send(tmp_path, running, {"AWS_CONFIG_FILE": str(config), "AWS_REGION": "us-east-1"})
        stats = running.stats()
    assert done.code == 0, done.err
    require_complete(done.json, stats)
    assert 3 <= (tmp_path / "asked").stat().st_size <= 10


def test_credentials_that_expire_for_good_stop_the_campaign(tmp_path: Path) -> None:
    """Without newer ones: exit code 4, the reason, no endless tries, and what was accepted is what is sent."""
    prepare(tmp_path)
    with simulator(tmp_path, faulty(25)) as running:
        done = send(tmp_path, running, CREDENTIALS)
        stats = running.stats()
    assert done.code == 4, done.err
    assert "ExpiredTokenException" in done.error
    assert done.json["sent"] == stats["messages"]["accepted"] == 25
    assert done.json["pending"] == ROWS - 25
    assert 1 <= stats["errors"]["ExpiredTokenException"] <= A_HANDFUL
