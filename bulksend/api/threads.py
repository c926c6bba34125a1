"""Work that would hold up the event loop, in threads that can be stopped; and an orderly end for whoever is told to."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from bulksend.base.errors import BulksendError, ExitCode

T = TypeVar("T")

Halt = Callable[[int], None]
"""To be called by work from time to time, with how much is done; raises `Interrupted` when it is to end."""


class Interrupted(BulksendError):
    """A campaign was told to stop before anything was sent."""

    exit_code = ExitCode.INTERRUPTED

    def __init__(self) -> None:
        super().__init__("interrupted")


async def in_thread(work: Callable[[Halt], T], *, told: Callable[[int], None] | None = None) -> T:
    """Return what `work` returns, or raise what it raises; it runs in a thread, and the event loop is free meanwhile.

    Cancelled, it has the work end at its next call of `Halt`, and waits for that: what the work has opened is closed
    when this is over.

    Args:
        work: gets the `Halt` to call.
        told: called in the event loop with how much is done.
    """
    loop = asyncio.get_running_loop()
    halted = threading.Event()

    def halt(done: int) -> None:
        if halted.is_set():
            raise Interrupted
        if told is not None:
            loop.call_soon_threadsafe(told, done)

    task = asyncio.create_task(asyncio.to_thread(work, halt))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        halted.set()
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        _ = task.cancelled() or task.exception()  # it has been asked for, and nobody is to be told that nobody did
        raise


async def unless(stopping: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns; raise `Interrupted`, when it has been cancelled and is over, if `stopping` is set."""
    task = asyncio.create_task(work)
    stopped = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
    finally:
        stopped.cancel()
        await _ended(task)
    raise Interrupted


async def orderly(run: Callable[[asyncio.Event], Coroutine[Any, Any, T]], stop: asyncio.Event | None) -> T:
    """Return what `run` returns, which gets an event that is set when it is to stop in order.

    That is when `stop` is set, or when this is cancelled: it waits for the end then, and raises CancelledError.
    Cancelled once more, it cancels the run itself.
    """
    stopping = asyncio.Event()
    task = asyncio.create_task(run(stopping))
    follower = asyncio.create_task(_follow(stop, stopping)) if stop is not None else None
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stopping.set()
        try:
            await asyncio.wait([task])
        finally:
            await _ended(task)
        raise
    finally:
        if follower is not None:
            follower.cancel()


async def _follow(stop: asyncio.Event, stopping: asyncio.Event) -> None:
    await stop.wait()
    stopping.set()


async def _ended(task: "asyncio.Task[T]") -> None:
    """Cancel `task` unless it is done, and wait for its end, whatever that is."""
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
    _ = task.cancelled() or task.exception()
