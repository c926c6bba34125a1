import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.base.export_fields import DELIVERY_FIELDS, EXPORT_FIELDS, SOURCE_FIELD
from bulksend.base.ports import Behind
from bulksend.base.records import Status
from bulksend.store.connect import connect_for_reading
from bulksend.store.ledger import SqliteLedger
from bulksend.store.schema import AFTER_LOADING, TABLES, from_milliseconds, to_milliseconds
from tests.unit.store.helpers import SHORT, START, TOLL_FREE, failed, sent, skipped, write_plan

MILLISECONDS = st.integers(min_value=0, max_value=4_102_444_800_000)  # to the year 2100


@given(MILLISECONDS)
def test_times_survive_storage(milliseconds: int) -> None:
    """A stored time is the same moment, to the millisecond, in UTC."""
    moment = from_milliseconds(milliseconds)
    assert moment.tzinfo is UTC
    assert to_milliseconds(moment) == milliseconds


@given(st.lists(MILLISECONDS, min_size=1, max_size=20))
def test_the_view_shows_iso_8601_in_utc(moments: list[int]) -> None:
    """`results` shows each time as ISO 8601 in UTC, with milliseconds."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(TABLES + AFTER_LOADING)
        for row, moment in enumerate(moments, start=1):
            connection.execute("INSERT INTO rows (row, line, source) VALUES (?, 1, '{}')", (row,))
            connection.execute(
                "INSERT INTO states (row, parts, status, intent_at, finished_at) VALUES (?, 1, 'sent', ?, ?)",
                (row, moment, moment),
            )
        shown = connection.execute("SELECT intent_at, finished_at FROM results ORDER BY row").fetchall()
    expected = [
        datetime.fromtimestamp(moment / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for moment in moments
    ]
    assert [(each, each) for each in expected] == shown


def test_the_view_has_the_exported_names(planned: Path) -> None:
    """People with a SQLite tool find the exported fields, under their names and in their order."""
    with closing(connect_for_reading(planned)) as connection:
        names = [column[0] for column in connection.execute("SELECT * FROM results").description]
    assert [*EXPORT_FIELDS, SOURCE_FIELD, "note", *DELIVERY_FIELDS] == names


def test_the_view_says_why_a_row_was_skipped(path: Path) -> None:
    """A skipped row has the plan's sentence where a failed one has the service's."""
    write_plan(path, [skipped(1, note="five digits are missing")])
    with closing(connect_for_reading(path)) as connection:
        found = connection.execute("SELECT status, reason, error_message FROM results").fetchall()
    assert [("skipped", "invalid_number", "five digits are missing")] == found


def test_statuses_are_those_of_the_records(planned: Path) -> None:
    """The table takes every status there is, and nothing else."""
    with closing(sqlite3.connect(planned)) as connection:
        for status in Status:
            connection.execute("UPDATE states SET status = ? WHERE row = 1", (status.value,))
        with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
            connection.execute("UPDATE states SET status = 'delivered' WHERE row = 1")


def test_any_tool_that_changes_a_state_changes_the_tallies(planned: Path) -> None:
    """Counts are kept by the ledger itself, not by who writes to it."""
    with closing(sqlite3.connect(planned)) as connection, connection:
        connection.execute("UPDATE states SET status = 'unknown', reason = 'by hand' WHERE row IN (1, 2)")
        tallied = connection.execute(
            "SELECT messages, parts FROM tallies WHERE status = 'unknown' AND reason = 'by hand'"
        ).fetchall()
    assert [(2, 3)] == tallied


def test_a_state_that_changes_its_bucket_changes_the_tallies_of_both(planned: Path) -> None:
    """Also when nothing else of it changes."""
    with closing(sqlite3.connect(planned)) as connection, connection:
        connection.execute("UPDATE states SET bucket = 2 WHERE row IN (2, 3)")
        tallied = connection.execute("SELECT bucket, messages, parts FROM tallies WHERE status = 'pending'").fetchall()
    assert [(1, 4, 7), (2, 5, 8)] == sorted(tallied)


def test_nothing_that_sending_does_looks_at_the_whole_list(ledger: SqliteLedger) -> None:
    """Each statement finds its rows by number or by an index, as SQLite itself says: a list may have millions."""
    statements: list[str] = []
    with ledger.transaction():
        ledger._connection.set_trace_callback(statements.append)
        ledger.claim("toll-free", parts=9, rows=3)
        ledger.settle(sent(1))
        ledger.settle_all([sent(1), failed(1)])
        ledger.postpone(2, 1, throttled=True)
        ledger.retry({2: 2})
        ledger.postpone(2, 2, throttled=False, tried=False)
        ledger.retry({2: 2})
        ledger.give_back([2, 3])
        ledger.divert("inactive", Behind(TOLL_FREE, first=1, last=2), lambda *_: None)
        ledger.divert("inactive", Behind(TOLL_FREE, "CA", first=3, last=6), lambda *_: SHORT)
        ledger.counts()
        ledger.reasons()
        ledger.breakers()
        ledger.released_since(START)
        ledger.oversized_since(START)
        ledger.recipients_since(START)
        ledger.note_allowed({"short": 61.0})
        ledger.last_sent_at()
        ledger._connection.set_trace_callback(None)
    plans = [
        step.replace(" TABLE ", " ")  # SQLite before 3.36 says so
        for statement in dict.fromkeys(statements)
        for _, _, _, step in ledger._connection.execute(f"EXPLAIN QUERY PLAN {statement}")
    ]
    assert "SEARCH states USING INDEX states_claimable (bucket=? AND zone=? AND row<?)" in plans
    assert "SEARCH states USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in plans
    assert "SEARCH states USING COVERING INDEX states_finished (finished_at>?)" in plans
    at_rows = [step for step in plans if re.match(r"(SCAN|SEARCH) (states|rows)\b", step)]
    assert [step for step in at_rows if not re.match(r"SEARCH \w+ USING ", step)] == []
