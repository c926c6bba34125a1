"""How many rows may still be claimed in this run, shared by all lanes."""

import asyncio


class Allowance:
    """At most `limit` rows over all lanes; None: as many as there are.

    A lane reserves before it claims and returns what it did not get, because the ledger may hold fewer rows of its
    bucket than it asked for; a lane that finds nothing left waits as long as another might return something.
    """

    def __init__(self, limit: int | None) -> None:
        self._left = limit
        self._reservations = 0
        self._returned = asyncio.Condition()

    @property
    def is_spent(self) -> bool:
        """Whether nothing more may be claimed in this run."""
        return self._left == 0 and not self._reservations

    async def reserve(self, rows: int) -> int:
        """Reserve up to `rows`; 0 when nothing is left for good. Follow with one `settle`, unless it was 0."""
        async with self._returned:
            while self._left == 0 and self._reservations:
                await self._returned.wait()
            if self._left == 0:
                return 0
            granted = rows if self._left is None else min(rows, self._left)
            if self._left is not None:
                self._left -= granted
            self._reservations += 1
            return granted

    async def settle(self, *, unused: int) -> None:
        """End a reservation and return what was not used of it."""
        async with self._returned:
            self._reservations -= 1
            if self._left is not None:
                self._left += unused
            self._returned.notify_all()

    def refund(self, rows: int) -> bool:
        """Take back what was claimed and not sent; True when somebody who found nothing left may go on."""
        if self._left is None or rows == 0:
            return False
        self._left += rows
        return True
