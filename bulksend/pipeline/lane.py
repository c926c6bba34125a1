"""One bucket's way from the ledger to the ledger: when to claim, what to start, how to stop."""

import asyncio
import heapq
from collections.abc import Callable

import structlog

from bulksend.base.errors import LedgerError
from bulksend.base.records import Bucket
from bulksend.pipeline.allowance import Allowance
from bulksend.pipeline.delivery import Delivery, Instruments, Surroundings, Verdict
from bulksend.pipeline.roster import UNTRIED, Roster, Stage
from bulksend.pipeline.tally import RateGauge
from bulksend.pipeline.waiting import Waiting
from bulksend.rate.inflight import InFlight
from bulksend.rate.latency import LatencyEstimate
from bulksend.rate.meter import Meter

log = structlog.get_logger("bulksend.pipeline")

CLAIM_S = 1.0
"""Rows claimed and not on the wire yet, at most, as time at the limit (or one message that has more parts). With those
on the wire they are what a `kill -9` leaves `unknown`; rows that wait to be tried again are `pending`."""

AHEAD_S = 0.3
MAX_AHEAD_S = 5.0
"""How long before its turn a message is prepared: long enough to sign it and to open a connection (longer where that
was seen to take longer), and no longer, because the other side closes a connection that it hears nothing on."""

MAX_WAITING_S = 10.0
MIN_WAITING = 20
"""Rows that wait to be tried again, at most, as time at the limit: so many that they never keep others from going."""

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
        on_refund: Callable[[], None],
    ) -> None:
        rate = bucket.mps * (1.0 - headroom)
        self.bucket = bucket
        self.instruments = Instruments(
            meter=Meter(bucket, headroom=headroom, clock=around.clock, parts_lately=parts_lately),
            gauge=RateGauge(),
            in_flight=InFlight(rate, ceiling=max_in_flight),
            preparation=LatencyEstimate(first_guess_s=AHEAD_S),
            roster=Roster(),
        )
        self.messages_settled = 0
        self.parts_settled = 0
        self._around = around
        self._allowance = allowance
        self._on_refund = on_refund
        self._claim_parts = max(1, int(bucket.mps * CLAIM_S))
        self._max_waiting = MIN_WAITING + int(bucket.mps * MAX_WAITING_S)
        self._alarm: asyncio.TimerHandle | None = None
        self._queue: list[tuple[int, Delivery]] = []  # a heap, by row
        self._waiting = Waiting()
        self._started: dict[asyncio.Task[None], Delivery] = {}
        self._returning: list[Delivery] = []
        self._claiming = False
        self._giving_back = False
        self._next_is_oversized = False
        self._exhausted = False
        self._halted = False
        self.woken = False

    def wake(self) -> None:
        """There are rows again: they were moved here from another bucket."""
        self._exhausted = False
        self.woken = True
        self.instruments.roster.changed.set()

    def halt(self) -> None:
        """Let nothing more onto the wire; what is there gets its outcome, the rest goes back to the ledger."""
        self._halted = True
        for task, delivery in self._started.items():
            delivery.withhold()
            if delivery.stage in UNTRIED:
                task.cancel()
        self.instruments.roster.changed.set()

    def abandon(self) -> None:
        """Wait for answers no longer: what is still on the wire is recorded as `unknown`."""
        for task, delivery in self._started.items():
            if delivery.stage is Stage.FLYING:
                task.cancel()

    async def run(self) -> None:
        """Send until nothing is left. Raises `LedgerError`, in a group, when the ledger cannot be written."""
        self.woken = False
        changed = self.instruments.roster.changed
        async with asyncio.TaskGroup() as group:
            while not (self._halted or self._around.breakers.campaign_stopped.is_set()):
                changed.clear()
                if self._waiting:
                    self._look_again_in(LOOK_AGAIN_S)
                for delivery in self._waiting.take_stopped(self._around.breakers):
                    self._end_wait(delivery)
                self._start_what_may(group)
                # One after the other: between the return of a row and its diversion a claim would take it again.
                if not (self._giving_back or self._claiming):
                    if self._returning:
                        self._giving_back = True
                        group.create_task(self._give_back())
                    elif self._has_due() or self._wants_claims():
                        self._claiming = True
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
        self._returning.extend(delivery for _, delivery in self._queue)
        self._queue.clear()
        for delivery in self._waiting.take_all():
            self._end_wait(delivery)
        await self._give_back()

    def _start_what_may(self, group: asyncio.TaskGroup) -> None:
        while self._queue:
            _, delivery = self._queue[0]
            if self._around.breakers.reason(delivery.claim) is not None:
                self._returning.append(heapq.heappop(self._queue)[1])
            elif self._may_start(delivery):
                heapq.heappop(self._queue)
                delivery.enter(Stage.PREPARED)
                task = group.create_task(self._deliver(delivery))
                self._started[task] = delivery
                task.add_done_callback(self._ended)
            else:
                break

    def _end_wait(self, delivery: Delivery) -> None:
        if delivery.status is None:
            self._returning.append(delivery)
        else:
            self._settled(delivery)

    def _ended(self, task: asyncio.Task[None]) -> None:
        delivery = self._started.pop(task)
        if task.cancelled():
            self._returning.append(delivery)  # stopped before it had begun, and could not say so itself
        self.instruments.roster.changed.set()

    def _may_start(self, delivery: Delivery) -> bool:
        bucket = self.instruments
        if bucket.roster.messages(Stage.FLYING) >= bucket.in_flight.limit:
            return False
        ahead_s = min(MAX_AHEAD_S, max(AHEAD_S, bucket.preparation.seconds))
        early_s = bucket.meter.spare_s(delivery.claim.parts, behind=bucket.roster.parts(Stage.PREPARED)) - ahead_s
        if early_s > 0.0:
            self._look_again_in(early_s)
        return early_s <= 0.0

    def _look_again_in(self, seconds: float) -> None:
        """Wake up in `seconds` at the latest, or when the next waiting row is due."""
        due_in_s = self._waiting.next_due_s - self._around.clock.monotonic()
        seconds = min(seconds, due_in_s) if due_in_s > 0.0 else seconds
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_later(seconds, self.instruments.roster.changed.set)

    def _room(self) -> int:
        """Parts that may be claimed, or claimed again, on top of those that are on their way to the wire."""
        return self._claim_parts - self.instruments.roster.parts(*UNTRIED)

    def _is_due(self) -> bool:
        return self._waiting.next_due_s <= self._around.clock.monotonic()

    def _has_due(self) -> bool:
        """Whether a waiting row is due and finds room."""
        return self._is_due() and self._fits(self._waiting.first, self._room())

    def _fits(self, delivery: Delivery, room: int) -> bool:
        return delivery.claim.parts <= room or room == self._claim_parts

    def _wants_claims(self) -> bool:
        roster = self.instruments.roster
        enough = 0 if self._next_is_oversized else self._claim_parts // 2
        return (
            not self._exhausted
            and not self._is_due()  # those come first, and get the room that they need
            and roster.parts(*UNTRIED) <= enough
            and roster.messages(Stage.WAITING) < self._max_waiting
        )

    def _is_done(self) -> bool:
        return self._exhausted and not (self._queue or self._waiting or self._started)

    async def _claim(self) -> None:
        try:
            if self._is_due():
                await self._claim_again()
            else:
                await self._claim_more()
        except LedgerError as error:
            self._around.breakers.stop(error)
            raise
        finally:
            self._claiming = False
            self.instruments.roster.changed.set()

    async def _claim_again(self) -> None:
        room = self._room()
        due: list[Delivery] = []
        while self._is_due() and self._fits(self._waiting.first, room):
            delivery = self._waiting.pop()
            room -= delivery.claim.parts
            due.append(delivery)
        if not due:
            return
        await self._around.ledger.retry({each.claim.row: each.claim.attempt + 1 for each in due})
        for delivery in due:
            delivery.again()
            heapq.heappush(self._queue, (delivery.claim.row, delivery))

    async def _claim_more(self) -> None:
        room = self._room()
        oversized = room == self._claim_parts
        rows = await self._allowance.reserve(room)
        if rows == 0:
            self._exhausted = True
            return
        self.woken = False
        claims = await self._around.ledger.claim(self.bucket.name, parts=room, rows=rows, oversized=oversized)
        await self._allowance.settle(unused=rows - len(claims))
        self._next_is_oversized = not claims and not oversized
        self._exhausted = not claims and oversized and not self.woken
        log.debug("lane.claimed", bucket=self.bucket.name, rows=len(claims))
        for claim in claims:
            heapq.heappush(self._queue, (claim.row, Delivery(claim, self._around, self.instruments)))

    async def _deliver(self, delivery: Delivery) -> None:
        match await delivery.run():
            case Verdict.SETTLED:
                self._settled(delivery)
            case Verdict.WAITS:
                self._waiting.push(delivery)
            case Verdict.RETURNS:
                self._returning.append(delivery)
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
            await self._around.ledger.release([claim.row for claim in claims], tried=tried)
            await self._around.breakers.divert_again(claims)
            if self._allowance.refund(len(claims)):
                self._on_refund()
            for delivery in returning:
                delivery.enter(Stage.GONE)
        finally:
            self._giving_back = False
            self.instruments.roster.changed.set()
