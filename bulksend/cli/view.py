"""What a person sees while a run goes on, and what a log file gets instead."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bulksend.base.records import Status
from bulksend.cli.logs import set_up_logs
from bulksend.cli.output import is_watched
from bulksend.cli.running import Watch
from bulksend.pipeline.sending import LaneProgress, Sender
from bulksend.report.words import duration

log = structlog.get_logger("bulksend.cli")

FRAMES_PER_S = 4
LOG_EVERY_S = 5.0


def set_up_watch(*, log_format: str, verbose: bool) -> Watch:
    """Begin to log (see `set_up_logs`), and return who shows the progress of a run."""
    watched = is_watched()
    set_up_logs(log_format=log_format, verbose=verbose, watched=watched)
    return watch_on_terminal if watched else watch_in_log


@asynccontextmanager
async def watch_on_terminal(sender: Sender) -> AsyncIterator[None]:
    """A live table on standard error, redrawn four times a second."""
    console = Console(stderr=True)
    with Live(console=console, auto_refresh=False, redirect_stdout=False) as live:
        task = asyncio.create_task(_redraw(live, sender))
        try:
            yield
        finally:
            task.cancel()
            live.update(_screen(sender), refresh=True)


@asynccontextmanager
async def watch_in_log(sender: Sender) -> AsyncIterator[None]:
    """One structured line every few seconds."""
    task = asyncio.create_task(_log_progress(sender))
    try:
        yield
    finally:
        task.cancel()


async def _redraw(live: Live, sender: Sender) -> None:
    while True:
        live.update(_screen(sender), refresh=True)
        await asyncio.sleep(1 / FRAMES_PER_S)


async def _log_progress(sender: Sender) -> None:
    while True:
        await asyncio.sleep(LOG_EVERY_S)
        tally = sender.tally
        if tally is None:
            continue
        lanes = sender.progress()
        log.info(
            "send.progress",
            sent=tally.by_status[Status.SENT],
            failed=tally.by_status[Status.FAILED],
            unknown=tally.by_status[Status.UNKNOWN],
            left=tally.by_status[Status.PENDING],
            parts_per_second=round(sum(lane.rate for lane in lanes), 1),
            throttled=tally.throttled,
            seconds_left=round(max((_seconds_left(lane) for lane in lanes), default=0.0)),
        )


def _seconds_left(lane: LaneProgress) -> float:
    left = lane.parts - lane.parts_done
    return left / lane.allowed if left and lane.allowed else 0.0


def _screen(sender: Sender) -> Group:
    tally = sender.tally
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim", expand=False)
    table.add_column("bucket", max_width=20, no_wrap=True, overflow="ellipsis")
    table.add_column("", width=10)
    table.add_column("messages", justify="right", no_wrap=True)
    table.add_column("parts/s", justify="right", no_wrap=True)
    table.add_column("limit", justify="right", no_wrap=True)
    table.add_column("throttled", justify="right", no_wrap=True)
    table.add_column("left", justify="right", no_wrap=True)
    lanes = [lane for lane in sender.progress() if lane.messages]
    for lane in lanes:
        done = lane.messages_done >= lane.messages
        limit = f"{lane.mps:,}" if done or lane.allowed >= 0.95 * lane.mps else f"{lane.allowed:,.0f} of {lane.mps:,}"
        table.add_row(
            lane.bucket,
            ProgressBar(total=lane.messages, completed=lane.messages_done, width=10),
            f"{lane.messages_done:,}/{lane.messages:,}",
            "-" if done else f"{lane.rate:,.1f}",
            limit,
            f"{lane.throttled:,}" if lane.throttled else "-",
            "done" if done else duration(_seconds_left(lane)),
        )
    if tally is None:
        return Group(Text("starting", style="dim"))
    line = Text.assemble(
        ("sent ", "dim"),
        (f"{tally.by_status[Status.SENT]:,}", "green"),
        ("  failed ", "dim"),
        (f"{tally.by_status[Status.FAILED]:,}", "red" if tally.by_status[Status.FAILED] else ""),
        ("  unknown ", "dim"),
        (f"{tally.by_status[Status.UNKNOWN]:,}", "yellow" if tally.by_status[Status.UNKNOWN] else ""),
        ("  left ", "dim"),
        f"{tally.by_status[Status.PENDING]:,}",
        ("  throttled ", "dim"),
        f"{tally.throttled:,}",
    )
    stopped = [
        Text(f"stopped: {identity} to {country or 'any country'} ({reason})", style="yellow")
        for (identity, country), reason in sender.breakers.stopped.items()
    ]
    return Group(table, line, *stopped)
