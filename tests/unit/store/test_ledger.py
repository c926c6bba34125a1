import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bulksend.base.errors import LedgerError
from bulksend.base.ports import Behind
from bulksend.base.progress import Run, RunEnd
from bulksend.base.records import Bucket, Origin, Outcome, OutcomeKind, Settlement, Status
from bulksend.store.connect import connect_for_reading
from bulksend.store.export import export_rows
from bulksend.store.faults import LedgerMisuse
from bulksend.store.ledger import SqliteLedger
from tests.unit.store.helpers import (
    SHORT,
    SHORT_CODE,
    START,
    TOLL_FREE,
    StandingClock,
    claim,
    divert,
    exported,
    failed,
    pending,
    postpone,
    retry,
    sent,
    settle,
    unknown,
    write_plan,
)

WRITABLE = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80)
ANYTHING = st.none() | st.text(max_size=80)
Change = Callable[[], object]

SENDER = """
import sys
from pathlib import Path
from bulksend.base.clock import SystemClock
from bulksend.store.ledger import SqliteLedger
from tests.unit.store.helpers import sent

ledger = SqliteLedger.open_for_writing(Path(sys.argv[1]), clock=SystemClock())
while True:
    with ledger.transaction():
        claims = ledger.claim("toll-free", parts=7, rows=7)
    print("claimed", *(claim.row for claim in claims), flush=True)
    for claim in claims[:-1]:
        with ledger.transaction():
            ledger.settle(sent(claim.row))
        print("sent", claim.row, flush=True)
"""


def test_claims_come_in_input_order_with_all_that_sending_needs(ledger: SqliteLedger) -> None:
    """A claim holds the message as it was planned, and whose limit it is charged to."""
    with ledger.transaction():
        first, *_, last = ledger.claim("toll-free", parts=100, rows=100)
    assert (first.row, first.attempt, first.destination, first.country) == (1, 1, "+14255550001", "US")
    assert (first.identity, first.bucket, first.text, first.parts) == (TOLL_FREE, "toll-free", "Hello", 1)
    assert (first.lost, last.lost) == (None, None)
    assert (last.row, last.country, last.parts) == (6, "CA", 3)


@pytest.mark.parametrize(
    ("parts", "rows", "expected"),
    [
        (6, 100, [1, 2, 3]),  # 1 + 2 + 3 parts
        (5, 100, [1, 2]),
        (100, 2, [1, 2]),
        (1, 100, [1]),
        (0, 1, [1]),
    ],
)
def test_a_claim_keeps_to_its_bounds(ledger: SqliteLedger, parts: int, rows: int, expected: list[int]) -> None:
    """No more than so many parts and so many rows, but always one."""
    assert claim(ledger, parts=parts, rows=rows) == expected


def test_a_message_above_the_bound_is_claimed_alone(ledger: SqliteLedger) -> None:
    """A message of more parts than were asked for is not left behind for ever, nor overtaken."""
    assert claim(ledger, rows=2) == [1, 2]
    assert claim(ledger, parts=2) == [3]


@pytest.mark.parametrize(
    ("parts", "rows", "expected"),
    [(3, 1, [3]), (5, 100, [3, 4]), (4, 100, [3, 4]), (3, 100, [3]), (2, 100, []), (1, 1, []), (0, 1, [])],
)
def test_a_claim_that_does_not_want_it_leaves_an_oversized_message(
    ledger: SqliteLedger, parts: int, rows: int, expected: list[int]
) -> None:
    """Without `oversized` the first row has to fit as well; what does not fit is not overtaken, and stays the next."""
    assert claim(ledger, rows=2) == [1, 2]
    assert claim(ledger, parts=parts, rows=rows, oversized=False) == expected
    assert claim(ledger, rows=1) == [max(expected, default=2) + 1]


def test_nothing_is_claimed_twice(ledger: SqliteLedger) -> None:
    """Claims go on where the last one ended, until nothing is left."""
    assert [claim(ledger, rows=4), claim(ledger, rows=4), claim(ledger)] == [[1, 2, 3, 4], [5, 6], []]
    assert claim(ledger, "short") == [8, 9, 10]
    assert ledger.counts().of(Status.SENDING) == 9


def test_a_claim_of_no_rows_is_a_mistake(ledger: SqliteLedger) -> None:
    """An empty answer means that nothing is left; it must not come from asking for nothing."""
    with ledger.transaction(), pytest.raises(ValueError, match="positive"):
        ledger.claim("short", parts=1, rows=0)


def test_an_intent_has_its_time(ledger: SqliteLedger, clock: StandingClock) -> None:
    """The row says when its intent was made, and when it was settled."""
    clock.advance(1.5)
    claim(ledger, rows=1)
    assert exported(ledger, 1)["intent_at"] == "2026-01-01T12:00:01.500Z"
    clock.advance(2)
    settle(ledger, sent(1))
    row = exported(ledger, 1)
    assert (row["intent_at"], row["finished_at"]) == ("2026-01-01T12:00:01.500Z", "2026-01-01T12:00:03.500Z")


@pytest.mark.parametrize("settlement", [sent(1), failed(1), unknown(1)])
def test_an_outcome_is_kept_as_it_was(ledger: SqliteLedger, settlement: Settlement) -> None:
    """Status, reason, message id and error of the outcome are in the row."""
    claim(ledger, rows=1)
    settle(ledger, settlement)
    row, outcome = exported(ledger, 1), settlement.outcome
    assert (row["status"], row["attempts"]) == (settlement.status, 1)
    assert (row["reason"], row["message_id"]) == (outcome.reason, outcome.message_id)
    assert (row["error_code"], row["error_message"]) == (outcome.error_code, outcome.error_message)


def test_the_same_outcome_again_changes_nothing(ledger: SqliteLedger, clock: StandingClock) -> None:
    """Settling is idempotent: the first time counts."""
    claim(ledger, rows=1)
    settle(ledger, failed(1))
    before = exported(ledger, 1)
    clock.advance(5)
    settle(ledger, failed(1))
    assert exported(ledger, 1) == before


@pytest.mark.parametrize(
    "again", [failed(1), unknown(1), sent(1, message_id="another"), sent(1, 2), sent(2), sent(3), sent(7), sent(99)]
)
def test_a_row_that_is_not_being_sent_is_not_settled(ledger: SqliteLedger, again: Settlement) -> None:
    """No other outcome of a settled row, no other attempt's, none of a postponed, pending, skipped or missing row."""
    claim(ledger, rows=2)
    settle(ledger, sent(1))
    postpone(ledger, 2)
    before = list(export_rows(ledger.path))
    with pytest.raises(LedgerMisuse, match=f"row {again.row} "):
        settle(ledger, again)
    assert list(export_rows(ledger.path)) == before


@pytest.mark.parametrize("status", [Status.PENDING, Status.SENDING, Status.SKIPPED])
def test_only_outcomes_settle(ledger: SqliteLedger, status: Status) -> None:
    """A row cannot be settled into a status that is no end."""
    claim(ledger, rows=1)
    with pytest.raises(LedgerMisuse, match="cannot be settled as"):
        settle(ledger, Settlement(1, 1, status, Outcome(OutcomeKind.NOT_SENT)))


def test_of_many_outcomes_only_the_wrong_ones_are_refused(ledger: SqliteLedger) -> None:
    """One outcome that does not fit does not cost the others."""
    claim(ledger, rows=3)
    settle(ledger, sent(1))
    with ledger.transaction():
        refused = ledger.settle_all([failed(1), sent(2), sent(3, 2), sent(4)])
    assert sorted(refused) == [1, 3, 4]
    assert [each["status"] for each in export_rows(ledger.path)][:4] == ["sent", "sent", "sending", "pending"]


def test_recovery_makes_unknown_what_was_being_sent(planned: Path, clock: StandingClock) -> None:
    """Rows that a dead owner was sending are unknown, once; they are never claimed again."""
    with SqliteLedger.open_for_writing(planned, clock=clock) as ledger:
        claim(ledger, rows=3)
        settle(ledger, sent(1))
    clock.advance(60)
    with SqliteLedger.open_for_writing(planned, clock=clock) as ledger:
        with ledger.transaction():
            assert ledger.recover() == 2
            assert ledger.recover() == 0
        row = exported(ledger, 2)
        assert (row["status"], row["reason"], row["attempts"]) == ("unknown", "interrupted", 1)
        assert row["finished_at"] == "2026-01-01T12:01:00.000Z"
        assert exported(ledger, 1)["status"] == "sent"
        assert claim(ledger) == [4, 5, 6]


def test_recovery_frees_what_was_held_or_postponed(ledger: SqliteLedger) -> None:
    """What stood against rows in an earlier run may have been mended: they are anybody's, and keep their attempts."""
    claim(ledger, rows=2)
    postpone(ledger, 1)
    postpone(ledger, 2)
    divert(ledger)
    with ledger.transaction():
        assert ledger.recover() == 0
    assert ledger.reasons().get(Status.PENDING, {}) == {}
    assert [exported(ledger, row)["attempts"] for row in (1, 2, 3)] == [1, 1, 0]
    assert claim(ledger) == [1, 2, 3, 4, 5, 6]
    settle(ledger, sent(1, 2))


def test_recovery_forgets_breakers(ledger: SqliteLedger) -> None:
    """What the service refused in an earlier run is not said of this one."""
    divert(ledger)
    divert(ledger, identity=SHORT_CODE, country="US")
    assert len(ledger.breakers()) == 2
    with ledger.transaction():
        ledger.recover()
    assert ledger.breakers() == []


def test_counts_are_by_bucket_too(ledger: SqliteLedger) -> None:
    """Messages and parts of each bucket, without the skipped rows: all, done, and sent."""
    claim(ledger)
    settle(ledger, sent(1), sent(2), failed(3), unknown(4))
    counts = ledger.counts()
    assert counts.rows == 10
    assert {status.value: counts.of(status) for status in Status} == {
        "pending": 3, "sending": 2, "sent": 2, "failed": 1, "unknown": 1, "skipped": 1,
    }  # fmt: skip
    assert counts.parts_sent == 3
    first, second = counts.buckets
    assert (first.bucket, first.mps, first.messages, first.parts) == ("toll-free", 3, 6, 12)
    assert (first.messages_done, first.parts_done, first.parts_sent) == (4, 7, 3)
    assert (second.bucket, second.messages, second.messages_done) == ("short", 3, 0)


def test_buckets_without_rows_are_counted_as_empty(path: Path) -> None:
    """Every bucket of the campaign is named."""
    with SqliteLedger.open_for_reading(write_plan(path, [pending(1)])) as ledger:
        assert [(each.bucket, each.messages) for each in ledger.counts().buckets] == [("toll-free", 1), ("short", 0)]


def test_reasons_add_up_to_their_status(ledger: SqliteLedger) -> None:
    """Every failed, unknown and skipped row has a reason to be counted under, the most frequent first."""
    claim(ledger)
    claim(ledger, "short")
    blocked = [failed(row, reason="blocked") for row in (1, 2, 3)]
    settle(ledger, *blocked, failed(4), failed(8), failed(9, reason=None), unknown(5))
    reasons = ledger.reasons()
    assert list(reasons[Status.FAILED].items()) == [("blocked", 3), ("opted_out", 2), ("unspecified", 1)]
    assert reasons[Status.UNKNOWN] == {"read_timeout": 1}
    assert reasons[Status.SKIPPED] == {"invalid_number": 1}
    assert Status.SENT not in reasons


def test_parts_released_are_counted_by_bucket(ledger: SqliteLedger, clock: StandingClock) -> None:
    """Parts of rows with an outcome since a moment, that moment included, whatever the outcome: all were released."""
    claim(ledger)
    claim(ledger, "short")
    settlements = [sent(1), sent(2), unknown(3), failed(4), sent(8), failed(9)]
    for second, settlement in enumerate(settlements):
        clock.moment = START + timedelta(seconds=second)
        settle(ledger, settlement)
    postpone(ledger, 5)
    assert ledger.released_since(START) == {"toll-free": 7, "short": 2}
    assert ledger.released_since(START + timedelta(seconds=2)) == {"toll-free": 4, "short": 2}
    assert ledger.released_since(START + timedelta(seconds=4)) == {"toll-free": 0, "short": 2}
    assert ledger.released_since(START + timedelta(seconds=6)) == {"toll-free": 0, "short": 0}


def test_rows_in_flight_at_a_crash_count_as_released(ledger: SqliteLedger, clock: StandingClock) -> None:
    """They may have been on the wire until the moment that they were found: the next run does not burst on top."""
    claim(ledger, rows=3)
    clock.advance(60)
    with ledger.transaction():
        ledger.recover()
    assert ledger.released_since(START + timedelta(seconds=60)) == {"toll-free": 6, "short": 0}


def test_runs_are_recorded(planned: Path, clock: StandingClock) -> None:
    """Start, end and cause of each run; one that was killed has no end."""
    for end in (RunEnd.STOPPED, None):
        with SqliteLedger.open_for_writing(planned, clock=clock) as ledger, ledger.transaction():
            ledger.start_run()
            clock.advance(10)
            if end:
                ledger.finish_run(end, "the spend limit was reached", throttled=2)
    with SqliteLedger.open_for_reading(planned) as ledger:
        assert ledger.runs() == [
            Run(START, START + timedelta(seconds=10), RunEnd.STOPPED, "the spend limit was reached", 2),
            Run(START + timedelta(seconds=10), None, None, None, 0),
        ]
    with closing(connect_for_reading(planned)) as connection:
        assert connection.execute("SELECT pid, host FROM runs").fetchall() == [(os.getpid(), socket.gethostname())] * 2


def test_a_run_is_finished_by_who_started_it(ledger: SqliteLedger) -> None:
    """A run that was not started here cannot be finished here."""
    with pytest.raises(LedgerMisuse), ledger.transaction():
        ledger.finish_run(RunEnd.COMPLETE, None, throttled=0)


def test_limits_can_change_between_runs(ledger: SqliteLedger) -> None:
    """How fast a bucket may go is not part of the plan."""
    with ledger.transaction():
        ledger.set_mps({"short": 40})
    assert ledger.buckets == (Bucket("toll-free", 3), Bucket("short", 40))
    assert [bucket.mps for bucket in ledger.counts().buckets] == [3, 40]


def test_recipients_of_the_last_moments_are_told(ledger: SqliteLedger, clock: StandingClock) -> None:
    """Destinations of rows with an outcome since a moment, that moment included; nobody who was not tried."""
    claim(ledger, rows=4)
    for second, settlement in enumerate([sent(1), unknown(2), failed(3)]):
        clock.moment = START + timedelta(seconds=second)
        settle(ledger, settlement)
    everybody = {"+14255550001", "+14255550002", "+14255550003"}
    assert ledger.recipients_since(START) == everybody
    assert ledger.recipients_since(START + timedelta(seconds=1)) == everybody - {"+14255550001"}
    assert ledger.recipients_since(START + timedelta(seconds=3)) == set()


def test_what_the_service_seems_to_allow_is_kept(ledger: SqliteLedger, clock: StandingClock) -> None:
    """With the moment at which it was noted, from run to run, until nothing speaks against the limit any more."""
    with ledger.transaction():
        ledger.note_allowed({"short": 61.5})
    clock.advance(60)
    with ledger.transaction():
        ledger.note_allowed({"toll-free": None})
        ledger.note_allowed({})
        ledger.recover()
    with SqliteLedger.open_for_reading(ledger.path) as reader:
        assert [(each.allows, each.allows_at) for each in reader.counts().buckets] == [(None, None), (61.5, START)]
    with ledger.transaction():
        ledger.note_allowed({"short": None})
    assert [(each.allows, each.allows_at) for each in ledger.counts().buckets] == [(None, None)] * 2


def test_another_limit_is_learnt_anew(ledger: SqliteLedger) -> None:
    """What the service allowed beside the old limit is forgotten; with the same limit it is not."""
    with ledger.transaction():
        ledger.note_allowed({"toll-free": 2.5, "short": 61.0})
        ledger.set_mps({"toll-free": 3, "short": 80})
    assert [(each.mps, each.allows) for each in ledger.counts().buckets] == [(3, 2.5), (80, None)]


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("inf"), float("nan")])
def test_a_rate_that_is_none_is_refused(ledger: SqliteLedger, wrong: float) -> None:
    """A bucket that allows nothing would never be tried again; of a batch with such a one nothing is written."""
    with ledger.transaction(), pytest.raises(LedgerMisuse, match="bucket 'short'"):
        ledger.note_allowed({"toll-free": 1.0, "short": wrong})
    assert [each.allows for each in ledger.counts().buckets] == [None, None]


def test_limits_of_many_buckets_are_one_step_of_sqlite(path: Path) -> None:
    """However many buckets there are, a note about all of them costs what a note about one does."""
    many = [Bucket(str(number), 5) for number in range(200)]
    statements: list[str] = []
    write_plan(path, [], buckets=many, identities=[Origin("ACME", bucket.name) for bucket in many])
    with SqliteLedger.open_for_writing(path, clock=StandingClock()) as ledger, ledger.transaction():
        ledger._connection.set_trace_callback(statements.append)
        ledger.note_allowed({bucket.name: 4.5 for bucket in many})
        ledger.set_mps({bucket.name: 5 for bucket in many})
        ledger._connection.set_trace_callback(None)
        assert {each.allows for each in ledger.counts().buckets} == {4.5}
    assert len(statements) <= 4


def test_a_row_that_cannot_be_sent_is_damage(planned: Path, clock: StandingClock) -> None:
    """A pending row from nobody is neither claimed and forgotten nor passed over in silence."""
    with closing(sqlite3.connect(planned, isolation_level=None)) as connection:
        connection.execute("UPDATE states SET identity = NULL WHERE row = 2")
    with SqliteLedger.open_for_writing(planned, clock=clock) as ledger:
        with pytest.raises(LedgerError, match="is damaged"):
            claim(ledger)
        assert ledger.counts().of(Status.SENDING) == 0


def test_outcomes_of_all_kinds_are_recorded_together(ledger: SqliteLedger) -> None:
    """What is sent, at whatever attempt, and what is not, each with all that is known of it; refusals name rows."""
    claim(ledger)
    postpone(ledger, 2)
    retry(ledger, {2: 2})
    odd = Settlement(4, 1, Status.SENT, Outcome(OutcomeKind.SENT, "queued", message_id="m-4", error_message="late"))
    with ledger.transaction():
        refused = ledger.settle_all(
            [sent(1, message_id='a"\\\0\ud800é'), sent(2, 2), sent(3, 2), odd, failed(5), unknown(9)]
        )
    assert set(refused) == {3, 9}
    found = {row: exported(ledger, row) for row in (1, 2, 3, 4, 5)}
    assert [found[row]["status"] for row in found] == ["sent", "sent", "sending", "sent", "failed"]
    assert [found[row]["message_id"] for row in found] == ['a"\\??é', "m-2", None, "m-4", None]
    assert [found[row]["reason"] for row in found] == [None, None, None, "queued", "opted_out"]
    assert [found[row]["error_message"] for row in found] == [None, None, None, "late", "no"]
    with ledger.transaction():
        assert ledger.settle_all([sent(2, 2), odd, failed(5)]) == {}


def test_unheard_of_names_are_refused(ledger: SqliteLedger) -> None:
    """A bucket or identity that the campaign does not have is a fault, never an empty answer."""
    with ledger.transaction():
        with pytest.raises(LedgerMisuse, match="bucket 'x'"):
            ledger.claim("x", parts=1, rows=1)
        with pytest.raises(LedgerMisuse, match="bucket 'x'"):
            ledger.set_mps({"short": 1, "x": 1})
        with pytest.raises(LedgerMisuse, match="bucket 'x'"):
            ledger.note_allowed({"short": 1.0, "x": 1.0})
        with pytest.raises(LedgerMisuse, match="identity 'x'"):
            ledger.divert("r", Behind("x"))
    assert ledger.breakers() == []
    assert [bucket.mps for bucket in ledger.buckets] == [3, 100]
    assert [bucket.allows for bucket in ledger.counts().buckets] == [None, None]


def test_nothing_changes_outside_a_transaction(ledger: SqliteLedger) -> None:
    """A change that nobody commits is refused, rather than half durable."""
    changes: list[Change] = [
        lambda: ledger.claim("short", parts=1, rows=1),
        lambda: ledger.postpone(1, 1, throttled=True),
        lambda: ledger.retry({}),
        lambda: ledger.settle(sent(1)),
        lambda: ledger.give_back([]),
        lambda: ledger.divert("inactive", Behind(TOLL_FREE)),
        lambda: ledger.divert("inactive", Behind(TOLL_FREE), lambda *_: SHORT),
        ledger.resend_unknown,
        ledger.recover,
        lambda: ledger.set_mps({"short": 1}),
        lambda: ledger.note_allowed({"short": 1.0}),
    ]
    before = ledger.counts()
    for change in changes:
        with pytest.raises(LedgerMisuse, match="outside a transaction"):
            change()
    assert (ledger.counts(), ledger.breakers()) == (before, [])


def test_a_transaction_is_all_or_nothing(ledger: SqliteLedger) -> None:
    """What raises takes back everything in its transaction; the ledger can be used on."""
    with suppress(ZeroDivisionError), ledger.transaction():
        ledger.claim("short", parts=9, rows=9)
        _ = 1 / 0
    assert ledger.counts().of(Status.SENDING) == 0
    assert claim(ledger, "short") == [8, 9, 10]


def test_a_ledger_opened_for_reading_changes_nothing(planned: Path) -> None:
    """Neither by a transaction nor without."""
    with SqliteLedger.open_for_reading(planned) as ledger:
        with pytest.raises(LedgerMisuse, match="opened for reading"), ledger.transaction():
            pass
        with pytest.raises(LedgerMisuse, match="opened for reading"):
            ledger.claim("short", parts=1, rows=1)


def test_a_second_writer_is_refused(ledger: SqliteLedger, clock: StandingClock) -> None:
    """One ledger, one writer; readers are welcome."""
    with pytest.raises(LedgerError, match=f"in use by process {os.getpid()} on "):
        SqliteLedger.open_for_writing(ledger.path, clock=clock)
    with SqliteLedger.open_for_reading(ledger.path) as reader:
        assert reader.counts().rows == 10


@pytest.mark.parametrize(
    "spoil", ["DELETE FROM meta WHERE key = 'summary'", "UPDATE meta SET value = '{' WHERE key = 'campaign'"]
)
def test_a_ledger_without_its_campaign_is_damaged(planned: Path, spoil: str) -> None:
    """What must be there and is not is told as damage; connection and lock are given back."""
    with closing(sqlite3.connect(planned)) as connection, connection:
        connection.execute(spoil)
    for _ in range(2):
        with pytest.raises(LedgerError, match="is damaged"):
            SqliteLedger.open_for_writing(planned, clock=StandingClock())


def test_a_full_disk_ends_it(ledger: SqliteLedger) -> None:
    """When the ledger cannot grow, the outcome is refused, nothing of it counts, and nothing more is accepted."""
    claim(ledger)
    ledger._connection.execute("PRAGMA max_page_count = 1").fetchone()  # that is: as many as there are now
    long = Outcome(OutcomeKind.UNKNOWN, "read_timeout", error_message="x" * 100_000)
    before = ledger.counts()
    with pytest.raises(LedgerError, match=r"the disk or a quota is full. Free some space"):
        settle(ledger, Settlement(1, 1, Status.UNKNOWN, long))
    assert ledger.counts() == before
    for attempt in (lambda: settle(ledger, sent(2)), lambda: claim(ledger, "short")):
        with pytest.raises(LedgerError, match="is full"):
            attempt()
    assert ledger.counts() == before


def test_a_ledger_that_another_program_holds_is_refused(ledger: SqliteLedger) -> None:
    """A tool with an open transaction is named as the cause."""
    ledger._connection.execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as tool:
        tool.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match=r"locked by another program\. Close SQLite tools"):
            claim(ledger)


def test_what_was_committed_is_there_after_a_crash(ledger: SqliteLedger, tmp_path: Path) -> None:
    """The files as they are at any moment, nothing closed, are a ledger with all that was committed."""
    claim(ledger, rows=3)
    settle(ledger, sent(1))
    with ledger.transaction():
        ledger.settle(sent(2))
        crashed = tmp_path / "crashed"
        crashed.mkdir()
        for suffix in ("", "-wal"):
            shutil.copy(f"{ledger.path}{suffix}", crashed)
    with SqliteLedger.open_for_writing(crashed / ledger.path.name, clock=StandingClock()) as survivor:
        assert [each["status"] for each in export_rows(survivor.path)][:4] == ["sent", "sending", "sending", "pending"]
        with survivor.transaction():
            assert survivor.recover() == 2


def test_a_killed_sender_loses_nothing_that_it_was_told(path: Path, clock: StandingClock) -> None:
    """After SIGKILL each outcome that was acknowledged is there, and each intent without one is unknown."""
    write_plan(path, [pending(row) for row in range(1, 2001)], clock=clock)
    with subprocess.Popen([sys.executable, "-c", SENDER, str(path)], stdout=subprocess.PIPE, text=True) as sender:
        assert sender.stdout is not None
        lines = [sender.stdout.readline() for _ in range(150)]
        sender.send_signal(signal.SIGKILL)
        lines += [line for line in sender.stdout if line.endswith("\n")]
    told = [line.split() for line in lines]
    sent_rows = {int(row) for word, *rows in told if word == "sent" for row in rows}
    claimed = {int(row) for word, *rows in told if word == "claimed" for row in rows}
    with SqliteLedger.open_for_writing(path, clock=clock) as ledger:
        with ledger.transaction():
            ledger.recover()
        status = {row["row"]: row["status"] for row in export_rows(path)}
        assert {status[row] for row in sent_rows} == {"sent"}
        assert {status[row] for row in claimed - sent_rows} <= {"unknown", "sent"}
        assert sum(each == "unknown" for each in status.values()) <= len(claimed - sent_rows) + 7
        assert ledger.counts().rows == 2000


@settings(max_examples=40)
@given(text=WRITABLE, destination=WRITABLE)
def test_texts_come_out_as_they_went_in(tmp_path_factory: pytest.TempPathFactory, text: str, destination: str) -> None:
    """Whatever characters a message has, the claim has the same."""
    path = tmp_path_factory.mktemp("text") / "x.db"
    write_plan(path, [replace(pending(1, text=text), destination=destination)])
    with SqliteLedger.open_for_writing(path, clock=StandingClock()) as ledger, ledger.transaction():
        (only,) = ledger.claim("toll-free", parts=1, rows=1)
    assert (only.text, only.destination) == (text, destination)


@settings(max_examples=40)
@given(values=st.tuples(ANYTHING, ANYTHING, ANYTHING, ANYTHING))
def test_outcomes_may_hold_any_characters(
    tmp_path_factory: pytest.TempPathFactory, values: tuple[str | None, str | None, str | None, str | None]
) -> None:
    """What a service says is stored as it is, but for NUL and halves of surrogate pairs, and can be settled again."""
    path = tmp_path_factory.mktemp("outcome") / "x.db"
    write_plan(path, [pending(1)])
    reason, message_id, error_code, error_message = values
    settlement = Settlement(
        1, 1, Status.FAILED, Outcome(OutcomeKind.FAILED_UNEXPECTED, reason, message_id, error_code, error_message)
    )
    with SqliteLedger.open_for_writing(path, clock=StandingClock()) as ledger:
        claim(ledger)
        settle(ledger, settlement)
        settle(ledger, settlement)
        row = exported(ledger, 1)
    stored = tuple(row[name] for name in ("reason", "message_id", "error_code", "error_message"))
    assert stored == tuple(
        None if each is None else each.encode(errors="replace").decode().replace("\0", "?") for each in values
    )


def test_a_hundred_outcomes_are_two_steps_of_sqlite(path: Path) -> None:
    """However many outcomes and claims a group has, the number of statements stays the same."""
    write_plan(path, [pending(row) for row in range(1, 101)])
    statements: list[str] = []
    with SqliteLedger.open_for_writing(path, clock=StandingClock()) as ledger:
        with ledger.transaction():
            ledger.start_run()  # the first commit is followed by a merge of the log
        ledger._connection.set_trace_callback(statements.append)
        with ledger.transaction():
            claims = ledger.claim("toll-free", parts=100, rows=100)
            assert ledger.settle_all([sent(each.row) for each in claims]) == {}
        ledger._connection.set_trace_callback(None)
    # Triggers repeat the statement that set them off, word for word; one statement a row would differ in its values.
    assert len(set(statements)) == 7  # BEGIN, buckets, claimable, claimed, claim, settle, COMMIT


def test_messages_larger_than_the_limit_are_told_with_their_time(ledger: SqliteLedger, clock: StandingClock) -> None:
    """They are still being paid for when a run begins shortly after; smaller ones are not among them."""
    claim(ledger, rows=4)
    with ledger.transaction():
        ledger.set_mps({"toll-free": 1})
    sizes = dict(ledger._connection.execute("SELECT row, parts FROM states WHERE row <= 3").fetchall())
    for second, settlement in enumerate([sent(1), unknown(2), failed(3)]):
        clock.moment = START + timedelta(seconds=second)
        settle(ledger, settlement)
    expected = [(START + timedelta(seconds=row - 1), parts) for row, parts in sizes.items() if parts > 1]
    assert expected
    assert ledger.oversized_since(START) == {"toll-free": expected}
    assert ledger.oversized_since(START + timedelta(seconds=5)) == {}
