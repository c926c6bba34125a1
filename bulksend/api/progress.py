"""How a run goes, told to a program every second."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bulksend.api.hooks import Watch
from bulksend.base.progress import RunState
from bulksend.base.records import Status
from bulksend.pipeline.policy import LaneProgress
from bulksend.pipeline.watched import Watched

TOLD_EVERY_S = 1.0
LOOK_EVERY_S = 0.02
"""Until the run has looked at its ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A campaign at one moment of a run: rows by status, of all runs so far, and how it goes.

    Attributes:
        sent: accepted by the service.
        failed: refused for good.
        unknown: nobody knows whether they were sent.
        left: still to be sent.
        throttled: throttled answers in this run.
        parts_per_second: lately, all buckets together.
        seconds_left: until the slowest bucket is done, at what the service allows.
        state: what the run is doing: sending, or waiting for something.
        buckets: the same figures, bucket by bucket.
    """

    sent: int
    failed: int
    unknown: int
    left: int
    throttled: int
    parts_per_second: float
    seconds_left: float
    state: RunState
    buckets: tuple[LaneProgress, ...]


OnProgress = Callable[[Progress], None]


def progress_of(run: Watched) -> Progress | None:
    """How `run` goes; None before it has looked at its ledger."""
    tally = run.tally
    if tally is None:
        return None
    lanes = tuple(run.progress())
    return Progress(
        sent=tally.by_status[Status.SENT],
        failed=tally.by_status[Status.FAILED],
        unknown=tally.by_status[Status.UNKNOWN],
        left=tally.by_status[Status.PENDING],
        throttled=tally.throttled,
        parts_per_second=sum(lane.rate for lane in lanes),
        seconds_left=max((_seconds_left(lane) for lane in lanes), default=0.0),
        state=run.state,
        buckets=lanes,
    )


def told(on_progress: OnProgress | None, watch: Watch, stopping: asyncio.Event) -> Watch:
    """`watch`, and `on_progress` every second and once at the end.

    What `on_progress` raises stops the run in order, and is raised when that has ended.
    """
    if on_progress is None:
        return watch

    async def tell(run: Watched) -> None:
        try:
            while True:
                if (now := progress_of(run)) is None:
                    await asyncio.sleep(LOOK_EVERY_S)
                else:
                    on_progress(now)
                    await asyncio.sleep(TOLD_EVERY_S)
        except BaseException:
            stopping.set()
            raise

    @asynccontextmanager
    async def both(run: Watched) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(watch(run))
            task = asyncio.create_task(tell(run))
            try:
                yield
            finally:
                task.cancel()
                await asyncio.wait([task])
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error
            if (last := progress_of(run)) is not None:
                on_progress(last)

    return both


def _seconds_left(lane: LaneProgress) -> float:
    left = lane.parts - lane.parts_done
    return left / lane.allowed if left and lane.allowed else 0.0
