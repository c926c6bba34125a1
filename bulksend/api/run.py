"""A whole run of a campaign, phase by phase: what `send` and `resume` do, whoever calls them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bulksend.api.accounts import resolve_and_check
from bulksend.api.campaign import Campaign
from bulksend.api.canary import Decide, fly_canary
from bulksend.api.copying import bring_copy_up_to_date, fetched
from bulksend.api.hooks import Hooks
from bulksend.api.notices import GoingOn, Notice, OptedOut, Planned, Recovered, ResendingUnknown
from bulksend.api.planning import Recipients, at_hand, planned, refuse_another
from bulksend.api.progress import OnProgress, told
from bulksend.api.relay import Relay
from bulksend.api.sender import Extent, send_pending
from bulksend.api.summary import CampaignStopped, Summary
from bulksend.api.threads import in_thread, unless
from bulksend.base.clock import SystemClock
from bulksend.base.errors import UsageError
from bulksend.base.progress import Counts
from bulksend.base.records import Status
from bulksend.config.model import Settings
from bulksend.config.snapshot import to_document
from bulksend.config.times import has_windows, require_future
from bulksend.pipeline.opted_out import note_opted_out
from bulksend.pipeline.plan import campaign_buckets
from bulksend.pipeline.policy import SendResult
from bulksend.store.forget import refuse_forgotten
from bulksend.store.group_commit import GroupCommitLedger
from bulksend.store.ledger import SqliteLedger
from bulksend.store.orders import OrdersFile
from bulksend.store.owner import OwnerLock
from bulksend.store.reading import ReadableLedger
from bulksend.telemetry.serve import telemetry


@dataclass(frozen=True, slots=True)
class Question:
    """What is about to be sent, to be said yes or no to.

    Attributes:
        messages: that this run sends, at most.
        again: of those, how many may have been sent before, at most.
        dry_run: the service checks them, and sends none.
        campaign: that sends them.
    """

    messages: int
    again: int
    dry_run: bool
    campaign: Campaign


Confirm = Callable[[Question], bool | Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a campaign is run: see `send`."""

    extent: Extent
    resend_unknown: bool
    confirm: Confirm | None
    decide: Decide | None
    on_progress: OnProgress | None
    on_notice: Callable[[Notice], None]
    hooks: Hooks


class Run:
    """One run over a ledger, in eight phases.

    1. own the ledger: nobody else writes it until the end; where there is none, its copy in S3 is fetched;
    2. plan the list into it, or check that it holds this very campaign (`send` alone);
    3. recover what an earlier run left behind;
    4. ask the account for limits that are its to tell, and compare the identities with it;
    5. ask for consent;
    6. send the canary, and decide about the others, where the campaign has one;
    7. send;
    8. sum up, and note who has opted out.

    Until 6 a stop leaves the ledger as it is, and raises `Interrupted`. From then on it ends in order. 8 is never left
    out.

    Args:
        campaign: whose messages go out.
        ledger: of the campaign.
        manner: how.
        recipients: the list, of which the ledger has to be; None: whatever the ledger holds.
    """

    def __init__(
        self, campaign: Campaign, ledger: Path, manner: Manner, *, recipients: Recipients | None = None
    ) -> None:
        self._planned_with = campaign.settings
        self._campaign = campaign
        self._path = ledger
        self._manner = manner
        self._recipients = recipients
        self._clock = SystemClock()

    async def run(self, stopping: asyncio.Event) -> Summary:
        """Go through all phases; raises what `send` raises."""
        with OwnerLock(self._path, clock=self._clock) as owner:
            if self._path.exists():
                refuse_forgotten(self._path)
            pending = await unless(stopping, self._prepare(owner))
            if pending is None:
                return await self._sum_up(owner, None, declined=True)
            result = None
            if pending:
                result = await self._send(owner, stopping)
            else:
                await self._copy(owner)
            summary = await self._sum_up(owner, result)
        if result is not None and result.cause is not None:
            raise CampaignStopped(result.cause, summary) from result.cause
        return summary

    async def _prepare(self, owner: OwnerLock) -> int | None:
        """Everything before the first message. Returns how many rows there are to send; None: the answer was no."""
        known = False
        require_future(self._settings.schedule, self._clock.now())
        await fetched(self._campaign, self._path)
        if self._recipients is not None:
            async with at_hand(self._recipients, self._campaign) as recipients:
                known = await self._plan_or_check(owner, recipients)
        left = await self._recover(owner)
        if left:
            await in_thread(lambda _: OrdersFile(self._path).read())  # if they cannot be read, before a run begins
            await in_thread(lambda _: self._require_zones())
            if not known:
                await self._ask_account()
            await in_thread(lambda _: self._note_limits(owner))
        return await self._consented(owner)

    async def _plan_or_check(self, owner: OwnerLock, recipients: Recipients) -> bool:
        """Have the ledger hold this very campaign. Returns whether the account was asked for it."""
        if self._path.exists():
            settings = self._planned_with
            await in_thread(lambda _: refuse_another(settings, recipients, self._path))
            self._manner.on_notice(GoingOn(self._path))
            return False
        # Rows are divided by the limits, so what is left to the account to tell has to be known before.
        known = self._planned_with.has_auto
        if known:
            await self._ask_account()
        campaign = self._campaign
        made = await in_thread(lambda halt: planned(campaign, recipients, self._path, owner, halt))
        self._manner.on_notice(Planned(made))
        return known

    async def _recover(self, owner: OwnerLock) -> int:
        """Make `unknown` what a run left that died. Returns how many rows there are to send."""

        def recover(_: object) -> tuple[int, int]:
            with self._opened(owner) as ledger:
                with ledger.transaction():
                    interrupted = ledger.recover()
                    if self._recipients is not None:
                        # The settings that are kept leave to the account what is its to tell; it may change its mind.
                        ledger.set_settings(to_document(self._planned_with))
                return interrupted, self._left(ledger.counts())

        interrupted, left = await in_thread(recover)
        if interrupted:
            self._manner.on_notice(Recovered(interrupted))
            await self._note_opted_out()  # which the run that died could not do
        return left

    async def _ask_account(self) -> None:
        settings = await resolve_and_check(self._campaign, self._manner.on_notice)
        self._campaign = replace(self._campaign, settings=settings)

    def _note_limits(self, owner: OwnerLock) -> None:
        """How fast may have changed since the plan was made."""
        with self._opened(owner) as ledger, ledger.transaction():
            ledger.set_mps({name: bucket.mps for name, bucket in campaign_buckets(self._settings).items()})

    async def _consented(self, owner: OwnerLock) -> int | None:
        """Ask what has to be asked and return how many rows there are to send; None when the answer was no."""

        def read(_: object) -> tuple[Counts, dict[str, int]]:
            with self._opened(owner) as ledger:
                return ledger.counts(), dict(ledger.reasons().get(Status.UNKNOWN, {}))

        def note(_: object) -> None:
            with self._opened(owner) as ledger, ledger.transaction():
                ledger.resend_unknown()

        manner, dry_run = self._manner, self._settings.campaign.dry_run
        counts, reasons = await in_thread(read)
        again = counts.of(Status.UNKNOWN) if manner.resend_unknown else 0
        left = self._left(counts)
        if again:
            manner.on_notice(ResendingUnknown(again, reasons, dry_run))
        if left and manner.confirm is not None:
            messages = min(left, manner.extent.limit or left)
            answer = manner.confirm(Question(messages, min(messages, again), dry_run, self._campaign))
            if not (answer if isinstance(answer, bool) else await answer):
                return None
        if again:
            await in_thread(note)
        if self._recipients is None:  # to resume is to say that it goes on; until consent the order to pause holds
            await in_thread(lambda _: OrdersFile(self._path).change(lambda orders: orders.without_pause()))
        return left

    async def _send(self, owner: OwnerLock, stopping: asyncio.Event) -> SendResult:
        settings, relay = self._settings, Relay()
        # Around the canary too: who probes it must find it alive while delivery events are awaited.
        try:
            async with telemetry(settings.telemetry, relay, settings.campaign.name):
                return await self._send_parts(owner, relay, stopping)
        except UsageError:
            await in_thread(lambda _: self._withdraw(owner))
            raise

    async def _send_parts(self, owner: OwnerLock, relay: Relay, stopping: asyncio.Event) -> SendResult:
        manner = self._manner
        watch = told(manner.on_progress, manner.hooks.watch, stopping)
        hooks = replace(manner.hooks, watch=relay.behind(watch))
        extent, limit = manner.extent, manner.extent.limit

        def send(extent: Extent) -> Awaitable[SendResult]:
            return send_pending(owner, self._campaign, extent, hooks, stopping)

        pending = 0 if limit is None else await self._pending(owner)
        canary = await fly_canary(
            owner,
            self._campaign,
            clock=self._clock,
            send=lambda rows: send(replace(extent, only=rows)),
            decide=manner.decide,
            stopping=stopping,
        )
        if canary is not None:
            return canary
        if limit is not None:  # it is for the canary and the others together
            gone = pending - await self._pending(owner)
            extent = replace(extent, limit=max(0, limit - gone))
        return await send(extent)

    async def _pending(self, owner: OwnerLock) -> int:
        def read(_: object) -> int:
            with self._opened(owner) as ledger:
                return ledger.counts().of(Status.PENDING)

        return await in_thread(read)

    def _require_zones(self) -> None:
        """Windows are in recipients' own time, which a plan made without them does not know."""
        if not has_windows(self._settings.schedule):
            return
        with ReadableLedger.open_for_reading(self._path) as ledger:
            pending = ledger.pending_zones()
        if any(0 in zones for zones in pending.values()):
            raise UsageError(
                f"schedule.windows and schedule.quiet_hours: the plan in {self._path} was made without time zones",
                "Leave both out, or begin another campaign with them and --not-in this ledger",
            )

    async def _copy(self, owner: OwnerLock) -> None:
        """A run that died may have left its last copy to us."""
        if self._settings.ledger.copy_to:
            async with GroupCommitLedger(self._path, clock=self._clock, owner=owner) as ledger:
                await bring_copy_up_to_date(self._campaign, ledger, clock=self._clock)

    def _withdraw(self, owner: OwnerLock) -> None:
        """What was to be sent again and was not is unknown as before: the word to do so is good for one run."""
        if self._manner.resend_unknown:
            with self._opened(owner) as ledger, ledger.transaction():
                ledger.withdraw_resends()

    async def _sum_up(self, owner: OwnerLock, result: SendResult | None, *, declined: bool = False) -> Summary:
        def sum_up(_: object) -> Summary:
            # Opened for writing, so that the last one to close it is a writer, who takes its log away.
            if not declined:
                self._withdraw(owner)
            with self._opened(owner) as ledger:
                return Summary.of(ledger, self._path, result=result, declined=declined)

        await self._note_opted_out()
        return await in_thread(sum_up)

    async def _note_opted_out(self) -> None:
        settings = self._settings
        noted = await in_thread(lambda _: note_opted_out(self._path, settings))
        if noted.added or noted.trouble:
            self._manner.on_notice(OptedOut(settings.recipients.opted_out_file, noted.added, noted.trouble))

    def _opened(self, owner: OwnerLock) -> SqliteLedger:
        return SqliteLedger.open_for_writing(self._path, clock=self._clock, owner=owner)

    def _left(self, counts: Counts) -> int:
        """How many rows there are to send."""
        return counts.of(Status.PENDING) + (counts.of(Status.UNKNOWN) if self._manner.resend_unknown else 0)

    @property
    def _settings(self) -> Settings:
        return self._campaign.settings
