"""The messages that are sent: seeded sequences of part counts, and their requests as bytes."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime

from benchmarks.flows import SINGLE
from benchmarks.texts import LONG_PARTS, TEXTS, number

LONG_SHARE = 0.1

_NUMBER = "+14250000000"
_ROW = "row-00000000"


def part_counts(mix: str, seed: int) -> Iterator[int]:
    """The parts of one message after the other, without end; the same for the same seed."""
    dice = random.Random(seed)  # noqa: S311 - seeded dice
    while True:
        yield 1 if mix == SINGLE or dice.random() >= LONG_SHARE else LONG_PARTS


class Requests:
    """SendTextMessage requests of one identity, ready to be written.

    The signature is made up (the simulator does not check it), so that a request costs next to nothing.
    """

    def __init__(self, identity: str, *, host: str) -> None:
        self._templates = {parts: _template(identity, text, host) for parts, text in TEXTS.items()}

    def request(self, parts: int, row: int) -> bytes:
        """The request for `row`."""
        before, between, after = self._templates[parts]
        return b"".join((before, number(row).encode(), between, b"row-%08d" % row, after))


def _template(identity: str, text: str, host: str) -> tuple[bytes, bytes, bytes]:
    body = json.dumps(
        {
            "DestinationPhoneNumber": _NUMBER,
            "OriginationIdentity": identity,
            "Context": {"row": _ROW},
            "MessageBody": text,
        }
    )
    now = datetime.now(UTC)
    scope = f"local/{now:%Y%m%d}/us-east-1/sms-voice/aws4_request"
    head = (
        "POST / HTTP/1.1",
        f"Host: {host}",
        "Content-Type: application/x-amz-json-1.0",
        "X-Amz-Target: PinpointSMSVoiceV2.SendTextMessage",
        f"X-Amz-Date: {now:%Y%m%dT%H%M%SZ}",
        f"Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}",
        f"Content-Length: {len(body)}",
        "",
        body,
    )
    before, _, rest = "\r\n".join(head).partition(_NUMBER)
    between, _, after = rest.partition(_ROW)
    return before.encode(), between.encode(), after.encode()
