import random
from typing import Any

import pytest

from bulksend.simulator.settings import EventSettings
from tests.unit.simulator.helpers import GB_NUMBER, TEN_DLC_A, FakeClock, context, furnished, message, service


def events(*requests: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    """All delivery events of some messages."""
    simulated = service(furnished(events=EventSettings(path="events.jsonl", **options)))
    for request in requests:
        simulated.call("SendTextMessage", request)
    return simulated.take_events()


def test_a_delivered_message() -> None:
    """One final event, with everything that the service's format has for a text."""
    simulated = service(furnished(events=EventSettings(path="events.jsonl", delay_s=2.5)), FakeClock(100.0))
    sent = simulated.call(
        "SendTextMessage",
        message(to=GB_NUMBER, body="ş" * 71, origination="ACME", Context=context("7.1"), MessageType="TRANSACTIONAL"),
    )
    (event,) = simulated.take_events()
    requested_ms = 1_767_225_600_000 + 100_000
    assert event == {
        "eventType": "TEXT_DELIVERED",
        "eventVersion": "1.0",
        "eventTimestamp": requested_ms + 2_500,
        "isFinal": True,
        "originationPhoneNumber": "ACME",
        "destinationPhoneNumber": GB_NUMBER,
        "isInternationalSend": False,
        "isoCountryCode": "GB",
        "messageId": sent["MessageId"],
        "messageRequestTimestamp": requested_ms,
        "messageEncoding": "Unicode",
        "messageType": "TRANSACTIONAL",
        "messageStatus": "DELIVERED",
        "messageStatusDescription": "Message has been accepted by phone",
        "context": {"bulksend_campaign": "spring", "bulksend_row": "7.1"},
        "totalMessageParts": 2,
        "totalMessagePrice": pytest.approx(0.01656),
        "totalCarrierFee": 0.0,
        "protectConfiguration": {"protectConfigurationId": "protect-1", "protectStatus": "ALLOW"},
    }


def test_events_wait_until_they_are_due() -> None:
    """None before its time, none twice, in the order of time."""
    clock = FakeClock(0.0)
    simulated = service(furnished(events=EventSettings(path="events.jsonl", delay_s=2, pending=True)), clock)
    for at in (0.0, 0.5):
        simulated.call("SendTextMessage", message(), arrived_at=at)
    assert [event["messageStatus"] for event in simulated.take_events(0.1)] == ["PENDING"]
    assert [event["messageStatus"] for event in simulated.take_events(2.0)] == ["PENDING", "DELIVERED"]
    assert simulated.take_events(2.4) == []
    (last,) = simulated.take_events()
    assert last["isFinal"]
    assert simulated.take_events() == []


def test_pending_is_not_final() -> None:
    """TEXT_PENDING comes first and is not the end."""
    first, last = events(message(), pending=True)
    assert (first["eventType"], first["isFinal"]) == ("TEXT_PENDING", False)
    assert (last["eventType"], last["isFinal"]) == ("TEXT_DELIVERED", True)
    assert first["messageId"] == last["messageId"]


def test_failures_and_duplicates() -> None:
    """With a failure rate of 1 nothing is delivered; with a duplicate rate of 1 the final event comes twice."""
    failed = events(*(message() for _ in range(40)), failure_rate=1.0)
    assert len({event["messageStatus"] for event in failed}) > 3
    assert all(event["messageStatus"] != "DELIVERED" and event["isFinal"] for event in failed)
    one, other = events(message(), duplicate_rate=1.0)
    assert one == other


def test_destination_simulators() -> None:
    """AWS's numbers succeed and fail whatever the failure rate is."""
    good, bad = "+14254147755", "+14254147167"
    statuses = [event["messageStatus"] for event in events(message(to=bad))]
    assert statuses == ["UNREACHABLE"]
    assert [event["messageStatus"] for event in events(message(to=good))] == ["DELIVERED"]


def test_protect_filters_after_acceptance() -> None:
    """A message to a FILTER country is accepted, and its event says that it was blocked."""
    (event,) = events(message(ProtectConfigurationId="protect-2"))
    assert event["eventType"] == "TEXT_PROTECT_BLOCKED"
    assert event["protectConfiguration"] == {"protectConfigurationId": "protect-2", "protectStatus": "FILTER"}


def test_who_has_events() -> None:
    """Nobody without a path; with `require_configuration_set`, only who names one; never DryRun."""
    assert events(message(), require_configuration_set=True) == []
    assert len(events(message(ConfigurationSetName="sms-events"), require_configuration_set=True)) == 1
    assert events(message(DryRun=True)) == []
    silent = service(furnished())
    silent.call("SendTextMessage", message())
    assert silent.take_events() == []


def test_an_international_send() -> None:
    """The identity's country is not the destination's."""
    (event,) = events(message(to=GB_NUMBER, origination=TEN_DLC_A.id))
    assert event["isInternationalSend"] is True


def test_reset_forgets_waiting_events() -> None:
    """What has not happened yet will not."""
    simulated = service(furnished(events=EventSettings(path="events.jsonl")))
    simulated.call("SendTextMessage", message())
    simulated.reset()
    assert simulated.take_events() == []


def test_order_does_not_depend_on_chance() -> None:
    """Thousands of events at the same moment come out in the order they went in."""
    rng = random.Random(3)
    rows = [str(rng.randrange(10**6)) for _ in range(100)]
    found = events(*(message(Context=context(row)) for row in rows))
    assert [event["context"]["bulksend_row"] for event in found] == rows
