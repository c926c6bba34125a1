"""The ledger without a thread: for tests on a virtual clock, and for small tools."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from bulksend.base.records import Claim, Counts, RunEnd, Settlement
from bulksend.store.ledger import SqliteLedger


class InlineLedger:
    """The port `Ledger` over an open `SqliteLedger`; each operation is a transaction of its own, done at once.

    The event loop stands still for every flush to disk. Real sending uses `GroupCommitLedger`.
    """

    def __init__(self, ledger: SqliteLedger) -> None:
        self._ledger = ledger

    async def claim(self, bucket: str, *, parts: int, rows: int) -> Sequence[Claim]:
        """As `Ledger.claim`. `rows` must be positive."""
        with self._ledger.transaction():
            return self._ledger.claim(bucket, parts=parts, rows=rows)

    async def retry(self, row: int, attempt: int, *, throttled: bool) -> None:
        """As `Ledger.retry`."""
        with self._ledger.transaction():
            self._ledger.retry(row, attempt, throttled=throttled)

    async def settle(self, settlement: Settlement) -> None:
        """As `Ledger.settle`."""
        with self._ledger.transaction():
            self._ledger.settle(settlement)

    async def release(self, rows: Sequence[int], *, tried: Collection[int] = ()) -> None:
        """As `Ledger.release`."""
        with self._ledger.transaction():
            self._ledger.release(rows, tried=tried)

    async def hold(self, reason: str, *, identity: str, country: str | None = None) -> int:
        """As `Ledger.hold`."""
        with self._ledger.transaction():
            return self._ledger.hold(reason, identity=identity, country=country)

    async def sent_since(self, moment: datetime) -> Mapping[str, int]:
        """As `Ledger.sent_since`."""
        return self._ledger.sent_since(moment)

    async def counts(self) -> Counts:
        """As `Ledger.counts`."""
        return self._ledger.counts()

    async def finish(self, end: RunEnd, cause: str | None, *, throttled: int) -> None:
        """As `Ledger.finish`."""
        with self._ledger.transaction():
            self._ledger.finish_run(end, cause, throttled=throttled)
