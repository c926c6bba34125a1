"""A run of a ledger from the command line: real clock, real service, signals, and somebody who watches."""

import asyncio
import gc
import random
import resource
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import structlog

from bulksend.base.clock import Clock, SystemClock
from bulksend.base.errors import ExitCode, LedgerError
from bulksend.base.ports import Gateway, Ledger
from bulksend.base.progress import RunEnd
from bulksend.base.records import Status
from bulksend.cli.signals import interrupted_by_signals
from bulksend.config.model import Settings
from bulksend.config.request import request_members
from bulksend.pipeline.sending import Sender, SendPolicy, SendResult
from bulksend.store.group_commit import GroupCommitLedger
from bulksend.store.owner import OwnerLock
from bulksend.store.reading import ReadableLedger

log = structlog.get_logger("bulksend.cli")

MAX_CONNECTIONS = 1000
"""Open at once when `aws.max_concurrency` leaves it to us; rate and latency decide how many of them are used."""

OTHER_FILES = 64
"""Files that are open beside connections, at most: the ledger's, terminal and logs, those that libraries keep."""

COLLECT_AFTER = 10_000
"""New objects after which the youngest are looked through for garbage. A message makes about fifteen, none of which
needs it; at Python's own threshold, 700, the search took one microsecond in twenty."""

Watch = Callable[[Sender], AbstractAsyncContextManager[None]]
"""Shows the progress of a run while its context is open."""


Interpose = Callable[[Ledger, Gateway], tuple[Ledger, Gateway]]
"""Gets the real ledger and gateway of a run, and returns what is used in their places."""


def nothing_between(ledger: Ledger, gateway: Gateway) -> tuple[Ledger, Gateway]:
    """The real parts as they are."""
    return ledger, gateway


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the command line adds to the settings.

    Attributes:
        limit: rows to send at most; None: all.
        credentials: access key and secret instead of those of the environment, for the simulator.
        interpose: puts something between the pipeline and the real parts; how tests crash a run at a certain point.
        parts_per_second: over all buckets; None: no such limit.
        recipient_interval_s: between two messages to one recipient, at least.
    """

    limit: int | None = None
    credentials: tuple[str, str] | None = None
    interpose: Interpose = nothing_between
    parts_per_second: int | None = None
    recipient_interval_s: float = 1.0


def run_ledger(owner: OwnerLock, settings: Settings, options: RunOptions, watch: Watch) -> SendResult:
    """Send what is pending in the ledger that `owner` has locked, until it is done or told to stop.

    The first SIGINT or SIGTERM stops in order; a second one ends the process at once, which is as safe as a
    `kill -9`: what was on the wire is `unknown` at the next start.
    """
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(_run(owner, settings, options, watch))
    except LedgerError as error:
        # Messages may have been sent before the ledger failed, so this is not "nothing was sent".
        if error.exit_code == ExitCode.USAGE:
            error.exit_code = ExitCode.INTERRUPTED
        raise


async def _run(owner: OwnerLock, settings: Settings, options: RunOptions, watch: Watch) -> SendResult:
    from bulksend.cli.access import access_of
    from bulksend.send.aws import AwsGateway

    clock: Clock = SystemClock()
    interrupted = interrupted_by_signals()
    max_connections = _connections_within_open_files(settings.aws.max_concurrency or MAX_CONNECTIONS)
    gateway = AwsGateway(
        request_members(settings),
        access_of(settings.aws, max_connections=max_connections, credentials=options.credentials),
        clock=clock,
        express=settings.aws.transport == "express",
    )
    policy = SendPolicy(
        headroom=settings.pacing.headroom,
        base_s=settings.retry.base_s,
        cap_s=settings.retry.cap_s,
        give_up_after_s=settings.retry.give_up_after_s,
        resend_unknown=settings.retry.on_unknown == "resend",
        max_in_flight=max_connections,
        stop_grace_s=settings.aws.stop_grace_s,
        requests_per_second=settings.pacing.requests_per_second or None,
        parts_per_second=options.parts_per_second,
        recipient_interval_s=options.recipient_interval_s,
        limit=options.limit,
    )
    # Start: credentials and region (nothing is claimed without them), ledger, lanes. Stop: the reverse.
    async with gateway, GroupCommitLedger(owner.ledger, clock=clock, owner=owner) as durable:
        await durable.start_run()
        # The SDK's models are hundreds of thousands of objects that stay. To look through them for garbage takes tens
        # of milliseconds, in which nothing is sent and what was just let out is late.
        gc.collect()
        gc.freeze()
        gc.set_threshold(COLLECT_AFTER)
        ledger, wire = options.interpose(durable, gateway)
        sender = Sender(
            ledger,
            wire,
            clock=clock,
            random=random.SystemRandom(),
            policy=policy,
            identities=settings.identity_records(),
        )
        async with watch(sender):
            return await sender.run(interrupted)


def _connections_within_open_files(wanted: int) -> int:
    """How many of `wanted` connections the system lets us open, once the soft limit of open files is the hard one.

    Without a descriptor left the ledger could not be written, and what is on the wire then would be `unknown`.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most == resource.RLIM_INFINITY or most - OTHER_FILES >= wanted:
        return wanted
    allowed = max(1, most - OTHER_FILES)
    log.warning("send.few_open_files", open_files=most, connections=allowed, wanted=wanted)
    return allowed


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop where it is installed; None for asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def exit_code(result: SendResult | None, ledger: ReadableLedger) -> ExitCode:
    """The exit code of a run, or of a campaign that had nothing left to do (`result` is None)."""
    counts = ledger.counts()
    if result is not None and result.cause is not None:
        return result.cause.exit_code
    if counts.of(Status.PENDING) or (result is not None and result.end is RunEnd.INTERRUPTED):
        return ExitCode.INTERRUPTED
    if counts.of(Status.FAILED) or counts.of(Status.UNKNOWN):
        return ExitCode.COMPLETE_WITH_FAILURES
    return ExitCode.COMPLETE
