"""Rows that come back: postponed, tried again, given back, and sent again on somebody's word."""

from datetime import timedelta
from pathlib import Path

import pytest

from bulksend.base.progress import RunEnd
from bulksend.base.records import Settlement, Status
from bulksend.store.export import export_rows
from bulksend.store.faults import LedgerMisuse
from bulksend.store.ledger import Postponement, SqliteLedger
from tests.unit.store.helpers import (
    SHORT_CODE,
    START,
    StandingClock,
    claim,
    divert,
    exported,
    failed,
    give_back,
    pending,
    postpone,
    retry,
    sent,
    settle,
    take,
    unknown,
    write_plan,
)


@pytest.fixture
def mixed(ledger: SqliteLedger) -> SqliteLedger:
    """Row 1 is sent, 2 failed, 3 unknown, 4 sending, 5 postponed, 6 pending, 7 skipped, 8 to 10 held."""
    with ledger.transaction():
        ledger.start_run()
    claim(ledger, rows=5)
    settle(ledger, sent(1), failed(2), unknown(3))
    postpone(ledger, 5, throttled=False)
    divert(ledger, identity=SHORT_CODE)
    return ledger


def test_a_postponed_row_is_pending_but_passed_over(ledger: SqliteLedger, clock: StandingClock) -> None:
    """Its attempt and the time of its intent stay; it is nobody's but its sender's, and it is not held."""
    claim(ledger, rows=2)
    clock.advance(1)
    postpone(ledger, 1)
    row = exported(ledger, 1)
    assert (row["status"], row["attempts"]) == ("pending", 1)
    assert (row["intent_at"], row["finished_at"]) == ("2026-01-01T12:00:00.000Z", None)
    assert [bucket.messages_held for bucket in ledger.counts().buckets] == [0, 0]
    assert (ledger.counts().of(Status.PENDING), ledger.counts().of(Status.SENDING)) == (8, 1)
    assert claim(ledger) == [3, 4, 5, 6]


def test_reasons_of_pending_rows_are_those_of_held_ones(ledger: SqliteLedger) -> None:
    """That a row waits for its next attempt is no refusal that a person has to put right."""
    claim(ledger, rows=1)
    postpone(ledger, 1)
    divert(ledger, identity=SHORT_CODE)
    assert ledger.reasons()[Status.PENDING] == {"inactive": 3}


def test_a_retry_is_the_next_attempt(ledger: SqliteLedger, clock: StandingClock) -> None:
    """The intent of another attempt is counted and timed; the outcome has to be that attempt's."""
    claim(ledger, rows=1)
    postpone(ledger, 1)
    clock.advance(3)
    retry(ledger, {1: 2})
    row = exported(ledger, 1)
    assert (row["status"], row["reason"], row["attempts"]) == ("sending", None, 2)
    assert row["intent_at"] == "2026-01-01T12:00:03.000Z"
    with pytest.raises(LedgerMisuse, match="row 1 is sending after 2 attempts"):
        settle(ledger, sent(1, 1))
    settle(ledger, sent(1, 2))


def test_a_row_can_be_postponed_again_and_again(ledger: SqliteLedger) -> None:
    """Attempts are numbered without gaps, however often it is throttled."""
    claim(ledger, rows=1)
    for attempt in range(1, 6):
        postpone(ledger, 1, attempt)
        retry(ledger, {1: attempt + 1})
    settle(ledger, sent(1, 6))
    assert exported(ledger, 1)["attempts"] == 6


def test_the_same_postponement_again_changes_nothing(ledger: SqliteLedger) -> None:
    """Postponing is idempotent: the row stays as it is, and its throttle is counted once."""
    with ledger.transaction():
        ledger.start_run()
    claim(ledger, rows=1)
    postpone(ledger, 1)
    before = exported(ledger, 1), ledger.counts()
    postpone(ledger, 1)
    assert (exported(ledger, 1), ledger.counts()) == before
    assert [run.throttled for run in ledger.runs()] == [1]


def test_the_same_retry_again_changes_nothing(ledger: SqliteLedger, clock: StandingClock) -> None:
    """The intent was made when it was made first."""
    claim(ledger, rows=1)
    postpone(ledger, 1)
    retry(ledger, {1: 2})
    before = exported(ledger, 1), ledger.counts()
    clock.advance(5)
    retry(ledger, {1: 2})
    assert (exported(ledger, 1), ledger.counts()) == before


def test_a_row_that_never_went_out_has_no_attempt_more(ledger: SqliteLedger, clock: StandingClock) -> None:
    """Withdrawn before the wire, it waits for the same attempt; what went out before stays counted."""
    claim(ledger, rows=1)
    for _ in range(3):
        postpone(ledger, 1, throttled=False, tried=False)
        postpone(ledger, 1, throttled=False, tried=False)
        assert [exported(ledger, 1)[name] for name in ("status", "attempts", "intent_at")] == ["pending", 0, None]
        assert claim(ledger, rows=1, parts=0, oversized=False) == []
        clock.advance(1)
        retry(ledger, {1: 1})
    postpone(ledger, 1)
    retry(ledger, {1: 2})
    postpone(ledger, 1, 2, throttled=False, tried=False)
    assert exported(ledger, 1)["attempts"] == 1
    retry(ledger, {1: 2})
    settle(ledger, sent(1, 2))


def test_a_lost_row_that_never_went_out_again_is_lost_as_before(ledger: SqliteLedger) -> None:
    """Its first attempt is what may have been sent; the one that was withdrawn changes nothing of that."""
    claim(ledger, rows=1)
    settle(ledger, unknown(1, reason="read_timeout"))
    retry(ledger, {1: 2})
    postpone(ledger, 1, 2, throttled=False, tried=False)
    with ledger.transaction():
        assert ledger.recover() == 0
    row = exported(ledger, 1)
    assert [row[name] for name in ("status", "reason", "attempts")] == ["unknown", "read_timeout", 1]


@pytest.mark.parametrize(
    ("row", "attempt"),
    [(1, 1), (2, 1), (3, 1), (4, 0), (4, 2), (5, 0), (5, 2), (6, 0), (6, 1), (7, 0), (8, 0), (99, 1)],
)
def test_a_postponement_that_does_not_fit_is_refused(mixed: SqliteLedger, row: int, attempt: int) -> None:
    """Only the attempt under way is postponed; nothing is written, and no throttle counted."""
    before = list(export_rows(mixed.path)), mixed.counts(), mixed.reasons()
    with pytest.raises(LedgerMisuse, match=rf"row {row} .* a postponement of attempt {attempt}\."):
        postpone(mixed, row, attempt)
    assert (list(export_rows(mixed.path)), mixed.counts(), mixed.reasons()) == before
    assert [run.throttled for run in mixed.runs()] == [0]


def test_of_many_postponements_only_the_wrong_ones_are_refused(mixed: SqliteLedger) -> None:
    """One that does not fit does not cost the others, nor is it counted."""
    give_back(mixed, 5)
    claim(mixed, rows=2)
    batch = [Postponement(row, attempt, throttled=True) for row, attempt in ((1, 1), (4, 1), (5, 1), (6, 1), (99, 1))]
    with mixed.transaction():
        refused = mixed.postpone_all(batch)
    assert sorted(refused) == [1, 5, 99]
    assert [exported(mixed, row)["status"] for row in (4, 5, 6)] == ["pending", "sending", "pending"]
    assert [run.throttled for run in mixed.runs()] == [2]


@pytest.mark.parametrize(
    ("row", "attempt"),
    [(1, 1), (1, 2), (2, 2), (3, 1), (3, 3), (4, 2), (5, 1), (5, 3), (6, 0), (6, 1), (7, 1), (8, 1), (99, 1)],
)
def test_a_retry_that_does_not_follow_is_refused(mixed: SqliteLedger, row: int, attempt: int) -> None:
    """Attempts are numbered without gaps, of postponed and unknown rows only; none of a batch, if one does not fit."""
    claim(mixed, rows=1)
    postpone(mixed, 6)
    before = list(export_rows(mixed.path)), mixed.counts(), mixed.reasons()
    with pytest.raises(LedgerMisuse, match=rf"row {row} .* attempt {attempt}\."):
        retry(mixed, {5: 2, 3: 2, 6: 2} | {row: attempt})
    assert (list(export_rows(mixed.path)), mixed.counts(), mixed.reasons()) == before


def test_many_rows_are_tried_again_at_once(mixed: SqliteLedger) -> None:
    """Postponed and unknown rows together, and one whose intent is there already."""
    retry(mixed, {3: 2, 4: 1, 5: 2})
    assert [(exported(mixed, row)["status"], exported(mixed, row)["attempts"]) for row in (3, 4, 5)] == [
        ("sending", 2), ("sending", 1), ("sending", 2),
    ]  # fmt: skip


def test_nothing_to_come_back_is_no_matter(mixed: SqliteLedger) -> None:
    """An empty batch changes nothing."""
    before = list(export_rows(mixed.path))
    with mixed.transaction():
        assert mixed.postpone_all([]) == {}
        mixed.retry({})
        mixed.give_back([])
    assert list(export_rows(mixed.path)) == before


def test_throttles_are_counted_by_run(ledger: SqliteLedger) -> None:
    """A run that goes on counts the throttles it postponed rows for; its end has the last word."""
    claim(ledger, rows=3)
    postpone(ledger, 3, throttled=True)  # nobody has started a run: there is nothing to count it under
    with ledger.transaction():
        ledger.start_run()
        ledger.postpone(1, 1, throttled=True)
        ledger.postpone(2, 1, throttled=False)
        ledger.finish_run(RunEnd.INTERRUPTED, None, throttled=7)
        ledger.start_run()
        ledger.retry({1: 2, 2: 2})
        ledger.postpone(1, 2, throttled=True)
        ledger.postpone(2, 2, throttled=True)
    assert [run.throttled for run in ledger.runs()] == [7, 2]


def test_a_hundred_postponements_are_few_steps_of_sqlite(path: Path) -> None:
    """However many rows a group postpones and tries again, the number of statements stays the same."""
    write_plan(path, [pending(row) for row in range(1, 101)])
    statements: list[str] = []
    with SqliteLedger.open_for_writing(path, clock=StandingClock()) as ledger:
        rows = claim(ledger)
        ledger._connection.set_trace_callback(statements.append)
        with ledger.transaction():
            assert ledger.postpone_all([Postponement(row, 1, throttled=True) for row in rows]) == {}
            ledger.retry(dict.fromkeys(rows, 2))
        ledger._connection.set_trace_callback(None)
        assert ledger.counts().of(Status.SENDING) == 100
    assert len(set(statements)) <= 6  # BEGIN, how they stand, postpone, how they stand, retry, COMMIT


def test_a_row_given_back_that_was_tried_keeps_its_attempt(ledger: SqliteLedger) -> None:
    """The next attempt gets a number of its own: the first was on the wire, and refused."""
    claim(ledger, rows=2)
    give_back(ledger, 1, 2, tried=[1])
    assert [(each.row, each.attempt) for each in take(ledger, rows=2)] == [(1, 2), (2, 1)]


def test_a_row_given_back_is_as_if_it_had_not_been_claimed(ledger: SqliteLedger) -> None:
    """An intent that never went on the wire is no attempt; the row is the next one to be claimed."""
    before = list(export_rows(ledger.path))
    give_back(ledger, *claim(ledger, rows=3))
    give_back(ledger)
    assert list(export_rows(ledger.path)) == before
    assert [(each.row, each.attempt) for each in take(ledger, parts=1, rows=1)] == [(1, 1)]


def test_giving_back_keeps_the_attempts_before(ledger: SqliteLedger) -> None:
    """Only the last intent is taken back; those before it were on the wire."""
    claim(ledger, rows=1)
    postpone(ledger, 1)
    retry(ledger, {1: 2})
    give_back(ledger, 1)
    assert exported(ledger, 1)["attempts"] == 1
    assert [(each.row, each.attempt) for each in take(ledger, rows=1)] == [(1, 2)]


@pytest.mark.parametrize("tried", [(), (1, 2)])
def test_a_postponed_row_given_back_is_anybodys(
    ledger: SqliteLedger, clock: StandingClock, tried: tuple[int, ...]
) -> None:
    """It keeps its attempt, which was on the wire, and when that was; the next claim takes it before later rows."""
    claim(ledger, rows=3)
    postpone(ledger, 1)
    clock.advance(9)
    give_back(ledger, 1, 2, tried=tried)
    row = exported(ledger, 1)
    assert (row["status"], row["reason"], row["attempts"]) == ("pending", None, 1)
    assert row["intent_at"] == "2026-01-01T12:00:00.000Z"
    assert [(each.row, each.attempt) for each in take(ledger, rows=3)] == [(1, 2), (2, 2 if tried else 1), (4, 1)]


def test_a_postponed_row_given_back_is_not_its_senders_any_more(ledger: SqliteLedger) -> None:
    """Who gave it back must claim it to try it again."""
    claim(ledger, rows=1)
    postpone(ledger, 1)
    give_back(ledger, 1)
    with pytest.raises(LedgerMisuse, match="row 1 is pending after 1 attempts"):
        retry(ledger, {1: 2})


@pytest.mark.parametrize("row", [1, 2, 3, 6, 7, 8, 99])
def test_only_claimed_and_postponed_rows_are_given_back(mixed: SqliteLedger, row: int) -> None:
    """Giving back a settled, pending, skipped, held or missing row gives nothing back."""
    before = list(export_rows(mixed.path)), mixed.counts()
    with pytest.raises(LedgerMisuse, match=f"row {row} .* being given back"):
        give_back(mixed, 4, 5, row)
    assert (list(export_rows(mixed.path)), mixed.counts()) == before


def test_an_unknown_row_that_is_tried_again_has_no_outcome(ledger: SqliteLedger, clock: StandingClock) -> None:
    """What was known of the lost attempt is gone from the row, but that it was lost, and when: it was let out then."""
    claim(ledger, rows=2)
    settle(ledger, unknown(2))
    clock.advance(2)
    retry(ledger, {2: 2})
    row = exported(ledger, 2)
    assert (row["status"], row["attempts"], row["intent_at"]) == ("sending", 2, "2026-01-01T12:00:02.000Z")
    assert [row[name] for name in ("reason", "error_code", "error_message")] == [None] * 3
    assert ledger.counts().buckets[0].parts_done == 0
    assert ledger.released_since(START) == {"toll-free": 2, "short": 0}
    settle(ledger, sent(2, 2))
    assert ledger.released_since(START + timedelta(seconds=2)) == {"toll-free": 2, "short": 0}


@pytest.mark.parametrize(("reason", "lost"), [("read_timeout", "read_timeout"), (None, "unknown")])
def test_unknown_rows_are_pending_again_on_somebodys_word(ledger: SqliteLedger, reason: str | None, lost: str) -> None:
    """Claims say that and why an earlier attempt may have been sent; attempts go on, and no other row is touched."""
    claim(ledger, rows=3)
    settle(ledger, unknown(1, reason=reason), unknown(2, reason=reason), failed(3))
    with ledger.transaction():
        assert ledger.resend_unknown() == 2
        assert ledger.resend_unknown() == 0
    row = exported(ledger, 1)
    assert [row[name] for name in ("status", "reason", "error_code")] == ["pending", None, None]
    assert ledger.released_since(START)["toll-free"] == sum(
        int(str(exported(ledger, each)["parts"])) for each in (1, 2, 3)
    )
    assert ledger.reasons() == {Status.SKIPPED: {"invalid_number": 1}, Status.FAILED: {"opted_out": 1}}
    assert ledger.counts().buckets[0].messages_done == 1
    assert [(each.row, each.attempt, each.lost) for each in take(ledger, rows=3)] == [
        (1, 2, lost), (2, 2, lost), (4, 1, None),
    ]  # fmt: skip


def test_only_unknown_rows_are_sent_again(mixed: SqliteLedger) -> None:
    """Whatever else a row is, nobody's word about unknown rows is about it."""
    before = list(export_rows(mixed.path))
    with mixed.transaction():
        assert mixed.resend_unknown() == 1
    changed = [now["row"] for was, now in zip(before, export_rows(mixed.path), strict=True) if was != now]
    assert changed == [3]


def test_that_an_attempt_was_lost_is_not_forgotten(ledger: SqliteLedger) -> None:
    """Whatever happens to the row later, its claims say why nobody knows; the latest loss is the one that is told."""
    claim(ledger, rows=1)
    settle(ledger, unknown(1, reason="read_timeout"))
    retry(ledger, {1: 2})
    give_back(ledger, 1)
    assert [(each.attempt, each.lost) for each in take(ledger, rows=1)] == [(2, "read_timeout")]
    postpone(ledger, 1, 2)
    retry(ledger, {1: 3})
    postpone(ledger, 1, 3)
    give_back(ledger, 1)
    assert [(each.attempt, each.lost) for each in take(ledger, rows=1)] == [(4, "read_timeout")]
    with ledger.transaction():
        assert ledger.recover() == 1
        assert ledger.resend_unknown() == 1
    assert [(each.attempt, each.lost) for each in take(ledger, rows=1)] == [(5, "interrupted")]


@pytest.mark.parametrize("settlement", [sent(1, 2), failed(1, 2), unknown(1, 2)])
def test_a_row_that_was_tried_again_is_settled_like_any_other(ledger: SqliteLedger, settlement: Settlement) -> None:
    """After a retry of a lost attempt as after one of a throttled attempt; the outcome again changes nothing."""
    claim(ledger, rows=1)
    settle(ledger, unknown(1))
    retry(ledger, {1: 2})
    settle(ledger, settlement)
    settle(ledger, settlement)
    with pytest.raises(LedgerMisuse, match="row 1 "):
        settle(ledger, unknown(1, 1))
    assert exported(ledger, 1)["status"] == settlement.status
