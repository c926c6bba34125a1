"""One claimed row on its way to an outcome: prepared, released at the wire, answered, recorded, or given back."""

import asyncio
from dataclasses import dataclass, replace

import structlog

from bulksend.base.clock import Clock
from bulksend.base.errors import BulksendError, LedgerError
from bulksend.base.ports import Gateway, Ledger, Withheld
from bulksend.base.records import Claim, Outcome, OutcomeKind, Settlement, Status
from bulksend.pipeline.breakers import Breakers
from bulksend.pipeline.roster import Roster, Stage
from bulksend.pipeline.tally import RateGauge, Tally
from bulksend.rate.inflight import InFlight
from bulksend.rate.latency import LatencyEstimate
from bulksend.rate.meter import Meter
from bulksend.send.backoff import Backoff

log = structlog.get_logger("bulksend.pipeline")

MAX_RESENDS = 3
"""With `on_unknown = "resend"`: how often one row is sent again after a lost answer. Each time may be one more text."""

INTERRUPTED = Outcome(OutcomeKind.UNKNOWN, "interrupted")
"""On the wire, and nobody waited for the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all deliveries of a run share."""

    ledger: Ledger
    gateway: Gateway
    clock: Clock
    backoff: Backoff
    breakers: Breakers
    tally: Tally
    give_up_after_s: float
    resend_unknown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruments:
    """What all deliveries of a bucket share."""

    meter: Meter
    gauge: RateGauge
    in_flight: InFlight
    preparation: LatencyEstimate
    roster: Roster


class Delivery:
    """Brings one row to its end; `run` returns True when it is settled, False when it goes back to the ledger.

    A row goes back when a breaker or a stop withholds it, or when its task is cancelled before it was let onto the
    wire. Cancelled later, it is recorded as `unknown`, because it may have been sent; so is a row whose answer was
    lost before, and that was to be sent again.

    Attributes:
        claim: the row, with the number of the present attempt.
        tried: the present attempt went on the wire.
    """

    def __init__(self, claim: Claim, around: Surroundings, bucket: Instruments) -> None:
        self.claim = claim
        self.stage = Stage.GONE
        self.tried = False
        self._around = around
        self._bucket = bucket
        self._withheld = False
        self._prepared_s = 0.0
        self._released_s = 0.0
        self._resends = 0
        self._throttled = False
        self._lost: Outcome | None = None
        self.enter(Stage.QUEUED)

    def enter(self, stage: Stage) -> None:
        """Move on to `stage`."""
        self._bucket.roster.move(self.claim.parts, old=self.stage, new=stage)
        self.stage = stage

    def withhold(self) -> None:
        """Let this row not onto the wire any more; one that is there stays there."""
        self._withheld = True

    async def run(self) -> bool:
        """Try until the row has an outcome. Raises `LedgerError` when it cannot be recorded."""
        started_s = self._around.clock.monotonic()
        failures = 0
        try:
            while not await self._attempt(started_s):
                if self._is_withheld():
                    return await self._give_up_the_rest()
                failures += 1
                await self._around.clock.sleep(self._around.backoff.wait_s(failures))
                self.claim = replace(self.claim, attempt=self.claim.attempt + 1)
                self.tried = False
                await self._around.ledger.retry(self.claim.row, self.claim.attempt, throttled=self._throttled)
        except Withheld:
            return await self._give_up_the_rest()
        except asyncio.CancelledError:
            if self.stage is Stage.FLYING:
                self._lost = INTERRUPTED
            return await self._give_up_the_rest()
        return True

    async def _attempt(self, started_s: float) -> bool:
        """Try once; True when that settled the row, False when it is to be tried again."""
        around = self._around
        self.enter(Stage.PREPARED)
        self._prepared_s = around.clock.monotonic()
        outcome = await self._send()
        now = around.clock.monotonic()
        if self.stage is Stage.FLYING and outcome.kind not in (OutcomeKind.NOT_SENT, OutcomeKind.UNKNOWN):
            self._bucket.in_flight.answered(now - self._released_s)
        self._log(outcome)
        status = self._verdict(outcome, given_up=now - started_s >= around.give_up_after_s)
        self._throttled = outcome.kind is OutcomeKind.THROTTLED
        if outcome.kind is OutcomeKind.UNKNOWN:
            self._lost = outcome
        self.enter(Stage.WAITING if status is None else Stage.RECORDING)
        if status is not None and status is not Status.SENT and self._lost is not None:
            # An earlier attempt may have been sent; what became of a later one does not change that.
            await self._settle(Status.UNKNOWN, self._lost)
        elif status is not None:
            await self._settle(status, outcome)
        await around.breakers.learn(self.claim, outcome, now=now)
        return status is not None

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

    async def _give_up_the_rest(self) -> bool:
        """Settle a row that may have been sent; any other goes back."""
        if self._lost is None:
            return False
        self.enter(Stage.RECORDING)
        await self._settle(Status.UNKNOWN, self._lost)
        return True

    async def _release(self) -> None:
        if self._is_withheld():
            raise Withheld
        self._bucket.preparation.learn(self._around.clock.monotonic() - self._prepared_s)
        await self._bucket.meter.admit(self.claim.parts, order=self.claim.row)
        # No await from here to the socket: a cancellation cannot fall between the decision and its record.
        if self._is_withheld():
            raise Withheld
        self._released_s = self._around.clock.monotonic()
        self._bucket.gauge.record(self.claim.parts, now=self._released_s)
        self.tried = True
        self._around.breakers.reached()
        self.enter(Stage.FLYING)

    def _is_withheld(self) -> bool:
        return self._withheld or self._around.breakers.reason(self.claim) is not None

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
                meter.accepted(self.claim.parts)
                return Status.SENT
            case OutcomeKind.THROTTLED:
                self._around.tally.throttled += 1
                if meter.throttled():
                    log.info("bucket.slowed", bucket=meter.bucket.name, mps=meter.bucket.mps, allowed=meter.allowed)
                return Status.FAILED if given_up else None
            case OutcomeKind.UNKNOWN:
                self._resends += 1
                again = self._around.resend_unknown and self._resends <= MAX_RESENDS and not given_up
                return None if again else Status.UNKNOWN
            case OutcomeKind.TRY_AGAIN:
                return Status.FAILED if given_up else None
            case OutcomeKind.NOT_SENT | OutcomeKind.STOP:
                return None
            case _:
                return Status.FAILED

    async def _settle(self, status: Status, outcome: Outcome) -> None:
        settlement = Settlement(self.claim.row, self.claim.attempt, status, outcome)
        await self._around.ledger.settle(settlement)
        self._around.tally.settled(status)
