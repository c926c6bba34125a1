"""An event loop whose time is virtual: an hour passes as soon as nothing is left to do in it."""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

TICK_S = 1e-7
"""Every turn of the loop costs this much virtual time. A clock that stands still lets float residue spin for ever."""

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits: moves the time forward instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise AssertionError("every task waits for something that cannot happen any more")
        self.now_s += max(0.0, timeout) + TICK_S
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A selector loop on virtual time; `time()` starts at 0."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s

    def suspend(self, seconds: float) -> None:
        """Let time pass at once, as for a process whose machine sleeps."""
        self._jumping.now_s += seconds


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end on a new virtual loop."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


class VirtualClock:
    """The running loop's time; the wall clock starts on 2026-01-01 and goes with it."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        try:
            elapsed_s = self.monotonic()
        except RuntimeError:
            elapsed_s = 0.0
        return EPOCH + timedelta(seconds=elapsed_s)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))
