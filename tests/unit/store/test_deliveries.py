import shutil
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulksend.base.records import DeliveryEvent, Status
from bulksend.store import delivery_statements as sql
from bulksend.store.deliveries import BilledRow, DeliveryLedger
from bulksend.store.ledger import SqliteLedger
from tests.unit.store.helpers import (
    SHORT_CODE,
    START,
    StandingClock,
    failed,
    pending,
    sent,
    skipped,
    unknown,
    write_plan,
)

CAMPAIGN = "spring"
INTENT = START + timedelta(hours=1)


def event(message_id: str, row: int | None = None, attempt: int = 1, **changed: Any) -> DeliveryEvent:
    """A final event of a message that was asked for right after the row's intent; without a row: no Context."""
    found = DeliveryEvent(
        message_id=message_id,
        status="DELIVERED",
        description=None,
        final=True,
        at=INTENT + timedelta(seconds=30),
        requested_at=INTENT + timedelta(seconds=1),
        destination=None if row is None else f"+1425555{row:04d}",
        campaign=None if row is None else CAMPAIGN,
        row=row,
        attempt=None if row is None else attempt,
    )
    return replace(found, **changed)


def make_ledger(path: Path) -> Path:
    """A campaign that was sent an hour after it was planned, and whose process died.

    Row 1 is sent (m-1), 2 unknown, 3 failed, 4 was being sent, 5 unknown after two attempts, 6 sent (m-6), 7 skipped, 8
    pending and never tried.
    """
    clock = StandingClock()
    write_plan(path, [skipped(7) if row == 7 else pending(row, identity=SHORT_CODE, parts=2) for row in range(1, 9)])
    clock.advance(3600)
    with SqliteLedger.open_for_writing(path, clock=clock) as ledger, ledger.transaction():
        ledger.start_run()
        assert [claim.row for claim in ledger.claim("short", parts=12, rows=6)] == [1, 2, 3, 4, 5, 6]
        ledger.settle_all([sent(1), unknown(2), failed(3), unknown(5), sent(6)])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE states SET attempts = 2, lost = 'read_timeout' WHERE row = 5")
    return path


@pytest.fixture
def made(path: Path) -> Path:
    """That ledger."""
    return make_ledger(path)


def reconcile(path: Path, batches: Iterable[Sequence[DeliveryEvent]]) -> tuple[int, dict[Status, int], int]:
    """One invocation; returns rows interrupted, rows settled, foreign events."""
    clock = StandingClock(START + timedelta(days=1))
    settled: dict[Status, int] = {}
    with DeliveryLedger.open_for_writing(path, clock=clock) as ledger:
        with ledger.transaction():
            interrupted = ledger.begin(campaign=CAMPAIGN)
        for batch in batches:
            with ledger.transaction():
                for status, count in ledger.add(batch).items():
                    settled[status] = settled.get(status, 0) + count
        with ledger.transaction():
            foreign = ledger.finish()
        counts = ledger.counts()
        assert sum(counts.by_status.values()) == counts.rows == 8
    return interrupted, settled, foreign


def tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that events may change."""
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall()  # noqa: S608 - names of ours
            for table in ("states", "deliveries", "settled", "runs", "tallies WHERE messages <> 0")
        }


def row_of(path: Path, row: int) -> tuple[str, str | None, str | None, str | None, datetime | None]:
    """Status, reason, message id, error code, and when it ended."""
    with closing(sqlite3.connect(path)) as connection:
        status, reason, message_id, error, finished_at = connection.execute(
            "SELECT status, reason, message_id, error_code, finished_at FROM states WHERE row = ?", (row,)
        ).fetchone()
    return (
        status,
        reason,
        message_id,
        error,
        finished_at and START + timedelta(milliseconds=finished_at - START.timestamp() * 1000),
    )


@pytest.mark.parametrize(("row", "before"), [(2, Status.UNKNOWN), (3, Status.FAILED), (4, Status.UNKNOWN)])
def test_a_row_that_an_event_proves_accepted_is_sent(made: Path, row: int, before: Status) -> None:
    """It gets the message id and the time of the request, and loses the reason and error that it had."""
    interrupted, settled, foreign = reconcile(made, [[event("m", row)]])
    assert (interrupted, settled, foreign) == (1, {before: 1}, 0)
    assert row_of(made, row) == ("sent", None, "m", None, INTENT + timedelta(seconds=1))


def test_a_pending_row_that_was_tried_is_sent_too(made: Path) -> None:
    """A message that was taken for refused and was accepted all the same is not sent again."""
    with closing(sqlite3.connect(made)) as connection, connection:
        connection.execute("UPDATE states SET status = 'pending', reason = NULL WHERE row = 2")
    assert reconcile(made, [[event("m", 2)]])[1] == {Status.PENDING: 1}
    with SqliteLedger.open_for_writing(made, clock=StandingClock()) as ledger, ledger.transaction():
        assert [claim.row for claim in ledger.claim("short", parts=99, rows=99)] == [8]


def test_what_a_row_was_before_is_kept(made: Path) -> None:
    """Somebody may want to know which rows were settled by events, and why they were not sent before."""
    reconcile(made, [[event("a", 2), event("b", 3)]])
    reconcile(made, [[event("a", 2)]])
    assert tables(made)["settled"] == [(2, "unknown", "read_timeout"), (3, "failed", "opted_out")]


@pytest.mark.parametrize(
    "untrue",
    [
        event("m", 7),
        event("m", 8),
        event("m", 9),
        event("m", 2, 2),
        event("m", 2, destination="+14255550003"),
        event("m", 2, campaign="summer"),
        event("m", 2, requested_at=INTENT - timedelta(minutes=16)),
        event("m", 2, requested_at=None, at=INTENT - timedelta(minutes=16)),
        event("m", 2, requested_at=INTENT + timedelta(minutes=31)),
        event("m", 5, 1, requested_at=START - timedelta(minutes=16)),
        replace(event("m", 2), row=None, attempt=None),
        event("m"),
    ],
    ids=[
        "skipped",
        "never tried",
        "no such row",
        "attempt never made",
        "another recipient",
        "another campaign",
        "before the intent",
        "an event before the intent",
        "long after the intent",
        "an earlier ledger of that name",
        "no row",
        "no context",
    ],
)
def test_a_context_that_does_not_fit_proves_nothing(made: Path, untrue: DeliveryEvent) -> None:
    """Names of campaigns are used again: row, attempt, recipient and time have to agree, or the event is foreign."""
    reconcile(made, [])
    before = tables(made)
    assert reconcile(made, [[untrue]]) == (0, {}, 1)
    assert tables(made) == before


@pytest.mark.parametrize(
    "true",
    [
        event("m", 2, requested_at=INTENT - timedelta(minutes=4)),
        event("m", 2, requested_at=INTENT + timedelta(minutes=9)),
        event("m", 2, requested_at=None, at=INTENT + timedelta(days=3)),
        event("m", 2, destination=None),
        event("m", 5, 1, requested_at=START + timedelta(seconds=1)),
        event("m", 5, 2),
    ],
)
def test_clocks_need_not_agree_exactly(made: Path, true: DeliveryEvent) -> None:
    """Between the machine's clock and the service's lie minutes, and an earlier attempt is proof as well."""
    assert reconcile(made, [[true]])[1:] == ({Status.UNKNOWN: 1}, 0)


def test_the_message_id_that_the_sender_saw_stands(made: Path) -> None:
    """A second message of a sent row is recorded beside the first, and the row is named as accepted again."""
    before = row_of(made, 1)
    assert reconcile(made, [[event("m-1", 1), event("other", 1), event("m-6", 6)]])[1:] == ({}, 0)
    assert row_of(made, 1) == before
    with DeliveryLedger.open_for_reading(made) as ledger:
        figures = ledger.figures(first=10)
    assert figures.accepted_again == (1,)
    assert figures.by_status == {"DELIVERED": 3}


def test_a_row_accepted_twice_shows_its_last_attempt(made: Path) -> None:
    """Whichever event comes first, in one batch or in two."""
    first, last = event("a", 5, 1), event("b", 5, 2)
    for batches in ([[first], [last]], [[last], [first]], [[first, last]], [[last, first]]):
        copy = Path(shutil.copy(made, made.with_name("copy.db")))
        reconcile(copy, batches)
        assert row_of(copy, 5)[2] == "b"
        with DeliveryLedger.open_for_reading(copy) as ledger:
            assert ledger.figures(first=1).accepted_again == (5,)


def test_events_without_context_belong_to_the_row_with_their_message_id(made: Path) -> None:
    """EventBridge's events tell of rows that are sent, and of rows that another event, even a later one, makes sent."""
    late = INTENT + timedelta(minutes=1)
    assert reconcile(
        made,
        [[event("m-6", status="INVALID", carrier="X"), event("m", at=late, status="INVALID")], [event("m", 2)]],
    ) == (1, {Status.UNKNOWN: 1}, 0)
    found = {message: (row, status) for message, row, _, status, *_ in tables(made)["deliveries"]}
    assert found == {"m-6": (6, "INVALID"), "m": (2, "INVALID")}
    assert reconcile(made, [[event("m", at=late + timedelta(minutes=1))]])[2] == 0
    assert {each[0]: each[3] for each in tables(made)["deliveries"]}["m"] == "DELIVERED"


def test_the_attempt_is_known_from_a_context_that_fits_alone(made: Path) -> None:
    """An event that is matched by its message id leaves it open, until one comes whose Context is right."""
    attempts = []
    for each in (event("m-1"), event("m-1", 1, destination="+14255550003"), event("m-1", 1)):
        assert reconcile(made, [[each]])[2] == 0
        ((_, row, attempt, *_),) = tables(made)["deliveries"]
        attempts.append((row, attempt))
    assert attempts == [(1, None), (1, None), (1, 1)]


def test_a_delivery_shows_the_final_event_and_the_most_that_is_known(made: Path) -> None:
    """A final status before any other, then the latest; carrier, parts and price from whichever event has them."""
    events = [
        event("m", 2, status="PENDING", final=False, at=INTENT + timedelta(hours=5), parts=3),
        event("m", 2, status="SUCCESSFUL", at=INTENT + timedelta(hours=1), price_usd=0.01),
        event("m", 2, at=INTENT + timedelta(hours=2), description="phone", carrier="Example"),
    ]
    reconcile(made, [events])
    ms = round((INTENT + timedelta(hours=2)).timestamp() * 1000)
    assert tables(made)["deliveries"] == [("m", 2, 1, "DELIVERED", "phone", 1, ms, "Example", 3, 0.01)]


def test_figures_compare_what_was_billed_with_what_was_counted(made: Path) -> None:
    """Sums, the first rows that differ, the price, and how many sent rows no event has told of."""
    reconcile(
        made,
        [
            [
                event("m-1", 1, parts=2, price_usd=0.01),
                event("b", 2, parts=3, price_usd=0.02),
                event("c", 3, parts=1),
                event("d", 4),
            ]
        ],
    )
    with DeliveryLedger.open_for_reading(made) as ledger:
        figures = ledger.figures(first=1)
    assert (figures.billed_messages, figures.counted_parts, figures.billed_parts, figures.billed_otherwise) == (
        3,
        6,
        6,
        2,
    )
    assert figures.first_billed_otherwise == (BilledRow(2, 2, 3),)
    assert figures.price_usd == pytest.approx(0.03)
    assert figures.without_event == 1


def test_a_ledger_without_events_has_figures(made: Path) -> None:
    """Nothing is known, and that can be said."""
    reconcile(made, [])
    with DeliveryLedger.open_for_reading(made) as ledger:
        figures = ledger.figures(first=1)
    assert (figures.by_status, figures.price_usd, figures.billed_messages, figures.without_event) == ({}, None, 0, 2)


def test_holds_and_breakers_are_left_to_the_next_run(made: Path) -> None:
    """Reconciling says nothing about what the service refuses."""
    with closing(sqlite3.connect(made)) as connection, connection:
        connection.execute("UPDATE states SET reason = 'not_active' WHERE row = 8")
        connection.execute("INSERT INTO breakers VALUES ('20440', '', 'not_active', 0, 0, 1)")
    reconcile(made, [[event("m", 2)]])
    with closing(sqlite3.connect(made)) as connection:
        assert connection.execute("SELECT reason FROM states WHERE row = 8").fetchall() == [("not_active",)]
        assert connection.execute("SELECT count(*) FROM breakers").fetchall() == [(1,)]


def test_message_ids_are_looked_up_in_an_index(made: Path) -> None:
    """A batch of events never reads all the rows of a long list."""
    with DeliveryLedger.open_for_writing(made, clock=StandingClock()) as ledger, ledger.transaction():
        ledger.begin(campaign=CAMPAIGN)
        for statement in (
            sql.MATCH_BATCH,
            sql.MATCH_SPOOL,
            sql.PROVE,
            sql.RECORD_BATCH,
            sql.RECORD_SPOOL,
            sql.FILL_PROVED,
            sql.SETTLED_FROM,
            sql.CORRECT,
            sql.REMEMBER,
            sql.SETTLE,
        ):
            names = ("created_at", "last_at", "early", "late", "forgotten")
            values = dict.fromkeys(names, 0) if statement == sql.PROVE else ()
            steps = [step for *_, step in ledger._read(f"EXPLAIN QUERY PLAN {statement}", values)]
            scanned = {word for step in steps if step.startswith("SCAN") for word in step.split()}
            assert scanned.isdisjoint({"states", "rows", "deliveries", "settled"}), steps


MESSAGES = {  # message -> row, attempt
    "m-1": (1, 1),
    "n-1": (1, 1),
    "a-2": (2, 1),
    "b-2": (2, 1),
    "m-3": (3, 1),
    "m-4": (4, 1),
    "a-5": (5, 1),
    "b-5": (5, 2),
    "m-7": (7, 1),
    "m-8": (8, 1),
    "elsewhere": (99, 1),
}


@st.composite
def any_event(draw: st.DrawFn, *, named: bool | None = None) -> DeliveryEvent:
    """An event of one of `MESSAGES`; `named`: whether it says of which row."""
    message_id = draw(st.sampled_from(sorted(MESSAGES)))
    row, attempt = MESSAGES[message_id]
    told = draw(st.booleans()) if named is None else named
    wrong = told and named is None and draw(st.integers(0, 9)) == 0
    return DeliveryEvent(
        message_id=message_id,
        status=draw(st.sampled_from(["DELIVERED", "PENDING", "INVALID"])),
        description=draw(st.sampled_from([None, "x", "y"])),
        final=draw(st.booleans()),
        at=INTENT + timedelta(seconds=draw(st.integers(1, 4))),
        requested_at=draw(st.none() | st.integers(0, 2).map(lambda seconds: INTENT + timedelta(seconds=seconds))),
        destination=("+10000000000" if wrong else f"+1425555{row:04d}") if told else None,
        campaign=CAMPAIGN if told else None,
        row=row if told else None,
        attempt=attempt if told else None,
        carrier=draw(st.sampled_from([None, "A", "B"])),
        parts=draw(st.none() | st.integers(1, 3)),
        price_usd=draw(st.sampled_from([None, 0.01, 0.02])),
    )


def in_pieces(draw: st.DrawFn, events: Sequence[DeliveryEvent]) -> list[list[DeliveryEvent]]:
    """`events` in any order, some of them more than once, in any number of pieces."""
    again = draw(st.lists(st.sampled_from(events), max_size=4)) if events else []
    mixed = draw(st.permutations([*events, *again]))
    cuts = sorted(draw(st.lists(st.integers(0, len(mixed)), max_size=3)))
    return [list(mixed[a:b]) for a, b in zip([0, *cuts], [*cuts, len(mixed)], strict=True)]


@st.composite
def reordered(draw: st.DrawFn, *, named: bool | None = None) -> tuple[list[DeliveryEvent], list[list[DeliveryEvent]]]:
    """Some events, and the same in pieces."""
    events = draw(st.lists(any_event(named=named), max_size=12))
    return events, in_pieces(draw, events)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ledger that every example starts from."""
    return make_ledger(tmp_path_factory.mktemp("deliveries") / "original.db")


def after(original: Path, *invocations: Sequence[Sequence[DeliveryEvent]]) -> dict[str, list[tuple[object, ...]]]:
    """The tables of a copy of `original` after some invocations of some batches each."""
    with TemporaryDirectory() as folder:
        copy = Path(shutil.copy(original, Path(folder) / "copy.db"))
        for batches in invocations:
            reconcile(copy, batches)
        return tables(copy)


@settings(max_examples=25)
@given(given_events=reordered())
def test_order_repetition_and_batches_make_no_difference(
    original: Path, given_events: tuple[list[DeliveryEvent], list[list[DeliveryEvent]]]
) -> None:
    """Any events of any rows, with or without Context, leave the same tables in whatever order they come."""
    events, pieces = given_events
    assert after(original, pieces) == after(original, [events])


@settings(max_examples=25)
@given(given_events=reordered(named=True))
def test_events_that_name_their_row_may_come_in_any_number_of_invocations(
    original: Path, given_events: tuple[list[DeliveryEvent], list[list[DeliveryEvent]]]
) -> None:
    """One invocation for all of them, or several for some each: the tables are the same."""
    events, pieces = given_events
    assert after(original, *([piece] for piece in pieces)) == after(original, [events])


@settings(max_examples=25)
@given(given_events=reordered())
def test_all_events_given_again_change_nothing_more(
    original: Path, given_events: tuple[list[DeliveryEvent], list[list[DeliveryEvent]]]
) -> None:
    """After any invocations with some of the events, one with all of them leads where it alone would have led."""
    events, pieces = given_events
    once = after(original, [events])
    assert after(original, *([piece] for piece in pieces), [events]) == once
    assert after(original, [events], [events]) == once
