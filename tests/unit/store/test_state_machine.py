"""The ledger against a model of it in plain Python, over any order of operations, crashes and reopenings."""

import shutil
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from bulksend.base.ports import Behind
from bulksend.base.records import Bucket, Origin, Outcome, OutcomeKind, Settlement, Status
from bulksend.store.export import export_rows
from bulksend.store.faults import LedgerMisuse
from bulksend.store.ledger import Postponement, SqliteLedger
from bulksend.store.schema import RETRY
from tests.unit.store.helpers import (
    BUCKETS,
    IDENTITIES,
    StandingClock,
    pending,
    skipped,
    write_plan,
)

ORIGINS = (*IDENTITIES, Origin("+18885550101", "toll-free"), Origin("ACME", "toll-free"), Origin("ACME", "short"))
"""The second of one bucket, and one identity that is charged to both."""
OUTCOMES = (Status.SENT, Status.FAILED, Status.UNKNOWN)
COUNTRIES = ("US", "CA", None)
ROWS = st.integers(min_value=1, max_value=14)
MOSTLY = st.sampled_from([True, True, True, False])
RARELY = st.sampled_from([False, False, False, True])


@dataclass
class Model:
    """Where a row stands."""

    bucket: str | None
    identity: str | None
    country: str | None
    parts: int
    status: Status
    pinned: bool
    reason: str | None = None
    attempts: int = 0
    lost: str | None = None
    finished_at: datetime | None = None

    @property
    def claimable(self) -> bool:
        return self.status is Status.PENDING and self.reason is None

    @property
    def postponed(self) -> bool:
        return self.status is Status.PENDING and self.reason == RETRY

    def finish(self, status: Status, reason: str | None, at: datetime) -> None:
        self.status, self.reason, self.finished_at = status, reason, at

    def forget_outcome(self) -> None:
        """Somebody accepts that the row may go out twice."""
        self.lost, self.reason = self.reason or "unknown", None


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
        self.breakers: dict[tuple[str, str | None], Counter[str]] = {}
        self.mps = {bucket.name: bucket.mps for bucket in BUCKETS}
        self.allows: dict[str, tuple[float, datetime] | None] = dict.fromkeys(self.mps)

    @initialize(
        rows=st.lists(
            st.none()
            | st.tuples(
                st.sampled_from(ORIGINS),
                st.sampled_from(COUNTRIES),
                st.integers(min_value=1, max_value=4),
                RARELY,
                st.sampled_from([Status.PENDING, Status.SENDING, RETRY, Status.UNKNOWN, Status.SENT]),
            ),
            min_size=4,
            max_size=12,
        )
    )
    def plan(self, rows: list[tuple[Origin, str | None, int, bool, str] | None]) -> None:
        """A campaign that has been under way for a while: rows stand everywhere from the start."""
        planned = [
            skipped(row)
            if each is None
            else replace(pending(row, country=each[1], parts=each[2], pinned=each[3]), **asdict(each[0]))
            for row, each in enumerate(rows, start=1)
        ]
        path = Path(self.folder.name) / "0.db"
        self.path = write_plan(path, planned, clock=self.clock, identities=ORIGINS)
        self.row_to = {each.destination: each.row for each in planned}
        self.model = {
            each.row: Model(each.bucket, each.identity, each.country, each.parts, each.status, each.pinned, each.reason)
            for each in planned
        }
        self.ledger = SqliteLedger.open_for_writing(self.path, clock=self.clock)
        with self.ledger.transaction():
            self.ledger.start_run()
            for bucket in BUCKETS:
                self.ledger.claim(bucket.name, parts=100, rows=100)
        for row, each in self.model.items():
            if each.status is Status.PENDING:
                each.status, each.attempts = Status.SENDING, 1
                self._bring(row, rows[row - 1][-1])  # type: ignore[index]  # skipped rows are None

    def _bring(self, row: int, to: str) -> None:
        with self.ledger.transaction():
            if to == RETRY:
                self.ledger.postpone(row, 1, throttled=False)
                self.model[row].status, self.model[row].reason = Status.PENDING, RETRY
            elif to == Status.PENDING:
                self.ledger.give_back([row])
                self.model[row].status, self.model[row].attempts = Status.PENDING, 0
            elif to != Status.SENDING:
                status = Status(to)
                self.ledger.settle(Settlement(row, 1, status, outcome_of(status, None)))
                self.model[row].finish(status, None, self.clock.now())
                self.settled[row] = (status, None)

    def _rows(self, status: Status) -> list[int]:
        return [row for row, each in self.model.items() if each.status is status]

    def _attempts(self, row: int) -> int:
        return self.model[row].attempts if row in self.model else 1

    @rule(
        bucket=st.sampled_from([bucket.name for bucket in BUCKETS]),
        parts=st.integers(min_value=0, max_value=8),
        rows=st.integers(min_value=1, max_value=5),
        oversized=st.booleans(),
        committed=MOSTLY,
    )
    def claim(self, bucket: str, parts: int, rows: int, *, oversized: bool, committed: bool) -> None:
        expected: list[int] = []
        left = parts
        for row, each in self.model.items():
            if each.bucket == bucket and each.claimable:
                if len(expected) == rows or (each.parts > left and (expected or not oversized)):
                    break
                expected.append(row)
                left -= each.parts
        with suppress(ZeroDivisionError), self.ledger.transaction():
            claims = self.ledger.claim(bucket, parts=parts, rows=rows, oversized=oversized)
            assert [claim.row for claim in claims] == expected
            assert (oversized and len(claims) <= 1) or sum(claim.parts for claim in claims) <= parts
            for claim in claims:
                each = self.model[claim.row]
                assert claim.attempt == each.attempts + 1
                assert (claim.identity, claim.country, claim.parts) == (each.identity, each.country, each.parts)
                assert (claim.bucket, claim.lost) == (each.bucket, each.lost)
            if not committed:
                _ = 1 / 0
        if committed:
            for row in expected:
                self.model[row].status = Status.SENDING
                self.model[row].attempts += 1

    @rule(rows=st.lists(ROWS, unique=True, max_size=3), claimed=MOSTLY, late=RARELY, tried=MOSTLY, data=st.data())
    def postpone(self, rows: list[int], data: st.DataObject, *, claimed: bool, late: bool, tried: bool) -> None:
        sending = self._rows(Status.SENDING)
        if sending and claimed:
            rows = data.draw(st.lists(st.sampled_from(sending), min_size=1, unique=True))
        batch = [
            Postponement(row, self._attempts(row) - late, throttled=throttled, tried=tried)
            for row, throttled in zip(rows, data.draw(st.lists(st.booleans(), min_size=len(rows))), strict=False)
        ]
        with self.ledger.transaction():
            refused = self.ledger.postpone_all(batch)
        for row, attempt, throttled, _ in batch:
            each = self.model.get(row)
            in_time = each is not None and row in sending and attempt == each.attempts
            again = each is not None and each.postponed and attempt - (not tried) == each.attempts
            assert (row in refused) == (not in_time and not again)
            if in_time and each is not None:
                each.status, each.reason = Status.PENDING, RETRY
                each.attempts -= not tried
                self.throttled += throttled

    @rule(
        rows=st.lists(ROWS, unique=True, max_size=3),
        waiting=MOSTLY,
        step=st.sampled_from([1, 1, 1, 0, 2]),
        data=st.data(),
    )
    def retry(self, rows: list[int], step: int, data: st.DataObject, *, waiting: bool) -> None:
        again = [row for row, each in self.model.items() if each.postponed or each.status is Status.UNKNOWN]
        if again and waiting:
            rows = data.draw(st.lists(st.sampled_from(again), min_size=1, unique=True))
        attempts = {row: self._attempts(row) + step for row in rows}
        allowed = all(
            (step == 1 and row in again) or (step == 0 and row in self._rows(Status.SENDING)) for row in attempts
        )
        with self.ledger.transaction():
            try:
                self.ledger.retry(attempts)
            except LedgerMisuse:
                assert not allowed
                return
        assert allowed
        for row, attempt in attempts.items():
            each = self.model[row]
            if each.status is Status.UNKNOWN:
                each.forget_outcome()
                self.settled.pop(row, None)
            each.status, each.reason, each.attempts = Status.SENDING, None, attempt

    def resend_unknown(self) -> None:
        rows = self._rows(Status.UNKNOWN)
        with self.ledger.transaction():
            assert self.ledger.resend_unknown() == len(rows)
        for row in rows:
            self.model[row].forget_outcome()
            self.model[row].status = Status.PENDING
            self.settled.pop(row, None)

    @rule(
        row=ROWS,
        status=st.sampled_from(OUTCOMES),
        reason=st.sampled_from(["a", "b", None]),
        claimed=MOSTLY,
        late=RARELY,
        data=st.data(),
    )
    def settle(
        self, row: int, status: Status, reason: str | None, data: st.DataObject, *, claimed: bool, late: bool
    ) -> None:
        sending = self._rows(Status.SENDING)
        if sending and claimed:
            row = data.draw(st.sampled_from(sending))
        each = self.model.get(row)
        attempt = self._attempts(row) - late
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
        if not repeated:
            each.finish(status, reason, self.clock.now())
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
            self.model[row].finish(Status.SENT, None, self.clock.now())
            self.settled[row] = (Status.SENT, None)

    @rule(rows=st.lists(ROWS, unique=True, max_size=4), owned=MOSTLY, tried=st.sets(ROWS), data=st.data())
    def give_back(self, rows: list[int], tried: set[int], data: st.DataObject, *, owned: bool) -> None:
        releasable = [row for row, each in self.model.items() if each.postponed or each.status is Status.SENDING]
        if releasable and owned:
            rows = data.draw(st.lists(st.sampled_from(releasable), min_size=1, unique=True))
        allowed = set(rows) <= set(releasable)
        with self.ledger.transaction():
            try:
                self.ledger.give_back(rows, tried=tried)
            except LedgerMisuse:
                assert not allowed
                return
        assert allowed
        for row in rows:
            each = self.model[row]
            each.attempts -= each.status is Status.SENDING and row not in tried
            each.status, each.reason = Status.PENDING, None

    @rule(
        identity=st.sampled_from(sorted({origin.identity for origin in ORIGINS})),
        country=st.sampled_from([None, *COUNTRIES]),
        first=st.integers(1, 4),
        rows=st.integers(5, 12),
        choices=st.randoms() | st.none(),
        used=MOSTLY,
        data=st.data(),
    )
    def divert(
        self,
        identity: str,
        country: str | None,
        first: int,
        rows: int,
        choices: Random | None,
        data: st.DataObject,
        *,
        used: bool,
    ) -> None:
        using = sorted({each.identity for each in self.model.values() if each.claimable and each.identity})
        if using and used:
            identity = data.draw(st.sampled_from(using))
        others = [None, *(each for each in ORIGINS if each.identity != identity)]
        last = first + rows - 1
        behind = {
            row: each
            for row, each in self.model.items()
            if first <= row <= last
            and (each.claimable and each.identity == identity and country in (None, each.country))
        }
        chosen: dict[int, Origin | None] = {}

        def choose(destination: str, its_country: str | None) -> Origin | None:
            row = self.row_to[destination]
            assert its_country == self.model[row].country
            assert row not in chosen
            chosen[row] = choices.choice(others) if choices else None
            return chosen[row]

        with self.ledger.transaction():
            scope = Behind(identity, country, first=first, last=last)
            diverted = self.ledger.divert("held", scope, choose if choices else None)
        assert list(chosen) == ([row for row, each in behind.items() if not each.pinned] if choices else [])
        moved = {row: other for row, other in chosen.items() if other is not None}
        assert diverted.moved == Counter(other.bucket for other in moved.values())
        assert diverted.held == len(behind) - len(moved)
        for row, each in behind.items():
            if row in moved:
                each.identity, each.bucket = moved[row].identity, moved[row].bucket
            else:
                each.reason = "held"
        self.breakers.setdefault((identity, country), Counter()).update(moved=len(moved), held=diverted.held)

    @rule(allowed=st.dictionaries(st.sampled_from(BUCKETS), st.none() | st.floats(0.25, 99)), heard_of=MOSTLY)
    def note_allowed(self, allowed: dict[Bucket, float | None], *, heard_of: bool) -> None:
        with self.ledger.transaction():
            try:
                self.ledger.note_allowed(
                    {bucket.name: value for bucket, value in allowed.items()} | ({} if heard_of else {"x": 1.0})
                )
            except LedgerMisuse:
                assert not heard_of
                return
        assert heard_of
        for bucket, value in allowed.items():
            self.allows[bucket.name] = None if value is None else (value, self.clock.now())

    @rule(bucket=st.sampled_from(BUCKETS), mps=st.integers(1, 3))
    def set_mps(self, bucket: Bucket, mps: int) -> None:
        with self.ledger.transaction():
            self.ledger.set_mps({bucket.name: mps})
        if mps != self.mps[bucket.name]:
            self.allows[bucket.name] = None
        self.mps[bucket.name] = mps

    def recover(self) -> None:
        sending = self._rows(Status.SENDING)
        with self.ledger.transaction():
            assert self.ledger.recover() == len(sending)
        self.breakers.clear()
        for row in sending:
            self.model[row].finish(Status.UNKNOWN, "interrupted", self.clock.now())
        for each in self.model.values():
            if each.status is Status.PENDING:
                each.reason = None
        self._withdraw()

    @rule()
    def withdraw(self) -> None:
        with self.ledger.transaction():
            self.ledger.withdraw_resends()
        self._withdraw()

    def _withdraw(self) -> None:
        for each in self.model.values():
            if each.status is Status.PENDING and each.lost is not None:
                each.status, each.reason = Status.UNKNOWN, each.lost

    @rule(crashed=st.booleans(), recovered=st.booleans(), resent=st.booleans())
    def reopen(self, *, crashed: bool, recovered: bool, resent: bool) -> None:
        """Go on with the files as they are: closed in order, or as a `kill -9` leaves them."""
        if crashed:
            copy = self.path.with_name(f"{int(self.path.stem) + 1}.db")
            for suffix in ("", "-wal"):
                shutil.copy(f"{self.path}{suffix}", f"{copy}{suffix}")
            self.path = copy
        self.ledger.close()
        self.ledger = SqliteLedger.open_for_writing(self.path, clock=self.clock)
        if recovered:
            self.recover()
        if resent:
            self.resend_unknown()
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
            assert bucket.messages_held == sum(
                each.status is Status.PENDING and not each.claimable and not each.postponed for each in own
            )

    @invariant()
    def rows_stand_where_the_model_says(self) -> None:
        found = [
            tuple(row[name] for name in ("row", "status", "reason", "attempts", "identity", "bucket"))
            for row in export_rows(self.path)
        ]
        assert found == [
            (row, each.status, each.reason, each.attempts, each.identity, each.bucket)
            for row, each in self.model.items()
        ]

    @invariant()
    def what_is_settled_stays_settled(self) -> None:
        assert {row: (self.model[row].status, self.model[row].reason) for row in self.settled} == self.settled

    @invariant()
    def losses_are_remembered(self) -> None:
        found = self.ledger._connection.execute("SELECT row, lost FROM states ORDER BY row").fetchall()
        assert found == [(row, each.lost) for row, each in self.model.items()]

    @invariant()
    def reasons_add_up(self) -> None:
        expected: dict[Status, Counter[str]] = {}
        for each in self.model.values():
            if each.status is not Status.SENT and (each.reason or each.status in OUTCOMES) and not each.postponed:
                expected.setdefault(each.status, Counter())[each.reason or "unspecified"] += 1
        assert self.ledger.reasons() == expected

    @invariant()
    def parts_released_are_those_with_an_outcome(self) -> None:
        for since in (self.clock.now(), self.clock.now() - timedelta(seconds=1)):
            expected = dict.fromkeys((bucket.name for bucket in BUCKETS), 0)
            for each in self.model.values():
                if each.bucket and each.finished_at and each.finished_at >= since:
                    expected[each.bucket] += each.parts
            assert self.ledger.released_since(since) == expected
            assert self.ledger.recipients_since(since) == {
                destination
                for destination, row in self.row_to.items()
                if (finished_at := self.model[row].finished_at) and finished_at >= since
            }

    @invariant()
    def what_was_learnt_of_a_limit_is_that_limits(self) -> None:
        for each in self.ledger.counts().buckets:
            assert each.mps == self.mps[each.bucket]
            noted = None if each.allows is None or each.allows_at is None else (each.allows, each.allows_at)
            assert noted == self.allows[each.bucket]
            assert (each.allows is None) == (each.allows_at is None)

    @invariant()
    def breakers_are_noted(self) -> None:
        found = {(each.identity, each.country): (each.moved, each.held) for each in self.ledger.breakers()}
        assert found == {scope: (sums["moved"], sums["held"]) for scope, sums in self.breakers.items()}

    @invariant()
    def throttles_are_counted(self) -> None:
        assert sum(run.throttled for run in self.ledger.runs()) == self.throttled

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.close()
        self.folder.cleanup()


LedgerMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestLedger = LedgerMachine.TestCase
