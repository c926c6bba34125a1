"""The meter of one bucket: who may go on the wire next, and when."""

import math
from collections.abc import Awaitable, Callable

from aiolimiter import AsyncLimiter

from bulksend.base.clock import Clock
from bulksend.base.records import Bucket
from bulksend.rate.pace import Pace
from bulksend.rate.turn import Turn
from bulksend.rate.window import SlidingWindow

BURST_S = 0.01
"""How late a timer may be without capacity being lost: what it missed is caught up with, and no more.

Strict spacing at rate r with a tolerance of t seconds puts at most floor((1 + t) r) + 1 single parts into a half-open
second; with t = 10 ms and a headroom of 1 % that is the limit itself or less, at every rate.
"""


MAX_CREDIT = 10.0
"""Parts: what the longest message (1,530 septets) can keep the others from using."""


class Meter:
    """Admits messages of one bucket in the order of their rows, at no more than the bucket's limit.

    In no window of one second are more parts admitted than the limit allows, from the first message on: there is no
    initial burst and none after an idle spell. A message of more parts than the limit is admitted alone and paid for
    afterwards. While somebody waits, at least `1 - headroom` of the limit is used, as far as whole messages fit.

    Args:
        bucket: its `mps` is the limit, in parts per second.
        headroom: share of the limit left unused, 0 <= headroom < 1; it also is the jitter that is tolerated on the
            way to the service (0.01: messages may come 10 ms closer together than they left).
        parts_lately: parts that an earlier run released within the last second or so; they count as released now.
        clock: where the time comes from. It must go with the running loop's, which the limiter reads.
    """

    def __init__(self, bucket: Bucket, *, headroom: float, clock: Clock, parts_lately: int = 0) -> None:
        self.bucket = bucket
        self._clock = clock
        self._rate = bucket.mps * (1.0 - headroom)
        capacity = 1.0 + BURST_S * self._rate
        self._limiter = AsyncLimiter(capacity, capacity / self._rate)
        self._window = SlidingWindow(limit=bucket.mps, span_s=1.0 / (1.0 - headroom))
        if parts_lately:
            self._window.record(min(parts_lately, bucket.mps), now=clock.monotonic())
        self._pace = Pace(bucket.mps)
        # The limiter's own queue is a heap by amount, in which small messages overtake large ones for ever. With a
        # queue of our own in front of it the limiter has one consumer, and no queue.
        self._turn = Turn()
        self._credit = 0.0  # parts
        self._last_release_s = -math.inf
        self.throttles = 0

    @property
    def allowed(self) -> float:
        """Parts per second that the bucket goes at now: its limit less the headroom, less what throttling taught."""
        return self._rate * self._pace.share(self._clock.monotonic())

    async def admit(self, parts: int, *, order: int = 0, room: Callable[[], Awaitable[None]] | None = None) -> None:
        """Return when a message of `parts` parts may go on the wire; the caller writes it at once.

        Of those who wait, the one with the lowest `order` is next, and equals as they came. Cancelling a waiter gives
        its turn to the next; tokens it had already taken are lost, which errs on the safe side.

        `room`: awaited when it is this message's turn, before it takes anything: nobody else is admitted until this
        one is, so what it found then still holds.
        """
        async with self._turn.taken(order):
            if room is not None:
                await room()
            # What a message has beyond the limit the window makes it pay; paying here too would be paying twice.
            await self._take(min(parts, self.bucket.mps))
            began_s = now = self._clock.monotonic()
            while (wait_s := self._window.wait_s(parts, now=now)) > 0.0:
                await self._clock.sleep(wait_s)
                now = self._clock.monotonic()
            # The limiter is full after some milliseconds and forgets the rest of a wait. What a long message kept
            # the others from using is theirs when it has left the window; the window sees to it that it fits.
            self._credit = min(MAX_CREDIT, self._credit + (now - began_s) * self._rate * self._pace.share(now))
            self._window.record(parts, now=now)
            self._last_release_s = now

    def spare_s(self, parts: int, *, behind: int) -> float:
        """About how many seconds from now a message of `parts` parts has to ask, behind others of `behind` parts.

        It loses no time if it asks then and not before: it has to be there while its parts are being paid for, but
        not while those before it are, and not while the window is full.
        """
        now = self._clock.monotonic()
        rate = self._rate * self._pace.share(now)
        own = min(parts, self.bucket.mps)
        released_s = max(
            self._last_release_s + (behind + own - self._credit) / rate - now, self._window.wait_s(parts, now=now)
        )
        return released_s - own / rate

    def accepted(self, parts: int) -> None:
        """Tell the meter that the service took a message of `parts` parts."""
        self._pace.accepted(parts, now=self._clock.monotonic())

    def throttled(self) -> bool:
        """Tell the meter that the service throttled a message; True when the bucket slowed down because of it."""
        self.throttles += 1
        return self._pace.throttled(now=self._clock.monotonic())

    async def _take(self, parts: float) -> None:
        # In pieces, because the limiter refuses more than its capacity at once, and because what a part costs may
        # change while a long message is being paid for: a bucket that goes at half its limit pays double.
        credit = min(self._credit, parts)
        self._credit -= credit
        parts -= credit
        while parts > 0.0:
            share = self._pace.share(self._clock.monotonic())
            tokens = min(parts / share, self._limiter.max_rate)
            await self._limiter.acquire(tokens)
            parts = parts - tokens * share if tokens < parts / share else 0.0
