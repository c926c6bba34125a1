"""A campaign that is held, let go, turned down, tried out on a few, and kept to its hours, by the real command."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep

import pytest

from bulksend.cli.demonstrating import RunningSimulator
from tests.support.command import CREDENTIALS, Finished, bulksend, simulator, started, wait_until

CAMPAIGN = """
[campaign]
name = "test"
template = "Hi {{ name }}"
[recipients]
default_country = "US"
[[identities]]
id = "+18885550100"
mps = 20
countries = ["US"]
[guard]
of_messages = 20
"""

SERVICE = """
[[identities]]
id = "+18885550100"
type = "toll_free"
country = "US"
mps = 20
"""

NUMBERS = [f"+1{area}5550{100 + n:03d}" for area in (425, 206, 312) for n in range(100)]

OPTED_OUT = f'[[opt_out_lists]]\nname = "Default"\nnumbers = {NUMBERS[:60]}\n'.replace("'", '"')


def prepare(folder: Path, *, rows: int) -> None:
    """A folder with a list and a campaign."""
    (folder / "campaign.toml").write_text(CAMPAIGN)
    with (folder / "list.csv").open("w", newline="") as out:
        csv.writer(out).writerows([("phone", "name"), *((number, "Ada") for number in NUMBERS[:rows])])


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RunningSimulator]:
    """A service that accepts everything."""
    with simulator(tmp_path, SERVICE) as running:
        yield running


def of(running: RunningSimulator) -> list[str]:
    """What `send` is given in every test."""
    return ["list.csv", "-c", "campaign.toml", "--ledger", "l.db", "--endpoint-url", running.url, "--yes", "--json"]


def send(folder: Path, running: RunningSimulator, *flags: str) -> Finished:
    """Send to the end."""
    return bulksend("send", *of(running), *flags, folder=folder, env=CREDENTIALS)


def resume(folder: Path, running: RunningSimulator, *flags: str) -> Finished:
    """Go on to the end."""
    arguments = ("resume", "l.db", "--yes", "--json", "--endpoint-url", running.url, *flags)
    return bulksend(*arguments, folder=folder, env=CREDENTIALS)


def accepted(running: RunningSimulator) -> int:
    """Messages that the service took."""
    return int(running.stats()["messages"]["accepted"])


def test_a_campaign_is_paused_turned_down_and_resumed_from_elsewhere(tmp_path: Path, service: RunningSimulator) -> None:
    """Nothing goes out while it is paused; it goes on in the process that was paused, more slowly, and ends."""
    prepare(tmp_path, rows=90)
    sending = started("send", *of(service), folder=tmp_path)
    try:
        wait_until(lambda: accepted(service) >= 10, "nothing is sent")
        paused = bulksend("pause", "l.db", "--note", "wrong link?", "--json", folder=tmp_path).json
        assert (paused["paused"], paused["reason"], paused["sending"]) == (True, "operator", True)
        sleep(0.7)
        before = accepted(service)
        status = bulksend("status", "l.db", "--json", folder=tmp_path).json
        assert (status["state"], status["sent"]) == ("paused", before)
        slower = bulksend("rate", "l.db", "50%", "--json", folder=tmp_path).json
        assert (slower["shares"], slower["paused"]) == ({"*": 0.5}, True)
        assert accepted(service) == before < 60
        told = bulksend("resume", "l.db", "--json", folder=tmp_path).json
        assert (told["paused"], told["sending"], told["shares"]) == (False, True, {"*": 0.5})
        wait_until(lambda: accepted(service) > before, "it does not go on")
        assert sending.wait(30) == 0
    finally:
        sending.kill()
        sending.communicate()
    stats = service.stats()
    assert stats["messages"]["accepted"] == stats["messages"]["offered"] == 90
    assert "50 % of the limit" in bulksend("rate", "l.db", folder=tmp_path).out
    assert "as fast as its limits allow" in bulksend("rate", "l.db", "100%", folder=tmp_path).out
    assert not (tmp_path / "l.db.orders").exists()


def test_a_paused_campaign_that_nobody_sends_is_sent_by_resume(tmp_path: Path, service: RunningSimulator) -> None:
    """A run that does not wait sends nothing of it, and says why; `resume` clears the pause and sends."""
    prepare(tmp_path, rows=12)
    assert send(tmp_path, service, "--limit", "2").code == 3
    assert "nobody is sending it" in bulksend("pause", "l.db", "--note", "lunch", folder=tmp_path).out
    assert "was paused already" in bulksend("pause", "l.db", "--note", "lunch", folder=tmp_path).out
    held = send(tmp_path, service, "--set", "schedule.wait=false")
    assert (held.code, held.json["pending"], accepted(service)) == (3, 10, 2)
    assert "lunch" in held.out + held.err
    done = resume(tmp_path, service, "--set", "schedule.wait=true")
    assert (done.code, done.json["sent"], accepted(service)) == (0, 12, 12)


def test_a_canary_that_fails_holds_the_rest(tmp_path: Path) -> None:
    """Its messages and no others go; the next one is another canary; without one the rest goes."""
    prepare(tmp_path, rows=70)
    with simulator(tmp_path, SERVICE + OPTED_OUT) as running:
        done = send(tmp_path, running, "--canary", "10", "--set", "guard.max_share=1")
        assert (done.code, done.json["pending"]) == (4, 60)
        assert "opted out" in done.error
        done = resume(tmp_path, running, "--canary", "0")
        assert (done.code, done.json["pending"], done.json["sent"], done.json["failed"]) == (1, 0, 10, 60)


def test_a_canary_that_passes_goes_on_by_itself_within_the_limit(tmp_path: Path, service: RunningSimulator) -> None:
    """A limit below it leaves it undecided; one above it holds for the canary and the others together."""
    prepare(tmp_path, rows=40)
    assert send(tmp_path, service, "--canary", "10", "--limit", "4").code == 3
    assert accepted(service) == 4
    done = resume(tmp_path, service, "--canary", "10", "--limit", "12")
    assert (done.code, accepted(service)) == (3, 16), done
    done = resume(tmp_path, service, "--canary", "10")
    assert (done.code, done.json["sent"], accepted(service)) == (0, 40, 40)
    assert service.stats()["messages"]["offered"] == 40


def test_the_guard_stops_or_pauses_what_goes_wrong(tmp_path: Path) -> None:
    """With exit code 4; or until somebody says that it goes on."""
    prepare(tmp_path, rows=90)
    with simulator(tmp_path, SERVICE + OPTED_OUT) as running:
        done = send(tmp_path, running, "--set", "guard.action=stop")
        assert done.code == 4
        assert "20 of the latest 20 messages ended with" in done.error
        assert done.json["pending"] >= 65
        flags = ("--yes", "--json", "--endpoint-url", running.url, "--set", "guard.action=pause")
        going = started("resume", "l.db", *flags, folder=tmp_path)
        try:
            wait_until((tmp_path / "l.db.orders").exists, "the guard does not pause it")
            status = bulksend("status", "l.db", "--json", folder=tmp_path).json
            assert (status["state"], status["pending"] >= 40) == ("paused", True)
        finally:
            going.terminate()
            going.communicate(timeout=30)
    assert going.returncode == 3


def test_after_its_deadline_and_in_quiet_hours_nothing_goes_out(tmp_path: Path, service: RunningSimulator) -> None:
    """What is left stays pending, with exit code 3."""
    prepare(tmp_path, rows=90)
    deadline = datetime.now(UTC) + timedelta(seconds=11)
    done = send(tmp_path, service, "--set", f"schedule.deadline={deadline:%Y-%m-%dT%H:%M:%SZ}")
    assert done.code == 3
    assert "deadline" in done.out + done.err
    assert 0 < done.json["sent"] == accepted(service) < 90
    assert done.json["pending"] == 90 - done.json["sent"]
    assert datetime.now(UTC) < deadline
    now = datetime.now(UTC)
    quiet = f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=2):%H:%M}"
    quietly = ("--set", f"schedule.quiet_hours={quiet}", "--set", "schedule.wait=false")
    utc = ("--set", "recipients.time_zone=zone", "--set", "schedule.time_zone=Etc/UTC", "--ledger", "quiet.db")
    with (tmp_path / "list.csv").open("w", newline="") as out:
        csv.writer(out).writerows([("phone", "name", "zone"), *((number, "Ada", "Etc/UTC") for number in NUMBERS[:9])])
    before = accepted(service)
    done = send(tmp_path, service, *quietly, *utc)
    assert (done.code, accepted(service) - before) == (3, 0), done
    assert done.json["pending"] == 9


def test_what_cannot_be_ordered_is_said_in_one_line(tmp_path: Path, service: RunningSimulator) -> None:
    """Nothing is left beside a ledger that is not there, and orders that hold go on to hold."""
    prepare(tmp_path, rows=3)
    assert send(tmp_path, service, "--limit", "1").code == 3
    for arguments, says in (
        (("pause", "other.db"), "other.db"),
        (("rate", "other.db", "50%"), "other.db"),
        (("rate", "l.db", "10", "--bucket", "nobody"), "there is no bucket 'nobody'"),
        (("rate", "l.db", "10"), "parts per second are of one bucket"),
        (("rate", "l.db", "0%"), "above 0 and at most 100%"),
        (("rate", "l.db", "150%"), "above 0 and at most 100%"),
        (("rate", "l.db", "21", "--bucket", "+18885550100"), "its limit, 20"),
        (("rate", "l.db", "fast"), "neither a percentage nor parts per second"),
        (("pause", "l.db", "--note", "x" * 201), "--note"),
    ):
        done = bulksend(*arguments, folder=tmp_path)
        assert (done.code, says in done.error) == (2, True), done
    assert not list(tmp_path.glob("*.orders"))
