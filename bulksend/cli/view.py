"""What a person sees while a run goes on, and what a log file gets instead."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import IO

import structlog
from rich.console import Console, Group
from rich.live import Live

from bulksend.base.clock import SystemClock
from bulksend.base.progress import Phase, RunState
from bulksend.base.records import Status
from bulksend.cli.logs import set_up_logs
from bulksend.cli.output import is_watched
from bulksend.cli.running import Watch
from bulksend.pipeline.watched import Watched
from bulksend.report.looks import look_at_run
from bulksend.report.picture import Picture
from bulksend.report.screen import Room, screen

log = structlog.get_logger("bulksend.cli")

FRAMES_PER_S = 4
LOG_EVERY_S = 5.0
LOOK_EVERY_S = 0.25

Look = Callable[[Watched], Picture]


def set_up_watch(*, log_format: str, verbose: bool, campaign: str = "", ledger: Path | None = None) -> Watch:
    """Begin to log (see `set_up_logs`), and return who shows the progress of a run.

    `campaign`: its name; `ledger`: its path, where another terminal can use it.
    """
    watched = is_watched() and can_redraw()
    set_up_logs(log_format=log_format, verbose=verbose, watched=watched)
    clock = SystemClock()

    def look(run: Watched) -> Picture:
        path = "" if ledger is None else str(ledger)
        return look_at_run(run, campaign=campaign, ledger=path, now=clock.now())

    return partial(_watch_on_terminal, look) if watched else partial(_watch_in_log, look)


def can_redraw() -> bool:
    """Whether the terminal can take back what it shows."""
    return os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


def console_on(stream: IO[str]) -> Console:
    """A console on a terminal, without colours where NO_COLOR asks for none."""
    return Console(file=stream, highlight=False, markup=False, emoji=False)


def drawn(picture: Picture, console: Console) -> Group:
    """`picture` as large as the console is now."""
    # The cursor stands below the last line, and must not make the first one scroll away.
    room = Room(console.width, max(1, console.height - 1), ascii=console.options.ascii_only)
    return Group(*screen(picture, room))


@asynccontextmanager
async def _watch_on_terminal(look: Look, sender: Watched) -> AsyncIterator[None]:
    """A live picture on standard error, redrawn four times a second.

    In a thread of its own: a terminal may take its time, or stand still (Ctrl-S), and messages go out meanwhile.
    """
    console = console_on(sys.stderr)
    live = Live(console=console, auto_refresh=False, redirect_stdout=False)
    painter = ThreadPoolExecutor(1, "bulksend-view")
    loop = asyncio.get_running_loop()

    async def draw() -> None:
        await loop.run_in_executor(painter, _draw, live, look(sender))

    async def keep_drawing() -> None:
        while True:
            await draw()
            await asyncio.sleep(1 / FRAMES_PER_S)

    with live:
        task = asyncio.create_task(keep_drawing())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            await draw()
            painter.shutdown()


def _draw(live: Live, picture: Picture) -> None:
    live.update(drawn(picture, live.console), refresh=True)


@asynccontextmanager
async def _watch_in_log(look: Look, sender: Watched) -> AsyncIterator[None]:
    """One structured line every few seconds, and one at once when the run does something else."""
    task = asyncio.create_task(_log_progress(look, sender))
    try:
        yield
    finally:
        task.cancel()


async def _log_progress(look: Look, sender: Watched) -> None:
    before, waited_s = RunState(), 0.0
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        waited_s += LOOK_EVERY_S
        if sender.tally is None:
            continue
        state = sender.state
        if (state.phase, state.reason) != (before.phase, before.reason):
            before = state
            log.info("send.phase", **_phase(state))
        if waited_s >= LOG_EVERY_S:
            waited_s = 0.0
            _log_picture(look(sender), state)


def _log_picture(picture: Picture, state: RunState) -> None:
    left_s = picture.seconds_left
    log.info(
        "send.progress",
        sent=picture.by_status.get(Status.SENT, 0),
        failed=picture.by_status.get(Status.FAILED, 0),
        unknown=picture.by_status.get(Status.UNKNOWN, 0),
        left=picture.by_status.get(Status.PENDING, 0),
        parts_per_second=round(picture.rate, 1),
        throttled=picture.throttled,
        seconds_left=None if left_s is None else round(left_s),
        **(_phase(state) if state.phase is not Phase.SENDING else {}),
    )
    for bucket in picture.buckets:
        log.debug(
            "send.bucket_progress",
            bucket=bucket.bucket,
            done=bucket.messages_done,
            messages=bucket.messages,
            parts_per_second=round(bucket.rate, 1),
            allowed=round(bucket.allowed, 1),
            throttled=bucket.throttled,
        )


def _phase(state: RunState) -> dict[str, str]:
    said = {"phase": state.phase.value}
    said |= {"reason": state.reason} if state.reason else {}
    return said | ({"until": state.until.isoformat()} if state.until is not None else {})
