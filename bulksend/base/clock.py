"""The clock comes in from outside, so that an hour can pass in a millisecond of test time."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Time as the program may know it. All durations are seconds."""

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps; only differences mean anything."""
        ...

    def now(self) -> datetime:
        """The wall clock, in UTC. For records that people read, never for pacing."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`; at once (but through the loop) when it is not positive."""
        ...


class SystemClock:
    """The machine's own clock."""

    # The clock behind the event loop's, and not the loop's own reading: uvloop takes that once a turn and rounds it to
    # a millisecond, which is late by as long as the turn has lasted. Bound and not wrapped: every message reads it ten
    # times.
    monotonic = staticmethod(time.monotonic)

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait on the running loop."""
        import asyncio  # what only reads a clock need not load it

        await asyncio.sleep(max(0.0, seconds))
