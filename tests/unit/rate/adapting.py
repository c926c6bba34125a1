"""Services that allow less than is configured, and a sender that has to find that out; all on the virtual clock."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Protocol

from bulksend.base.records import Bucket
from bulksend.rate.meter import Meter
from tests.support.virtual import VirtualClock, run_virtual

WAY_S = 0.02
WAY_JITTER_S = 0.01
"""From the release of a message to its arrival; the jitter is what the default headroom tolerates."""


class Service(Protocol):
    """Says of each message whether it is taken."""

    def offer(self, at_s: float, parts: int) -> bool: ...


class StrictWindow:
    """At most `limit(t)` parts in any second; others may use some of them, evenly spaced or at random."""

    def __init__(
        self, limit: Callable[[float], float], *, others_per_s: float = 0.0, dice: Random | None = None
    ) -> None:
        self._limit = limit
        self._others_per_s = others_per_s
        self._dice = dice
        self._next_other_s = 0.0
        self._taken: deque[tuple[float, int]] = deque()
        self._parts = 0

    def offer(self, at_s: float, parts: int) -> bool:
        while self._others_per_s and self._next_other_s <= at_s:
            self._take(self._next_other_s, 1)
            gap_s = self._dice.expovariate(self._others_per_s) if self._dice else 1.0 / self._others_per_s
            self._next_other_s += gap_s
        return self._take(at_s, parts)

    def _take(self, at_s: float, parts: int) -> bool:
        while self._taken and self._taken[0][0] <= at_s - 1.0:
            self._parts -= self._taken.popleft()[1]
        if self._limit(at_s) <= 0 or (self._taken and self._parts + parts > self._limit(at_s)):
            return False
        self._taken.append((at_s, parts))
        self._parts += parts
        return True


class TokenBucket:
    """Refilled at `rate` parts per second up to `capacity`; full at the start."""

    def __init__(self, rate: float, capacity: float) -> None:
        self._rate = rate
        self._capacity = self._tokens = capacity
        self._at_s = 0.0

    def offer(self, at_s: float, parts: int) -> bool:
        self._tokens = min(self._capacity, self._tokens + (at_s - self._at_s) * self._rate)
        self._at_s = at_s
        if self._tokens < min(parts, self._capacity):
            return False
        self._tokens -= parts
        return True


@dataclass(frozen=True)
class Attempt:
    """One message that was let onto the wire."""

    at_s: float
    parts: int
    taken: bool


@dataclass(frozen=True)
class Course:
    """What a sender did, and what it believed in the end."""

    attempts: list[Attempt]
    allows: float | None

    def parts_per_second(self, since_s: float, until_s: float) -> float:
        """Parts taken a second."""
        return sum(each.parts for each in self._between(since_s, until_s) if each.taken) / (until_s - since_s)

    def throttled(self, since_s: float, until_s: float) -> float:
        """Share of the attempts that was not taken."""
        found = self._between(since_s, until_s)
        return sum(not each.taken for each in found) / max(1, len(found))

    def _between(self, since_s: float, until_s: float) -> list[Attempt]:
        return [each for each in self.attempts if since_s <= each.at_s < until_s]


def send_to(
    service: Service,
    configured: int,
    *,
    seconds: float,
    parts: Callable[[Random], int] = lambda _: 1,
    latency_s: Callable[[Random], float] = lambda _: 0.06,
    noise: float = 0.0,
    seed: int = 1,
) -> Course:
    """Keep a meter of `configured` MPS busy; what is throttled is tried again a second later, in its old place."""

    async def main() -> Course:
        clock, dice = VirtualClock(), Random(seed)
        meter = Meter(Bucket("b", configured), headroom=0.01, clock=clock)
        attempts: list[Attempt] = []
        waiting = asyncio.Semaphore(20 + 2 * configured)

        async def deliver(row: int, size: int) -> None:
            taken = False
            while not taken:
                message = await meter.admit(size, order=row)
                await clock.sleep(WAY_S + WAY_JITTER_S * dice.random())
                taken = service.offer(clock.monotonic(), size) and dice.random() >= noise
                attempts.append(Attempt(message.at_s, size, taken))
                await clock.sleep(latency_s(dice))
                if taken:
                    meter.accepted(message)
                else:
                    meter.throttled(message)
                    await clock.sleep(1.0 + 0.25 * dice.random())
            waiting.release()

        async def keep_busy(group: asyncio.TaskGroup) -> None:
            for row in count():
                await waiting.acquire()
                group.create_task(deliver(row, parts(dice)))

        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                await keep_busy(group)
        return Course(attempts, meter.allows)

    return run_virtual(main())
