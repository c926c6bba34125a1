"""What a row on its way to an outcome has around it: the run's parts, and its bucket's."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bulksend.base.clock import Clock
from bulksend.base.ports import Gateway, Ledger
from bulksend.pipeline.breakers import Breakers
from bulksend.pipeline.conduct import Conduct
from bulksend.pipeline.guard import Alarm, Guard
from bulksend.pipeline.roster import Roster
from bulksend.pipeline.tally import RateGauge, Tally
from bulksend.rate.inflight import InFlight
from bulksend.rate.latency import LatencyEstimate
from bulksend.rate.meter import Meter
from bulksend.rate.recipients import Recipients
from bulksend.send.backoff import Backoff


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all deliveries of a run share."""

    ledger: Ledger
    gateway: Gateway
    clock: Clock
    backoff: Backoff
    recipients: Recipients
    breakers: Breakers
    tally: Tally
    conduct: Conduct
    guard: Guard | None
    on_alarm: Callable[[Alarm], Awaitable[None]]
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
