"""Answers as HTTP/1.1 carries them."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus

from bulksend.simulator.http_request import HttpRequest
from bulksend.simulator.ids import uuid4_text

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
AWS_JSON = b"application/x-amz-json-1.0"
JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"

_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_SECOND = timedelta(seconds=1)


class ServiceResponses:
    """Writes the service's answers, each with a request id of its own and the service's date."""

    def __init__(self) -> None:
        # Its ids are as good as those of uuid4(), which asks the system for each one (1.4 us more).
        self._random = random.Random()  # noqa: S311 - names, not secrets
        self._second = datetime.min.replace(tzinfo=UTC)
        self._date = b""

    def write(self, status: int, body: bytes, *, request: HttpRequest, now: datetime, keep_alive: bool) -> bytes:
        """Return the bytes of an answer to `request`; `now` is the service's time."""
        if not self._second <= now < self._second + _SECOND:
            self._second = now.replace(microsecond=0)
            self._date = format_datetime(self._second, usegmt=True).encode()
        request_id = uuid4_text(self._random.getrandbits(128)).encode()
        extra = b"Date: %b\r\nx-amzn-RequestId: %b\r\n" % (self._date, request_id)
        return written(status, AWS_JSON, body, request=request, keep_alive=keep_alive, extra=extra)


def written(
    status: int, content_type: bytes, body: bytes, *, request: HttpRequest, keep_alive: bool, extra: bytes = b""
) -> bytes:
    """Return the bytes of an answer to `request`; `extra` are whole header lines."""
    if not (keep_alive and request.keep_alive):
        extra += b"Connection: close\r\n"
    elif b"connection" in request.headers:  # a client of HTTP/1.0 needs to be told
        extra += b"Connection: keep-alive\r\n"
    head = b"%bContent-Type: %b\r\nContent-Length: %d\r\n%b\r\n" % (_LINES[status], content_type, len(body), extra)
    return head if request.method == b"HEAD" else head + body


def refused(status: HTTPStatus) -> bytes:
    """Return the bytes of the answer to what is no request that can be read; the connection ends with it."""
    text = f"{status.phrase}\n".encode()
    return b"%bContent-Type: %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (
        _LINES[status.value],
        TEXT,
        len(text),
        text,
    )
