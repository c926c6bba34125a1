"""What can go wrong with a campaign, by the real command: refused identities, lost answers, two commands at once."""

import json
import shutil
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bulksend.cli.demonstrating import RunningSimulator
from tests.support.accepted import accepted_by
from tests.support.command import CREDENTIALS, bulksend, simulator, started, wait_until

CAMPAIGN = """
[campaign]
name = "safety"
template = "Hi {{ name }}"
[recipients]
identity = "identity"
[aws]
read_timeout_s = 1
[[identities]]
id = "FIRST"
mps = 20
countries = ["DE"]
[[identities]]
id = "SECOND"
mps = 50
countries = ["DE"]
[[identities]]
id = "THIRD"
mps = 50
countries = ["FR"]
"""

SERVICE = """
record_messages = true
[[identities]]
id = "FIRST"
type = "sender_id"
country = "DE"
countries = ["DE"]
mps = 20
{first}
[[identities]]
id = "SECOND"
type = "sender_id"
country = "DE"
countries = ["DE"]
mps = 50
[[identities]]
id = "THIRD"
type = "sender_id"
country = "FR"
countries = ["FR"]
mps = 50
{faults}
"""


def prepare(folder: Path, rows: int, *, pinned: int = 0) -> None:
    """A list of German numbers, the first `pinned` of which have to be sent from FIRST."""
    lines = [f"+49171{3920000 + n},N{n},{'FIRST' if n < pinned else ''}" for n in range(rows)]
    (folder / "list.csv").write_text("\n".join(["phone,name,identity", *lines]) + "\n")
    (folder / "campaign.toml").write_text(CAMPAIGN)


def service(*, first: str = "", faults: str = "") -> str:
    """A simulator's settings."""
    return SERVICE.format(first=first, faults=faults)


def send(folder: Path, running: RunningSimulator, *flags: str) -> Any:
    """`bulksend send` of the folder's campaign."""
    return bulksend(
        "send", "list.csv", "-c", "campaign.toml", "--ledger", "l.db", "--endpoint-url", running.url, "--yes", *flags,
        folder=folder, env=CREDENTIALS,
    )  # fmt: skip


@contextmanager
def sending(folder: Path, running: RunningSimulator, *, accepted: int) -> Iterator[subprocess.Popen[str]]:
    """The same command, still running, with at least `accepted` messages accepted."""
    arguments = ["send", "list.csv", "-c", "campaign.toml", "--ledger", "l.db", "--endpoint-url", running.url, "--yes"]
    process = started(*arguments, folder=folder)
    try:

        def has_come_so_far() -> bool:
            assert process.poll() is None, process.communicate()
            seen: int = running.stats()["messages"]["accepted"]
            return seen >= accepted

        wait_until(has_come_so_far, "nothing was sent")
        yield process
    finally:
        process.kill()
        process.communicate()


def export(folder: Path) -> list[dict[str, Any]]:
    """All rows of the ledger."""
    done = bulksend("export", "l.db", "--format", "jsonl", folder=folder)
    return [json.loads(line) for line in done.out.splitlines()]


def test_a_refused_identity_hands_its_rows_over(tmp_path: Path) -> None:
    """All rows are sent, each once, from the identity that still goes; the summary says who was refused."""
    prepare(tmp_path, 60)
    with simulator(tmp_path, service(first='status = "PENDING"')) as running:
        done = send(tmp_path, running, "--json")
        stats = running.stats()
    assert (done.code, done.json["sent"]) == (0, 60), done.err
    (breaker,) = done.json["breakers"]
    assert (breaker["identity"], breaker["country"], breaker["reason"]) == ("FIRST", None, "resource_not_active")
    assert (breaker["held"], breaker["moved"] > 0) == (0, True)
    assert {row["identity"] for row in export(tmp_path)} == {"SECOND"}
    assert stats["duplicates"]["row"] == 0


def test_rows_that_must_go_from_a_refused_identity_wait_for_the_account(tmp_path: Path) -> None:
    """Where the list names the identity no other stands in; when it is active again, `resume` finishes the job."""
    prepare(tmp_path, 40, pinned=25)
    with simulator(tmp_path, service(first='status = "PENDING"')) as running:
        done = send(tmp_path, running, "--json")
        assert (done.code, done.json["sent"], done.json["pending"], done.json["failed"]) == (4, 15, 25, 0)
        assert done.json["held"] == 25
        assert done.json["reasons"]["pending"] == {"resource_not_active": 25}
        status = bulksend("status", "l.db", folder=tmp_path)
        assert "Refused  FIRST to any country (resource_not_active)" in status.out
        assert "25 rows wait until the account is put right" in status.out
        assert "Stopped  the service refuses FIRST" in status.out
    with simulator(tmp_path, service()) as running:
        again = bulksend(
            "resume", "l.db", "--yes", "--json", "--endpoint-url", running.url, folder=tmp_path, env=CREDENTIALS
        )
        assert (again.code, again.json["sent"], again.json["breakers"]) == (0, 40, []), again.err
        assert running.stats()["buckets"]["FIRST"]["accepted"] == 25


def test_unknown_rows_are_sent_again_on_request_alone(tmp_path: Path) -> None:
    """After saying how many; without the flag they are left alone, and without --yes nobody is texted."""
    prepare(tmp_path, 12)
    with simulator(tmp_path, service(faults="[faults]\ndrop_after = 0.5")) as running:
        done = send(tmp_path, running, "--json")
        unknown = done.json["unknown"]
        assert (done.code, done.json["sent"] + unknown) == (1, 12)
        assert 1 <= unknown <= 11
        assert running.stats()["messages"]["accepted"] == 12
    with simulator(tmp_path, service()) as running:
        to = ("--endpoint-url", running.url)
        left = bulksend("resume", "l.db", "--yes", *to, folder=tmp_path, env=CREDENTIALS)
        assert left.code == 1
        unasked = bulksend("resume", "l.db", "--resend-unknown", *to, folder=tmp_path, env=CREDENTIALS)
        assert (unasked.code, "--yes" in unasked.error) == (2, True)
        assert running.stats()["messages"]["offered"] == 0
        again = bulksend("resume", "l.db", "--resend-unknown", "--yes", "--json", *to, folder=tmp_path, env=CREDENTIALS)
        assert (again.code, again.json["sent"], again.json["unknown"]) == (0, 12, 0), again.err
        assert f"{unknown} rows are unknown ({unknown} connection_lost)" in again.err
        assert running.stats()["messages"]["accepted"] == unknown
    attempts = Counter(row["attempts"] for row in export(tmp_path))
    assert attempts == {1: 12 - unknown, 2: unknown}


def test_the_word_to_send_unknown_rows_again_is_good_for_one_run(tmp_path: Path) -> None:
    """What was not sent again by the end of it is unknown as before, also where nothing could be sent at all."""
    prepare(tmp_path, 12)
    with simulator(tmp_path, service(faults="[faults]\ndrop_after = 0.7")) as running:
        unknown = send(tmp_path, running, "--json").json["unknown"]
    assert unknown >= 2
    again = ("resume", "l.db", "--resend-unknown", "--yes", "--json")
    unreachable = bulksend(*again, "--endpoint-url", "http://127.0.0.1:9", folder=tmp_path, env=CREDENTIALS)
    assert (unreachable.code, unreachable.json["unknown"], unreachable.json["pending"]) == (2, unknown, 0)
    nobody = bulksend(*again, folder=tmp_path, env={"AWS_REGION": "us-east-1"})
    assert nobody.code == 2
    with simulator(tmp_path, service()) as running:
        to = ("--endpoint-url", running.url)
        one = bulksend(*again, "--limit", "1", *to, folder=tmp_path, env=CREDENTIALS)
        assert (one.json["unknown"], one.json["pending"]) == (unknown - 1, 0), one.err
        plain = bulksend("resume", "l.db", "--yes", "--json", *to, folder=tmp_path, env=CREDENTIALS)
        assert (plain.code, plain.json["unknown"]) == (1, unknown - 1)
        assert running.stats()["messages"]["accepted"] == 1


def test_a_ledger_without_its_log_is_refused(tmp_path: Path) -> None:
    """After a kill most of what was sent is in the log alone; the file without it would text everybody again."""
    prepare(tmp_path, 400)
    with simulator(tmp_path, service()) as running:
        with sending(tmp_path, running, accepted=20) as process:
            process.kill()
            process.wait()
        copy = tmp_path / "copy"
        copy.mkdir()
        shutil.copy(tmp_path / "l.db", copy / "l.db")
        before = running.stats()["messages"]["offered"]
        for command in (["resume", "copy/l.db", "--yes"], ["status", "copy/l.db"]):
            refused = bulksend(*command, folder=tmp_path, env=CREDENTIALS)
            assert (refused.code, "l.db-wal" in refused.error) == (2, True)
        assert running.stats()["messages"]["offered"] == before
        shutil.copy(tmp_path / "l.db-wal", copy / "l.db-wal")
        status = bulksend("status", "copy/l.db", "--json", folder=tmp_path)
        assert (status.code, status.json["sent"] >= 15) == (0, True)
        sqlite3.connect(copy / "l.db").execute("SELECT count(*) FROM results").connection.close()
        assert send(tmp_path, running, "--limit", "1").code == 3
        assert bulksend("status", "l.db", folder=tmp_path).code == 0


def test_a_ledger_with_two_names_is_refused(tmp_path: Path) -> None:
    """Lock and log go by the name: two commands would both be its owner."""
    prepare(tmp_path, 4)
    with simulator(tmp_path, service()) as running:
        assert send(tmp_path, running, "--limit", "1").code == 3
        (tmp_path / "other.db").hardlink_to(tmp_path / "l.db")
        refused = bulksend("resume", "other.db", "--yes", folder=tmp_path, env=CREDENTIALS)
        assert (refused.code, "hard link" in refused.error) == (2, True)


def test_settings_that_a_later_send_brings_hold_for_resume(tmp_path: Path) -> None:
    """Whoever lowers the rate by the file, and goes on without it, goes on at the lower rate."""
    prepare(tmp_path, 60, pinned=60)
    with simulator(tmp_path, service()) as running:
        assert send(tmp_path, running, "--limit", "1").code == 3
        lower = CAMPAIGN.replace('id = "FIRST"\nmps = 20', 'id = "FIRST"\nmps = 2') + '[retry]\non_unknown = "resend"\n'
        (tmp_path / "campaign.toml").write_text(lower)
        assert send(tmp_path, running, "--limit", "1").code == 3
        assert bulksend("resume", "l.db", "--yes", "--limit", "1", folder=tmp_path, env=CREDENTIALS).code == 3
    connection = sqlite3.connect(tmp_path / "l.db")
    (limits,) = connection.execute("SELECT group_concat(mps) FROM (SELECT mps FROM buckets ORDER BY id)").fetchone()
    (settings,) = connection.execute("SELECT value FROM meta WHERE key = 'campaign'").fetchone()
    connection.close()
    assert limits == "2,50,50"
    assert json.loads(settings)["retry"]["on_unknown"] == "resend"


def test_an_error_is_a_json_object_where_json_was_asked_for(tmp_path: Path) -> None:
    """What is wrong, what to do, and of a changed campaign what has changed."""
    prepare(tmp_path, 4)
    with simulator(tmp_path, service()) as running:
        assert send(tmp_path, running, "--limit", "1").code == 3
        (tmp_path / "campaign.toml").write_text(CAMPAIGN.replace("Hi {{", "Hello {{"))
        with (tmp_path / "list.csv").open("a") as out:
            out.write("+491713929999,Zed,\n")
        done = send(tmp_path, running, "--json")
    assert done.code == done.json["exit_code"] == 2
    assert done.json["changed"] == ["campaign.template", "input"]
    assert "holds another campaign" in done.json["error"]
    assert "resume" in done.json["hint"]
    assert done.error
    missing = bulksend("status", "none.db", "--json", folder=tmp_path)
    assert (missing.code, missing.json["exit_code"]) == (2, 2)


def test_a_second_command_is_refused_with_the_owner_and_readers_are_not(tmp_path: Path) -> None:
    """While a campaign is sent; and when its process was killed, the next one goes on at once."""
    prepare(tmp_path, 2000)
    with simulator(tmp_path, service()) as running:
        with sending(tmp_path, running, accepted=20) as process:
            for command in (["resume", "l.db", "--yes"], ["reconcile", "l.db", "list.csv"]):
                refused = bulksend(*command, folder=tmp_path, env=CREDENTIALS)
                assert refused.code == 2
                assert f"in use by process {process.pid} on " in refused.error
            assert send(tmp_path, running).code == 2
            status = bulksend("status", "l.db", "--json", folder=tmp_path)
            assert (status.code, status.json["rows"]) == (0, 2000)
            assert len(export(tmp_path)) == 2000
            process.kill()
            process.wait()
        again = send(tmp_path, running, "--limit", "5", "--json")
        assert again.code == 3
        assert "An earlier run died" in again.err
        assert again.json["reasons"]["unknown"].keys() == {"interrupted"}
        assert running.stats()["duplicates"]["row"] == 0


@pytest.mark.parametrize(("grace_s", "median_ms"), [(0.5, 60_000), (25, 2_500)])
def test_a_stop_waits_for_answers_as_long_as_it_is_told(grace_s: float, median_ms: int, tmp_path: Path) -> None:
    """With a short grace what has no answer is unknown, with a long one it gets its outcome."""
    prepare(tmp_path, 200)
    (tmp_path / "campaign.toml").write_text(
        CAMPAIGN.replace("read_timeout_s = 1", f"read_timeout_s = 30\nstop_grace_s = {grace_s}")
    )
    with simulator(tmp_path, service(faults=f"[latency]\nmedian_ms = {median_ms}")) as running:
        with sending(tmp_path, running, accepted=30) as process:
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            process.wait(40)
            took_s = time.monotonic() - began
            assert process.returncode == 3
        status = bulksend("status", "l.db", "--json", folder=tmp_path).json
        accepted = running.stats()["messages"]["accepted"]
    assert status["sending"] == 0
    assert status["sent"] + status["unknown"] == accepted
    assert (status["unknown"] > 0) == (grace_s < 1)
    assert took_s < 20


def test_a_second_signal_ends_it_at_once_and_is_as_safe_as_a_kill(tmp_path: Path) -> None:
    """Exit code 3, and what was on the wire is unknown at the next start."""
    prepare(tmp_path, 200)
    (tmp_path / "campaign.toml").write_text(CAMPAIGN.replace("read_timeout_s = 1", "read_timeout_s = 30"))
    with simulator(tmp_path, service(faults="[latency]\nmedian_ms = 60000")) as running:
        with sending(tmp_path, running, accepted=30) as process:
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            assert any("run.stopping" in line for line in process.stderr), "the first signal was not noticed"
            process.send_signal(signal.SIGINT)
            process.wait(20)  # answers would have been awaited for 25 s
            assert process.returncode == 3
        accepted = {message.destination for message in accepted_by(running)}
    with simulator(tmp_path, service()) as running:
        done = bulksend(
            "resume", "l.db", "--yes", "--json", "--endpoint-url", running.url, folder=tmp_path, env=CREDENTIALS
        )
        assert (done.code, done.json["pending"]) == (1, 0)
        again = {message.destination for message in accepted_by(running)}
    assert not accepted & again
    assert done.json["sent"] + done.json["unknown"] == 200
    assert {row["destination"] for row in export(tmp_path) if row["status"] == "sent"} <= accepted | again
    claimed_only = done.json["unknown"] - len(accepted)
    assert 0 <= claimed_only <= 20 + 50
