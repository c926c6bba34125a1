"""The ledger without a thread, for tests on a virtual clock."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from bulksend.base.ports import ANY, Among, Behind, Choose, Diverted
from bulksend.base.progress import Counts, RunEnd, Sample
from bulksend.base.records import Claim, Settlement
from bulksend.store.ledger import SqliteLedger


class InlineLedger:
    """The port `Ledger` over an open `SqliteLedger`; each operation is a transaction of its own, done at once.

    The event loop stands still for every flush to disk. Real sending uses `GroupCommitLedger`.
    """

    def __init__(self, ledger: SqliteLedger) -> None:
        self._ledger = ledger

    async def claim(
        self, bucket: str, *, parts: int, rows: int, oversized: bool = True, among: Among = ANY
    ) -> Sequence[Claim]:
        """As `Ledger.claim`. `rows` must be positive."""
        with self._ledger.transaction():
            return self._ledger.claim(bucket, parts=parts, rows=rows, oversized=oversized, among=among)

    async def postpone(self, row: int, attempt: int, *, throttled: bool, tried: bool = True) -> None:
        """As `Ledger.postpone`."""
        with self._ledger.transaction():
            self._ledger.postpone(row, attempt, throttled=throttled, tried=tried)

    async def retry(self, attempts: Mapping[int, int]) -> None:
        """As `Ledger.retry`."""
        with self._ledger.transaction():
            self._ledger.retry(attempts)

    async def settle(self, settlement: Settlement) -> None:
        """As `Ledger.settle`."""
        with self._ledger.transaction():
            self._ledger.settle(settlement)

    async def give_back(self, rows: Sequence[int], *, tried: Collection[int] = ()) -> None:
        """As `Ledger.give_back`."""
        with self._ledger.transaction():
            self._ledger.give_back(rows, tried=tried)

    async def divert(self, reason: str, behind: Behind, choose: Choose | None = None) -> Diverted:
        """As `Ledger.divert`."""
        with self._ledger.transaction():
            return self._ledger.divert(reason, behind, choose)

    async def released_since(self, moment: datetime) -> Mapping[str, int]:
        """As `Ledger.released_since`."""
        return self._ledger.released_since(moment)

    async def oversized_since(self, moment: datetime) -> Mapping[str, Sequence[tuple[datetime, int]]]:
        """As `Ledger.oversized_since`."""
        return self._ledger.oversized_since(moment)

    async def recipients_since(self, moment: datetime) -> Collection[str]:
        """As `Ledger.recipients_since`."""
        return self._ledger.recipients_since(moment)

    async def note_allowed(self, allowed: Mapping[str, float | None]) -> None:
        """As `Ledger.note_allowed`."""
        with self._ledger.transaction():
            self._ledger.note_allowed(allowed)

    async def zones(self) -> Mapping[int, str]:
        """As `Ledger.zones`."""
        return self._ledger.zones()

    async def pending_zones(self, rows: Sequence[int] | None = None) -> Mapping[str, Collection[int]]:
        """As `Ledger.pending_zones`."""
        return self._ledger.pending_zones(rows)

    async def add_samples(self, samples: Sequence[Sample]) -> None:
        """As `Ledger.add_samples`."""
        with self._ledger.transaction():
            self._ledger.add_samples(samples)

    async def note_event(self, event: str, detail: Mapping[str, object]) -> None:
        """As `Ledger.note_event`."""
        with self._ledger.transaction():
            self._ledger.note_event(event, detail)

    async def counts(self) -> Counts:
        """As `Ledger.counts`."""
        return self._ledger.counts()

    async def finish(self, end: RunEnd, cause: str | None, *, throttled: int) -> None:
        """As `Ledger.finish`."""
        with self._ledger.transaction():
            self._ledger.finish_run(end, cause, throttled=throttled)
