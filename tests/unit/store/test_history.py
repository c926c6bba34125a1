import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bulksend.base.errors import LedgerError
from bulksend.base.history import History, Slot
from bulksend.base.progress import RunEnd, Sample
from bulksend.base.records import Status
from bulksend.store.history import MOST_PERIODS, MOST_SLOTS, HistoryLedger, periods_of
from bulksend.store.ledger import SqliteLedger
from bulksend.store.schema import to_milliseconds
from tests.unit.store.helpers import START, StandingClock, failed, sent, settle, skipped, take, unknown, write_plan

START_MS = to_milliseconds(START)


def history(path: Path) -> History:
    """What the ledger at `path` tells."""
    with HistoryLedger.open_for_reading(path) as ledger:
        return ledger.history()


def campaign(ledger: SqliteLedger, clock: StandingClock) -> None:
    """One run over the six rows of toll-free: 1 at 0 s, 2 and 3 at 1.5 s, 4 at 90 s; 5 and 6 stay pending."""
    with ledger.transaction():
        ledger.start_run()
    take(ledger, rows=4)
    for row, at_ms, took_ms, settled in (
        (1, 0, 40, sent(1)),
        (2, 1500, 60, failed(2)),
        (3, 1500, 5000, unknown(3)),
        (4, 90_000, 70, sent(4)),
    ):
        clock.moment = START + timedelta(milliseconds=at_ms + took_ms)
        settle(ledger, replace(settled, row=row, released_ms=START_MS + at_ms))
    with ledger.transaction():
        ledger.add_samples(
            [
                Sample(START + timedelta(seconds=1), "toll-free", 2, 4, 1, 3.0, 2),
                Sample(START + timedelta(seconds=1.9), "toll-free", 1, 2, 2, 2.0, 1),
                Sample(START + timedelta(seconds=60), "toll-free", 0, 0, 0, 3.0, 0),
            ]
        )
        ledger.note_event("run.paused", {"reason": "operator"})
        ledger.finish_run(RunEnd.INTERRUPTED, "told to", throttled=3)


def test_a_history_is_what_the_ledger_holds(ledger: SqliteLedger, clock: StandingClock, planned: Path) -> None:
    """Slots begin with the first message; samples lie beside them; only answers that were seen have a duration."""
    campaign(ledger, clock)
    found = history(planned)
    pace = found.pace
    assert pace is not None
    assert (pace.origin, pace.slot_s, pace.periods) == (START, 1, ((0, 1), (90, 90)))
    assert pace.buckets == {
        "toll-free": {
            0: Slot(1, 1, None, None, None),
            1: Slot(2, 5, throttled=3, allowed=2.5, in_flight=2),
            90: Slot(1, 1, None, None, None),
        },
        "short": {},
    }
    assert found.answer_ms == {40: 1, 60: 1, 70: 1}
    assert found.attempts == {1: 4}
    assert [(run.end, run.throttled) for run in found.runs] == [(RunEnd.INTERRUPTED, 3)]
    assert [(entry.event, entry.detail) for entry in found.journal] == [("run.paused", {"reason": "operator"})]
    ended = {(group.status, group.reason, group.country, group.messages, group.first_row) for group in found.groups}
    assert (Status.FAILED, "opted_out", "US", 1, 2) in ended
    assert (Status.UNKNOWN, "read_timeout", "US", 1, 3) in ended
    assert sum(group.messages for group in found.groups) == found.counts.rows == 10
    assert sum(group.parts for group in found.groups if group.status is Status.SENT) == found.counts.parts_sent


def test_a_ledger_that_nothing_went_out_of_has_a_history(planned: Path, tmp_path: Path) -> None:
    """A plan alone, and one in which every row is skipped or there is none."""
    new = history(planned)
    assert (new.pace, new.answer_ms, new.attempts, new.runs, new.deliveries) == (None, {}, {}, (), ())
    assert history(write_plan(tmp_path / "none.db", [])).groups == ()
    (group,) = history(write_plan(tmp_path / "skipped.db", [skipped(1), skipped(2)])).groups
    assert (group.status, group.messages, group.first_row) == (Status.SKIPPED, 2, 1)


def test_a_ledger_that_is_being_written_is_read_in_one_moment(
    ledger: SqliteLedger, clock: StandingClock, planned: Path
) -> None:
    """What is committed while it is read comes into the next history."""
    with HistoryLedger.open_for_reading(planned) as reader:
        campaign(ledger, clock)
        assert reader.history().counts.of(Status.SENT) == 2
        take(ledger, rows=2)
        settle(ledger, replace(sent(5), released_ms=START_MS + 95_000))
        assert reader.history().counts.of(Status.SENT) == 3


def test_a_journal_that_is_none_is_damage(ledger: SqliteLedger, clock: StandingClock, planned: Path) -> None:
    """It is told as such, in one line."""
    campaign(ledger, clock)
    ledger.close()
    with closing(sqlite3.connect(planned)) as connection, connection:
        connection.execute("UPDATE journal SET detail = '[1]'")
    with pytest.raises(LedgerError, match="damaged"):
        history(planned)


def test_eight_hours_are_told_in_as_many_slots_as_a_chart_has(planned: Path) -> None:
    """And two days of rest between two runs take no part in it."""
    with closing(sqlite3.connect(planned)) as connection, connection:
        connection.executemany(
            "UPDATE states SET released_at = ? WHERE row = ?",
            [(START_MS + hours * 3_600_000, row) for row, hours in enumerate((0, 2, 4, 6, 8, 56), start=1)],
        )
    pace = history(planned).pace
    assert pace is not None
    assert pace.periods[-1][0] * pace.slot_s == 56 * 3600
    assert sum(end - begin + 1 for begin, end in pace.periods) <= MOST_SLOTS


@given(
    st.lists(st.integers(min_value=0, max_value=5000), min_size=1, unique=True).map(sorted),
    st.sampled_from([1000, 60_000]),
)
def test_periods_hold_every_slot_and_none_twice(occupied: list[int], slot_ms: int) -> None:
    """They begin and end with a slot in which something went out, ascend, and are few."""
    periods = periods_of(occupied, slot_ms=slot_ms)
    assert 1 <= len(periods) <= MOST_PERIODS
    assert all(sum(begin <= slot <= end for begin, end in periods) == 1 for slot in occupied)
    assert {edge for period in periods for edge in period} <= set(occupied)
    assert sorted(periods) == periods


def test_a_short_break_parts_nothing() -> None:
    """Half a minute, and a tenth of the time that was used, is none."""
    assert periods_of([0, 20], slot_ms=1000) == [(0, 20)]
    assert periods_of([0, 40], slot_ms=1000) == [(0, 0), (40, 40)]
    assert periods_of([*range(1000), 1090], slot_ms=1000) == [(0, 1090)]
