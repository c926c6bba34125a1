"""An event loop that knows which callback held it longest, in processor time of its own thread.

Processor time, because the machine's other work must not fail a test; what a callback waits for (a lock, the disk)
is not seen.
"""

import asyncio
import time
from collections.abc import Callable
from contextvars import Context
from typing import Any, TypeVarTuple, Unpack

Ts = TypeVarTuple("Ts")


class WatchedLoop(asyncio.SelectorEventLoop):
    """A selector loop that times its callbacks, each step of a task among them.

    Attributes:
        longest_s: the longest so far, in seconds.
        longest: which it was.
    """

    longest_s = 0.0
    longest = ""

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        return super().call_soon(self._timed(callback), *args, context=context)

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        return super().call_soon_threadsafe(self._timed(callback), *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return super().call_at(when, self._timed(callback), *args, context=context)

    def _add_reader(self, fd: int, callback: Callable[..., object], *args: Any) -> Any:
        return super()._add_reader(fd, self._timed(callback), *args)  # type: ignore[misc]  # not in its public types

    def _add_writer(self, fd: int, callback: Callable[..., object], *args: Any) -> Any:
        return super()._add_writer(fd, self._timed(callback), *args)  # type: ignore[misc]  # not in its public types

    def _timed(self, callback: Callable[[Unpack[Ts]], object]) -> Callable[[Unpack[Ts]], object]:
        def run(*args: *Ts) -> object:
            began_s = time.thread_time()
            try:
                return callback(*args)
            finally:
                if (took_s := time.thread_time() - began_s) > self.longest_s:
                    self.longest_s, self.longest = took_s, repr(callback)

        return run
