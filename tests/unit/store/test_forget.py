import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from bulksend.base.errors import LedgerError, UsageError
from bulksend.base.keyed import HASH_PREFIX, hashed_number, key_id
from bulksend.base.records import DeliveryEvent, PlannedRow, Status
from bulksend.store.deliveries import DeliveryLedger
from bulksend.store.export import export_rows
from bulksend.store.forget import FORGOTTEN, KEPT, Step, forget_ledger, forgotten, refuse_forgotten
from bulksend.store.ledger import SqliteLedger
from bulksend.store.owner import OwnerLock
from bulksend.store.schema import AFTER_LOADING, TABLES
from tests.support.command import ROOT
from tests.unit.store.helpers import START, StandingClock, failed, pending, sent, skipped, take, unknown, write_plan

KEY = bytes(range(32))
TEXT = "Your secret word is xylophone"
SECRETS = ("xylophone", "Zoë", "+14255557", "4255557", "quoted ", "T-Mobile", "carrier says", "America/", "2128506")
"""Parts of what the ledger is to forget: texts, columns, numbers, notes, what events said, zones, a hash of a list."""

SUMMARY = {
    "rows": 9, "sendable": 8, "skipped": {"invalid_number": 1}, "source_columns": ["phone", "Zoë"],
    "samples": [TEXT], "repaired": {"quoted by a repair": 1},
}  # fmt: skip


def planned_row(row: int) -> PlannedRow:
    """A row with things to forget, enough of them to fill pages of their own."""
    number = f"+14255557{row:03d}"
    source = json.dumps({"phone": number, "name": "Zoë", "more": "xylophone " * 50}, ensure_ascii=False)
    return replace(pending(row, text=TEXT), destination=number, source=source)


def a_campaign(path: Path, clock: StandingClock, *, rows: int = 8) -> None:
    """A campaign that ended: sent, failed, unknown and skipped rows, a delivery, and things to forget everywhere."""
    left_out = replace(skipped(rows + 1, note="quoted 4255557999"), source='{"phone": "quoted 4255557999"}')
    write_plan(path, [*map(planned_row, range(1, rows + 1)), left_out], clock=clock, summary=SUMMARY)
    with SqliteLedger.open_for_writing(path, clock=clock) as ledger:
        take(ledger, parts=rows, rows=rows)
        clock.advance(5)
        refused = failed(2)
        quoting = replace(refused, outcome=replace(refused.outcome, error_message="quoted +14255557002"))
        with ledger.transaction():
            ledger.settle_all([sent(1), quoting, unknown(3), *map(sent, range(4, rows + 1))])
    with DeliveryLedger.open_for_writing(path, clock=clock) as told, told.transaction():
        told.begin(campaign="c")
        told.add([event("m-1", 1)])
        told.finish()
    with closing(sqlite3.connect(path)) as tool:
        settings = {"campaign": {"name": "c", "template": TEXT, "template_file": "/x/xylophone.txt"}, "pacing": {}}
        tool.execute("UPDATE meta SET value = ? WHERE key = 'campaign'", (json.dumps(settings),))
        tool.execute("UPDATE meta SET value = ? WHERE key = 'fingerprint'", ('{"input": "2128506"}',))
        tool.execute("INSERT INTO zones VALUES (1, 'America/Los_Angeles')")
        tool.execute("UPDATE states SET zone = 1")
        tool.commit()


def event(message_id: str, row: int) -> DeliveryEvent:
    """What an event tells of a message that was asked for right after the row's intent."""
    return DeliveryEvent(
        message_id=message_id, status="DELIVERED", description="carrier says yes", final=True, at=START,
        requested_at=START, destination=f"+14255557{row:03d}", carrier="T-Mobile", parts=2, price_usd=0.01,
        campaign="c", row=row, attempt=1,
    )  # fmt: skip


def forget(path: Path, clock: StandingClock, *, keep_key: bool = True) -> None:
    """Forget, with a lock of its own."""
    with OwnerLock(path, clock=clock) as owner:
        forget_ledger(path, KEY, keep_key=keep_key, clock=clock, owner=owner)


def found_in(folder: Path) -> Iterator[str]:
    """Which of the secrets the bytes of any file in `folder` hold, as UTF-8 or as UTF-16."""
    for file in folder.iterdir():
        content = file.read_bytes()
        for secret in SECRETS:
            if secret.encode() in content or secret.encode("utf-16-le") in content:
                yield f"{file.name}: {secret}"


@pytest.fixture
def ended(path: Path, clock: StandingClock) -> Path:
    """The ledger of `a_campaign`."""
    a_campaign(path, clock)
    return path


def test_nothing_to_forget_is_left_in_any_file(ended: Path, clock: StandingClock) -> None:
    """Not in a page, used or free, nor in a log or a half-written file; and the secrets were all there before."""
    before = set(found_in(ended.parent))
    assert {entry.partition(": ")[2] for entry in before} == set(SECRETS)
    with ended.open("rb") as old:
        forget(ended, clock)
        assert list(found_in(ended.parent)) == []
        assert set(old.read()) == {0}, "what the old file had is still in the blocks that it gave back"
    assert [file.name for file in ended.parent.iterdir()] == [ended.name]
    assert ended.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(ended)) as tool:
        assert tool.execute("PRAGMA freelist_count").fetchone() == (0,)
        assert tool.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_what_became_of_every_row_stays(ended: Path, clock: StandingClock) -> None:
    """Row for row: ids, statuses, reasons, countries, times; a hash for every number; and the same counts."""
    before = list(export_rows(ended, deliveries=True))
    with SqliteLedger.open_for_reading(ended) as ledger:
        counts, runs = ledger.counts_and_reasons(), ledger.runs()
    forget(ended, clock)
    after = list(export_rows(ended, deliveries=True))
    for old, new in zip(before, after, strict=True):
        number = old["destination"]
        expected = None if number is None else hashed_number(KEY, str(number))
        assert new == {**old, "destination": expected, "error_message": None, "carrier": None, "source": {}}
    assert len({row["destination"] for row in after}) == 9
    with SqliteLedger.open_for_reading(ended) as ledger:
        assert (ledger.counts_and_reasons(), ledger.runs()) == (counts, runs)
        assert ledger.summary == {"rows": 9, "sendable": 8, "skipped": {"invalid_number": 1}}
        assert ledger.campaign == {
            "campaign": {"name": "c", "template": None, "template_file": None},
            "pacing": {},
        }


def test_every_column_of_the_schema_stays_or_goes_by_name(tmp_path: Path) -> None:
    """Whoever adds a column has to say here which of the two; until then it is forgotten."""
    with closing(sqlite3.connect(tmp_path / "x.db")) as fresh:
        fresh.executescript(TABLES + AFTER_LOADING)
        tables = [name for (name,) in fresh.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = {(table, each[1]) for table in tables for each in fresh.execute(f"PRAGMA table_info({table})")}
    kept = {(table, column) for table, names in KEPT.items() for column in names}
    gone = {(table, column) for table, names in FORGOTTEN.items() for column in names}
    assert kept | gone == columns
    assert not kept & gone


def test_who_has_the_key_knows_a_person_again(ended: Path, clock: StandingClock) -> None:
    """The ledger says which key it was; of one that was thrown away it says nothing."""
    other = ended.with_name("other.db")
    a_campaign(other, clock)
    forget(ended, clock)
    forget(other, clock, keep_key=False)
    known, thrown_away = forgotten(ended), forgotten(other)
    assert known is not None
    assert thrown_away is not None
    assert (known.key_id, known.at, thrown_away.key_id) == (key_id(KEY), clock.now(), None)
    assert hashed_number(KEY, "+14255557001") in {row["destination"] for row in export_rows(ended)}
    assert hashed_number(KEY, "+14255557001") != hashed_number(KEY[::-1], "+14255557001")
    assert len(hashed_number(KEY, "+1")) == len(HASH_PREFIX) + 32


def test_it_is_forgotten_once(ended: Path, clock: StandingClock) -> None:
    """A second time changes nothing, and says when the first was."""
    assert forgotten(ended) is None
    refuse_forgotten(ended)
    forget(ended, clock)
    content, first = ended.read_bytes(), forgotten(ended)
    clock.advance(1000)
    forget(ended, clock, keep_key=False)
    assert (forgotten(ended), ended.read_bytes()) == (first, content)
    with pytest.raises(UsageError, match=r"was forgotten on 2026-01-01.*Name another ledger"):
        refuse_forgotten(ended)


@pytest.mark.parametrize("left", ["pending", "sending"])
def test_what_is_not_finished_is_not_forgotten(path: Path, clock: StandingClock, left: str) -> None:
    """Rows that may still be sent need their number."""
    write_plan(path, [pending(1)], clock=clock)
    if left == "sending":
        with SqliteLedger.open_for_writing(path, clock=clock) as ledger:
            take(ledger)
    with pytest.raises(UsageError, match=r"not finished.*1 rows"):
        forget(path, clock)
    assert [row["destination"] for row in export_rows(path)] == ["+14255550001"]


def test_delivery_events_go_on_settling_rows(ended: Path, clock: StandingClock) -> None:
    """An event names its row; its number is not there to be compared, and what the carrier says is not kept."""
    forget(ended, clock)
    with DeliveryLedger.open_for_writing(ended, clock=clock) as ledger, ledger.transaction():
        ledger.begin(campaign="c")
        assert ledger.add([event("m-late", 3), event("m-1", 1)]) == {Status.UNKNOWN: 1}
        ledger.finish()
    third = next(row for row in export_rows(ended, deliveries=True) if row["row"] == 3)
    assert [third[name] for name in ("status", "message_id", "delivery_status", "billed_parts", "carrier")] == [
        "sent", "m-late", "DELIVERED", 2, None,
    ]  # fmt: skip
    assert list(found_in(ended.parent)) == []


def test_nobody_can_be_sent_to_by_a_forgotten_ledger(ended: Path, clock: StandingClock) -> None:
    """Whatever way is tried, the ledger itself refuses."""
    forget(ended, clock)
    with SqliteLedger.open_for_writing(ended, clock=clock) as ledger:
        with pytest.raises(LedgerError, match="forgotten"), ledger.transaction():
            ledger.resend_unknown()
        assert ledger.counts().of(Status.UNKNOWN) == 1


def test_nothing_happens_while_somebody_reads_it(ended: Path, clock: StandingClock) -> None:
    """A program that has it open would go on seeing what is to be forgotten; afterwards it goes."""
    with closing(sqlite3.connect(ended, isolation_level=None)) as tool:
        tool.execute("BEGIN")
        tool.execute("SELECT * FROM rows").fetchone()
        with pytest.raises(LedgerError, match="locked by another program"):
            forget(ended, clock)
    assert forgotten(ended) is None
    forget(ended, clock)
    assert forgotten(ended) is not None


DIE = """
import os, sys
from pathlib import Path
from bulksend.store.forget import Step, forget_ledger
from bulksend.store.owner import OwnerLock
from tests.unit.store.helpers import StandingClock

path, last, clock = Path(sys.argv[1]), sys.argv[2], StandingClock()
with OwnerLock(path, clock=clock) as owner:
    forget_ledger(path, bytes(range(32)), keep_key=True, clock=clock, owner=owner,
                  told=lambda step: step == last and os._exit(9))
"""


@pytest.mark.parametrize("last", list(Step))
def test_a_process_that_dies_has_forgotten_all_or_nothing(ended: Path, clock: StandingClock, last: Step) -> None:
    """Killed after any step: wholly the old ledger, or wholly the new; and the same command again completes it."""
    before = list(export_rows(ended))
    done = subprocess.run(
        [sys.executable, "-P", "-c", DIE, ended, last],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 9, done.stderr
    if last is Step.WRITTEN:
        assert forgotten(ended) is None
        assert list(export_rows(ended)) == before
        assert {entry for entry in found_in(ended.parent) if not entry.startswith(f"{ended.name}: ")} == set()
        with SqliteLedger.open_for_writing(ended, clock=clock) as ledger:
            assert ledger.counts().of(Status.SENT) == 6
    else:
        assert forgotten(ended) is not None
        assert list(found_in(ended.parent)) == []
    forget(ended, clock)
    assert forgotten(ended) is not None
    assert list(found_in(ended.parent)) == []
    # What a reader leaves: an index, and a log without anything in it.
    left = {file.name.removeprefix(ended.name) for file in ended.parent.iterdir() if file.stat().st_size}
    assert left <= {"", "-shm"}


def test_a_disk_that_fills_up_leaves_the_ledger_as_it_was(ended: Path, clock: StandingClock) -> None:
    """The old one goes on being the ledger, and nothing half-written is left."""

    def no_room(step: Step) -> None:
        raise OSError(28, f"no room after {step}")

    before = list(export_rows(ended))
    with OwnerLock(ended, clock=clock) as owner, pytest.raises(LedgerError, match="disk or a quota is full"):
        forget_ledger(ended, KEY, keep_key=True, clock=clock, owner=owner, told=no_room)
    assert list(export_rows(ended)) == before
    assert [file.name for file in ended.parent.iterdir()] == [ended.name]
