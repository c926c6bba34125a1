"""SendTextMessage: what a request asks for, and whether it gets it."""

import random
from collections.abc import Mapping
from typing import cast

import msgspec

from bulksend.base.clock import Clock
from bulksend.base.mask import mask_number
from bulksend.message.parts import PartCount, count_parts, too_long
from bulksend.simulator.counters import Counters, Origin, TrafficCounter, origin_of
from bulksend.simulator.destinations import DESTINATION_SIMULATORS, country_of
from bulksend.simulator.directory import Directory, Identity, Origination
from bulksend.simulator.events import SIMULATED_FAILURE, AcceptedText, DeliveryEvents
from bulksend.simulator.faults import ThrottleCause, Throttled, access_denied, invalid
from bulksend.simulator.feedback import MessageFeedback
from bulksend.simulator.ids import uuid4_text
from bulksend.simulator.limits import BucketLimits
from bulksend.simulator.picking import hold_to_identity, pick
from bulksend.simulator.recipients import Recipients
from bulksend.simulator.requests import REQUESTS
from bulksend.simulator.resources import ProtectSettings
from bulksend.simulator.settings import SimulatorSettings
from bulksend.simulator.shapes import MISSING_PARAMETER, check
from bulksend.simulator.spending import Spending
from bulksend.simulator.windows import RecipientCounts, to_ns

_NO_CONTEXT: Mapping[str, str] = {}


class AcceptedMessage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message that was accepted, kept when `record_messages` is on.

    Attributes:
        message_id: from the answer.
        destination: E.164, as the request gave it.
        identity: the number or sender id that it left from.
        bucket: what it was charged to.
        parts: as the service counts them.
        context: the request's Context.
        arrived_at: seconds of the monotonic clock.
    """

    message_id: str
    destination: str
    identity: str
    bucket: str
    parts: int
    context: dict[str, str]
    arrived_at: float

    def __repr__(self) -> str:
        return f"AcceptedMessage(message_id={self.message_id!r}, destination={mask_number(self.destination)})"


class Offer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request that could be understood, and the identity it falls to."""

    at: float
    at_ns: int
    destination: str
    country: str
    text: str
    count: PartCount
    origination: Origination
    identity: Identity
    message_type: str | None
    protect: ProtectSettings | None
    has_configuration_set: bool
    max_price: str | None
    context: Mapping[str, str]
    origin: Origin | None
    dry_run: bool

    def __repr__(self) -> str:
        return f"Offer(identity={self.identity.name!r}, country={self.country}, parts={self.count.parts})"


class TextMessages:
    """Takes in messages, each identity's and each recipient's at its own rate.

    A request is understood and counted first (`offer`), then held to the limits (`accept`), so that what arrives is
    counted even when a fault keeps it from being looked at.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        *,
        directory: Directory,
        limits: BucketLimits,
        recipients: Recipients,
        spending: Spending,
        events: DeliveryEvents,
        feedback: MessageFeedback,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._directory = directory
        self._recipients = recipients
        self._spending = spending
        self._events = events
        self._feedback = feedback
        self._clock = clock
        self._random = rng
        self._access_denied = settings.account.access_denied
        self._is_recording = settings.record_messages
        self._limits = limits
        self._recipient_limit = settings.account.messages_per_recipient_per_second
        self._recipient_counts = RecipientCounts()
        self.counters = Counters(limits, self._recipient_limit)
        self.accepted: list[AcceptedMessage] = []

    def offer(self, params: Mapping[str, object], at: float) -> Offer:
        """Read a request that arrived at `at`, find its identity, and count it as offered.

        Raises:
            ServiceFault: ValidationException, ResourceNotFoundException, ConflictException.
        """
        dry_run = params.get("DryRun") is True
        traffic = self._traffic(dry_run=dry_run)
        traffic.arrived += 1
        check(REQUESTS["SendTextMessage"], params)
        context = cast("Mapping[str, str]", params.get("Context") or _NO_CONTEXT)
        origin = origin_of(context)
        if not dry_run and origin is not None:
            self.counters.duplicates.offer(origin)
        text = cast("str | None", params.get("MessageBody"))
        if text is None:
            raise invalid(MISSING_PARAMETER, [("MessageBody", "is required")])
        destination = cast("str", params["DestinationPhoneNumber"])
        destination = destination if destination.startswith("+") else f"+{destination}"
        country = country_of(destination)
        if country is None:
            raise invalid("INVALID_PARAMETER", [("DestinationPhoneNumber", "has a calling code that no country has")])
        origination = self._directory.find(cast("str | None", params.get("OriginationIdentity")))
        configuration_set_name = cast("str | None", params.get("ConfigurationSetName"))
        configuration_set = self._recipients.configuration_set(configuration_set_name)
        protect = self._recipients.protect(cast("str | None", params.get("ProtectConfigurationId")), configuration_set)
        inherited_type = configuration_set.message_type if configuration_set else ""
        message_type = cast("str | None", params.get("MessageType")) or inherited_type or None
        at_ns, count = to_ns(at), count_parts(text)
        if not dry_run:
            self.counters.recipients.offer(at_ns, destination)
        self._limits.advance(at_ns)
        windows = self._limits.dry_run_windows if dry_run else self._limits.windows
        identity = pick(origination, destination, country, message_type, windows, at_ns, count.parts)
        traffic.buckets[identity.bucket].offer(at_ns, count.parts)
        return Offer(
            at=at,
            at_ns=at_ns,
            destination=destination,
            country=country,
            text=text,
            count=count,
            origination=origination,
            identity=identity,
            message_type=message_type,
            protect=protect,
            has_configuration_set=configuration_set_name is not None,
            max_price=cast("str | None", params.get("MaxPrice")),
            context=context,
            origin=origin,
            dry_run=dry_run,
        )

    def accept(self, offer: Offer) -> dict[str, object]:
        """Hold an offer to every rule and limit, take it in, and return the answer.

        What is refused takes no room in any window and costs nothing. With DryRun nothing is sent: no price, no
        event, no duplicate.

        Raises:
            ServiceFault: every exception that SendTextMessage declares but InternalServerException.
        """
        identity, count = offer.identity, offer.count
        if self._access_denied:
            raise access_denied(self._access_denied)
        hold_to_identity(identity, offer.destination, offer.country, offer.message_type)
        if problem := too_long(count):
            raise invalid("MAXIMUM_SIZE_EXCEEDED", [("MessageBody", problem)])
        windows = self._limits.dry_run_windows if offer.dry_run else self._limits.windows
        bucket = self._traffic(dry_run=offer.dry_run).buckets[identity.bucket]
        window = windows[identity.bucket]
        if not window.has_room(offer.at_ns, count.parts):
            bucket.throttled += 1
            raise Throttled(ThrottleCause.IDENTITY)
        is_limited = self._recipient_limit and not offer.dry_run
        if is_limited and self._recipient_counts.count(offer.at_ns, offer.destination) >= self._recipient_limit:
            raise Throttled(ThrottleCause.RECIPIENT)
        pool = offer.origination.pool
        opt_out_list = (pool.settings.opt_out_list if pool else "") or identity.settings.opt_out_list
        rule, fate = self._recipients.admit(
            offer.destination, offer.country, opt_out_list=opt_out_list, protect=offer.protect
        )
        self._spending.admit(offer.country, count.parts, max_price=offer.max_price)

        window.add(offer.at_ns, count.parts)
        if is_limited:
            self._recipient_counts.add(offer.at_ns, offer.destination)
        bucket.accept(offer.at_ns, count.parts)
        message_id = uuid4_text(self._random.getrandbits(128))
        if not offer.dry_run:
            self._take_in(offer, message_id, rule, fate)
        return {"MessageId": message_id}

    def count_throttle(self, params: Mapping[str, object], cause: ThrottleCause) -> None:
        """Count a request that was answered ThrottlingException."""
        self._traffic(dry_run=params.get("DryRun") is True).throttled[cause] += 1

    def reset(self) -> None:
        """Forget what was counted and accepted; what was accepted in the last second still takes its room."""
        self.counters.reset()
        self.accepted.clear()

    def _traffic(self, *, dry_run: bool) -> TrafficCounter:
        return self.counters.dry_run if dry_run else self.counters.messages

    def _take_in(self, offer: Offer, message_id: str, rule: str | None, fate: str | None) -> None:
        identity, count = offer.identity, offer.count
        self._spending.charge(offer.country, count.parts)
        self.counters.duplicates.accept(offer.destination, offer.text, offer.origin)
        self._feedback.accepted(message_id)
        if self._is_recording:
            self.accepted.append(
                AcceptedMessage(
                    message_id=message_id,
                    destination=offer.destination,
                    identity=identity.name,
                    bucket=identity.bucket,
                    parts=count.parts,
                    context=dict(offer.context),
                    arrived_at=offer.at,
                )
            )
        if self._events.wants(has_configuration_set=offer.has_configuration_set):
            if DESTINATION_SIMULATORS.get(offer.destination) is False:
                fate = fate or SIMULATED_FAILURE
            text = AcceptedText(
                message_id=message_id,
                requested_at=self._clock.now(),
                origination=identity.name,
                destination=offer.destination,
                country=offer.country,
                is_international=identity.country != offer.country,
                encoding=count.encoding,
                parts=count.parts,
                message_type=offer.message_type or identity.message_types[0],
                price_usd=self._spending.price_usd(offer.country, count.parts),
                context=offer.context,
                protect=(offer.protect.id, rule) if offer.protect and rule else None,
                fate=fate,
            )
            self._events.add(text, at=offer.at)
