"""Delivery events as services hand them over; numbers and ids are made up."""

import base64
import gzip
import json
from collections.abc import Mapping
from typing import Any

EVENT: Mapping[str, Any] = {
    "eventType": "TEXT_SUCCESSFUL",
    "eventVersion": "1.0",
    "eventTimestamp": 1790000003470,
    "isFinal": True,
    "originationPhoneNumber": "+18885550100",
    "destinationPhoneNumber": "+14255550156",
    "isInternationalSend": False,
    "mcc": "310",
    "mnc": "800",
    "messageId": "862a8790-60c0-4430-9b2b-658bd0000001",
    "messageRequestTimestamp": 1790000003170,
    "messageEncoding": "GSM",
    "messageType": "PROMOTIONAL",
    "messageStatus": "SUCCESSFUL",
    "messageStatusDescription": "Message has been accepted by phone carrier",
    "context": {"bulksend_campaign": "spring-sale", "bulksend_row": "17.2", "team": "crm"},
    "totalMessageParts": 2,
    "totalMessagePrice": 0.01162,
    "totalCarrierFee": 0.00604,
}
"""As an event destination of a configuration set gets it."""

VOICE: Mapping[str, Any] = {
    "eventType": "VOICE_INITIATED",
    "eventVersion": "1.0",
    "eventTimestamp": 1790000000226,
    "isFinal": False,
    "messageId": "1d2295bd-ac9b-4517-821f-7c6d00000001",
    "messageStatus": "INITIATED",
}


def compact(value: object) -> str:
    """JSON without white space."""
    return json.dumps(value, separators=(",", ":"))


def packed(value: object) -> str:
    """JSON, gzip, base64: what a subscription filter puts into a function's event."""
    return base64.b64encode(gzip.compress(compact(value).encode())).decode()


def in_base64(value: object) -> str:
    """JSON in base64, as Kinesis and Firehose hand records to functions."""
    return base64.b64encode(compact(value).encode()).decode()


def sns(event: Mapping[str, Any]) -> dict[str, Any]:
    """A notification, as HTTP endpoints and queues get it."""
    return {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb00000001",
        "TopicArn": "arn:aws:sns:us-east-1:111122223333:sms-events",
        "Message": compact(event),
        "Timestamp": "2026-09-21T13:33:24.000Z",
        "SignatureVersion": "1",
        "Signature": "made-up",
        "UnsubscribeURL": "https://example.invalid/unsubscribe",
    }


def sns_to_function(*events: Mapping[str, Any]) -> dict[str, Any]:
    """What a function gets from a topic."""
    return {
        "Records": [
            {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": "arn:made-up", "Sns": sns(event)}
            for event in events
        ]
    }


def sqs_to_function(*bodies: Mapping[str, Any]) -> dict[str, Any]:
    """What a function gets from a queue."""
    return {
        "Records": [
            {"messageId": "059f36b4", "receiptHandle": "r", "body": compact(body), "eventSource": "aws:sqs"}
            for body in bodies
        ]
    }


def sqs_received(*bodies: Mapping[str, Any]) -> dict[str, Any]:
    """What `aws sqs receive-message` prints."""
    return {"Messages": [{"MessageId": "059f36b4", "ReceiptHandle": "r", "Body": compact(body)} for body in bodies]}


def log_data(*events: Mapping[str, Any], kind: str = "DATA_MESSAGE") -> dict[str, Any]:
    """What a subscription filter of CloudWatch Logs delivers."""
    return {
        "messageType": kind,
        "owner": "111122223333",
        "logGroup": "sms-events",
        "logStream": "stream",
        "subscriptionFilters": ["all"],
        "logEvents": [
            {"id": str(number), "timestamp": event["eventTimestamp"], "message": compact(event)}
            for number, event in enumerate(events)
        ],
    }


def logs_output(*events: Mapping[str, Any]) -> dict[str, Any]:
    """What `aws logs filter-log-events` prints; `get-log-events` differs in members that are not read."""
    return {
        "events": [
            {
                "logStreamName": "stream",
                "timestamp": event["eventTimestamp"],
                "message": compact(event),
                "ingestionTime": event["eventTimestamp"],
                "eventId": "0",
            }
            for event in events
        ],
        "searchedLogStreams": [],
    }


def eventbridge(event: Mapping[str, Any], *, source: str = "aws.sms-voice") -> dict[str, Any]:
    """What EventBridge hands to its targets: without destination and Context."""
    hidden = ("destinationPhoneNumber", "context")
    return {
        "version": "0",
        "id": "4111946b-816c-e73a-9ea0-a83600000001",
        "detail-type": "Text Message Delivery Status Updated",
        "source": source,
        "account": "111122223333",
        "time": "2026-09-21T13:33:23Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {key: value for key, value in event.items() if key not in hidden} | {"carrierName": "Example Mobile"},
    }
