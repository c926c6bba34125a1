"""The ledger of a campaign in SQLite: what may be done to a row, and when."""

import json
import os
import socket
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Self

import msgspec

from bulksend.base.clock import Clock
from bulksend.base.errors import LedgerError
from bulksend.base.records import Claim, RunEnd, Settlement, Status
from bulksend.store import statements as sql
from bulksend.store.connect import connect_for_writing
from bulksend.store.faults import LedgerMisuse, told_as_ledger_error
from bulksend.store.owner import OwnerLock
from bulksend.store.reading import ReadableLedger
from bulksend.store.schema import to_milliseconds

INTERRUPTED = "interrupted"
"""Reason of rows whose outcome went down with the process that was sending them."""

_OUTCOMES = frozenset({Status.SENT, Status.FAILED, Status.UNKNOWN})

_CLAIMABLE = msgspec.json.Decoder(list[tuple[int, int, str, str | None, str, str, int]])


class Retry(NamedTuple):
    """Intent of attempt number `attempt` at a row; `throttled`: the one before it was."""

    row: int
    attempt: int
    throttled: bool


class _Standing(NamedTuple):
    """Where a row stands, as far as an outcome is compared with it."""

    status: str
    attempts: int
    reason: str | None
    message_id: str | None
    error_code: str | None


class SqliteLedger(ReadableLedger):
    """One campaign's ledger through one connection, which belongs to the thread that opened it.

    What changes rows takes part in the caller's `transaction()` and is on disk when that has ended, not before. It
    is checked first, and `LedgerMisuse` is raised with nothing written when it does not fit where the row stands:

        claim    pending, not held -> sending   attempts + 1
        retry    sending -> sending             attempts + 1; again with the same number: nothing happens
        settle   sending -> an outcome          again with the same result: nothing happens
        release  sending -> pending             attempts - 1, unless tried: an intent alone is no attempt
        hold     pending -> pending             with a reason, so that claims pass over it
        recover  sending -> unknown             with reason "interrupted"; and no row is held any more

    Operations that concern many rows are one statement for all of them, and claims are read in one step: Python gives
    its lock away at every step of a statement, and beside a busy event loop waits up to the switch interval (5 ms)
    until it has it back. One statement a row took 5 ms a row there.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, cleanup: ExitStack, clock: Clock | None = None
    ) -> None:
        super().__init__(path, connection, cleanup)
        self._clock = clock
        self._run: int | None = None
        self._failure: LedgerError | None = None

    @classmethod
    def open_for_writing(cls, path: Path, *, clock: Clock, owner: OwnerLock | None = None) -> Self:
        """Open the ledger at `path` as its only writer.

        Args:
            path: of the ledger.
            clock: for the times of intents, outcomes and runs.
            owner: the ledger's lock, if the caller holds it already; otherwise it is taken here, until `close`.

        Raises:
            LedgerError: missing, in use by another process, not a ledger, of another version, damaged, read-only.
        """
        with ExitStack() as stack:
            if owner is not None:
                owner.require(path)
            elif path.exists():
                stack.enter_context(OwnerLock(path, clock=clock))
            connection = connect_for_writing(path)
            stack.callback(connection.close)
            return cls(path, connection, stack, clock)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is done inside becomes durable together when the block ends, or not at all when it raises.

        Raises:
            LedgerError: it could not be written (disk full, read-only, damaged, locked). Nothing of it counts. This
                ledger refuses every further transaction: nothing more may be sent, and `recover` by the next owner
                makes `unknown` what was in flight.
        """
        self._require_writing()
        if self._failure is not None:
            raise LedgerError(self._failure.what, self._failure.hint) from self._failure
        try:
            self._step("BEGIN IMMEDIATE")
            try:
                yield
                self._step("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    with suppress(LedgerError):  # what led here is what has to be told
                        self._step("ROLLBACK")
                raise
        except LedgerMisuse:
            raise
        except LedgerError as error:
            self._failure = error
            raise

    def claim(self, bucket: str, *, parts: int, rows: int) -> Sequence[Claim]:
        """Take pending rows, as `Ledger.claim` says. `rows` must be positive."""
        if rows < 1:
            raise ValueError(f"rows must be positive, not {rows}")
        values = {"bucket": self._bucket_number(bucket), "parts": parts, "rows": rows}
        ((found,),) = self._read(sql.CLAIMABLE, values)
        claimable = sorted(_CLAIMABLE.decode(found))
        self._write(sql.CLAIM, {"now": self._now(), "rows": json.dumps([row for row, *_ in claimable])})
        return [
            Claim(
                row=row,
                attempt=attempt,
                destination=destination,
                country=country,
                identity=identity,
                bucket=bucket,
                text=text,
                parts=weight,
            )
            for row, attempt, destination, country, identity, text, weight in claimable
        ]

    def retry(self, row: int, attempt: int, *, throttled: bool) -> None:
        """Note the intent of another attempt, as `Ledger.retry` says; `attempt` is one more than the last."""
        for refusal in self.retry_all([Retry(row, attempt, throttled)]).values():
            raise refusal

    def retry_all(self, retries: Sequence[Retry]) -> Mapping[int, LedgerMisuse]:
        """`retry` for several rows, each at most once. Returns those refused (row -> why); the others are noted."""
        batch = json.dumps([(each.row, each.attempt) for each in retries])
        changed = self._write(sql.RETRY, {"now": self._now(), "batch": batch})
        throttled = sum(each.throttled for each in retries)
        refused: dict[int, LedgerMisuse] = {}
        if changed != len(retries):
            standing = self._standing([each.row for each in retries])
            for each in retries:
                now = standing.get(each.row)
                if now is None or (now.status, now.attempts) != (Status.SENDING, each.attempt):
                    refused[each.row] = _refusal(f"attempt {each.attempt}", each.row, now)
                    throttled -= each.throttled
        if throttled and self._run is not None:
            self._write("UPDATE runs SET throttled = throttled + ? WHERE id = ?", (throttled, self._run))
        return refused

    def settle(self, settlement: Settlement) -> None:
        """Record an outcome, as `Ledger.settle` says."""
        for refusal in self.settle_all([settlement]).values():
            raise refusal

    def settle_all(self, settlements: Sequence[Settlement]) -> Mapping[int, LedgerMisuse]:
        """`settle` for several rows, each at most once. Returns those refused (row -> why); the others are recorded."""
        refused: dict[int, LedgerMisuse] = {}
        results: dict[int, _Standing] = {}
        batch = []
        for each in settlements:
            if each.status not in _OUTCOMES:
                refused[each.row] = LedgerMisuse(f"row {each.row} cannot be settled as {each.status.value}")
                continue
            outcome = each.outcome
            result = _Standing(
                each.status, each.attempt, *map(_storable, (outcome.reason, outcome.message_id, outcome.error_code))
            )
            results[each.row] = result
            batch.append((each.row, *result, _storable(outcome.error_message)))
        changed = self._write(sql.SETTLE, {"now": self._now(), "batch": json.dumps(batch)})
        if changed != len(batch):
            standing = self._standing(results)
            for row, result in results.items():
                if standing.get(row) != result:
                    what = f"the outcome {result.status} of attempt {result.attempts}"
                    refused[row] = _refusal(what, row, standing.get(row))
        return refused

    def release(self, rows: Sequence[int], *, tried: Collection[int] = ()) -> None:
        """Return claimed rows, as `Ledger.release` says; all of them, or none when one of them is not claimed."""
        standing = self._standing(rows)
        for row in rows:
            now = standing.get(row)
            if now is None or now.status != Status.SENDING:
                raise _refusal("a release", row, now)
        self._write(sql.RELEASE, {"rows": json.dumps(list(rows)), "tried": json.dumps(list(tried))})

    def hold(
        self, reason: str, *, identity: str, country: str | None = None, first: int = 1, last: int | None = None
    ) -> int:
        """Hold pending rows, as `Ledger.hold` says; only row numbers `first` to `last`, to do it in slices."""
        if identity not in self.identities:
            raise LedgerMisuse(f"the identity {identity!r} is not one of the campaign's")
        last = self.last_row if last is None else last
        values = {"reason": reason, "identity": identity, "country": country, "first": first, "last": last}
        return self._write(sql.HOLD, values)

    def recover(self) -> int:
        """Put in order what an earlier owner left behind; return how many rows became `unknown`.

        Rows that it was sending may have been sent, or not: they are `unknown`, with reason "interrupted". Rows that
        it held are free again: what stood against them may have been mended. Its run ended with the last message
        that was accepted.
        """
        interrupted = self._write(sql.INTERRUPT, {"reason": INTERRUPTED, "now": self._now()})
        self._write(sql.LIFT_HOLDS, ())
        self._write(sql.END_DEAD_RUNS, ())
        return interrupted

    def set_mps(self, mps: Mapping[str, int]) -> None:
        """Change the limits of buckets (name -> parts per second) to those that hold now."""
        for limit, number in [(limit, self._bucket_number(bucket)) for bucket, limit in mps.items()]:
            self._write("UPDATE buckets SET mps = ? WHERE id = ?", (limit, number))

    def start_run(self) -> None:
        """Note that this process begins to send."""
        self._write(sql.START_RUN, (os.getpid(), socket.gethostname(), self._now()))
        ((self._run,),) = self._read("SELECT max(id) FROM runs")

    def finish_run(self, end: RunEnd, cause: str | None, *, throttled: int) -> None:
        """Note how the run that this process started has ended, and how many throttled answers it had in all."""
        if self._run is None:
            raise LedgerMisuse("a run was finished that was not started")
        self._write(sql.FINISH_RUN, (self._now(), end, cause, throttled, self._run))

    def _write(self, statement: str, values: Mapping[str, object] | tuple[object, ...]) -> int:
        if not self._connection.in_transaction:
            raise LedgerMisuse("the ledger was changed outside a transaction")
        return self._step(statement, values)

    def _step(self, statement: str, values: Mapping[str, object] | tuple[object, ...] = ()) -> int:
        with told_as_ledger_error(self.path):
            return self._connection.execute(statement, values).rowcount

    def _standing(self, rows: Collection[int]) -> Mapping[int, _Standing]:
        return {row: _Standing(*now) for row, *now in self._read(sql.STANDING, (json.dumps(list(rows)),))}

    def _require_writing(self) -> Clock:
        if self._clock is None:
            raise LedgerMisuse(f"the ledger {self.path} was opened for reading")
        return self._clock

    def _now(self) -> int:
        return to_milliseconds(self._require_writing().now())

    def _bucket_number(self, name: str) -> int:
        for (number,) in self._read("SELECT id FROM buckets WHERE name = ?", (name,)):
            return int(number)
        raise LedgerMisuse(f"the bucket {name!r} is not one of the campaign's")


def _refusal(what: str, row: int, now: _Standing | None) -> LedgerMisuse:
    where = "is not in the ledger" if now is None else f"is {now.status} after {now.attempts} attempts"
    return LedgerMisuse(f"row {row} {where}, which does not fit {what}")


def _storable(text: str | None) -> str | None:
    """`text` as SQLite can hold it: what a service or a socket said may hold NUL and halves of surrogate pairs."""
    if text is None or text.isprintable():
        return text
    return text.encode(errors="replace").decode().replace("\0", "?")
