"""The ledger without a thread: for tests on a virtual clock, and for small tools."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from bulksend.base.ports import Choose, Diverted
from bulksend.base.records import Claim, Counts, RunEnd, Settlement
from bulksend.store.ledger import SqliteLedger


class InlineLedger:
    """The port `Ledger` over an open `SqliteLedger`; each operation is a transaction of its own, done at once.

    The event loop stands still for every flush to disk. Real sending uses `GroupCommitLedger`.
    """

    def __init__(self, ledger: SqliteLedger) -> None:
        self._ledger = ledger

    async def claim(self, bucket: str, *, parts: int, rows: int, oversized: bool = True) -> Sequence[Claim]:
        """As `Ledger.claim`. `rows` must be positive."""
        with self._ledger.transaction():
            return self._ledger.claim(bucket, parts=parts, rows=rows, oversized=oversized)

    async def postpone(self, row: int, attempt: int, *, throttled: bool) -> None:
        """As `Ledger.postpone`."""
        with self._ledger.transaction():
            self._ledger.postpone(row, attempt, throttled=throttled)

    async def retry(self, attempts: Mapping[int, int]) -> None:
        """As `Ledger.retry`."""
        with self._ledger.transaction():
            self._ledger.retry(attempts)

    async def settle(self, settlement: Settlement) -> None:
        """As `Ledger.settle`."""
        with self._ledger.transaction():
            self._ledger.settle(settlement)

    async def release(self, rows: Sequence[int], *, tried: Collection[int] = ()) -> None:
        """As `Ledger.release`."""
        with self._ledger.transaction():
            self._ledger.release(rows, tried=tried)

    async def divert(
        self,
        reason: str,
        *,
        identity: str,
        country: str | None = None,
        choose: Choose | None = None,
        first: int = 1,
        last: int | None = None,
    ) -> Diverted:
        """As `Ledger.divert`."""
        with self._ledger.transaction():
            return self._ledger.divert(
                reason, identity=identity, country=country, choose=choose, first=first, last=last
            )

    async def released_since(self, moment: datetime) -> Mapping[str, int]:
        """As `Ledger.released_since`."""
        return self._ledger.released_since(moment)

    async def counts(self) -> Counts:
        """As `Ledger.counts`."""
        return self._ledger.counts()

    async def finish(self, end: RunEnd, cause: str | None, *, throttled: int) -> None:
        """As `Ledger.finish`."""
        with self._ledger.transaction():
            self._ledger.finish_run(end, cause, throttled=throttled)
