"""One claimed row on its way to an outcome: prepared, released at the wire, answered, recorded, or given back."""

import asyncio
from collections.abc import Awaitable
from enum import Enum, auto
from typing import TYPE_CHECKING

import structlog
from msgspec.structs import replace

from bulksend.base.errors import BulksendError, LedgerError
from bulksend.base.ports import Withheld
from bulksend.base.records import INTERRUPTED, Claim, Outcome, OutcomeKind, Settlement, Status
from bulksend.pipeline.around import Instruments, Surroundings
from bulksend.pipeline.roster import Stage

if TYPE_CHECKING:
    from bulksend.rate.pace import Released

log = structlog.get_logger("bulksend.pipeline")

MAX_RESENDS = 3
"""With `on_unknown = "resend"`: how often one row is sent again after a lost answer. Each time may be one more text."""


_NO_ANSWER = (OutcomeKind.NOT_SENT, OutcomeKind.UNKNOWN)


class Verdict(Enum):
    """What is to be done with a row after an attempt."""

    SETTLED = auto()  # nothing: its outcome is recorded
    WAITS = auto()  # it is tried again when its time has come; the ledger knows that it is not on the wire
    RETURNS = auto()  # it goes back to the ledger


class Delivery:
    """Brings one row to its end, one attempt a `run`.

    A row goes back when a breaker or a stop withholds it, or when its task is cancelled before it was let onto the
    wire. Cancelled later, it is recorded as `unknown`, because it may have been sent. A row whose answer was lost and
    that is to be sent again is `unknown` while it waits.

    Attributes:
        claim: the row, with the number of the present attempt.
        tried: the present attempt went on the wire.
        has_begun: `run` is under way, so that cancelling its task ends it in order.
        next_attempt: the number that its next attempt will have.
        due_s: when a row that waits is to be tried again, in seconds of the monotonic clock.
        status: the outcome that was recorded last; None before.
    """

    __slots__ = (
        "_around",
        "_bucket",
        "_failures",
        "_has_slot",
        "_lost",
        "_message",
        "_prepared_s",
        "_released_ms",
        "_resends",
        "_started_s",
        "_withheld",
        "claim",
        "due_s",
        "has_begun",
        "next_attempt",
        "stage",
        "status",
        "tried",
    )

    def __init__(self, claim: Claim, around: Surroundings, bucket: Instruments) -> None:
        self.claim = claim
        self._message: Released | None = None  # in the air
        self.has_begun = False
        self.stage = Stage.GONE
        self.tried = False
        self.next_attempt = claim.attempt + 1
        self.due_s = 0.0
        self.status: Status | None = None
        self._around = around
        self._bucket = bucket
        self._withheld = False
        self._has_slot = False
        self._started_s: float | None = None
        self._prepared_s = 0.0
        self._released_ms = 0
        self._failures = 0
        self._resends = 0
        self._lost: Outcome | None = None
        self.enter(Stage.QUEUED)

    def enter(self, stage: Stage) -> None:
        """Move on to `stage`."""
        self._bucket.roster.move(self.claim.parts, self.stage, stage)
        self.stage = stage

    @property
    def is_withheld(self) -> bool:
        """Whether the row may not go on the wire, or not now."""
        around = self._around
        return (
            self._withheld or self.claim.zone in around.conduct.closed or around.breakers.reason(self.claim) is not None
        )

    def withhold(self) -> None:
        """Let this row not onto the wire any more; one that is there stays there."""
        self._withheld = True

    def again(self) -> None:
        """Queue for the next attempt; its intent is durable already."""
        self.claim = replace(self.claim, attempt=self.next_attempt)
        self.next_attempt += 1
        self.has_begun = False
        self.tried = False
        self.status = None
        self.enter(Stage.QUEUED)

    def take_recipient(self) -> bool:
        """Whether nobody else is, or was just, sent something to the same number; `run` follows then."""
        recipients, now = self._around.recipients, self._around.clock.monotonic()
        return recipients.take(self.claim.destination, has_slot=self._has_slot, now=now)

    async def put_off(self) -> None:
        """Have the row wait, as its recipient was sent something less than a second ago, or is about to be."""
        claim, around = self.claim, self._around
        self.due_s = self._next_slot_s(around.clock.monotonic())
        if self._lost is not None:
            await self._settle(Status.UNKNOWN, self._lost)
        else:
            await around.ledger.postpone(claim.row, claim.attempt, throttled=False, tried=False)
            self.next_attempt = claim.attempt
        self.enter(Stage.PUT_OFF)

    async def run(self) -> Verdict:
        """Try once. Raises `LedgerError` when what came of it cannot be recorded."""
        around = self._around
        self._prepared_s = around.clock.monotonic()
        self._has_slot = False
        self.has_begun = True
        if self._started_s is None:
            self._started_s = self._prepared_s
        try:
            if self.is_withheld:
                return await self.give_up()
            outcome = await self._send()
            now = around.clock.monotonic()
            self._log(outcome)
            status = self._verdict(outcome, given_up=now - self._started_s >= around.give_up_after_s)
            self._count(outcome, now=now)
            self._land(answered=outcome.kind not in _NO_ANSWER)
            if outcome.kind is OutcomeKind.UNKNOWN:
                self._lost = outcome
            self.enter(Stage.RECORDING)
            if status is not None:
                await self._settle(status, outcome)
                await self._watch(status, outcome)
            if outcome.kind is OutcomeKind.SENT:
                around.breakers.accepted()
            else:
                await around.breakers.learn(self.claim, outcome, now=now)
            if status is not None:
                return Verdict.SETTLED
            if self.is_withheld:
                return await self.give_up()
            await self._postpone(outcome, now=now)
        except Withheld:
            return await self.give_up()
        except LedgerError as error:
            around.breakers.stop(error)  # at once, for all lanes: nothing more may go out
            raise
        except asyncio.CancelledError:
            if self.stage is Stage.FLYING:
                self._lost = Outcome(OutcomeKind.UNKNOWN, INTERRUPTED)
            return await self.give_up()
        finally:
            self._land(answered=False)
            if not self.tried:  # once it has left, whoever holds the recipient is somebody else
                around.recipients.dropped(self.claim.destination)
        return Verdict.WAITS

    async def _postpone(self, outcome: Outcome, *, now: float) -> None:
        self._failures += 1
        self.due_s = now + self._around.backoff.wait_s(self._failures)
        if self.tried:
            self.due_s = max(self.due_s, self._next_slot_s(now))
        if self._lost is not None:
            await self._settle(Status.UNKNOWN, self._lost)
        else:
            throttled = outcome.kind is OutcomeKind.THROTTLED
            await self._around.ledger.postpone(self.claim.row, self.claim.attempt, throttled=throttled)
        self.enter(Stage.WAITING)

    async def give_up(self) -> Verdict:
        """Try no more: settle a row that may have been sent; any other goes back."""
        if self._lost is None:
            return Verdict.RETURNS
        self.enter(Stage.RECORDING)
        await self._settle(Status.UNKNOWN, self._lost)
        return Verdict.SETTLED

    async def _send(self) -> Outcome:
        try:
            return await self._around.gateway.send(self.claim, self._release)
        except (Withheld, LedgerError):
            raise
        except Exception as error:
            # A fault of ours. It may cost this row its certainty, but not the others their order.
            kind = OutcomeKind.UNKNOWN if self.stage is Stage.FLYING else OutcomeKind.NOT_SENT
            self._around.breakers.stop(
                BulksendError(f"a fault of ours while row {self.claim.row} was sent: {type(error).__name__}")
            )
            return Outcome(kind, "fault_of_ours", error_code=type(error).__name__)

    async def _release(self) -> None:
        if self.is_withheld:
            raise Withheld
        self._bucket.preparation.learn(self._around.clock.monotonic() - self._prepared_s)
        message = await self._bucket.meter.admit(self.claim.parts, order=self.claim.row, room=self._room)
        # No await from here to the socket: a cancellation cannot fall between the decision and its record.
        now = self._around.clock.now()
        if now >= self._around.conduct.valid_until or self.is_withheld:
            raise Withheld
        self._message, self._released_ms = message, int(now.timestamp() * 1000)
        self._bucket.in_flight.took_off(message)
        self._bucket.gauge.record(self.claim.parts, now=message.at_s)
        self._around.recipients.released(self.claim.destination, now=message.at_s)
        self.tried = True
        self._around.breakers.reached()
        self.enter(Stage.FLYING)
        self._bucket.roster.changed.set()

    def _room(self) -> Awaitable[None] | None:
        """Wait until fewer are in the air than may be: those that are prepared were begun before answers stopped."""
        if self.is_withheld:  # it takes nothing from those behind it
            raise Withheld
        return self._bucket_has_room() if self._bucket.in_flight.is_full else None

    async def _bucket_has_room(self) -> None:
        roster = self._bucket.roster
        while self._bucket.in_flight.is_full:
            roster.landed.clear()
            await roster.landed.wait()

    def _next_slot_s(self, now: float) -> float:
        had_slot, self._has_slot = self._has_slot, True
        return self._around.recipients.next_slot_s(self.claim.destination, has_slot=had_slot, now=now)

    def _land(self, *, answered: bool) -> None:
        if self._message is not None:
            self._bucket.in_flight.came_down(self._message, answered=answered, now=self._around.clock.monotonic())
            self._message = None
            roster = self._bucket.roster
            roster.landed.set()
            if roster.awaits_landing:
                roster.changed.set()

    def _log(self, outcome: Outcome) -> None:
        if outcome.kind is not OutcomeKind.SENT:
            log.debug(
                "send.not_accepted",
                row=self.claim.row,
                attempt=self.claim.attempt,
                identity=self.claim.identity,
                outcome=outcome.kind.value,
                reason=outcome.reason,
            )

    def _verdict(self, outcome: Outcome, *, given_up: bool) -> Status | None:
        """The status in which `outcome` leaves the row; None: known not sent, or to be sent again."""
        meter = self._bucket.meter
        match outcome.kind:
            case OutcomeKind.SENT:
                if self._message is not None:
                    meter.accepted(self._message)
                return Status.SENT
            case OutcomeKind.THROTTLED:
                self._around.tally.throttled += 1
                if self._message is not None and meter.throttled(self._message):
                    allowed = round(meter.allowed, 1)
                    log.info("bucket.slowed", bucket=meter.bucket.name, mps=meter.bucket.mps, allowed=allowed)
                return Status.FAILED if given_up else None
            case OutcomeKind.UNKNOWN:
                self._resends += 1
                again = self._around.resend_unknown and self._resends <= MAX_RESENDS and not given_up
                return None if again else Status.UNKNOWN
            case OutcomeKind.TRY_AGAIN:
                return Status.FAILED if given_up else None
            case OutcomeKind.NOT_SENT | OutcomeKind.STOP | OutcomeKind.FAILED_IDENTITY:
                return None
            case _:
                return Status.FAILED

    def _count(self, outcome: Outcome, *, now: float) -> None:
        tally, message = self._around.tally, self._message
        if message is not None and outcome.kind not in _NO_ANSWER:
            tally.answered(now - message.at_s)
        if outcome.kind is not OutcomeKind.SENT:
            tally.refused(self.claim, outcome, at_s=self._around.clock.now().timestamp())
            if message is not None:
                tally.refused_s = max(tally.refused_s, message.at_s)

    async def _watch(self, status: Status, outcome: Outcome) -> None:
        guard = self._around.guard
        if guard is not None and (alarm := guard.ended(status, outcome)) is not None:
            await self._around.on_alarm(alarm)

    async def _settle(self, status: Status, outcome: Outcome) -> None:
        if status is Status.FAILED and (lost := self._lost or _lost_before(self.claim)) is not None:
            # An earlier attempt may have been sent; what became of a later one does not change that.
            status, outcome = Status.UNKNOWN, lost
        released_ms = self._released_ms if self.tried else None
        await self._around.ledger.settle(Settlement(self.claim.row, self.claim.attempt, status, outcome, released_ms))
        self.status = status


def _lost_before(claim: Claim) -> Outcome | None:
    return None if claim.lost is None else Outcome(OutcomeKind.UNKNOWN, claim.lost)
