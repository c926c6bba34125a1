"""What the signals that stop a process mean to a run, to a question, and to whoever waits for input."""

import asyncio
import io
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from bulksend.base.errors import BulksendError, ExitCode


def interrupted_by_signals(*, logged: bool = True) -> asyncio.Event:
    """Return an event that the first SIGINT, SIGTERM or SIGHUP sets; a second one ends the process at once.

    A SIGHUP that is ignored (nohup) stays so.

    That is as safe as a `kill -9`: the ledger has the intent of everything that went on the wire.

    Args:
        logged: the log says so; it has to be set up.
    """
    interrupted = asyncio.Event()

    def stop(name: str) -> None:
        if interrupted.is_set():
            os._exit(ExitCode.INTERRUPTED)
        if logged:
            import structlog  # not for a plan, which logs nothing

            structlog.get_logger("bulksend.cli").warning("run.stopping", signal=name)
        interrupted.set()
        StoppableInput.stop_all()

    loop = asyncio.get_running_loop()
    for each in _stopping():
        loop.add_signal_handler(each, stop, signal.Signals(each).name)
    return interrupted


@contextmanager
def as_while_asking() -> Iterator[None]:
    """While a person is asked something, which holds up the event loop, signals raise KeyboardInterrupt."""
    kept = {each: signal.signal(each, signal.default_int_handler) for each in _stopping()}
    try:
        yield
    finally:
        for each, handler in kept.items():
            signal.signal(each, handler)
            signal.siginterrupt(each, False)  # noqa: FBT003 - as the event loop had it


def _stopping() -> tuple[int, ...]:
    hang_up = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    return (signal.SIGINT, signal.SIGTERM, *hang_up)


def stoppable(input_name: str) -> str | BinaryIO:
    """INPUT of a command as `send` and `plan` take it; waiting for standard input ends when a signal has come."""
    if input_name != "-":
        return input_name
    if sys.stdin is None:
        return io.BytesIO()
    return io.BufferedReader(StoppableInput(sys.stdin.fileno()))


class StoppableInput(io.RawIOBase):
    """A file that is read in a thread; a read that waits for more ends when a signal has come.

    Args:
        descriptor: of the file; stays open.
    """

    _pipes: list[int] = []  # noqa: RUF012 - of the process, as signals are

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._stopped, stop = os.pipe()
        self._pipes.append(stop)

    @classmethod
    def stop_all(cls) -> None:
        """Have every read end, those to come too."""
        while cls._pipes:
            os.close(cls._pipes.pop())

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "memoryview[int]", /) -> int:  # type: ignore[override]
        """As of any file; raises `BulksendError` when a signal has come."""
        ready, _, _ = select.select([self._descriptor, self._stopped], [], [])
        if self._stopped in ready:
            interrupted = BulksendError("interrupted")
            interrupted.exit_code = ExitCode.INTERRUPTED
            raise interrupted
        data = os.read(self._descriptor, len(buffer))
        buffer[: len(data)] = data
        return len(data)
