"""Delivery events, as the service hands them to an event destination (AWS: "Event format", version 1.0)."""

import heapq
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from bulksend.base.records import Encoding
from bulksend.simulator.settings import EventSettings

DELIVERED = "DELIVERED"
PENDING = "PENDING"
PROTECT_BLOCKED = "PROTECT_BLOCKED"
SIMULATED_FAILURE = "UNREACHABLE"
"""What becomes of messages to the destination simulators that fail; the service does not say which status it is."""

_DESCRIPTIONS: Mapping[str, str] = {
    DELIVERED: "Message has been accepted by phone",
    PENDING: "Message is waiting for the carrier",
    PROTECT_BLOCKED: "Message was blocked by a protect configuration",
    "UNREACHABLE": "Phone is currently unreachable or unavailable",
    "CARRIER_UNREACHABLE": "Phone carrier is currently unreachable or unavailable",
    "INVALID": "Destination phone number is invalid",
    "CARRIER_BLOCKED": "Phone carrier has blocked this message",
    "SPAM": "Message was blocked as spam",
    "UNKNOWN": "An unknown error occurred",
}
_FAILURES = ("UNREACHABLE", "CARRIER_UNREACHABLE", "INVALID", "CARRIER_BLOCKED", "SPAM", "UNKNOWN")
_ENCODING_NAMES = {Encoding.GSM_7: "GSM", Encoding.UCS_2: "Unicode"}


@dataclass(frozen=True, slots=True)
class AcceptedText:
    """A message that was accepted, as far as its events tell.

    Attributes:
        message_id: from the answer.
        requested_at: UTC.
        origination: the number or sender id that it leaves from.
        destination: E.164.
        country: of the destination.
        is_international: whether the origination belongs to another country.
        encoding: of the text.
        parts: of the text.
        message_type: TRANSACTIONAL or PROMOTIONAL.
        price_usd: for all parts.
        context: the request's Context.
        protect: (id, status) of the protect configuration that had a say; None without one.
        fate: messageStatus that the final event must have; None: left to chance.
    """

    message_id: str
    requested_at: datetime
    origination: str
    destination: str = field(repr=False)
    country: str
    is_international: bool
    encoding: Encoding
    parts: int
    message_type: str
    price_usd: float
    context: Mapping[str, str] = field(repr=False)
    protect: tuple[str, str] | None
    fate: str | None


class DeliveryEvents:
    """Holds the events of accepted messages until they are due."""

    def __init__(self, settings: EventSettings, rng: random.Random) -> None:
        self._settings = settings
        self._random = rng
        self._order = count()
        self._waiting: list[tuple[float, int, AcceptedText, str, float]] = []

    def wants(self, *, has_configuration_set: bool) -> bool:
        """Whether a message has events at all."""
        return bool(self._settings.path) and (has_configuration_set or not self._settings.require_configuration_set)

    def add(self, text: AcceptedText, *, at: float) -> None:
        """Plan the events of a message accepted at `at`, in seconds of the clock that `take` is asked by."""
        status = text.fate or self._fate()
        if self._settings.pending:
            self._plan(text, PENDING, at, 0.0)
        self._plan(text, status, at, self._settings.delay_s)
        if self._random.random() < self._settings.duplicate_rate:
            self._plan(text, status, at, self._settings.delay_s)

    def take(self, until: float | None = None) -> list[dict[str, object]]:
        """Return the events that are due at `until`, in order of time, and forget them; None: all of them."""
        due: list[dict[str, object]] = []
        while self._waiting and (until is None or self._waiting[0][0] <= until):
            _, _, text, status, after_s = heapq.heappop(self._waiting)
            due.append(_record(text, status, after_s))
        return due

    def _fate(self) -> str:
        failed = self._random.random() < self._settings.failure_rate
        return self._random.choice(_FAILURES) if failed else DELIVERED

    def _plan(self, text: AcceptedText, status: str, at: float, after_s: float) -> None:
        heapq.heappush(self._waiting, (at + after_s, next(self._order), text, status, after_s))


def _record(text: AcceptedText, status: str, after_s: float) -> dict[str, object]:
    requested_ms = round(text.requested_at.timestamp() * 1000)
    record: dict[str, object] = {
        "eventType": f"TEXT_{status}",
        "eventVersion": "1.0",
        "eventTimestamp": requested_ms + round(after_s * 1000),
        "isFinal": status != PENDING,
        "originationPhoneNumber": text.origination,
        "destinationPhoneNumber": text.destination,
        "isInternationalSend": text.is_international,
        "isoCountryCode": text.country,
        "messageId": text.message_id,
        "messageRequestTimestamp": requested_ms,
        "messageEncoding": _ENCODING_NAMES[text.encoding],
        "messageType": text.message_type,
        "messageStatus": status,
        "messageStatusDescription": _DESCRIPTIONS[status],
        "context": dict(text.context),
        "totalMessageParts": text.parts,
        "totalMessagePrice": text.price_usd,
        "totalCarrierFee": 0.0,
    }
    if text.protect is not None:
        identifier, protect_status = text.protect
        record["protectConfiguration"] = {"protectConfigurationId": identifier, "protectStatus": protect_status}
    return record
