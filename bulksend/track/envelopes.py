"""What the services between wrap around an event, taken off: SNS, SQS, EventBridge, CloudWatch Logs, Kinesis, Firehose.

They come in one another, such as EventBridge's event in the message of an SQS record. The shapes are those of the
services' own documentation ("SNS message format", "Using Lambda with ...", "Subscription filters", and the output of
the AWS CLI).
"""

import base64
import binascii
import zlib
from collections.abc import Iterator

import msgspec

from bulksend.track.values import MAX_VALUE_BYTES, NOT_JSON, Other, Unreadable, read_values

MAX_DEPTH = 24
"""How deep a record may lie: each object, list and text around it counts, so that six envelopes are no matter."""

EVENT_SOURCE = "aws.sms-voice"
"""`source` of the service's events in EventBridge."""

_GZIP_MAGIC = b"\x1f\x8b"

_LISTS = ("Records", "records", "Messages", "events", "logEvents")
"""Members that hold a list of records: Lambda and Kinesis, Firehose, `sqs receive-message`, `logs` commands."""

_TEXTS = ("Message", "body", "Body", "message")
"""Members that hold the record, mostly as a text: SNS, SQS to Lambda, `sqs receive-message`, CloudWatch Logs."""

_BASE64 = ("data", "Data")
"""Members that hold the record in base64: Kinesis and Firehose to Lambda, `kinesis get-records`, CloudWatch Logs."""


def unwrap(value: object, line: int, depth: int = 0) -> Iterator[dict[str, object] | Unreadable | Other]:
    """Yield the records of the service in `value`, which was found at `line`.

    What is no record of the service and none of the envelopes is `Other`; an envelope whose content cannot be read is
    `Unreadable`.
    """
    if depth > MAX_DEPTH:
        yield Unreadable(line, "too many envelopes in one another")
    elif isinstance(value, list):
        for each in value:
            yield from unwrap(each, line, depth + 1)
    elif isinstance(value, str):
        yield from _unwrap_text(value.encode(errors="replace"), line, depth + 1)
    elif not isinstance(value, dict):
        yield Other(line)
    elif isinstance(value.get("eventType"), str):
        yield value
    else:
        yield from _unwrap_object(value, line, depth + 1)


def _unwrap_object(value: dict[str, object], line: int, depth: int) -> Iterator[dict[str, object] | Unreadable | Other]:
    if "detail" in value and "source" in value:
        if value["source"] == EVENT_SOURCE:
            yield from unwrap(value["detail"], line, depth)
        else:
            yield Other(line)
        return
    for name in _LISTS:
        if isinstance(records := value.get(name), list):
            yield from unwrap(records, line, depth)
            return
    for name in ("Sns", "kinesis", "awslogs"):
        if isinstance(inner := value.get(name), dict):
            yield from unwrap(inner, line, depth)
            return
    for name in _TEXTS:
        if isinstance(inner := value.get(name), str | dict):
            yield from unwrap(inner, line, depth)
            return
    for name in _BASE64:
        if isinstance(text := value.get(name), str):
            yield from _unwrap_base64(text, line, depth)
            return
    yield Other(line)


def _unwrap_base64(text: str, line: int, depth: int) -> Iterator[dict[str, object] | Unreadable | Other]:
    try:
        data = base64.b64decode(text, validate=True)
        if data.startswith(_GZIP_MAGIC):
            unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            data = unpacker.decompress(data, MAX_VALUE_BYTES)
            if not unpacker.eof:
                yield Unreadable(line, "the gzip data in it is cut off, or too long")
                return
    except binascii.Error:
        yield Unreadable(line, "the data in it is not base64")
    except zlib.error:
        yield Unreadable(line, "the gzip data in it is damaged")
    else:
        yield from _unwrap_text(data, line, depth)


def _unwrap_text(data: bytes, line: int, depth: int) -> Iterator[dict[str, object] | Unreadable | Other]:
    try:
        value: object = msgspec.json.decode(data)
    except (*NOT_JSON, RecursionError):
        if data.lstrip()[:1] not in (b"{", b"["):
            yield Other(line)  # a log line that is no record, such as a function's own
            return
        for each in read_values([data]):
            if isinstance(each, Unreadable):
                yield Unreadable(line, f"the record in it: {each.cause}")
            else:
                yield from unwrap(each[1], line, depth)
    else:
        yield from unwrap(value, line, depth)
