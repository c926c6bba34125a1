"""A run of `send` or `resume`: all lanes at once, from the first claim to the last outcome."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from random import Random

import structlog

from bulksend.base.clock import Clock
from bulksend.base.errors import BulksendError, LedgerError, ServiceStop
from bulksend.base.orders import NoOrders, OrderBook
from bulksend.base.ports import Gateway, Ledger
from bulksend.base.progress import Counts, RunEnd, RunState
from bulksend.base.records import Bucket, Status
from bulksend.origin.identity import Identity
from bulksend.pipeline.allowance import Allowance
from bulksend.pipeline.around import Surroundings
from bulksend.pipeline.before import look_back
from bulksend.pipeline.breakers import Breakers
from bulksend.pipeline.conduct import Conditions, Conduct
from bulksend.pipeline.failover import Failover
from bulksend.pipeline.failures import decisive
from bulksend.pipeline.guard import Alarm, Guard
from bulksend.pipeline.lane import Lane
from bulksend.pipeline.learnt import LearntLimits
from bulksend.pipeline.policy import LaneProgress, SendPolicy, SendResult, recipients_of, shared_limit
from bulksend.pipeline.sampler import Sampler
from bulksend.pipeline.tally import Tally
from bulksend.rate.meter import Meter
from bulksend.send.backoff import Backoff

log = structlog.get_logger("bulksend.pipeline")


class Sender:
    """Sends what the ledger holds as pending, through one lane a bucket.

    Start: counts are read, then the lanes start. Stop, on request or by a breaker: lanes let nothing more onto the
    wire (at once), answers are awaited (up to `stop_grace_s`), what has none by then is recorded as `unknown`, claimed
    rows go back to the ledger, the end of the run is recorded.

    Args:
        ledger: of the campaign.
        gateway: to the service.
        clock: for everything that waits.
        random: for backoff.
        policy: how.
        identities: all of the campaign's, for failover; none: there is no failover.
        conditions: when, and which rows.
        book: where orders to pause or to slow down are.

    Attributes:
        tally: what the run has come to; None until it begins.
        breakers: what the service refuses.
    """

    def __init__(
        self,
        ledger: Ledger,
        gateway: Gateway,
        *,
        clock: Clock,
        random: Random,
        policy: SendPolicy,
        identities: Sequence[Identity] = (),
        conditions: Conditions | None = None,
        book: OrderBook | None = None,
    ) -> None:
        self._ledger = ledger
        self._gateway = gateway
        self._clock = clock
        self._random = random
        self._policy = policy
        self._lanes: dict[str, Lane] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._learnt = LearntLimits(ledger, clock=clock)
        self._sampler = Sampler(ledger, clock=clock)
        self._group: asyncio.TaskGroup | None = None
        self._start: Counts | None = None
        self._started_s = 0.0
        self.tally: Tally | None = None
        failover = Failover(identities)
        self.breakers = Breakers(ledger, failover=failover, give_up_after_s=policy.give_up_after_s, on_moved=self._wake)
        self._guard = None if policy.guard is None else Guard(policy.guard)
        self._allowance = Allowance(policy.limit)
        self._conduct = Conduct(
            ledger, book or NoOrders(), conditions or Conditions(), clock=clock, on_change=self._conditions_changed
        )
        self._changed = asyncio.Event()  # lanes may have been woken, or nothing more is to be awaited
        self._over = asyncio.Event()  # nothing more goes out in this run

    async def run(self, interrupted: asyncio.Event) -> SendResult:
        """Send until nothing is left, `interrupted` is set, or a breaker stops the campaign.

        Raises `LedgerError` when the ledger cannot be written; nothing was let onto the wire after that.
        """
        self._start = start = await self._ledger.counts()
        self._started_s = self._clock.monotonic()
        policy = self._policy
        before = await look_back(self._ledger, start, headroom=policy.headroom, clock=self._clock)
        self.tally = tally = Tally(start)
        around = Surroundings(
            ledger=self._ledger,
            gateway=self._gateway,
            clock=self._clock,
            backoff=Backoff(base_s=policy.base_s, cap_s=policy.cap_s, random=self._random),
            recipients=recipients_of(policy, before.recipients, now=self._clock.monotonic()),
            breakers=self.breakers,
            tally=tally,
            conduct=self._conduct,
            guard=self._guard,
            on_alarm=lambda alarm: self._until_lost(lambda: self._alarmed(alarm)),
            give_up_after_s=policy.give_up_after_s,
            resend_unknown=policy.resend_unknown,
        )
        beyond = shared_limit(policy, sum(before.parts.values()), clock=self._clock)
        self._lanes = {
            counts.bucket: Lane(
                Bucket(counts.bucket, counts.mps),
                around,
                allowance=self._allowance,
                headroom=policy.headroom,
                max_in_flight=policy.max_in_flight,
                parts_lately=before.parts.get(counts.bucket, 0),
                owed_s=before.owed_s.get(counts.bucket, 0.0),
                allows=self._learnt.before(counts),
                beyond=beyond,
                on_refund=self._wake_all,
            )
            for counts in start.buckets
        }
        busy = [counts.bucket for counts in start.buckets if counts.messages_done < counts.messages]
        log.info("send.started", pending=start.of(Status.PENDING), buckets=len(busy))
        await self._ledger.note_event("run.started", {"pending": start.of(Status.PENDING)})
        await self._conduct.begin()
        self._conditions_changed()
        await self._run_lanes(busy, interrupted)
        await self._learnt.note(self._meters())
        await self._sampler.sample(self._lanes.values())
        await self._rest(tally.refused_s)
        counts = await self._ledger.counts()
        end, cause = self._end(counts)
        note = self._conduct.cause if end is RunEnd.INTERRUPTED else None
        ended: dict[str, object] = {"end": end.value, "sent": tally.sent_here, "throttled": tally.throttled}
        why = cause.what if cause else note
        await self._ledger.note_event("run.ended", ended | ({"cause": why} if why else {}))
        await self._ledger.finish(end, why, throttled=tally.throttled)
        log.info("send.ended", end=end.value, sent=tally.sent_here, throttled=tally.throttled)
        return SendResult(end, cause, tally.throttled, self._clock.monotonic() - self._started_s, note)

    @property
    def state(self) -> RunState:
        """What the run is doing, and why."""
        orders = self._conduct.orders
        ordered = {
            name: lane.bucket.mps * share
            for name, lane in self._lanes.items()
            if (share := orders.share_of(name)) < 1.0
        }
        return replace(self._conduct.state, ordered=ordered)

    def wake(self) -> None:
        """Have all lanes look for rows: there may be some that could not be claimed before."""
        self._conditions_changed()

    def progress(self) -> list[LaneProgress]:
        """Where every lane is now."""
        if self._start is None:
            return []
        now = self._clock.monotonic()
        rows = []
        for counts in self._start.buckets:
            lane = self._lanes.get(counts.bucket)
            meter = lane.instruments.meter if lane else None
            rows.append(
                LaneProgress(
                    bucket=counts.bucket,
                    mps=counts.mps,
                    allowed=meter.allowed if meter else 0.0,
                    rate=lane.instruments.gauge.rate(now) if lane else 0.0,
                    messages=counts.messages,
                    messages_done=counts.messages_done + (lane.messages_settled if lane else 0),
                    parts=counts.parts,
                    parts_done=counts.parts_done + (lane.parts_settled if lane else 0),
                    throttled=meter.throttles if meter else 0,
                    in_flight=lane.in_flight if lane else 0,
                )
            )
        return rows

    async def _run_lanes(self, busy: Collection[str], interrupted: asyncio.Event) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                helpers = [
                    group.create_task(self._stop_when(interrupted)),
                    *(group.create_task(self._until_lost(keep)) for keep in self._watches()),
                ]
                self._wake(busy)
                await self._until_done()
                for helper in helpers:
                    helper.cancel()
                self._group = None  # who is woken from now on has nothing to run
        except BaseExceptionGroup as errors:
            # The first failure cancelled all lanes; that it was the ledger is what people need to be told.
            raise decisive(errors) from None

    async def _until_done(self) -> None:
        """Return when no lane runs and none will be woken again."""
        while True:
            self._changed.clear()
            if running := [task for task in self._running.values() if not task.done()]:
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            elif self._is_ending or self._allowance.is_spent or not await self._has_more():
                if not any(not task.done() for task in self._running.values()):
                    return
            else:
                await self._changed.wait()

    @property
    def _is_ending(self) -> bool:
        return self._over.is_set() or self.breakers.campaign_stopped.is_set()

    async def _has_more(self) -> bool:
        try:
            return await self._conduct.has_more()
        except LedgerError as error:
            self.breakers.stop(error)
            return False

    def _watches(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """What goes on beside the lanes for as long as they run, or may run again."""
        return (
            lambda: self._learnt.keep_noting(self._meters()),
            lambda: self._sampler.keep_sampling(self._lanes.values()),
            self._conduct.keep_looking,
        )

    async def _until_lost(self, keep: Callable[[], Awaitable[None]]) -> None:
        try:
            await keep()
        except LedgerError as error:
            self.breakers.stop(error)  # in order: what is on the wire gets its outcome, as far as that can be recorded

    def _conditions_changed(self) -> None:
        """Have the lanes hold, or go on, at the share of their limits that is ordered now."""
        conduct = self._conduct
        if conduct.cause is not None:
            self._over.set()
        if conduct.holds:
            for lane in self._lanes.values():
                lane.halt()
        elif not self._is_ending:
            if self._guard is not None and any(lane.is_halted for lane in self._lanes.values()):
                self._guard.forget()
            for lane in self._lanes.values():
                lane.go_on()
            self._wake_all()
        for name, lane in self._lanes.items():
            lane.turn_down(conduct.orders.share_of(name))
        self._changed.set()

    async def _alarmed(self, alarm: Alarm) -> None:
        log.warning("guard.alarmed", **alarm.fields)
        await self._ledger.note_event("guard.alarmed", alarm.fields)
        if self._policy.guard is not None and self._policy.guard.pauses:
            await self._conduct.pause("guard", alarm.sentence)
        else:
            self.breakers.stop(ServiceStop(alarm.sentence, "find out why, then resume, or change [guard]"))

    async def _rest(self, refused_s: float) -> None:
        """Wait until what was refused last is a second old: the ledger tells the next run only of what was not."""
        await self._clock.sleep(refused_s + 1.0 / (1.0 - self._policy.headroom) - self._clock.monotonic())

    def _meters(self) -> dict[str, Meter]:
        return {name: lane.instruments.meter for name, lane in self._lanes.items()}

    def _wake(self, buckets: Collection[str]) -> None:
        """Have the lanes of `buckets` look for rows, also those that had found no more."""
        for name in buckets:
            self._lanes[name].wake()
            if self._group is not None and (name not in self._running or self._running[name].done()):
                self._running[name] = self._group.create_task(self._keep_running(self._lanes[name]))

    def _wake_all(self) -> None:
        self._wake(list(self._lanes))

    async def _keep_running(self, lane: Lane) -> None:
        while lane.woken:
            await lane.run()

    async def _stop_when(self, interrupted: asyncio.Event) -> None:
        events = (interrupted, self.breakers.campaign_stopped, self._over)
        waits = [asyncio.ensure_future(event.wait()) for event in events]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._over.set()
        self._conduct.stopping()
        for lane in self._lanes.values():
            lane.halt()
        self._changed.set()
        await self._clock.sleep(self._policy.stop_grace_s)
        for lane in self._lanes.values():
            lane.abandon()

    def _end(self, counts: Counts) -> tuple[RunEnd, BulksendError | None]:
        if self.breakers.cause is not None:
            return RunEnd.STOPPED, self.breakers.cause
        if counts.of(Status.PENDING) == 0:
            return RunEnd.COMPLETE, None
        if sum(bucket.messages_held for bucket in counts.buckets) == counts.of(Status.PENDING):
            return RunEnd.STOPPED, self.breakers.summary()
        return RunEnd.INTERRUPTED, None
