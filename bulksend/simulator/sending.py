"""SendTextMessage: what a request asks for, and whether it gets it."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from uuid import UUID

import msgspec

from bulksend.base.clock import Clock
from bulksend.base.mask import mask_number
from bulksend.message.parts import PartCount, count_parts, too_long
from bulksend.simulator.counters import Counters, TrafficCounter
from bulksend.simulator.destinations import DESTINATION_SIMULATORS, country_of
from bulksend.simulator.directory import Directory, Identity, Origination
from bulksend.simulator.events import SIMULATED_FAILURE, AcceptedText, DeliveryEvents
from bulksend.simulator.faults import access_denied, conflict, invalid, throttled
from bulksend.simulator.feedback import MessageFeedback
from bulksend.simulator.recipients import Recipients
from bulksend.simulator.requests import REQUESTS
from bulksend.simulator.resources import ProtectSettings
from bulksend.simulator.settings import SimulatorSettings
from bulksend.simulator.shapes import MISSING_PARAMETER, check
from bulksend.simulator.spending import Spending
from bulksend.simulator.windows import SlidingWindow, to_ns

DRY_RUN_MPS = 5
"""Most parts per second with DryRun, whatever the identity's limit (service model, DryRun)."""

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


@dataclass(frozen=True, slots=True)
class Offer:
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
    dry_run: bool

    def __repr__(self) -> str:
        return f"Offer(identity={self.identity.name!r}, country={self.country}, parts={self.count.parts})"


class TextMessages:
    """Takes in messages, each identity's at its own rate.

    A request is understood and counted first (`offer`), then held to the limits (`accept`), so that what arrives is
    counted even when a fault keeps it from being looked at.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        *,
        directory: Directory,
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
        dry_run_mps = {name: min(DRY_RUN_MPS, mps) for name, mps in directory.mps.items()}
        self._windows = {name: SlidingWindow(mps) for name, mps in directory.mps.items()}
        self._dry_run_windows = {name: SlidingWindow(mps) for name, mps in dry_run_mps.items()}
        self.counters = Counters(directory.mps, dry_run_mps)
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
        if not dry_run:
            self.counters.duplicates.offer(context)
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
        windows = self._dry_run_windows if dry_run else self._windows
        identity = _pick(origination, destination, country, message_type, windows, at_ns, count.parts)
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
        _hold_to_identity(offer)
        if problem := too_long(count):
            raise invalid("MAXIMUM_SIZE_EXCEEDED", [("MessageBody", problem)])
        windows = self._dry_run_windows if offer.dry_run else self._windows
        bucket = self._traffic(dry_run=offer.dry_run).buckets[identity.bucket]
        window = windows[identity.bucket]
        if not window.has_room(offer.at_ns, count.parts):
            bucket.throttled += 1
            raise throttled()
        pool = offer.origination.pool
        opt_out_list = (pool.settings.opt_out_list if pool else "") or identity.settings.opt_out_list
        rule, fate = self._recipients.admit(
            offer.destination, offer.country, opt_out_list=opt_out_list, protect=offer.protect
        )
        self._spending.admit(offer.country, count.parts, max_price=offer.max_price)

        window.add(offer.at_ns, count.parts)
        bucket.accept(offer.at_ns, count.parts)
        message_id = str(UUID(int=self._random.getrandbits(128), version=4))
        if not offer.dry_run:
            self._take_in(offer, message_id, rule, fate)
        return {"MessageId": message_id}

    def count_throttle(self, params: Mapping[str, object]) -> None:
        """Count a request that was answered ThrottlingException, for whatever cause."""
        self._traffic(dry_run=params.get("DryRun") is True).throttled += 1

    def reset(self) -> None:
        """Forget what was counted and accepted; what was accepted in the last second still takes its room."""
        self.counters.reset()
        self.accepted.clear()

    def _traffic(self, *, dry_run: bool) -> TrafficCounter:
        return self.counters.dry_run if dry_run else self.counters.messages

    def _take_in(self, offer: Offer, message_id: str, rule: str | None, fate: str | None) -> None:
        identity, count = offer.identity, offer.count
        self._spending.charge(offer.country, count.parts)
        self.counters.duplicates.accept(offer.destination, offer.text, offer.context)
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


def _pick(
    origination: Origination,
    destination: str,
    country: str,
    message_type: str | None,
    windows: Mapping[str, SlidingWindow],
    at_ns: int,
    parts: int,
) -> Identity:
    """Return who a message falls to.

    The identity that was named, suited or not; of a sender id in several countries, the one of this country. Where
    the service picks: the first suited one, in the file's order, that has room, or the first when none has.
    """
    pool = origination.pool
    if pool is not None and pool.settings.status != "ACTIVE":
        raise conflict("RESOURCE_NOT_ACTIVE", "pool", pool.settings.id)
    reaching = [each for each in origination.candidates if _reaches(each, destination, country)]
    if not origination.service_picks:
        return reaching[0] if reaching else origination.candidates[0]
    suited = [
        each for each in reaching if each.is_active and (message_type is None or message_type in each.message_types)
    ]
    if not suited:
        resource_type, resource_id = ("pool", pool.settings.id) if pool else ("account", "account")
        raise conflict("NO_ORIGINATION_IDENTITIES_FOUND", resource_type, resource_id)
    return next((each for each in suited if windows[each.bucket].has_room(at_ns, parts)), suited[0])


def _reaches(identity: Identity, destination: str, country: str) -> bool:
    """Whether `identity` can send there; a simulator number reaches the simulators of its own country alone."""
    if identity.settings.type == "simulator":
        return destination in DESTINATION_SIMULATORS and country == identity.country
    return identity.serves(country)


def _hold_to_identity(offer: Offer) -> None:
    """Refuse what the identity that was named cannot do."""
    identity = offer.identity
    if not _reaches(identity, offer.destination, offer.country):
        raise invalid(
            "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY", [("OriginationIdentity", f"cannot send to {offer.country}")]
        )
    if not identity.is_active:
        raise conflict("RESOURCE_NOT_ACTIVE", identity.resource_type, identity.resource_id)
    if offer.message_type is not None and offer.message_type not in identity.message_types:
        raise conflict("MESSAGE_TYPE_MISMATCH", identity.resource_type, identity.resource_id)
