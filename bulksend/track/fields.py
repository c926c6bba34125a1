"""From the service's record to a `DeliveryEvent` (AWS: "Example event data", eventVersion 1.0)."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from bulksend.base.records import DeliveryEvent
from bulksend.base.request import CONTEXT_CAMPAIGN, CONTEXT_ROW

TEXT = "TEXT_"
"""What the eventType of a text message begins with; VOICE_, MEDIA_ and RCS_ are those of others."""

NOT_FINAL = frozenset({"ACCEPTED", "PENDING", "QUEUED", "SENT"})
"""Values of messageStatus after which another is expected, where the record itself does not say."""

_MAX_TEXT = 1000
_MAX_MILLISECONDS = 253_402_300_799_000  # the end of the year 9999
_MAX_PARTS = 10_000

_ROW = re.compile(r"([1-9][0-9]{0,15})\.([1-9][0-9]{0,8})")
_DIGITS = re.compile(r"[0-9]+")


def to_event(record: Mapping[str, object]) -> DeliveryEvent | str | None:
    """Return what `record` tells, why it cannot be read (a sentence's end), or None when it is of no text message."""
    event_type = record.get("eventType")
    if not isinstance(event_type, str) or not event_type.startswith(TEXT):
        return None
    message_id = _text(record.get("messageId"))
    at = _moment(record.get("eventTimestamp"))
    if message_id is None:
        return "it has no messageId"
    if at is None:
        return "its eventTimestamp is no time in milliseconds"
    status = (_text(record.get("messageStatus")) or event_type.removeprefix(TEXT)).upper()
    context = record.get("context")
    campaign, row, attempt = _origin(context if isinstance(context, dict) else {})
    return DeliveryEvent(
        message_id=message_id,
        status=status,
        description=_text(record.get("messageStatusDescription")),
        final=_is_final(record.get("isFinal"), status),
        at=at,
        requested_at=_moment(record.get("messageRequestTimestamp")),
        destination=_destination(record.get("destinationPhoneNumber")),
        campaign=campaign,
        row=row,
        attempt=attempt,
        carrier=_carrier(record),
        parts=_parts(record.get("totalMessageParts")),
        price_usd=_price(record.get("totalMessagePrice")),
    )


def _origin(context: Mapping[str, object]) -> tuple[str | None, int | None, int | None]:
    """Campaign, row and attempt of a Context."""
    campaign = _text(context.get(CONTEXT_CAMPAIGN))
    named = context.get(CONTEXT_ROW)
    found = _ROW.fullmatch(named) if isinstance(named, str) else None
    return (campaign, int(found[1]), int(found[2])) if found else (campaign, None, None)


def _is_final(stated: object, status: str) -> bool:
    if isinstance(stated, str):
        stated = {"true": True, "false": False}.get(stated.lower())
    return stated if isinstance(stated, bool) else status not in NOT_FINAL


def _destination(value: object) -> str | None:
    number = _text(value)
    return f"+{number}" if number and _DIGITS.fullmatch(number) else number


def _carrier(record: Mapping[str, object]) -> str | None:
    name = _text(record.get("carrierName"))
    codes = [str(record[key]) for key in ("mcc", "mnc") if isinstance(record.get(key), str | int)]
    return name or ("-".join(codes)[:_MAX_TEXT] if len(codes) == 2 and all(map(_DIGITS.fullmatch, codes)) else None)


def _moment(value: object) -> datetime | None:
    milliseconds = _number(value)
    if milliseconds is None or not 0 <= milliseconds <= _MAX_MILLISECONDS:
        return None
    return datetime.fromtimestamp(round(milliseconds) / 1000, UTC)


def _parts(value: object) -> int | None:
    parts = _number(value)
    return int(parts) if parts is not None and 0 <= parts <= _MAX_PARTS and parts == int(parts) else None


def _price(value: object) -> float | None:
    # The page calls it thousandths of a cent, and shows dollars: 0.00581 for one part to a US number.
    price = _number(value)
    return price if price is not None and price >= 0 else None


def _number(value: object) -> float | None:
    """A finite number, also one that is written as a text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _text(value: object) -> str | None:
    """A text as a ledger can hold it, not empty."""
    if not isinstance(value, str) or not value:
        return None
    if not value.isprintable():
        value = value.encode(errors="replace").decode().replace("\0", "?")
    return value[:_MAX_TEXT]
