"""Whose turn it is at the meter: the earliest row's, whatever its size and however often it has been tried."""

import asyncio
from heapq import heappop, heappush
from itertools import count


class Turn:
    """One holder at a time; of those who wait, the one with the lowest `order` is next, and equals as they came.

    Rows are numbered in the order of the input, so this is first come, first served, with the difference that a row
    that comes back after it was throttled gets its place back.
    """

    def __init__(self) -> None:
        self._taken = False
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrivals = count()

    def take_now(self) -> bool:
        """Whether it is the caller's turn at once, who must `pass_on` in the end; else it has to `take` it."""
        was_free, self._taken = not self._taken, True
        return was_free

    async def take(self, order: int) -> None:
        """Return when it is the caller's turn, who must `pass_on` in the end. Cancelled, it has no turn to pass on."""
        if self.take_now():
            return
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (order, next(self._arrivals), called))
        try:
            await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled():
                # Called and cancelled in the same turn of the loop: whoever is next must not wait for nobody.
                self.pass_on()
            raise

    def pass_on(self) -> None:
        """End the turn that was taken; the next one's begins."""
        while self._waiting:
            _, _, called = heappop(self._waiting)
            if not called.done():
                called.set_result(None)
                return
        self._taken = False
