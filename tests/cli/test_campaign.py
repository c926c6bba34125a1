"""Whole campaigns by the real command, over real HTTP, against the simulator in a process of its own."""

import csv
import io
import json
import signal
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bulksend.cli.demonstrating import RunningSimulator
from tests.support.command import CREDENTIALS, bulksend, simulator, started, wait_until
from tests.support.margin import at_most

CAMPAIGN = """
[campaign]
name = "test"
template = "Hi {{ name }}, {{ note }}"
[recipients]
default_country = "US"
[[identities]]
id = "+18885550100"
mps = 3
countries = ["US"]
[[identities]]
id = "+16045550199"
mps = 20
countries = ["CA"]
[[identities]]
id = "ACME"
mps = 100
countries = ["DE"]
"""

SERVICE = """
record_messages = true
[latency]
median_ms = 20
p99_ms = 60
[[identities]]
id = "+18885550100"
type = "toll_free"
country = "US"
mps = 3
[[identities]]
id = "+16045550199"
type = "long_code"
country = "CA"
mps = 20
[[identities]]
id = "ACME"
type = "sender_id"
country = "DE"
countries = ["DE"]
mps = 100
"""


def write_list(file: Path, *, us: int, ca: int, de: int) -> None:
    """A list with so many rows of each country, some with texts of several parts."""
    numbers = [f"+1{area}5550{100 + n:03d}" for area in (425, 206, 312) for n in range(100)][:us]
    numbers += [f"+1{area}5550{100 + n:03d}" for area in (604, 416, 514, 403, 613) for n in range(100)][:ca]
    numbers += [f"+49171{3920000 + n}" for n in range(de)]
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["Phone", "Name", "Note"])
        # A stride that is coprime to the length mixes countries and sizes and repeats exactly.
        for index in range(len(numbers)):
            place = index * 7919 % len(numbers)
            writer.writerow([numbers[place], f"N{place}", "x" * (20 if place % 5 else 320)])


def prepare(folder: Path, *, us: int = 12, ca: int = 40, de: int = 100) -> None:
    """A folder with `list.csv` and `campaign.toml`."""
    write_list(folder / "list.csv", us=us, ca=ca, de=de)
    (folder / "campaign.toml").write_text(CAMPAIGN)


def send(folder: Path, running: RunningSimulator, *flags: str) -> Any:
    """`bulksend send` of that folder's campaign to a simulator."""
    return bulksend(
        "send", "list.csv", "--config", "campaign.toml", "--ledger", "l.db", "--endpoint-url", running.url, *flags,
        folder=folder, env=CREDENTIALS,
    )  # fmt: skip


def export(folder: Path) -> list[dict[str, Any]]:
    """All rows of the ledger."""
    done = bulksend("export", "l.db", "--format", "jsonl", folder=folder)
    assert done.code == 0
    return [json.loads(line) for line in done.out.splitlines()]


def test_a_campaign_from_plan_to_export(tmp_path: Path) -> None:
    """Every row is sent once at the limits, the second run sends nothing, and ledger and simulator agree."""
    prepare(tmp_path)
    with simulator(tmp_path, SERVICE) as running:
        done = send(tmp_path, running, "--yes", "--json")
        assert done.code == 0, done.err
        stats = running.stats()
        again = send(tmp_path, running, "--yes", "--json")
        assert (again.code, again.json["sent"]) == (0, 152)
        assert running.stats()["messages"]["offered"] == stats["messages"]["offered"]
        for bucket in stats["buckets"].values():
            assert bucket["fullest_offered"] <= at_most(bucket["mps"]) or bucket["oversized"]
    summary = done.json
    assert summary["rows"] == summary["sent"] == stats["messages"]["accepted"] == 152
    assert summary["end"] == "complete"
    assert stats["duplicates"] == {"destination_text": 0, "row": 0, "attempt": 0}
    rows = export(tmp_path)
    assert [row["row"] for row in rows] == list(range(1, 153))
    assert sum(row["parts"] for row in rows) == summary["parts_sent"] == stats["messages"]["parts"]
    assert len({row["message_id"] for row in rows}) == 152
    assert Counter(row["country"] for row in rows) == {"US": 12, "CA": 40, "DE": 100}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("l.db*")} == {0o600}


def test_the_same_input_gives_the_same_plan(tmp_path: Path) -> None:
    """Planned and sent twice into two ledgers: the same rows, identities and part counts."""
    prepare(tmp_path, us=3, ca=20, de=40)
    exports = []
    for ledger in ("a.db", "b.db"):
        with simulator(tmp_path, SERVICE) as running:
            done = bulksend(
                "send", "list.csv", "-c", "campaign.toml", "--ledger", ledger, "--endpoint-url", running.url, "--yes",
                folder=tmp_path, env=CREDENTIALS,
            )  # fmt: skip
            assert done.code == 0, done.err
        lines = bulksend("export", ledger, "--format", "jsonl", folder=tmp_path).out.splitlines()
        volatile = ("message_id", "intent_at", "finished_at", "attempts")
        exports.append(
            [{key: value for key, value in json.loads(line).items() if key not in volatile} for line in lines]
        )
    assert exports[0] == exports[1]
    assert len(exports[0]) == 63


def test_a_limit_leaves_the_rest_for_resume(tmp_path: Path) -> None:
    """`--limit` ends with exit code 3; `resume` needs neither input nor settings and finishes the job."""
    prepare(tmp_path, us=2, ca=10, de=20)
    with simulator(tmp_path, SERVICE) as running:
        first = send(tmp_path, running, "--yes", "--limit", "5", "--json")
        assert (first.code, first.json["sent"], first.json["pending"]) == (3, 5, 27)
        assert first.json["end"] == "interrupted"
        (tmp_path / "list.csv").unlink()
        (tmp_path / "campaign.toml").unlink()
        second = bulksend("resume", "l.db", "--yes", "--json", folder=tmp_path, env=CREDENTIALS)
        assert (second.code, second.json["sent"]) == (0, 32), second.err
        assert running.stats()["duplicates"]["row"] == 0


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_stops_in_order(name: str, tmp_path: Path) -> None:
    """Exit code 3, nothing left sending, and what was sent is what the simulator accepted."""
    prepare(tmp_path, us=60, ca=0, de=0)
    with simulator(tmp_path, SERVICE) as running:
        arguments = ["send", "list.csv", "-c", "campaign.toml", "--ledger", "l.db", "--endpoint-url", running.url]
        process = started(*arguments, "--yes", "--json", folder=tmp_path)
        wait_until(lambda: running.stats()["messages"]["accepted"] >= 4, "nothing was sent")
        process.send_signal(getattr(signal, name))
        out, err = process.communicate(timeout=30)
        accepted = running.stats()["messages"]["accepted"]
    assert process.returncode == 3, err
    summary = json.loads(out)
    assert (summary["sending"], summary["unknown"], summary["end"]) == (0, 0, "interrupted")
    assert summary["sent"] == accepted < 60
    assert summary["sent"] + summary["pending"] == 60


def test_refusals_are_recorded_with_their_reasons(tmp_path: Path) -> None:
    """An opted-out recipient fails, the others are sent, exit code 1."""
    prepare(tmp_path, us=0, ca=0, de=20)
    service = SERVICE + '[[opt_out_lists]]\nname = "Default"\nnumbers = ["+491713920003"]\n'
    with simulator(tmp_path, service) as running:
        done = send(tmp_path, running, "--yes", "--json")
    assert done.code == 1
    assert done.json["reasons"]["failed"] == {"destination_phone_number_opted_out": 1}
    failed = bulksend("export", "l.db", "--format", "csv", "--status", "failed", folder=tmp_path)
    (row,) = csv.DictReader(io.StringIO(failed.out))
    assert (row["destination"], row["error_code"]) == ("+491713920003", "ConflictException")


def test_an_export_can_be_fed_back_as_input(tmp_path: Path) -> None:
    """The rows that were left out of the first campaign are the whole of the next."""
    prepare(tmp_path, us=0, ca=6, de=0)
    with simulator(tmp_path, SERVICE) as running:
        assert send(tmp_path, running, "--yes", "--limit", "2").code == 3
    for kind in ("csv", "jsonl"):
        out = f"again.{kind}"
        bulksend("export", "l.db", "--format", kind, "--status", "pending", "--out", out, folder=tmp_path)
        planned = bulksend("plan", out, "-c", "campaign.toml", "--json", folder=tmp_path)
        assert (planned.code, planned.json["rows"], planned.json["sendable"]) == (0, 4, 4), planned.err
        assert (tmp_path / out).stat().st_mode & 0o777 == 0o600


def test_resume_asks_and_changes_only_how_fast(tmp_path: Path) -> None:
    """Off a terminal it needs --yes, whatever was sent before; who gets what cannot be changed any more."""
    prepare(tmp_path, us=0, ca=4, de=0)
    with simulator(tmp_path, SERVICE) as running:
        assert send(tmp_path, running, "--yes", "--limit", "1").code == 3
        assert bulksend("pause", "l.db", folder=tmp_path).code == 0
        unasked = bulksend("resume", "l.db", folder=tmp_path, env=CREDENTIALS)
        assert (unasked.code, "--yes" in unasked.error) == (2, True)
        for change in ("campaign.template=Other", "recipients.duplicates=send", "retry.base_s=30"):
            refused = bulksend("resume", "l.db", "--yes", "--set", change, folder=tmp_path, env=CREDENTIALS)
            assert (refused.code, change.partition("=")[0] in refused.error) == (2, True)
        assert running.stats()["messages"]["accepted"] == 1
        assert (tmp_path / "l.db.orders").exists()  # nobody has said that it goes on
        done = bulksend("resume", "l.db", "--yes", "--set", "pacing.headroom=0.5", folder=tmp_path, env=CREDENTIALS)
        assert done.code == 0
        assert running.stats()["messages"]["accepted"] == 4


def test_the_spend_limit_stops_with_exit_code_4(tmp_path: Path) -> None:
    """What is left stays pending, and the error names the reason and what to do."""
    prepare(tmp_path, us=0, ca=0, de=60)
    with simulator(tmp_path, SERVICE + "[spend]\nlimit_usd = 0.10\nprice_per_part_usd = 0.01\n") as running:
        done = send(tmp_path, running, "--yes", "--json")
        accepted = running.stats()["messages"]["accepted"]
    assert done.code == 4
    assert "monthly_spend_limit_reached_for_text" in done.error
    assert done.json["end"] == "stopped"
    assert done.json["sent"] == accepted
    assert done.json["sent"] + done.json["pending"] == 60


def test_a_changed_campaign_is_refused_with_what_changed(tmp_path: Path) -> None:
    """Another text or another list is another campaign."""
    prepare(tmp_path, us=0, ca=4, de=0)
    with simulator(tmp_path, SERVICE) as running:
        assert send(tmp_path, running, "--yes", "--limit", "1").code == 3
        (tmp_path / "campaign.toml").write_text(CAMPAIGN.replace("Hi {{", "Hello {{"))
        with (tmp_path / "list.csv").open("a") as out:
            out.write("+16045550177,Zed,late\n")
        done = send(tmp_path, running, "--yes")
    assert done.code == 2
    assert "campaign.template" in done.error
    assert "input" in done.error


def test_dry_run_is_held_to_five_parts_a_second(tmp_path: Path) -> None:
    """DryRun goes at the lower of five and the identity's limit, and sends nothing."""
    prepare(tmp_path, us=0, ca=0, de=12)
    with simulator(tmp_path, SERVICE) as running:
        done = send(tmp_path, running, "--dry-run", "--json")
        stats = running.stats()
    assert (done.code, done.json["dry_run"], done.json["sent"]) == (0, True, 12), done.err
    assert stats["messages"]["accepted"] == 0
    assert stats["dry_run_buckets"]["ACME"]["accepted"] == 12
    assert stats["dry_run_buckets"]["ACME"]["fullest_offered"] <= at_most(5)


def test_the_ledger_opens_with_any_sqlite_tool(tmp_path: Path) -> None:
    """The view `results` has the exported fields."""
    prepare(tmp_path, us=0, ca=3, de=0)
    with simulator(tmp_path, SERVICE) as running:
        assert send(tmp_path, running, "--yes").code == 0
    connection = sqlite3.connect(tmp_path / "l.db")
    found = connection.execute("select row, status, destination, parts from results order by row").fetchall()
    connection.close()
    assert [row[:2] for row in found] == [(1, "sent"), (2, "sent"), (3, "sent")]
