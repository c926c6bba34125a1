"""A run from the command line: an event loop of its own, signals, and a process that is all the campaign's."""

import asyncio
import gc
import os
import resource
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from bulksend.api.hooks import Hooks, Interpose, Watch, nothing_between
from bulksend.cli.signals import interrupted_by_signals

if TYPE_CHECKING:
    from bulksend.config.model import Settings
    from bulksend.pipeline.policy import SendResult
    from bulksend.store.owner import OwnerLock

__all__ = ["Interpose", "RunOptions", "Watch", "loop_factory", "nothing_between", "run_ledger", "run_until_stopped"]

T = TypeVar("T")

COLLECT_AFTER = 10_000
"""New objects after which the youngest are looked through for garbage. A message makes about fifteen, none of which
needs it; at Python's own threshold, 700, the search took one microsecond in twenty."""


STANDARD_ERROR = 2
"""The last of the three descriptors that are not for files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a rehearsal adds to the settings.

    Attributes:
        credentials: access key and secret instead of those of the environment, for the simulator.
        interpose: see `Hooks`.
        parts_per_second: over all buckets; None: no such limit.
        recipient_interval_s: between two messages to one recipient, at least.
    """

    credentials: tuple[str, str] | None = None
    interpose: Interpose = nothing_between
    parts_per_second: int | None = None
    recipient_interval_s: float = 1.0


def run_until_stopped(work: Callable[[asyncio.Event], Coroutine[Any, Any, T]], *, sends: bool = True) -> T:
    """Return what `work` returns, in an event loop of its own; it gets an event that signals set.

    The first SIGINT or SIGTERM stops in order; a second one ends the process at once, which is as safe as a
    `kill -9`: what was on the wire is `unknown` at the next start.

    Args:
        work: what is to be done.
        sends: it is a run, with a log; else the faster event loop is not worth the time that it takes to load.
    """
    _fill_standard_descriptors()
    _raise_open_files()

    async def run() -> T:
        return await work(interrupted_by_signals(logged=sends))

    with asyncio.Runner(loop_factory=loop_factory() if sends else None) as runner:
        return runner.run(run())


def run_ledger(owner: "OwnerLock", settings: "Settings", options: RunOptions, watch: Watch) -> "SendResult":
    """Send what is pending in the ledger that `owner` has locked, until it is done or told to stop; for rehearsals.

    Raises what `send_pending` raises.
    """
    from msgspec.structs import replace

    from bulksend.api.sender import Extent, send_pending
    from bulksend.cli.access import campaign_of
    from bulksend.config.operating import GuardSettings, LedgerSettings, ScheduleSettings, TelemetrySettings

    # A rehearsal waits for nobody and is over soon; nobody is told of it: port and copy are the campaign's own.
    settings = replace(
        settings,
        schedule=ScheduleSettings(),
        guard=GuardSettings(max_share=1.0),
        ledger=LedgerSettings(),
        telemetry=TelemetrySettings(),
    )
    campaign = campaign_of(settings, credentials=options.credentials)
    extent = Extent(parts_per_second=options.parts_per_second, recipient_interval_s=options.recipient_interval_s)
    hooks = Hooks(ready=settle_down, interpose=options.interpose, watch=watch)
    return run_until_stopped(lambda stop: send_pending(owner, campaign, extent, hooks, stop))


def settle_down() -> None:
    """Look through what is loaded for garbage once, and not again while messages go out.

    The SDK's models are hundreds of thousands of objects that stay. To look through them takes tens of milliseconds, in
    which nothing is sent and what was just let out is late.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop where it is installed; None for asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _fill_standard_descriptors() -> None:
    """Put nothing in the places of closed standard streams, so that no file of ours is taken for one (libuv aborts)."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= STANDARD_ERROR:
        pass
    os.close(descriptor)


def _raise_open_files() -> None:
    """Let this process open as many files as the system allows it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # then it stays as it is, and fewer messages are in the air
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
