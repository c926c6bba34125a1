"""Campaigns whose answers were lost, and the delivery events that say what became of them."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.accepted import Accepted, accepted_by
from tests.support.command import CREDENTIALS, Finished, bulksend, simulator

ROWS = 60

CAMPAIGN = """
[campaign]
name = "spring"
template = "{{ text }}"
configuration_set = "sms-events"
[recipients]
default_country = "DE"
[[identities]]
id = "ACME"
mps = 100
[aws]
read_timeout_s = 1
"""

SERVICE = """
record_messages = true
[events]
path = "{events}"
delay_s = 0
duplicate_rate = 0.5
failure_rate = 0.2
pending = true
[faults]
{faults}
[[identities]]
id = "ACME"
type = "sender_id"
country = "DE"
mps = 100
"""


def campaign(folder: Path, faults: str) -> list[Accepted]:
    """Send sixty messages to a service with faults; return what it accepted. Its events are in events.jsonl."""
    with (folder / "list.csv").open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["phone", "text"])
        rows.writerows([f"+49171{3920000 + row}", "x" * (200 if row % 3 == 0 else 20)] for row in range(1, ROWS + 1))
    (folder / "campaign.toml").write_text(CAMPAIGN)
    with simulator(folder, SERVICE.format(events=folder / "events.jsonl", faults=faults)) as running:
        done = bulksend(
            "send", "list.csv", "--config", "campaign.toml", "--ledger", "l.db", "--endpoint-url", running.url, "--yes",
            folder=folder, env=CREDENTIALS,
        )  # fmt: skip
        assert done.code in (0, 1), done.err
        return accepted_by(running)


def export(folder: Path) -> list[dict[str, Any]]:
    """All rows of the ledger."""
    done = bulksend("export", "l.db", "--format", "jsonl", folder=folder)
    return [json.loads(line) for line in done.out.splitlines()]


def reconcile(folder: Path, *arguments: str, stdin: bytes | None = None) -> Finished:
    """`bulksend reconcile l.db ARGUMENTS`."""
    return bulksend("reconcile", "l.db", *arguments, folder=folder, stdin=stdin)


@pytest.mark.parametrize(
    "faults", ["drop_after = 0.3\ninternal_error_after = 0.2\ndrop_before = 0.1", "no_reply = 0.1"]
)
def test_events_settle_exactly_what_the_service_accepted(tmp_path: Path, faults: str) -> None:
    """After reconciling, the rows that are sent are those the service accepted; doing it again changes nothing."""
    accepted = campaign(tmp_path, faults)
    before = export(tmp_path)
    lost = sum(row["status"] == "unknown" for row in before)
    assert lost

    done = reconcile(tmp_path, "events.jsonl", "--json")
    assert done.code == 0, done.err
    after = export(tmp_path)
    by_destination = {message.destination: message for message in accepted}
    assert len(by_destination) == len(accepted)
    sent = {row["destination"]: row["message_id"] for row in after if row["status"] == "sent"}
    assert sent == {number: message.message_id for number, message in by_destination.items()}
    assert {row["status"] for row in after} <= {"sent", "unknown"}
    for was, now in zip(before, after, strict=True):
        assert was["status"] != "sent" or was == now
        assert now["status"] != "sent" or (now["reason"], now["error_code"]) == (None, None)

    summary = done.json
    still = sum(row["status"] == "unknown" for row in after)
    assert summary["settled"] == {"unknown": lost - still}
    assert summary["unknown"] == still == ROWS - len(accepted)
    assert sum(summary["deliveries"].values()) == len(accepted)
    assert summary["events"] == len((tmp_path / "events.jsonl").read_text().splitlines()) > 2 * len(accepted)
    assert (summary["foreign"], summary["others"], summary["unreadable"], summary["without_event"]) == (0, 0, [], 0)
    parts = sum(row["parts"] for row in after if row["status"] == "sent")
    assert (summary["parts"]["counted"], summary["parts"]["billed"], summary["parts"]["differ"]) == (parts, parts, 0)
    assert summary["price_usd"] > 0

    again = reconcile(tmp_path, "events.jsonl", "--json")
    assert again.json == summary | {"settled": {}}
    assert export(tmp_path) == after


def test_parts_that_were_billed_otherwise_are_named(tmp_path: Path) -> None:
    """People and programs get the row, what was counted and what was billed; also from gzip and standard input."""
    campaign(tmp_path, "")
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    for event in events:
        row = int(event["context"]["bulksend_row"].split(".")[0])
        event["totalMessageParts"] += row in (7, 20)
    data = json.dumps(events, indent=1).encode()
    done = reconcile(tmp_path, "-", stdin=gzip.compress(data))
    assert done.code == 0, done.err
    assert "  2 messages were billed otherwise than counted:" in done.out.replace("         ", "  ")
    assert "row 7: 2 billed, 1 counted" in done.out
    assert "row 20: 2 billed, 1 counted" in done.out
    again = reconcile(tmp_path, "-", "--json", stdin=data)
    assert again.json["parts"]["rows"] == [
        {"row": 7, "counted": 1, "billed": 2},
        {"row": 20, "counted": 1, "billed": 2},
    ]
    assert again.json["parts"]["billed"] == again.json["parts"]["counted"] + 2


def test_people_are_told_what_was_found(tmp_path: Path) -> None:
    """Counts, statuses, the first damage of each file, and what is left; and no number of a recipient."""
    accepted = campaign(tmp_path, "drop_before = 0.2\ndrop_after = 0.3")
    folder = tmp_path / "events"
    folder.mkdir()
    lines = (tmp_path / "events.jsonl").read_text().splitlines(keepends=True)
    (folder / "a.jsonl").write_text("".join(lines[:50]) + "damage\n" + '{"eventType":"VOICE_BUSY"}\n')
    (folder / "b.jsonl").write_text("".join(lines[50:]))
    done = reconcile(tmp_path, "events")
    assert done.code == 0, done.err
    unknown = ROWS - len(accepted)
    for expected in (
        f"Campaign spring: {len(lines)} delivery events in 2 files",
        f"{unknown}  rows are still unknown" if unknown else "0  rows are still unknown",
        "1  records are not about text messages",
        "1  records could not be read",
        f"{Path('events') / 'a.jsonl'}, line 51: this is not JSON",
        "  DELIVERED",
        "US dollars",
    ):
        assert expected in done.out
    assert "+49171" not in done.out + done.err


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ledger of which everything is sent."""
    folder = tmp_path_factory.mktemp("reconcile")
    campaign(folder, "")
    return folder


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("l.db", "missing.jsonl"), "missing.jsonl: there is no such file"),
        (("l.db", "events.jsonl", "list.csv.gz"), "list.csv.gz: the name ends in .gz, but this is not gzip data"),
        (("l.db", "list.csv"), "list.csv, line 1: this is not JSON, and nothing else in the file is a delivery event"),
        (("l.db", "l.db"), "l.db: this is an SQLite database"),
        (("l.db", "none"), "none: there is no file in this directory"),
        (("missing.db", "events.jsonl"), "there is no ledger at"),
        (("list.csv", "events.jsonl"), "is not a ledger"),
        (("l.db",), "Missing argument 'EVENTS...'"),
    ],
)
def test_mistakes_are_one_clear_line(planned: Path, arguments: tuple[str, ...], expected: str) -> None:
    """Exit code 2, and nothing was settled."""
    (planned / "none").mkdir(exist_ok=True)
    (planned / "list.csv.gz").write_bytes((planned / "list.csv").read_bytes())
    done = bulksend("reconcile", *arguments, folder=planned)
    assert done.code == 2
    assert expected in done.error


def test_a_ledger_that_is_being_used_is_left_alone(planned: Path) -> None:
    """Events are put in by one process at a time, and never under a running send."""
    from bulksend.base.clock import SystemClock
    from bulksend.store.owner import OwnerLock

    with OwnerLock(planned / "l.db", clock=SystemClock()):
        done = bulksend("reconcile", "l.db", "events.jsonl", folder=planned)
    assert done.code == 2
    assert "is in use by process" in done.error


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_export_with_deliveries_can_be_an_input_again(tmp_path: Path, kind: str) -> None:
    """It has what events told of each message, and the input's own columns as they were."""
    campaign(tmp_path, "drop_after = 0.1")
    assert reconcile(tmp_path, "events.jsonl").code == 0
    out = tmp_path / f"again.{kind}"
    done = bulksend("export", "l.db", "--format", kind, "--deliveries", "--out", str(out), folder=tmp_path)
    assert done.code == 0, done.err
    if kind == "csv":
        with out.open(newline="") as file:
            rows: list[dict[str, Any]] = list(csv.DictReader(file))
        assert rows[0]["text"]
    else:
        rows = [json.loads(line) for line in out.read_text().splitlines()]
        assert rows[0]["source"]["text"]
    assert {str(row["billed_parts"]) for row in rows} == {"1", "2"}
    assert all(row["delivery_status"] and row["delivery_at"].endswith("Z") for row in rows)
    assert all(float(row["price_usd"]) > 0 for row in rows)
    planned = bulksend("plan", str(out), "-c", "campaign.toml", "--json", folder=tmp_path)
    assert (planned.code, planned.json["sendable"]) == (0, ROWS), planned.err
