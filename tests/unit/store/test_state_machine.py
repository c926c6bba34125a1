"""The ledger against a model of it in plain Python, over any order of operations, crashes and reopenings."""

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bulksend.base.records import Outcome, OutcomeKind, Settlement, Status
from bulksend.store.export import export_rows
from bulksend.store.faults import LedgerMisuse
from bulksend.store.ledger import SqliteLedger
from tests.unit.store.helpers import (
    IDENTITIES,
    SHORT_CODE,
    TOLL_FREE,
    StandingClock,
    pending,
    skipped,
    write_plan,
)

OUTCOMES = (Status.SENT, Status.FAILED, Status.UNKNOWN)
ROWS = st.integers(min_value=1, max_value=14)


@dataclass
class Model:
    """Where a row stands."""

    bucket: str | None
    identity: str | None
    country: str | None
    parts: int
    status: Status
    reason: str | None = None
    attempts: int = 0

    @property
    def claimable(self) -> bool:
        return self.status is Status.PENDING and self.reason is None


def outcome_of(status: Status, reason: str | None) -> Outcome:
    """An outcome that leads to `status`."""
    if status is Status.SENT:
        return Outcome(OutcomeKind.SENT, message_id="m")
    return Outcome(OutcomeKind.UNKNOWN, reason, error_code="E")


class LedgerMachine(RuleBasedStateMachine):
    """Every rule does the same to the ledger and to the model, and both must agree about what was allowed."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.clock = StandingClock()
        self.settled: dict[int, tuple[Status, str | None]] = {}
        self.throttled = 0

    @initialize(
        rows=st.lists(
            st.none()
            | st.tuples(
                st.sampled_from([TOLL_FREE, SHORT_CODE]),
                st.sampled_from(["US", "CA", None]),
                st.integers(min_value=1, max_value=4),
            ),
            min_size=1,
            max_size=12,
        )
    )
    def plan(self, rows: list[tuple[str, str | None, int] | None]) -> None:
        planned = [
            skipped(row) if each is None else pending(row, identity=each[0], country=each[1], parts=each[2])
            for row, each in enumerate(rows, start=1)
        ]
        self.path = write_plan(Path(self.folder.name) / "0.db", planned, clock=self.clock)
        self.model = {
            each.row: Model(each.bucket, each.identity, each.country, each.parts, each.status, each.reason)
            for each in planned
        }
        self.ledger = SqliteLedger.open_for_writing(self.path, clock=self.clock)
        with self.ledger.transaction():
            self.ledger.start_run()

    def _rows(self, status: Status) -> list[int]:
        return [row for row, each in self.model.items() if each.status is status]

    @rule(
        bucket=st.sampled_from(sorted(set(IDENTITIES.values()))),
        parts=st.integers(min_value=0, max_value=8),
        rows=st.integers(min_value=1, max_value=5),
        committed=st.booleans(),
    )
    def claim(self, bucket: str, parts: int, rows: int, *, committed: bool) -> None:
        expected: list[int] = []
        left = parts
        for row, each in self.model.items():
            if each.bucket == bucket and each.claimable:
                if len(expected) == rows or (expected and each.parts > left):
                    break
                expected.append(row)
                left -= each.parts
        with suppress(ZeroDivisionError), self.ledger.transaction():
            claims = self.ledger.claim(bucket, parts=parts, rows=rows)
            assert [claim.row for claim in claims] == expected
            assert len(claims) <= 1 or sum(claim.parts for claim in claims) <= parts
            for claim in claims:
                each = self.model[claim.row]
                assert claim.attempt == each.attempts + 1
                assert (claim.identity, claim.country, claim.parts) == (each.identity, each.country, each.parts)
            if not committed:
                _ = 1 / 0
        if committed:
            for row in expected:
                self.model[row].status = Status.SENDING
                self.model[row].attempts += 1

    @rule(row=ROWS, step=st.integers(min_value=0, max_value=2), throttled=st.booleans())
    def retry(self, row: int, step: int, *, throttled: bool) -> None:
        each = self.model.get(row)
        attempt = (each.attempts if each else 0) + step
        allowed = each is not None and each.status is Status.SENDING and step < 2
        with self.ledger.transaction():
            try:
                self.ledger.retry(row, attempt, throttled=throttled)
            except LedgerMisuse:
                assert not allowed
                return
        assert allowed
        assert each is not None
        each.attempts = attempt
        self.throttled += throttled

    @rule(
        row=ROWS,
        status=st.sampled_from(OUTCOMES),
        reason=st.sampled_from(["a", "b", None]),
        late=st.booleans(),
    )
    def settle(self, row: int, status: Status, reason: str | None, *, late: bool) -> None:
        each = self.model.get(row)
        attempt = (each.attempts if each else 1) - late
        reason = None if status is Status.SENT else reason
        repeated = self.settled.get(row) == (status, reason)
        allowed = each is not None and not late and (each.status is Status.SENDING or repeated)
        with self.ledger.transaction():
            try:
                self.ledger.settle(Settlement(row, attempt, status, outcome_of(status, reason)))
            except LedgerMisuse:
                assert not allowed
                return
        assert allowed
        assert each is not None
        each.status, each.reason = status, reason
        self.settled[row] = (status, reason)

    @rule(data=st.data())
    def settle_what_is_claimed(self, data: st.DataObject) -> None:
        rows = data.draw(st.lists(st.sampled_from(self._rows(Status.SENDING) or [99]), unique=True))
        rows = [row for row in rows if row in self.model]
        with self.ledger.transaction():
            settlements = [
                Settlement(row, self.model[row].attempts, Status.SENT, outcome_of(Status.SENT, None)) for row in rows
            ]
            assert self.ledger.settle_all(settlements) == {}
        for row in rows:
            self.model[row].status, self.model[row].reason = Status.SENT, None
            self.settled[row] = (Status.SENT, None)

    @rule(rows=st.lists(ROWS, unique=True, max_size=4), claimed=st.booleans(), data=st.data())
    def release(self, rows: list[int], data: st.DataObject, *, claimed: bool) -> None:
        sending = self._rows(Status.SENDING)
        if sending and claimed:
            rows = data.draw(st.lists(st.sampled_from(sending), unique=True))
        allowed = set(rows) <= set(sending)
        with self.ledger.transaction():
            try:
                self.ledger.release(rows)
            except LedgerMisuse:
                assert not allowed
                return
        assert allowed
        for row in rows:
            self.model[row].status = Status.PENDING
            self.model[row].attempts -= 1

    @rule(
        identity=st.sampled_from([TOLL_FREE, SHORT_CODE]),
        country=st.sampled_from(["US", "CA", None]),
        first=st.integers(min_value=1, max_value=6),
    )
    def hold(self, identity: str, country: str | None, first: int) -> None:
        matching = [
            each
            for row, each in self.model.items()
            if row >= first and each.claimable and each.identity == identity and country in (None, each.country)
        ]
        with self.ledger.transaction():
            assert self.ledger.hold("held", identity=identity, country=country, first=first) == len(matching)
        for each in matching:
            each.reason = "held"

    @rule()
    def recover(self) -> None:
        sending = self._rows(Status.SENDING)
        with self.ledger.transaction():
            assert self.ledger.recover() == len(sending)
        for row in sending:
            self.model[row].status, self.model[row].reason = Status.UNKNOWN, "interrupted"
        for each in self.model.values():
            if each.status is Status.PENDING:
                each.reason = None

    @rule(crashed=st.booleans())
    def reopen(self, *, crashed: bool) -> None:
        """Go on with the files as they are: closed in order, or as a `kill -9` leaves them."""
        if crashed:
            copy = self.path.with_name(f"{int(self.path.stem) + 1}.db")
            for suffix in ("", "-wal"):
                shutil.copy(f"{self.path}{suffix}", f"{copy}{suffix}")
            self.path = copy
        self.ledger.close()
        self.ledger = SqliteLedger.open_for_writing(self.path, clock=self.clock)
        with self.ledger.transaction():
            self.ledger.start_run()

    @rule()
    def wait(self) -> None:
        self.clock.advance(1)

    @invariant()
    def every_row_is_accounted_for_once(self) -> None:
        counts = self.ledger.counts()
        assert counts.rows == len(self.model) == sum(counts.by_status.values())
        assert {status: counts.of(status) for status in Status} == {
            status: len(self._rows(status)) for status in Status
        }
        assert counts.parts_sent == sum(self.model[row].parts for row in self._rows(Status.SENT))
        for bucket in counts.buckets:
            own = [each for each in self.model.values() if each.bucket == bucket.bucket]
            done = [each for each in own if each.status in OUTCOMES]
            assert (bucket.messages, bucket.parts) == (len(own), sum(each.parts for each in own))
            assert (bucket.messages_done, bucket.parts_done) == (len(done), sum(each.parts for each in done))
            assert bucket.messages_held == sum(each.status is Status.PENDING and not each.claimable for each in own)

    @invariant()
    def rows_stand_where_the_model_says(self) -> None:
        found = [(row["row"], row["status"], row["reason"], row["attempts"]) for row in export_rows(self.path)]
        assert found == [(row, each.status, each.reason, each.attempts) for row, each in self.model.items()]

    @invariant()
    def what_is_settled_stays_settled(self) -> None:
        assert {row: (self.model[row].status, self.model[row].reason) for row in self.settled} == self.settled

    @invariant()
    def throttles_are_counted(self) -> None:
        assert sum(run.throttled for run in self.ledger.runs()) == self.throttled

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.close()
        self.folder.cleanup()


LedgerMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestLedger = LedgerMachine.TestCase
