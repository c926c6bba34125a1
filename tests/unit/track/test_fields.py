from datetime import UTC, datetime
from typing import Any

import pytest

from bulksend.base.records import DeliveryEvent
from bulksend.track.fields import to_event
from tests.unit.track.samples import EVENT, VOICE


def event(**changed: object) -> DeliveryEvent:
    """The sample with `changed` members; None takes one away."""
    record = {key: value for key, value in {**EVENT, **changed}.items() if value is not None}
    found = to_event(record)
    assert isinstance(found, DeliveryEvent), found
    return found


def test_every_field_of_the_record_is_read() -> None:
    """Times in UTC, the row and attempt of the Context, the network codes in place of a carrier's name."""
    assert event() == DeliveryEvent(
        message_id="862a8790-60c0-4430-9b2b-658bd0000001",
        status="SUCCESSFUL",
        description="Message has been accepted by phone carrier",
        final=True,
        at=datetime(2026, 9, 21, 14, 13, 23, 470_000, tzinfo=UTC),
        requested_at=datetime(2026, 9, 21, 14, 13, 23, 170_000, tzinfo=UTC),
        destination="+14255550156",
        campaign="spring-sale",
        row=17,
        attempt=2,
        carrier="310-800",
        parts=2,
        price_usd=0.01162,
    )


@pytest.mark.parametrize(
    ("member", "value", "field", "expected"),
    [
        ("isFinal", False, "final", False),
        ("isFinal", "false", "final", False),
        ("isFinal", None, "final", True),
        ("messageStatus", None, "status", "SUCCESSFUL"),
        ("messageStatus", "delivered", "status", "DELIVERED"),
        ("eventTimestamp", "1790000003470", "at", event().at),
        ("messageRequestTimestamp", None, "requested_at", None),
        ("messageRequestTimestamp", "soon", "requested_at", None),
        ("destinationPhoneNumber", "14255550156", "destination", "+14255550156"),
        ("destinationPhoneNumber", None, "destination", None),
        ("carrierName", "Example Mobile", "carrier", "Example Mobile"),
        ("mnc", None, "carrier", None),
        ("mcc", 310, "carrier", "310-800"),
        ("totalMessageParts", "3", "parts", 3),
        ("totalMessageParts", 1.5, "parts", None),
        ("totalMessageParts", True, "parts", None),
        ("totalMessageParts", -1, "parts", None),
        ("totalMessagePrice", "0.00581", "price_usd", 0.00581),
        ("totalMessagePrice", float("nan"), "price_usd", None),
        ("totalMessagePrice", "nan", "price_usd", None),
        ("totalMessagePrice", 10**400, "price_usd", None),
        ("totalMessagePrice", None, "price_usd", None),
        ("messageStatusDescription", "", "description", None),
        ("messageStatusDescription", "a\0b\ud800", "description", "a?b?"),
        ("context", None, "campaign", None),
        ("context", [], "row", None),
        ("context", {"bulksend_campaign": "c", "bulksend_row": "17"}, "row", None),
        ("context", {"bulksend_campaign": "c", "bulksend_row": "0.1"}, "row", None),
        ("context", {"bulksend_campaign": "c", "bulksend_row": "1.0"}, "attempt", None),
        ("context", {"bulksend_campaign": "c", "bulksend_row": "1" * 40 + ".1"}, "row", None),
    ],
)
def test_what_may_be_missing_or_written_otherwise(member: str, value: object, field: str, expected: object) -> None:
    """Numbers may be texts; what is missing or makes no sense is None, and the event stands."""
    assert getattr(event(**{member: value}), field) == expected


@pytest.mark.parametrize(
    ("status", "final"),
    [
        ("PENDING", False),
        ("QUEUED", False),
        ("SENT", False),
        ("ACCEPTED", False),
        ("DELIVERED", True),
        ("UNKNOWN", True),
    ],
)
def test_without_is_final_the_status_decides(status: str, *, final: bool) -> None:
    """Only statuses after which another has to come are not final."""
    assert event(isFinal=None, messageStatus=status).final is final


@pytest.mark.parametrize(
    "changed",
    [
        {"messageId": ""},
        {"messageId": 5},
        {"eventTimestamp": "yesterday"},
        {"eventTimestamp": -1},
        {"eventTimestamp": 1e18},
    ],
)
def test_an_event_without_message_or_time_is_unreadable(changed: dict[str, Any]) -> None:
    """Nothing can be done with it, and it says what is missing without quoting anything."""
    cause = to_event({**EVENT, **changed})
    assert isinstance(cause, str)
    assert next(iter(changed)) in cause


@pytest.mark.parametrize("kind", ["VOICE_ANSWERED", "MEDIA_DELIVERED", "RCS_DELIVERED", "text_sent", ""])
def test_events_of_other_messages_are_left_alone(kind: str) -> None:
    """Voice, media and rich messages are not this program's."""
    assert to_event({**EVENT, "eventType": kind}) is None
    assert to_event(VOICE) is None


def test_an_event_never_shows_a_whole_number() -> None:
    """Its repr has no destination."""
    assert "4255550156" not in repr(event())
