"""The part of a run in which messages go out: the real service, the real ledger, the real clock."""

import asyncio
import random
import resource
from dataclasses import dataclass
from datetime import timedelta

import structlog

from bulksend.api.access import access_by
from bulksend.api.campaign import Campaign
from bulksend.api.copying import copied
from bulksend.api.hooks import Hooks
from bulksend.base.clock import Clock, SystemClock
from bulksend.base.deadline import LAST_CALL_S
from bulksend.base.errors import ExitCode, LedgerError
from bulksend.config.request import request_members
from bulksend.config.times import times_of
from bulksend.pipeline.conduct import Conditions, Timetable
from bulksend.pipeline.guard import GuardRule
from bulksend.pipeline.policy import SendPolicy, SendResult
from bulksend.pipeline.sending import Sender
from bulksend.send.aws import AwsGateway
from bulksend.store.group_commit import GroupCommitLedger
from bulksend.store.orders import OrdersFile
from bulksend.store.owner import OwnerLock

log = structlog.get_logger("bulksend.api")

MAX_CONNECTIONS = 1000
"""Open at once when `aws.max_concurrency` leaves it to us; rate and latency decide how many of them are used."""

OTHER_FILES = 64
"""Files that are open beside connections, at most: the ledger's, terminal and logs, those that libraries keep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How far and how fast one run goes, beside the settings.

    Attributes:
        limit: rows to send at most; None: all.
        parts_per_second: over all buckets; None: no such limit.
        recipient_interval_s: between two messages to one recipient, at least.
        only: the rows that may go, ascending; None: all.
    """

    limit: int | None = None
    parts_per_second: int | None = None
    recipient_interval_s: float = 1.0
    only: tuple[int, ...] | None = None


async def send_pending(
    owner: OwnerLock, campaign: Campaign, extent: Extent, hooks: Hooks, stopping: asyncio.Event
) -> SendResult:
    """Send what is pending in the ledger that `owner` has locked, until it is done or `stopping` is set.

    Raises:
        UsageError: there are no credentials, or no region; nothing was sent.
        LedgerError: the ledger cannot be written; something may have been sent before (its exit code says so).
    """
    try:
        result = await _send_pending(owner, campaign, extent, hooks, stopping)
    except LedgerError as error:
        _allow_for_what_was_sent(error)
        raise
    if isinstance(result.cause, LedgerError):
        _allow_for_what_was_sent(result.cause)
    return result


def _allow_for_what_was_sent(error: LedgerError) -> None:
    """Messages may have been sent before the ledger failed, so this is not "nothing was sent"."""
    if error.exit_code == ExitCode.USAGE:
        error.exit_code = ExitCode.INTERRUPTED


async def _send_pending(
    owner: OwnerLock, campaign: Campaign, extent: Extent, hooks: Hooks, stopping: asyncio.Event
) -> SendResult:
    clock: Clock = SystemClock()
    settings = campaign.settings
    times = times_of(settings.schedule)
    max_connections = _within_open_files(settings.aws.max_concurrency or MAX_CONNECTIONS)
    gateway = AwsGateway(
        request_members(settings),
        access_by(
            settings.aws, region=campaign.region, max_connections=max_connections, credentials=campaign.credentials
        ),
        clock=clock,
        express=settings.aws.transport == "express",
        deadline=times.deadline,
    )
    # Start: credentials and region (nothing is claimed without them), ledger, lanes. Stop: the reverse.
    # Between ledger and lanes: its first copy; after them, its last.
    async with (
        gateway,
        GroupCommitLedger(owner.ledger, clock=clock, owner=owner) as durable,
        copied(campaign, durable, clock=clock) as copies,
    ):
        ledger, wire = hooks.interpose(durable if copies is None else copies.guarded(durable), gateway)
        sender = Sender(
            ledger,
            wire,
            clock=clock,
            random=random.SystemRandom(),
            policy=_policy(campaign, extent, hooks, max_connections),
            identities=settings.identity_records(),
            conditions=Conditions(
                timetable=Timetable(
                    start_at=times.start_at,
                    last_call=None if times.deadline is None else times.deadline - timedelta(seconds=LAST_CALL_S),
                    windows=times.windows,
                    waits=settings.schedule.wait,
                ),
                only=extent.only,
                frontier=None if copies is None else copies.frontier,
            ),
            book=OrdersFile(owner.ledger),
        )
        if copies is not None:
            copies.on_rise, copies.on_stop = sender.wake, sender.breakers.stop
        await durable.start_run()
        hooks.ready()
        async with hooks.watch(sender):
            return await sender.run(stopping)


def _policy(campaign: Campaign, extent: Extent, hooks: Hooks, max_connections: int) -> SendPolicy:
    settings = campaign.settings
    guard = settings.guard
    pauses = guard.action == "pause" or (guard.action == "auto" and hooks.attended)
    return SendPolicy(
        headroom=settings.pacing.headroom,
        base_s=settings.retry.base_s,
        cap_s=settings.retry.cap_s,
        give_up_after_s=settings.retry.give_up_after_s,
        resend_unknown=settings.retry.on_unknown == "resend",
        max_in_flight=max_connections,
        stop_grace_s=settings.aws.stop_grace_s,
        requests_per_second=settings.pacing.requests_per_second or None,
        parts_per_second=extent.parts_per_second,
        recipient_interval_s=extent.recipient_interval_s,
        limit=extent.limit,
        guard=GuardRule(guard.max_share, guard.of_messages, pauses) if guard.max_share < 1.0 else None,
    )


def _within_open_files(wanted: int) -> int:
    """How many of `wanted` connections may be open beside what else is, by the process's own limit of open files.

    Without a descriptor left the ledger could not be written, and what is on the wire then would be `unknown`.
    """
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY or most - OTHER_FILES >= wanted:
        return wanted
    allowed = max(1, most - OTHER_FILES)
    log.warning("send.few_open_files", open_files=most, connections=allowed, wanted=wanted)
    return allowed
