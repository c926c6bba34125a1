"""The ledger as the event loop uses it: one thread writes, and one flush to disk serves all who wait for it."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar, cast

from bulksend.base.clock import Clock
from bulksend.base.errors import ExitCode, LedgerError
from bulksend.base.ports import ANY, Among, Behind, Choose, Diverted
from bulksend.base.progress import Counts, Run, RunEnd, Sample
from bulksend.base.records import Claim, Origin, Settlement, Status
from bulksend.store.faults import LedgerMisuse
from bulksend.store.grouping import Operation, SlicedClaim, run_together
from bulksend.store.handover import Handover
from bulksend.store.ledger import Postponement, SqliteLedger
from bulksend.store.owner import OwnerLock

T = TypeVar("T")

DIVERT_SLICE_ROWS = 1_000
"""Rows looked at in one step of `divert`, so that outcomes of other rows need not wait for all of them."""


class WriterFailure(LedgerError):
    """The ledger's thread met an error of ours; like a full disk, it ends the run."""

    exit_code = ExitCode.OUR_FAULT


class GroupCommitLedger:
    """The port `Ledger` over a file, as an async context manager; several operations share a commit.

    One thread owns the connection. It takes everything that is waiting, does it in one transaction, and answers when
    that is on disk; what arrives meanwhile is the next group. So one caller waits for one flush, and ten thousand
    callers do not wait for ten thousand. What comes in great numbers waits a moment for others (`GATHER_S`).

    What an operation finds out of order (`LedgerMisuse`: a row settled twice, say) is raised to its caller alone;
    nothing of it was written, and the others go on, so that a fault of ours does not cost the outcomes in flight.
    What the disk or SQLite refuses fails everything that waits and everything later: nothing more may be sent.

    A caller that is cancelled while it waits does not undo its operation. Rows of a cancelled `claim` are given back,
    because nobody else knows of them.

    Args:
        path: of the ledger.
        clock: for the times of intents, outcomes and runs.
        owner: the ledger's lock, if the caller holds it already.

    Attributes:
        campaign, fingerprint, summary, input_name, identities: as in `ReadableLedger`; from `start` on.
    """

    campaign: Mapping[str, object]
    fingerprint: Mapping[str, str]
    summary: Mapping[str, object]
    input_name: str
    identities: tuple[Origin, ...]

    def __init__(self, path: Path, *, clock: Clock, owner: OwnerLock | None = None) -> None:
        self.path = path
        self._clock = clock
        self._owner = owner
        self._thread: threading.Thread | None = None
        self._failure: LedgerError | None = None
        self._closed = False
        self._last_row = 0
        self._returns: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open the ledger. Raises `LedgerError` as `SqliteLedger.open_for_writing` does."""
        loop = asyncio.get_running_loop()
        self._handover = Handover()
        self._ended = loop.create_future()
        opened: asyncio.Future[SqliteLedger] = loop.create_future()
        self._thread = threading.Thread(target=self._serve, args=(opened,), name="ledger", daemon=True)
        self._thread.start()
        try:
            ledger = await opened
        except BaseException:
            self._closed = True
            self._handover.end()
            if opened.done() and not opened.cancelled():
                self._thread.join()  # it has ended; a cancelled start leaves it to end by itself
            raise
        self.campaign = ledger.campaign
        self.fingerprint = ledger.fingerprint
        self.summary = ledger.summary
        self.input_name = ledger.input_name
        self.identities = ledger.identities
        self._last_row = ledger.last_row

    async def close(self) -> None:
        """Do what is still waiting, close the ledger and give its lock back. Later calls raise `LedgerError`."""
        if self._thread is None:
            return
        while self._returns:
            await asyncio.wait(self._returns)
        if not self._closed:
            self._closed = True
            self._handover.end()
        await asyncio.shield(self._ended)
        self._thread.join()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def claim(
        self, bucket: str, *, parts: int, rows: int, oversized: bool = True, among: Among = ANY
    ) -> Sequence[Claim]:
        """As `Ledger.claim`; what others give back meanwhile may be among it. `rows` must be positive."""
        if rows < 1:
            raise ValueError(f"rows must be positive, not {rows}")
        claim = SlicedClaim(bucket, parts=parts, rows=rows, oversized=oversized, among=among)
        future = cast("asyncio.Future[Sequence[Claim]]", self._queued(claim, at_once=False))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            task = asyncio.get_running_loop().create_task(self._return(future))
            self._returns.add(task)
            task.add_done_callback(self._returns.discard)
            raise

    async def postpone(self, row: int, attempt: int, *, throttled: bool, tried: bool = True) -> None:
        """As `Ledger.postpone`."""
        await self._queued(Postponement(row, attempt, throttled, tried), at_once=False)

    async def retry(self, attempts: Mapping[int, int]) -> None:
        """As `Ledger.retry`."""
        await self.submit(lambda ledger: ledger.retry(attempts), at_once=False)

    async def settle(self, settlement: Settlement) -> None:
        """As `Ledger.settle`."""
        await self._queued(settlement, at_once=False)

    async def give_back(self, rows: Sequence[int], *, tried: Collection[int] = ()) -> None:
        """As `Ledger.give_back`."""
        await self.submit(lambda ledger: ledger.give_back(rows, tried=tried))

    async def divert(self, reason: str, behind: Behind, choose: Choose | None = None) -> Diverted:
        """As `Ledger.divert`; in slices, between which other operations go on."""
        moved: Counter[str] = Counter()
        held = 0
        last = self._last_row if behind.last is None else behind.last
        for first in range(behind.first, last + 1, DIVERT_SLICE_ROWS):
            rows = replace(behind, first=first, last=min(last, first + DIVERT_SLICE_ROWS - 1))
            diverted = await self.submit(partial(SqliteLedger.divert, reason=reason, behind=rows, choose=choose))
            moved.update(diverted.moved)
            held += diverted.held
        return Diverted(moved, held)

    async def counts(self) -> Counts:
        """As `Ledger.counts`."""
        return await self.submit(SqliteLedger.counts)

    async def finish(self, end: RunEnd, cause: str | None, *, throttled: int) -> None:
        """As `Ledger.finish`."""
        await self.submit(lambda ledger: ledger.finish_run(end, cause, throttled=throttled))

    async def recover(self) -> int:
        """As `SqliteLedger.recover`."""
        return await self.submit(SqliteLedger.recover)

    async def start_run(self) -> None:
        """As `SqliteLedger.start_run`."""
        await self.submit(SqliteLedger.start_run)

    async def set_mps(self, mps: Mapping[str, int]) -> None:
        """As `SqliteLedger.set_mps`."""
        await self.submit(lambda ledger: ledger.set_mps(mps))

    async def reasons(self) -> Mapping[Status, Mapping[str, int]]:
        """As `SqliteLedger.reasons`."""
        return await self.submit(SqliteLedger.reasons)

    async def runs(self) -> list[Run]:
        """As `SqliteLedger.runs`."""
        return await self.submit(SqliteLedger.runs)

    async def released_since(self, moment: datetime) -> Mapping[str, int]:
        """As `SqliteLedger.released_since`."""
        return await self.submit(lambda ledger: ledger.released_since(moment))

    async def oversized_since(self, moment: datetime) -> Mapping[str, Sequence[tuple[datetime, int]]]:
        """As `SqliteLedger.oversized_since`."""
        return await self.submit(lambda ledger: ledger.oversized_since(moment))

    async def recipients_since(self, moment: datetime) -> Collection[str]:
        """As `SqliteLedger.recipients_since`."""
        return await self.submit(lambda ledger: ledger.recipients_since(moment))

    async def zones(self) -> Mapping[int, str]:
        """As `Ledger.zones`."""
        return await self.submit(SqliteLedger.zones)

    async def pending_zones(self, rows: Sequence[int] | None = None) -> Mapping[str, Collection[int]]:
        """As `Ledger.pending_zones`."""
        return await self.submit(lambda ledger: ledger.pending_zones(rows))

    async def add_samples(self, samples: Sequence[Sample]) -> None:
        """As `Ledger.add_samples`."""
        await self.submit(lambda ledger: ledger.add_samples(samples))

    async def note_event(self, event: str, detail: Mapping[str, object]) -> None:
        """As `Ledger.note_event`."""
        await self.submit(lambda ledger: ledger.note_event(event, detail))

    async def note_allowed(self, allowed: Mapping[str, float | None]) -> None:
        """As `Ledger.note_allowed`."""
        await self.submit(lambda ledger: ledger.note_allowed(allowed))

    def submit(self, work: Callable[[SqliteLedger], T], *, at_once: bool = True) -> "asyncio.Future[T]":
        """Have the ledger's thread do `work`; `at_once`: it does not wait for others to share its commit."""
        return cast("asyncio.Future[T]", self._queued(work, at_once=at_once))

    def _queued(self, operation: Operation, *, at_once: bool) -> "asyncio.Future[object]":
        if self._thread is None or self._closed:
            raise LedgerMisuse(f"the ledger {self.path} was used before it was opened or after it was closed")
        return self._handover.submit(operation, at_once=at_once)

    async def _return(self, claimed: "asyncio.Future[Sequence[Claim]]") -> None:
        with suppress(LedgerError):  # whoever uses the ledger next is told
            if rows := [claim.row for claim in await claimed]:
                await self.give_back(rows)

    # The rest runs in the ledger's thread.

    def _serve(self, opened: "asyncio.Future[SqliteLedger]") -> None:
        try:
            ledger = SqliteLedger.open_for_writing(self.path, clock=self._clock, owner=self._owner)
        except BaseException as error:  # nobody is above a thread; the loop is told instead
            self._handover.answer([(opened, error), (self._ended, None)])
            return
        self._handover.answer([(opened, ledger)])
        while group := self._handover.next_group():
            results = self._run(ledger, [operation for operation, _ in group])
            self._handover.answer_group(group, results)
        try:
            ledger.close()
        except BaseException as error:  # the loop is told
            self._handover.answer([(self._ended, error)])
        else:
            self._handover.answer([(self._ended, None)])

    def _run(self, ledger: SqliteLedger, operations: Sequence[Operation]) -> Sequence[object]:
        if self._failure is None and operations:
            try:
                return run_together(ledger, operations)
            except LedgerError as error:
                self._failure = error
            except BaseException as error:  # a thread that dies here would leave its callers waiting
                self._failure = WriterFailure(
                    f"the ledger {self.path} cannot go on ({type(error).__name__})", "Please report this"
                )
                self._failure.__cause__ = error
        return [self._failure] * len(operations)
