import json
from collections.abc import Mapping
from typing import Any

import pytest

from bulksend.track.envelopes import MAX_DEPTH, unwrap
from bulksend.track.values import Other, Unreadable
from tests.unit.track.samples import (
    EVENT,
    VOICE,
    compact,
    eventbridge,
    in_base64,
    log_data,
    logs_output,
    packed,
    sns,
    sns_to_function,
    sqs_received,
    sqs_to_function,
)

SECOND = {**EVENT, "messageId": "m-2"}


@pytest.mark.parametrize(
    ("wrapped", "events"),
    [
        (EVENT, [EVENT]),
        ([EVENT, [SECOND]], [EVENT, SECOND]),
        (compact(EVENT), [EVENT]),
        (sns(EVENT), [EVENT]),
        (sns_to_function(EVENT, SECOND), [EVENT, SECOND]),
        (sqs_to_function(EVENT, sns(SECOND)), [EVENT, SECOND]),
        (sqs_received(sns(EVENT), SECOND), [EVENT, SECOND]),
        (log_data(EVENT, SECOND), [EVENT, SECOND]),
        ({"awslogs": {"data": packed(log_data(EVENT, SECOND))}}, [EVENT, SECOND]),
        (logs_output(EVENT, SECOND), [EVENT, SECOND]),
        ({"Records": [{"kinesis": {"data": in_base64(EVENT), "partitionKey": "1"}}]}, [EVENT]),
        ({"Records": [{"kinesis": {"data": packed(log_data(EVENT))}}]}, [EVENT]),
        ({"invocationId": "i", "records": [{"recordId": "1", "data": in_base64(EVENT)}]}, [EVENT]),
        ({"Records": [{"Data": in_base64(EVENT), "PartitionKey": "1"}], "NextShardIterator": "n"}, [EVENT]),
        (sqs_to_function(sns(sqs_to_function(sns(EVENT)))), [EVENT]),
        ({"records": [{"data": in_base64(sqs_to_function(sns(sns(log_data(EVENT)))))}]}, [EVENT]),
    ],
    ids=lambda value: str(sorted(value))[:60] if isinstance(value, dict) else "",
)
def test_envelopes_come_off_one_in_another(wrapped: object, events: list[Mapping[str, Any]]) -> None:
    """What SNS, SQS, CloudWatch Logs, Kinesis and Firehose wrap around events, also around one another."""
    assert list(unwrap(wrapped, 3)) == events


def test_events_of_eventbridge_come_without_their_context() -> None:
    """The detail is the event; also through a queue, and only the service's own."""
    for wrapped in (eventbridge(EVENT), sqs_to_function(eventbridge(EVENT)), sqs_received(sns(eventbridge(EVENT)))):
        (event,) = unwrap(wrapped, 1)
        assert isinstance(event, dict)
        assert (event["messageId"], event["carrierName"]) == (EVENT["messageId"], "Example Mobile")
        assert "context" not in event
    assert list(unwrap(eventbridge(EVENT, source="aws.ec2"), 4)) == [Other(4)]


@pytest.mark.parametrize(
    "record",
    [
        17,
        None,
        "some log line",
        {},
        {"hello": "world"},
        log_data(kind="CONTROL_MESSAGE")
        | {"logEvents": [{"id": "", "message": "CWL CONTROL MESSAGE: checking health"}]},
        {"Type": "SubscriptionConfirmation", "Message": "You have chosen to subscribe to the topic", "Token": "t"},
        {"events": [{"message": "START RequestId: 1"}]},
        eventbridge(EVENT) | {"detail": "text"},
        {"source": "aws.sms-voice", "detail": {"registrationArn": "arn"}},
    ],
)
def test_what_is_no_record_of_the_service_is_other(record: object) -> None:
    """Other logs, other sources and services' own messages are counted, not complained about."""
    assert list(unwrap(record, 5)) == [Other(5)]


@pytest.mark.parametrize(
    "record",
    [
        {"Type": "Notification", "Message": compact(EVENT)[:-5]},
        {"events": [{"message": '{"eventType": nope}'}]},
        {"kinesis": {"data": "%%%"}},
        {"kinesis": {"data": packed(EVENT)[:-40]}},
        {"awslogs": {"data": "H4sI" + "AAAA" * 4}},
    ],
)
def test_an_envelope_with_damage_inside_is_unreadable(record: object) -> None:
    """It is named by the line of the envelope, and nothing of it is quoted."""
    (found,) = unwrap(record, 6)
    assert isinstance(found, Unreadable)
    assert found.line == 6
    assert "TEXT" not in found.cause


def test_several_records_in_one_envelope_are_all_read() -> None:
    """A Kinesis record, or a message, that holds lines of events."""
    lines = compact(EVENT) + "\n" + compact(SECOND) + "\n"
    assert list(unwrap({"Type": "Notification", "Message": lines}, 1)) == [EVENT, SECOND]


def test_envelopes_without_end_are_given_up() -> None:
    """A record that lies too deep is unreadable; the reading goes on."""
    deep: object = dict(EVENT)
    for _ in range(MAX_DEPTH):
        deep = {"Sns": {"Message": deep}}
    assert list(unwrap([deep, EVENT], 2)) == [Unreadable(2, "too many envelopes in one another"), EVENT]


def test_a_voice_event_comes_out_as_it_is() -> None:
    """Which records are of text messages is not the envelopes' business."""
    assert list(unwrap(json.loads(compact(sns(VOICE))), 1)) == [VOICE]
