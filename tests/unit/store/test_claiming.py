"""Which rows a claim takes: by zone, up to a row, of certain rows; and what a run notes beside them."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from bulksend.base.ports import Among
from bulksend.base.progress import Sample
from bulksend.base.records import Settlement
from bulksend.store.canary import Canary, canary_counts, note_canary, noted_canary
from bulksend.store.faults import LedgerMisuse
from bulksend.store.ledger import SqliteLedger
from bulksend.store.reached import OPTED_OUT
from tests.unit.store.helpers import (
    SHORT_CODE,
    START,
    StandingClock,
    failed,
    give_back,
    pending,
    postpone,
    sent,
    settle,
    take,
    unknown,
    write_plan,
)

EAST, WEST = "Europe/Paris", "America/Denver+America/Phoenix"


@pytest.fixture
def zoned(path: Path, clock: StandingClock) -> Iterator[SqliteLedger]:
    """Rows 1, 4, 7 of the west, 2, 5, 8 of the east, 3, 6, 9 of no zone, 10 short code, east; 5 has nine parts."""
    zones = {1: WEST, 2: EAST, 0: None}
    rows = [replace(pending(row, parts=9 if row == 5 else 1), zone=zones[row % 3]) for row in range(1, 10)]
    rows.append(replace(pending(10, identity=SHORT_CODE), zone=EAST))
    with SqliteLedger.open_for_writing(write_plan(path, rows, clock=clock), clock=clock) as opened:
        yield opened


def number_of(ledger: SqliteLedger, name: str) -> int:
    """The number of a zone."""
    return next(number for number, each in ledger.zones().items() if each == name)


def claimed(
    ledger: SqliteLedger,
    *zones: str | None,
    parts: int = 100,
    rows: int = 100,
    oversized: bool = True,
    last: int | None = None,
    of: tuple[int, ...] | None = None,
    bucket: str = "toll-free",
) -> list[int]:
    """Claim among rows of `zones` (None: rows that have none), and return which."""
    among = Among(tuple(0 if name is None else number_of(ledger, name) for name in zones), last, of)
    with ledger.transaction():
        claims = ledger.claim(bucket, parts=parts, rows=rows, oversized=oversized, among=among)
    assert all(each.attempt == 1 for each in claims)
    return [each.row for each in claims]


def test_zones_have_numbers_and_names(zoned: SqliteLedger) -> None:
    """0 is none of them; claims carry the number."""
    assert sorted(zoned.zones().values()) == sorted([EAST, WEST])
    assert 0 not in zoned.zones()
    claims = {each.row: each.zone for each in take(zoned)}
    assert claims == dict.fromkeys((3, 6, 9), 0)  # without a word, those without a zone


def test_zones_are_claimed_one_after_the_other_as_asked_for(zoned: SqliteLedger) -> None:
    """Within a zone in the order of the list."""
    assert claimed(zoned, WEST, None, EAST) == [1, 4, 7, 3, 6, 9, 2, 5, 8]


def test_nothing_of_other_zones_is_claimed(zoned: SqliteLedger) -> None:
    """Nor of other buckets."""
    assert claimed(zoned, WEST) == [1, 4, 7]
    assert claimed(zoned, WEST) == []
    assert claimed(zoned, EAST, bucket="short") == [10]
    assert claimed(zoned) == []


def test_parts_and_rows_are_counted_over_all_zones(zoned: SqliteLedger) -> None:
    """Four parts are three of the west and one without a zone."""
    assert claimed(zoned, WEST, None, parts=4) == [1, 4, 7, 3]
    assert claimed(zoned, None, EAST, rows=3) == [6, 9, 2]


def test_a_row_that_does_not_fit_is_not_overtaken_by_the_next_zone(zoned: SqliteLedger) -> None:
    """Row 5 of nine parts is the next of the east: it waits for room, and the rows of no zone wait behind it."""
    assert claimed(zoned, EAST, None, parts=3) == [2]
    assert claimed(zoned, EAST, None, parts=3, oversized=False) == []
    assert claimed(zoned, EAST, None, parts=3) == [5]
    assert claimed(zoned, EAST, None, parts=3) == [8, 3, 6]


def test_only_the_first_of_all_may_be_oversized(zoned: SqliteLedger) -> None:
    """Not the first of each zone."""
    assert claimed(zoned, EAST, rows=1) == [2]
    assert claimed(zoned, WEST, EAST, parts=5) == [1, 4, 7]
    assert claimed(zoned, WEST, EAST, parts=5) == [5]


def test_up_to_a_row(zoned: SqliteLedger) -> None:
    """In every zone."""
    assert claimed(zoned, EAST, WEST, None, last=4) == [2, 1, 4, 3]
    assert claimed(zoned, EAST, WEST, None, last=0) == []
    assert claimed(zoned, EAST, WEST, None, last=99) == [5, 8, 7, 6, 9]


def test_certain_rows_alone(zoned: SqliteLedger) -> None:
    """As far as they are pending, in their bucket, their zone open, and not beyond the last row."""
    assert claimed(zoned, None, WEST, of=(1, 2, 3, 9, 10), last=8) == [3, 1]
    assert claimed(zoned, None, WEST, EAST, of=(1, 2, 3, 9, 10)) == [9, 2]
    assert claimed(zoned, None, WEST, EAST, of=()) == []
    assert claimed(zoned, EAST, of=(5, 8), parts=2) == [5]
    assert zoned.counts().by_status["sending"] == 5  # type: ignore[index]


def test_pending_zones_are_those_that_something_could_be_claimed_of(zoned: SqliteLedger) -> None:
    """Postponed rows are their sender's; rows that came back can be claimed."""
    east, west = number_of(zoned, EAST), number_of(zoned, WEST)
    assert zoned.pending_zones() == {"toll-free": {0, east, west}, "short": {east}}
    assert zoned.pending_zones((1, 10)) == {"toll-free": {west}, "short": {east}}
    claimed(zoned, WEST)
    claimed(zoned, EAST, bucket="short")
    assert zoned.pending_zones() == {"toll-free": {0, east}}
    postpone(zoned, 1)
    assert zoned.pending_zones((1,)) == {}
    give_back(zoned, 1, 10)
    assert zoned.pending_zones((1, 10)) == {"toll-free": {west}, "short": {east}}


@pytest.mark.parametrize("settlement", [sent(1), failed(1), unknown(1)])
@pytest.mark.parametrize("released_ms", [None, 1_767_268_800_123, 7])
def test_when_a_row_was_let_out_is_kept(ledger: SqliteLedger, settlement: Settlement, released_ms: int | None) -> None:
    """Whatever came of it; and nothing, where it never was."""
    take(ledger, rows=1)
    settle(ledger, replace(settlement, released_ms=released_ms))
    assert ledger._read("SELECT released_at FROM states WHERE row = 1") == [(released_ms,)]


def test_samples_are_kept_by_bucket_and_moment(ledger: SqliteLedger) -> None:
    """One of each at a moment: another look at the same one adds nothing."""
    first = Sample(START, "short", 5, 7, 1, 99.0, 3)
    with ledger.transaction():
        ledger.add_samples([first, Sample(START, "toll-free", 1, 2, 0, 2.97, 1)])
        ledger.add_samples([first, Sample(START + timedelta(seconds=5), "short", 6, 6, 0, 49.5, 0)])
    found = ledger._read(
        "SELECT buckets.name, messages, samples.parts, throttled, allowed, in_flight"
        " FROM samples JOIN buckets ON buckets.id = samples.bucket ORDER BY at, buckets.name"
    )
    assert found == [("short", 5, 7, 1, 99.0, 3), ("toll-free", 1, 2, 0, 2.97, 1), ("short", 6, 6, 0, 49.5, 0)]
    with pytest.raises(LedgerMisuse, match="nobody's"), ledger.transaction():
        ledger.add_samples([Sample(START, "nobody's", 1, 1, 0, 1.0, 0)])


def test_the_journal_is_read_as_it_was_written(ledger: SqliteLedger, clock: StandingClock) -> None:
    """In order, the newest where only those are asked for."""
    for number in range(3):
        with ledger.transaction():
            ledger.note_event("run.paused", {"note": f"Zoë {number}", "shares": {"*": 0.5}})
        clock.advance(1.5)
    entries = ledger.journal()
    assert [each.detail["note"] for each in entries] == ["Zoë 0", "Zoë 1", "Zoë 2"]
    assert entries[2].at == START + timedelta(seconds=3)
    assert ledger.journal(last=1) == entries[2:]


def test_a_canary_is_kept_and_counted(ledger: SqliteLedger) -> None:
    """Its rows by what came of them; there is one at a time."""
    assert noted_canary(ledger.path) is None
    for canary in (Canary((1, 2, 3, 4, 8), None), Canary((1, 2), passed=False), Canary((), passed=True)):
        with ledger.transaction():
            note_canary(ledger, canary)
        assert noted_canary(ledger.path) == canary
    take(ledger, rows=5)
    settle(ledger, sent(1), failed(2), failed(3, reason=OPTED_OUT), unknown(4))
    assert canary_counts(ledger.path, (1, 2, 3, 4, 8)) == (5, 1, 1, 2, 1, 1, 0, 0)
    assert canary_counts(ledger.path, (5, 6)) == (2, 2, 0, 0, 0, 0, 0, 0)
