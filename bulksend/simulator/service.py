"""The service without HTTP: requests in, answers out, on whatever clock and luck it is given."""

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum, auto
from types import MappingProxyType

import msgspec

from bulksend.base.clock import Clock
from bulksend.simulator.credentials import Credentials
from bulksend.simulator.describing import Descriptions
from bulksend.simulator.directory import Directory
from bulksend.simulator.disposition import Chance, Disposition, Strike
from bulksend.simulator.events import DeliveryEvents
from bulksend.simulator.faults import (
    ServiceFault,
    ThrottleCause,
    Throttled,
    internal_error,
    unavailable,
    unknown_operation,
)
from bulksend.simulator.feedback import PUT_FEEDBACK, REQUESTS_PER_SECOND, MessageFeedback
from bulksend.simulator.http_request import HttpRequest
from bulksend.simulator.limits import BucketLimits
from bulksend.simulator.recipients import Recipients
from bulksend.simulator.sending import AcceptedMessage, Offer, TextMessages
from bulksend.simulator.settings import SimulatorSettings
from bulksend.simulator.spending import Spending
from bulksend.simulator.stats import SimulatorStats
from bulksend.simulator.wall import ServiceClock
from bulksend.simulator.windows import SlidingWindow, to_ns

SEND = "SendTextMessage"

DEFAULT_QUOTAS: Mapping[str, int] = MappingProxyType({PUT_FEEDBACK: REQUESTS_PER_SECOND})
"""Operation -> requests per second, unless the settings name the operation."""


class Delivery(Enum):
    """How an answer reaches the caller."""

    REPLY = auto()
    CLOSE = auto()  # it does not: the connection is closed
    SILENCE = auto()  # it does not: the connection stays open until the caller gives up


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What the caller of a request gets to see.

    Attributes:
        delay_s: seconds from arrival to the answer, or to the connection's end.
        delivery: how it ends.
        http_status: 200, 400, 500 or 503.
        body: the JSON object.
        fault: the error that `body` tells of; None for a result.
    """

    delay_s: float
    delivery: Delivery
    http_status: int
    body: Mapping[str, object]
    fault: ServiceFault | None


class SimulatedService:
    """AWS End User Messaging SMS as far as a bulk sender sees it.

    Nothing in here waits, and nothing is shared between threads. Arrival times are seconds of `clock.monotonic()`;
    the seconds of changes and other traffic are counted from the moment that this was made.
    Chance decides about latency and faults in `handle` only; `call` is the bare operation.

    Args:
        settings: the account, and its bad luck.
        clock: for the time of a request that comes without its arrival, and for events' timestamps.
        random: all chance comes from here, message ids too.
    """

    def __init__(self, settings: SimulatorSettings, *, clock: Clock, random: random.Random) -> None:
        self.settings = settings
        self._clock = ServiceClock(clock, offset_s=settings.account.clock_offset_s)
        self._chance = Chance(settings.latency, settings.faults, random)
        self._credentials = Credentials(secrets=settings.credentials, expired_after=settings.faults.expired_token_after)
        self._spending = Spending(settings.spend)
        self._events = DeliveryEvents(settings.events, random)
        self._feedback = MessageFeedback()
        directory = Directory(settings)
        recipients = Recipients(settings, directory)
        self._limits = BucketLimits(settings, directory.mps, started_at=clock.monotonic(), rng=random)
        self._descriptions = Descriptions(settings, directory=directory, limits=self._limits, recipients=recipients)
        self._texts = TextMessages(
            settings,
            directory=directory,
            limits=self._limits,
            recipients=recipients,
            spending=self._spending,
            events=self._events,
            feedback=self._feedback,
            clock=self._clock,
            rng=random,
        )
        quotas = {**DEFAULT_QUOTAS, **settings.request_quotas}
        self._quotas = {operation: SlidingWindow(limit) for operation, limit in quotas.items()}

    def now(self) -> datetime:
        """The service's wall clock, in UTC."""
        return self._clock.now()

    def authorize(self, request: HttpRequest) -> None:
        """Check what signs a request before anything else of it; `refuse` answers what is raised.

        Raises:
            ServiceFault: see `Credentials.admit`.
        """
        self._credentials.admit(request, self.now())

    def call(
        self, operation: str, params: Mapping[str, object], *, arrived_at: float | None = None
    ) -> dict[str, object]:
        """Perform an operation, whatever its name, and return its result.

        Args:
            operation: as in `X-Amz-Target`, without the prefix.
            params: the request; not trusted to be of any shape.
            arrived_at: when its last byte was read; None: now.

        Raises:
            ServiceFault: what the service answers instead.
        """
        return self._perform(operation, params, self._arrival(arrived_at), None)

    def handle(self, operation: str, params: Mapping[str, object], *, arrived_at: float | None = None) -> Answer:
        """Perform an operation as `call` does, on a day as bad as the settings say; never raises."""
        disposition = self.disposition(operation)
        try:
            body = self._perform(operation, params, self._arrival(arrived_at), disposition.strike)
        except ServiceFault as fault:
            return self._answer(fault, {}, disposition)
        return self._answer(None, body, disposition)

    def refuse(self, fault: ServiceFault) -> Answer:
        """Return the answer to a request that cannot be told to be any operation's, and count it."""
        self._count(fault)
        return self._answer(fault, {}, self._chance.draw(can_fail=False))

    def disposition(self, operation: str) -> Disposition:
        """Draw latency and fault of one request; faults strike SendTextMessage alone."""
        return self._chance.draw(can_fail=operation == SEND)

    def began(self) -> None:
        """Know that a request is being served; `max_concurrent` counts them."""
        self._texts.counters.began()

    def ended(self) -> None:
        """Know that a request of `began` is not being served any more."""
        self._texts.counters.ended()

    def take_events(self, until: float | None = None) -> list[dict[str, object]]:
        """Return the delivery events due at `until` (monotonic seconds), and forget them; None: all of them.

        There are none unless `[events]` has a path, to which whoever takes them may write them.
        """
        return self._events.take(until)

    def reset(self) -> None:
        """Begin again as if nothing had been sent: counters, records, feedback, spending, credentials, waiting events.

        Rate limits are not forgiven: what was accepted within the last second still takes its room, and the seconds
        of changes and other traffic go on.
        """
        self._texts.reset()
        self._feedback.reset()
        self._spending.reset()
        self._credentials.reset()
        self._events.take()

    @property
    def stats(self) -> SimulatorStats:
        """What has happened since the start or the last `reset`."""
        return self._texts.counters.stats(spend_usd=self._spending.usd, feedback=self._feedback.stats())

    @property
    def messages(self) -> Sequence[AcceptedMessage]:
        """The accepted messages in the order of acceptance; none unless `record_messages` is on."""
        return tuple(self._texts.accepted)

    def _perform(
        self, operation: str, params: Mapping[str, object], at: float, strike: Strike | None
    ) -> dict[str, object]:
        self._texts.counters.requests[operation] += 1
        if strike is not None:
            self._texts.counters.faults[strike.value] += 1
        try:
            if operation == SEND:
                return self._send(params, at, strike)
            if operation == PUT_FEEDBACK:
                self._feedback.offer(at)
            self._hold_to_quota(operation, at)
            if operation == PUT_FEEDBACK:
                return self._feedback.put(params)
            if operation not in self._descriptions.operations:
                raise unknown_operation(operation)
            self._limits.advance(to_ns(at))
            return self._descriptions.answer(operation, params)
        except ServiceFault as fault:
            self._count(fault)
            if isinstance(fault, Throttled):
                if operation == SEND:
                    self._texts.count_throttle(params, fault.cause)
                elif operation == PUT_FEEDBACK:
                    self._feedback.count_throttle()
            raise

    def _send(self, params: Mapping[str, object], at: float, strike: Strike | None) -> dict[str, object]:
        offer: Offer | ServiceFault
        try:
            offer = self._texts.offer(params, at)
        except ServiceFault as fault:
            offer = fault
        if strike in _REFUSALS:
            raise _REFUSALS[strike]()
        if strike is Strike.DROP_BEFORE:
            return {}
        if isinstance(offer, ServiceFault):
            raise offer
        self._hold_to_quota(SEND, at)
        result = self._texts.accept(offer)
        if strike is Strike.INTERNAL_ERROR_AFTER:
            raise internal_error()
        return result

    def _hold_to_quota(self, operation: str, at: float) -> None:
        quota = self._quotas.get(operation)
        if quota is not None:
            at_ns = to_ns(at)
            if not quota.has_room(at_ns, 1):
                raise Throttled(ThrottleCause.QUOTA)
            quota.add(at_ns, 1)

    def _arrival(self, arrived_at: float | None) -> float:
        return self._clock.monotonic() if arrived_at is None else arrived_at

    def _count(self, fault: ServiceFault) -> None:
        self._texts.counters.errors[fault.label] += 1

    @staticmethod
    def _answer(fault: ServiceFault | None, body: Mapping[str, object], disposition: Disposition) -> Answer:
        delivery = _DELIVERIES.get(disposition.strike, Delivery.REPLY) if disposition.strike else Delivery.REPLY
        if fault is None:
            return Answer(disposition.latency_s, delivery, 200, body, None)
        return Answer(disposition.latency_s, delivery, fault.http_status, fault.body(), fault)


_REFUSALS: Mapping[Strike | None, Callable[[], ServiceFault]] = {
    Strike.THROTTLE: lambda: Throttled(ThrottleCause.FAULT),
    Strike.INTERNAL_ERROR: internal_error,
    Strike.UNAVAILABLE: unavailable,
}
_DELIVERIES: Mapping[Strike, Delivery] = {
    Strike.DROP_BEFORE: Delivery.CLOSE,
    Strike.DROP_AFTER: Delivery.CLOSE,
    Strike.NO_REPLY: Delivery.SILENCE,
}
