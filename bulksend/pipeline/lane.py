"""One bucket's way from the ledger to the ledger: when to claim, what to start, how to stop."""

import asyncio
from collections import deque

import structlog

from bulksend.base.records import Bucket
from bulksend.pipeline.allowance import Allowance
from bulksend.pipeline.delivery import Delivery, Instruments, Surroundings
from bulksend.pipeline.roster import UNSENT, UNTRIED, Roster, Stage
from bulksend.pipeline.tally import RateGauge
from bulksend.rate.inflight import InFlight
from bulksend.rate.latency import LatencyEstimate
from bulksend.rate.meter import Meter

log = structlog.get_logger("bulksend.pipeline")

CLAIM_S = 1.0
"""Rows claimed and not tried yet, at most, as time at the limit. With those on the wire and those that wait to be tried
again they are what a `kill -9` leaves `unknown`."""

AHEAD_S = 0.3
MAX_AHEAD_S = 5.0
"""How long before its turn a message is prepared: long enough to sign it and to open a connection (longer where that
was seen to take longer), and no longer, because the other side closes a connection that it hears nothing on."""

MAX_WAITING_S = 10.0
MIN_WAITING = 20
"""Rows that wait to be tried again, at most, as time at the limit: so many that they never keep others from going."""


class Lane:
    """Sends the rows of one bucket. A slow lane never blocks a fast one: they share nothing but connections.

    `run` returns when the bucket has nothing left to send, or after `halt` when all that was on the wire has its
    outcome; either way every row it claimed is settled or pending again.

    Args:
        bucket: whose rows.
        around: what all lanes share.
        allowance: how many rows may still be claimed in this run.
        headroom: share of the limit left unused.
        parts_lately: parts of this bucket that an earlier run released within the last second or so.
        max_in_flight: messages on the wire at once, at most.
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
        self._claim_parts = max(1, int(bucket.mps * CLAIM_S))
        self._max_waiting = MIN_WAITING + int(bucket.mps * MAX_WAITING_S)
        self._alarm: asyncio.TimerHandle | None = None
        self._queue: deque[Delivery] = deque()
        self._started: dict[asyncio.Task[None], Delivery] = {}
        self._returning: list[Delivery] = []
        self._claiming = False
        self._giving_back = False
        self._exhausted = False
        self._halted = False

    def halt(self) -> None:
        """Let nothing more onto the wire; what is there gets its outcome, the rest goes back to the ledger."""
        self._halted = True
        for task, delivery in self._started.items():
            delivery.withhold()
            if delivery.stage in UNSENT:
                task.cancel()
        self.instruments.roster.changed.set()

    def abandon(self) -> None:
        """Wait for answers no longer: what is still on the wire is recorded as `unknown`."""
        for task, delivery in self._started.items():
            if delivery.stage is Stage.FLYING:
                task.cancel()

    async def run(self) -> None:
        """Send until nothing is left. Raises `LedgerError`, in a group, when the ledger cannot be written."""
        changed = self.instruments.roster.changed
        async with asyncio.TaskGroup() as group:
            while not (self._halted or self._around.breakers.campaign_stopped.is_set()):
                changed.clear()
                self._start_what_may(group)
                # After the start, which finds rows that a breaker has stopped: nothing else would wake us for them.
                if self._returning and not self._giving_back:
                    self._giving_back = True
                    group.create_task(self._give_back())
                if self._wants_claims():
                    self._claiming = True
                    group.create_task(self._claim())
                elif self._is_done():
                    break
                await changed.wait()
        if self._alarm is not None:
            self._alarm.cancel()
        self._returning.extend(self._queue)
        self._queue.clear()
        await self._give_back()

    def _start_what_may(self, group: asyncio.TaskGroup) -> None:
        while self._queue:
            delivery = self._queue[0]
            if self._around.breakers.reason(delivery.claim) is not None:
                self._returning.append(self._queue.popleft())
            elif self._may_start(delivery):
                self._queue.popleft()
                delivery.enter(Stage.PREPARED)
                task = group.create_task(self._deliver(delivery))
                self._started[task] = delivery
                task.add_done_callback(self._ended)
            else:
                break

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._started.pop(task, None)
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
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_later(seconds, self.instruments.roster.changed.set)

    def _wants_claims(self) -> bool:
        roster = self.instruments.roster
        return (
            not self._exhausted
            and not self._claiming
            and roster.parts(*UNTRIED) <= self._claim_parts // 2
            and roster.messages(Stage.WAITING) < self._max_waiting
        )

    def _is_done(self) -> bool:
        busy = self._claiming or self._giving_back or self._queue or self._started or self._returning
        return self._exhausted and not busy

    async def _claim(self) -> None:
        try:
            parts = self._claim_parts - self.instruments.roster.parts(*UNTRIED)
            rows = await self._allowance.reserve(parts)
            if rows == 0:
                self._exhausted = True
                return
            claims = await self._around.ledger.claim(self.bucket.name, parts=parts, rows=rows)
            await self._allowance.settle(unused=rows - len(claims))
            self._exhausted = not claims
            log.debug("lane.claimed", bucket=self.bucket.name, rows=len(claims))
            self._queue.extend(Delivery(claim, self._around, self.instruments) for claim in claims)
        finally:
            self._claiming = False
            self.instruments.roster.changed.set()

    async def _deliver(self, delivery: Delivery) -> None:
        if await delivery.run():
            self.messages_settled += 1
            self.parts_settled += delivery.claim.parts
            delivery.enter(Stage.GONE)
        else:
            self._returning.append(delivery)
            self.instruments.roster.changed.set()

    async def _give_back(self) -> None:
        """Return withheld rows to the ledger, and hold them there if it was a breaker that withheld them."""
        try:
            returning, self._returning = self._returning, []
            if not returning:
                return
            claims = [delivery.claim for delivery in returning]
            tried = [delivery.claim.row for delivery in returning if delivery.tried]
            await self._around.ledger.release([claim.row for claim in claims], tried=tried)
            await self._around.breakers.hold_again(claims)
            for delivery in returning:
                delivery.enter(Stage.GONE)
        finally:
            self._giving_back = False
            self.instruments.roster.changed.set()
