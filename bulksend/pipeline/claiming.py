"""When rows of one bucket are claimed, and how many: enough for the wire never to wait, few enough to lose."""

import heapq

import structlog

from bulksend.base.records import Bucket
from bulksend.pipeline.allowance import Allowance
from bulksend.pipeline.around import Instruments, Surroundings
from bulksend.pipeline.delivery import Delivery
from bulksend.pipeline.roster import Stage
from bulksend.pipeline.waiting import Waiting

log = structlog.get_logger("bulksend.pipeline")

CLAIM_S = 1.0
"""Rows claimed and not on the wire yet, at most, as time at the limit (or one message that has more parts). With those
on the wire they are what a `kill -9` leaves `unknown`; rows that wait to be tried again are `pending`."""

MAX_CLAIM_PARTS = 2_500
"""And as parts: half a second at 5,000 parts a second. The next claim begins when half of that is left, a quarter of a
second, which is longer than a commit takes on a busy disk; every row that is claimed is a kilobyte of memory."""

MAX_WAITING_S = 10.0
MIN_WAITING = 20
"""Rows that wait to be tried again, at most, as time at the limit: so many that they never keep others from going."""

AT_ONCE = 250
"""Rows that are put into the queue in one turn of the event loop: about a millisecond of it."""

MAX_PUT_OFF = 10_000
"""Rows that wait for their recipients, at most: they are many where few recipients get many texts."""


class Claiming:
    """Fills the queue of one bucket from the ledger, and from rows that wait and are due.

    Attributes:
        queue: a heap of what is claimed and not started yet, by row.
        waiting: what is tried again later.
        exhausted: the ledger had nothing more to claim, or nothing more may be claimed in this run.
        woken: rows may be there again since the last look.

    Args:
        bucket: whose rows.
        around: what all lanes share.
        instruments: of the bucket.
        allowance: how many rows may still be claimed in this run.
    """

    def __init__(self, bucket: Bucket, around: Surroundings, instruments: Instruments, *, allowance: Allowance) -> None:
        self.queue: list[tuple[int, Delivery]] = []
        self.waiting = Waiting()
        self.exhausted = False
        self.woken = False
        self._bucket = bucket
        self._around = around
        self._instruments = instruments
        self._allowance = allowance
        self._most_parts = max(1, min(MAX_CLAIM_PARTS, int(bucket.mps * CLAIM_S)))
        self._max_waiting = MIN_WAITING + int(bucket.mps * MAX_WAITING_S)
        self._next_is_oversized = False

    def wake(self) -> None:
        """There are rows again: they were moved here from another bucket, or given back."""
        self.exhausted = False
        self.woken = True

    @property
    def is_wanted(self) -> bool:
        """Whether `claim` would find something to do."""
        return self._has_due() or self._wants_more()

    async def claim(self) -> None:
        """Put more into the queue. Raises `LedgerError`."""
        if self._is_due():
            await self._claim_again()
        else:
            await self._claim_more()

    def _room(self) -> int:
        """Parts that may be claimed, or claimed again, on top of those that are on their way to the wire."""
        return self._most_parts - self._instruments.roster.untried_parts

    def _is_due(self) -> bool:
        return self.waiting.next_due_s <= self._around.clock.monotonic()

    def _has_due(self) -> bool:
        """Whether a waiting row is due and finds room."""
        return self._is_due() and self._fits(self.waiting.first, self._room())

    def _fits(self, delivery: Delivery, room: int) -> bool:
        return delivery.claim.parts <= room or room == self._most_parts

    def _wants_more(self) -> bool:
        roster = self._instruments.roster
        enough = 0 if self._next_is_oversized else self._most_parts // 2
        return (
            not self.exhausted
            and not self._is_due()  # those come first, and get the room that they need
            and roster.untried_parts <= enough
            and roster.messages(Stage.WAITING) < self._max_waiting
            and roster.messages(Stage.PUT_OFF) < MAX_PUT_OFF
        )

    async def _claim_again(self) -> None:
        room = self._room()
        due: list[Delivery] = []
        while len(due) < AT_ONCE and self._is_due() and self._fits(self.waiting.first, room):
            delivery = self.waiting.pop()
            room -= delivery.claim.parts
            due.append(delivery)
        if not due:
            return
        await self._around.ledger.retry({each.claim.row: each.next_attempt for each in due})
        for delivery in due:
            delivery.again()
            heapq.heappush(self.queue, (delivery.claim.row, delivery))

    async def _claim_more(self) -> None:
        room = self._room()
        oversized = room == self._most_parts
        rows = await self._allowance.reserve(room)
        if rows == 0:
            self.exhausted = True
            return
        self.woken = False
        among = self._around.conduct.among(self._bucket.name)
        claims = await self._around.ledger.claim(
            self._bucket.name, parts=room, rows=rows, oversized=oversized, among=among
        )
        await self._allowance.settle(unused=rows - len(claims))
        self._next_is_oversized = not claims and not oversized
        self.exhausted = not claims and oversized and not self.woken
        log.debug("lane.claimed", bucket=self._bucket.name, rows=len(claims))
        for place, claim in enumerate(claims, start=1):
            heapq.heappush(self.queue, (claim.row, Delivery(claim, self._around, self._instruments)))
            if place % AT_ONCE == 0:
                self._instruments.roster.changed.set()
                await self._around.clock.sleep(0.0)
