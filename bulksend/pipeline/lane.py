"""One bucket's way from the ledger to the ledger: when to claim, what to start, how to stop."""

import asyncio
import heapq
from collections.abc import Callable

import structlog

from bulksend.base.errors import LedgerError
from bulksend.base.records import Bucket, Status
from bulksend.pipeline.allowance import Allowance
from bulksend.pipeline.around import Instruments, Surroundings
from bulksend.pipeline.claiming import Claiming
from bulksend.pipeline.delivery import Delivery, Verdict
from bulksend.pipeline.roster import UNTRIED, Roster, Stage
from bulksend.pipeline.tally import RateGauge
from bulksend.rate.inflight import InFlight
from bulksend.rate.latency import LatencyEstimate
from bulksend.rate.meter import Meter, SharedLimit

log = structlog.get_logger("bulksend.pipeline")

FIRST_AHEAD_S = 0.3
MIN_AHEAD_S = 0.02
MAX_AHEAD_S = 1.0
"""How long before its turn a message is prepared: as long as it was seen to take to sign it and to have a connection
(`FIRST_AHEAD_S` until that was seen), and no longer, because each that is prepared keeps a connection from others. No
more than a second's parts are claimed, so earlier than `MAX_AHEAD_S` there is nothing to prepare."""

MAX_PREPARED = 100
"""Messages of a bucket that are prepared at once, unless more go out in the time that preparing one takes: what comes
back from the air carries the next, so more of them would only open connections that nobody needs a moment later."""

LOOK_AGAIN_S = 60.0
"""The longest that a lane sleeps when nothing wakes it and nothing is due."""


class Lane:
    """Sends the rows of one bucket. A slow lane never blocks a fast one: they share nothing but connections.

    `run` returns when the bucket has nothing left to send, or after `halt` when all that was on the wire has its
    outcome; either way every row it claimed is settled or pending again. It may be run again after `wake`.

    Args:
        bucket: whose rows.
        around: what all lanes share.
        allowance: how many rows may still be claimed in this run.
        headroom: share of the limit left unused.
        parts_lately: parts of this bucket that an earlier run released within the last second or so.
        owed_s: for how long a message of an earlier run, of more parts than the limit, is still being paid for.
        allows: parts per second that an earlier run found the service to allow; None: nothing.
        beyond: what all buckets have in common.
        max_in_flight: messages on the wire at once, at most.
        on_refund: called when rows came back that `allowance` may give to any lane.
    """

    def __init__(
        self,
        bucket: Bucket,
        around: Surroundings,
        *,
        allowance: Allowance,
        headroom: float,
        max_in_flight: int,
        parts_lately: int,
        owed_s: float = 0.0,
        allows: float | None = None,
        beyond: SharedLimit | None = None,
        on_refund: Callable[[], None],
    ) -> None:
        rate = bucket.mps * (1.0 - headroom)
        self.bucket = bucket
        self.instruments = Instruments(
            meter=Meter(
                bucket,
                headroom=headroom,
                clock=around.clock,
                parts_lately=parts_lately,
                owed_s=owed_s,
                allows=allows,
                beyond=beyond,
            ),
            gauge=RateGauge(),
            in_flight=InFlight(rate, ceiling=max_in_flight),
            preparation=LatencyEstimate(first_guess_s=FIRST_AHEAD_S),
            roster=Roster(),
        )
        self._max_in_flight = max_in_flight
        self.messages_settled = 0
        self.parts_settled = 0
        self._around = around
        self._allowance = allowance
        self._claiming = Claiming(bucket, around, self.instruments, allowance=allowance)
        self._on_refund = on_refund
        self._alarm: asyncio.TimerHandle | None = None
        self._started: dict[Delivery, asyncio.Task[None]] = {}
        self._returning: list[Delivery] = []
        self._too_soon: list[Delivery] = []  # for their recipients
        self._is_claiming = False
        self._is_giving_back = False
        self._halted = False
        self._share = 1.0

    @property
    def woken(self) -> bool:
        """Whether rows may be there again since the last look."""
        return self._claiming.woken

    @property
    def is_halted(self) -> bool:
        """Whether nothing more goes onto the wire."""
        return self._halted

    @property
    def in_flight(self) -> int:
        """Messages in the air."""
        return self.instruments.roster.messages(Stage.FLYING)

    def turn_down(self, share: float) -> None:
        """Go at no more than `share` of the limit from now on."""
        if share != self._share:
            self._share = share
            self.instruments.meter.turn_down(share)
            self.instruments.roster.changed.set()

    def wake(self) -> None:
        """There are rows again: they were moved here from another bucket, or given back."""
        self._claiming.wake()
        self.instruments.roster.changed.set()

    def halt(self) -> None:
        """Let nothing more onto the wire; what is there gets its outcome, the rest goes back to the ledger."""
        self._halted = True
        for delivery, task in self._started.items():
            delivery.withhold()
            if delivery.stage in UNTRIED and delivery.has_begun:
                task.cancel()
        self.instruments.roster.changed.set()

    def go_on(self) -> None:
        """After `halt`: messages may go out again, once the lane is woken and run."""
        self._halted = False

    def abandon(self) -> None:
        """Wait for answers no longer: what is still on the wire is recorded as `unknown`."""
        for delivery, task in self._started.items():
            if delivery.stage is Stage.FLYING:
                task.cancel()

    async def run(self) -> None:
        """Send until nothing is left. Raises `LedgerError`, in a group, when the ledger cannot be written."""
        self._claiming.woken = False
        changed = self.instruments.roster.changed
        async with asyncio.TaskGroup() as group:
            while not (self._halted or self._around.breakers.campaign_stopped.is_set()):
                changed.clear()
                if self._claiming.waiting:
                    self._look_again_in(LOOK_AGAIN_S)
                for delivery in self._claiming.waiting.take_stopped(self._around.breakers):
                    self._end_wait(delivery)
                self._start_what_may(group)
                # One after the other: between the return of a row and its diversion a claim would take it again.
                if not (self._is_giving_back or self._is_claiming):
                    if self._returning:
                        self._is_giving_back = True
                        group.create_task(self._give_back())
                    elif self._too_soon or self._claiming.is_wanted:
                        self._is_claiming = True
                        group.create_task(self._claim())
                    elif self._is_done():
                        break
                await changed.wait()
            # At once, and not when the last answer is there: whoever stops us may lose patience before that.
            await self._give_everything_back()
        if self._alarm is not None:
            self._alarm.cancel()
        await self._give_everything_back()

    async def _give_everything_back(self) -> None:
        """Return all rows that are not on the wire."""
        self._returning.extend(delivery for _, delivery in self._claiming.queue)
        self._claiming.queue.clear()
        self._returning.extend(self._too_soon)
        self._too_soon.clear()
        for delivery in self._claiming.waiting.take_all():
            self._end_wait(delivery)
        await self._give_back()

    def _start_what_may(self, group: asyncio.TaskGroup) -> None:
        while self._claiming.queue:
            _, delivery = self._claiming.queue[0]
            if delivery.is_withheld:
                self._returning.append(heapq.heappop(self._claiming.queue)[1])
            elif not self._may_start(delivery):
                break
            elif not delivery.take_recipient():
                self._too_soon.append(heapq.heappop(self._claiming.queue)[1])
            else:
                heapq.heappop(self._claiming.queue)
                delivery.enter(Stage.PREPARED)
                self._started[delivery] = group.create_task(self._deliver(delivery))

    def _end_wait(self, delivery: Delivery) -> None:
        if delivery.status is None:
            self._returning.append(delivery)
        else:
            self._settled(delivery)

    def _may_start(self, delivery: Delivery) -> bool:
        bucket, roster = self.instruments, self.instruments.roster
        roster.awaits_landing = bucket.in_flight.is_full
        # Where preparing takes long, as many as go on the wire meanwhile: fewer would be a limit of their own. Yet not
        # more than there may be connections: who waits for one seems slow to prepare, and would call for still more.
        most = min(self._max_in_flight, max(MAX_PREPARED, bucket.meter.allowed * bucket.preparation.mean_s))
        if roster.awaits_landing or roster.messages(Stage.PREPARED) >= most:
            return False
        ahead_s = min(MAX_AHEAD_S, max(MIN_AHEAD_S, bucket.preparation.seconds))
        early_s = bucket.meter.spare_s(delivery.claim.parts, behind=roster.parts(Stage.PREPARED)) - ahead_s
        if early_s > 0.0:
            self._look_again_in(early_s)
        return early_s <= 0.0

    def _look_again_in(self, seconds: float) -> None:
        """Wake up in `seconds` at the latest, or when the next waiting row is due."""
        due_in_s = self._claiming.waiting.next_due_s - self._around.clock.monotonic()
        seconds = min(seconds, due_in_s) if due_in_s > 0.0 else seconds
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_later(seconds, self.instruments.roster.changed.set)

    def _is_done(self) -> bool:
        claiming = self._claiming
        return claiming.exhausted and not (claiming.queue or claiming.waiting or self._started or self._too_soon)

    async def _claim(self) -> None:
        try:
            if self._too_soon:
                await self._put_off()
            else:
                await self._claiming.claim()
        except LedgerError as error:
            self._around.breakers.stop(error)
            raise
        finally:
            self._is_claiming = False
            self.instruments.roster.changed.set()

    async def _put_off(self) -> None:
        """Have rows wait that would come too soon for their recipients; others go meanwhile."""
        found, self._too_soon = self._too_soon, []
        await asyncio.gather(*(delivery.put_off() for delivery in found))
        for delivery in found:
            self._claiming.waiting.push(delivery)

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            match await delivery.run():
                case Verdict.SETTLED:
                    self._settled(delivery)
                case Verdict.WAITS:
                    self._claiming.waiting.push(delivery)
                case Verdict.RETURNS:
                    self._returning.append(delivery)
        finally:
            del self._started[delivery]
            # One that was sent leaves nothing to look at: the lane did when it took off.
            if delivery.status is not Status.SENT or not self._started:
                self.instruments.roster.changed.set()

    def _settled(self, delivery: Delivery) -> None:
        self.messages_settled += 1
        self.parts_settled += delivery.claim.parts
        if delivery.status is not None:
            self._around.tally.settled(delivery.status)
        delivery.enter(Stage.GONE)

    async def _give_back(self) -> None:
        """Return withheld rows to the ledger, and divert them there if it was a breaker that withheld them."""
        try:
            found, self._returning = self._returning, []
            returning: list[Delivery] = []
            for delivery in found:
                # A row whose earlier answer was lost may have been sent: it is settled, and never returned.
                if await delivery.give_up() is Verdict.RETURNS:
                    returning.append(delivery)
                else:
                    self._settled(delivery)
            if not returning:
                return
            claims = [delivery.claim for delivery in returning]
            tried = [delivery.claim.row for delivery in returning if delivery.tried]
            await self._around.ledger.give_back([claim.row for claim in claims], tried=tried)
            await self._around.breakers.divert_again(claims)
            if self._allowance.refund(len(claims)):
                self._on_refund()
            for delivery in returning:
                delivery.enter(Stage.GONE)
        finally:
            self._is_giving_back = False
            self.instruments.roster.changed.set()
