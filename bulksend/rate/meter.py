"""The meter of one limit: who may go on the wire next, and when."""

import math
from collections.abc import Awaitable, Callable

from aiolimiter import AsyncLimiter

from bulksend.base.clock import Clock
from bulksend.base.records import Bucket
from bulksend.rate.lateness import BURST_S, MAX_CREDIT_S, MIN_MAX_CREDIT
from bulksend.rate.pace import Pace, Released
from bulksend.rate.turn import Turn
from bulksend.rate.window import SlidingWindow

Room = Callable[[], Awaitable[None] | None]
"""Returns what has to be awaited until there is room for a message; None when there is."""


class Meter:
    """Admits messages that count against one limit, in order, at no more than the limit.

    In no window of one second are more parts admitted than the limit allows, from the first message on: there is no
    initial burst and none after an idle spell. A message of more parts than the limit is admitted alone and paid for
    afterwards. While somebody waits, at least `1 - headroom` of the limit is used, as far as whole messages in their
    order fit. Once the service has throttled, what it seems to allow takes the place of the limit.

    Args:
        bucket: its `mps` is the limit, in parts per second.
        headroom: share of the limit left unused, 0 <= headroom < 1; it also is the jitter that is tolerated on the
            way to the service (0.01: messages may come 10 ms closer together than they left).
        parts_lately: parts that an earlier run released within the last second or so; they count as released now.
        owed_s: for how long a message of an earlier run, of more parts than the limit, is still being paid for.
        allows: parts per second that an earlier run found the service to allow; None: nothing.
        beyond: a limit that messages of this bucket and of others have in common. It is asked last, when a message
            could go as far as its own bucket is concerned: nobody holds what is shared while waiting for what is not.
            It charges what it is asked for: see `admit`.
        clock: where the time comes from. It must go with the running loop's, which the limiter reads.

    Attributes:
        throttles: throttled answers so far.
        messages: admitted so far.
        parts: of those.
    """

    def __init__(
        self,
        bucket: Bucket,
        *,
        headroom: float,
        clock: Clock,
        parts_lately: int = 0,
        owed_s: float = 0.0,
        allows: float | None = None,
        beyond: "SharedLimit | None" = None,
    ) -> None:
        self.bucket = bucket
        self._clock = clock
        self._headroom = headroom
        self._rate = bucket.mps * (1.0 - headroom)
        capacity = 1.0 + BURST_S * self._rate
        self._limiter = AsyncLimiter(capacity, capacity / self._rate)
        now = clock.monotonic()
        self._span_s = 1.0 / (1.0 - headroom)
        self._window = SlidingWindow(limit=bucket.mps, span_s=self._span_s)
        if parts_lately:
            self._window.record(min(parts_lately, bucket.mps), now=now)
        if owed_s > 0.0:
            self._window.occupy(until=now + max(owed_s, self._span_s))
        self._pace = Pace(bucket.mps, allows=allows, now=now)
        self._beyond = beyond
        # The limiter's own queue is a heap by amount, in which small messages overtake large ones for ever. With a
        # queue of our own in front of it the limiter has one consumer, and no queue.
        self._turn = Turn()
        self._credit = 0.0  # parts
        self._max_credit = max(MIN_MAX_CREDIT, MAX_CREDIT_S * self._rate)
        self._last_release_s = -math.inf
        self._slowed_s = -math.inf
        self._most = math.inf
        self.throttles = 0
        self.messages = 0
        self.parts = 0

    def turn_down(self, share: float) -> None:
        """Go at no more than `share` of the limit from now on, above 0 and up to 1; what was admitted stays so."""
        self._most = math.inf if share >= 1.0 else share * self.bucket.mps
        self._credit = 0.0

    @property
    def allowed(self) -> float:
        """Parts per second that the bucket goes at now: its limit, or what throttling taught, less the headroom."""
        return self._allowed(self._clock.monotonic())

    @property
    def allows(self) -> float | None:
        """Parts per second that the service seems to allow; None as long as nothing speaks against the limit."""
        return self._pace.allows

    async def admit(self, parts: int, *, order: int = 0, room: Room | None = None) -> Released:
        """Return when a message of `parts` parts may go on the wire; the caller writes it at once.

        Of those who wait, the one with the lowest `order` is next, and equals as they came. Cancelling a waiter gives
        its turn to the next; tokens it had already taken are lost, which errs on the safe side.

        `room`: asked when it is this message's turn, before it takes anything, and what it returns is awaited: nobody
        else is admitted until this one is, so what it found then still holds.

        Tell `accepted` or `throttled` what the service said of what is returned.
        """
        if not self._turn.take_now():
            await self._turn.take(order)
        try:
            if room is not None and (wait := room()) is not None:
                await wait
            asked_s = self._clock.monotonic()
            # What a message has beyond the limit the window makes it pay; paying here too would be paying twice.
            taken = await self._take(min(parts, self.bucket.mps))
            began_s = now = self._clock.monotonic()
            # What a timer that was later than the limiter forgives kept this message from using.
            late_s = max(0.0, now - asked_s - taken / self._allowed(now) - BURST_S)
            while (wait_s := self._wait_s(parts, now=now)) > 0.0:
                await self._clock.sleep(wait_s)
                now = self._clock.monotonic()
            if self._beyond is not None:
                await self._beyond.admit(parts)
                now = self._clock.monotonic()
            self._earn(late_s + now - began_s, now=now)
            self._window.record(parts, now=now)
            self.messages += 1
            self.parts += parts
            self._last_release_s = now
            message = Released(now, parts)
            self._pace.released(message)
            return message
        finally:
            self._turn.pass_on()

    def spare_s(self, parts: int, *, behind: int) -> float:
        """About how many seconds from now a message of `parts` parts has to ask, behind others of `behind` parts.

        It loses no time if it asks then and not before: it has to be there while its parts are being paid for, but
        not while those before it are, and not while the window is full.
        """
        now = self._clock.monotonic()
        rate = self._allowed(now)
        own = min(parts, self.bucket.mps)
        released_s = max(
            self._last_release_s + (behind + own - self._credit) / rate - now, self._wait_s(parts, now=now)
        )
        return released_s - own / rate

    def accepted(self, message: Released) -> None:
        """Tell the meter that the service took `message`."""
        message.taken = True

    def throttled(self, message: Released) -> bool:
        """Tell the meter that the service throttled `message`; True when the bucket slowed down because of it."""
        self.throttles += 1
        now = self._clock.monotonic()
        if not self._pace.throttled(message, now=now):
            return False
        self._slowed_s = now
        self._credit = 0.0
        return True

    def _earn(self, waited_s: float, *, now: float) -> None:
        """Credit a wait that the limiter does not.

        It is full after some milliseconds and forgets the rest. What a long message, the others at a shared limit or a
        busy machine kept this bucket from using may be used later; the window sees to it that it fits. Not after a
        cut: then the window is too full for the new pace, and to wait is the purpose. Nor while it is turned down: the
        window holds whole parts, and at half of three a second the credit would make two of them.
        """
        if waited_s > 0.0 and self._most == math.inf and self._slowed_s + self._span_s < now:
            self._credit = min(self._max_credit, self._credit + waited_s * self._allowed(now))

    def _allowed(self, now: float) -> float:
        return (1.0 - self._headroom) * min(self._most, self._pace.parts_per_second(now))

    def _wait_s(self, parts: int, *, now: float) -> float:
        """Until `parts` fit into the window; a limit that was learnt makes it narrower, so that long texts fit too."""
        self._window.limit = math.ceil(min(self._most, self._pace.parts_per_second(now)))
        return self._window.wait_s(parts, now=now)

    async def _take(self, parts: float) -> float:
        """Return when `parts` are paid for, and how many of them were not by credit."""
        # In pieces, because the limiter refuses more than its capacity at once, and because what a part costs may
        # change while a long message is being paid for: a bucket that goes at half its limit pays double.
        credit = min(self._credit, parts)
        self._credit -= credit
        parts -= credit
        taken = parts
        while parts > 0.0:
            share = self._allowed(self._clock.monotonic()) / self._rate
            tokens = min(parts / share, self._limiter.max_rate)
            await self._limiter.acquire(tokens)
            parts = parts - tokens * share if tokens < parts / share else 0.0
        return taken


class SharedLimit:
    """A limit that the messages of all buckets have in common, in requests or in parts.

    Those who ask are served as they come. As every bucket asks for one message at a time, that shares what there is
    evenly among the buckets that could use more.

    Args:
        name: for people.
        limit: requests or parts per second.
        by_parts: parts are counted, and not requests.
        headroom: as of `Meter`.
        lately: requests or parts that an earlier run released within the last second or so.
        beyond: a limit on requests, asked after this one on parts.
        clock: as of `Meter`.
    """

    def __init__(
        self,
        name: str,
        limit: int,
        *,
        by_parts: bool,
        headroom: float,
        clock: Clock,
        lately: int = 0,
        beyond: "SharedLimit | None" = None,
    ) -> None:
        self._by_parts = by_parts
        self._meter = Meter(Bucket(name, limit), headroom=headroom, clock=clock, parts_lately=lately, beyond=beyond)

    async def admit(self, parts: int) -> None:
        """Return when a message of `parts` parts may go on the wire, at once."""
        await self._meter.admit(parts if self._by_parts else 1)
