"""One HTTP/1.1 connection: a request written in one piece, and its answer or the reason why there is none."""

import asyncio
from typing import NamedTuple, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

MAX_ANSWER_BYTES = 1 << 20
"""No answer of the service is longer than some kilobytes."""


class Response(NamedTuple):
    """An answer as it came. `headers`: name and value, names as they were written."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def __repr__(self) -> str:
        return f"Response({self.status}, {len(self.body)} bytes)"


class Lost(Exception):
    """No answer came to a request that was written.

    Attributes:
        transport: "read_timeout" or "connection_lost".
    """

    def __init__(self, transport: str, words: str) -> None:
        super().__init__(words)
        self.transport = transport


class Connection(asyncio.Protocol):
    """A connection that carries one request at a time (RFC 9112; no pipelining).

    An answer ends where its headers say, or with the connection where they do not. What comes without having been
    asked for closes the connection: it would pass for the next answer.

    Attributes:
        last_used_s: when it was opened, written to or read from last, in seconds of the loop.
    """

    __slots__ = (
        "_answer",
        "_body",
        "_headers",
        "_is_open",
        "_is_until_close",
        "_loop",
        "_parser",
        "_size",
        "_transport",
        "last_used_s",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser = HttpResponseParser(self)
        self._answer: asyncio.Future[Response] | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._size = 0
        self._is_until_close = False
        self._is_open = False
        self.last_used_s = 0.0

    @property
    def is_open(self) -> bool:
        """It stands, and nothing was said against another request on it."""
        # A transport that has met its end tells us a turn of the loop later, and drops what is written until then.
        return self._is_open and self._transport is not None and not self._transport.is_closing()

    def ask(self, request: bytes) -> "asyncio.Future[Response]":
        """Write `request`, now; the future gives its answer, or raises `Lost`. It must be open, and not in use."""
        if not self.is_open or self._transport is None or self._answer is not None:
            raise AssertionError("a connection takes a request when it is open and idle")
        self._answer = answer = self._loop.create_future()
        self.last_used_s = self._loop.time()
        self._transport.write(request)
        return answer

    def close(self) -> None:
        """Close it at once."""
        self._is_open = False
        if self._transport is not None:
            self._transport.abort()

    def give_up(self, transport: str, words: str) -> None:
        """Wait for the answer no longer; see `Lost`."""
        self.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Lost(transport, words))
        self._answer = None

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are none by class
        self._is_open = True
        self.last_used_s = self._loop.time()

    def data_received(self, data: bytes) -> None:
        """A part of an answer came, or something that nobody asked for."""
        if self._answer is None:
            self.close()
            return
        self.last_used_s = self._loop.time()
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self.give_up("connection_lost", f"no HTTP answer: {type(error).__name__}")
            return
        if self._size > MAX_ANSWER_BYTES:
            self.give_up("connection_lost", "an answer that does not end")

    def eof_received(self) -> None:
        """The other side says no more."""
        self._is_open = False
        if self._is_until_close:
            self._complete()

    def connection_lost(self, error: Exception | None) -> None:
        """It is closed, by whomever."""
        self._is_open = False
        if self._is_until_close and error is None:
            self._complete()
        if self._answer is not None:
            self.give_up("connection_lost", str(error) if error else "the other side closed the connection")

    # What the parser calls.

    def on_message_begin(self) -> None:
        """An answer begins."""
        if self._answer is None:
            self.close()  # a second one to one request; its rest would pass for the next answer
        self._headers = []
        self._body = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header of it."""
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The last header of it."""
        if not self._parser.should_keep_alive():
            self._is_open = False
            names = {name.lower() for name, _ in self._headers}
            self._is_until_close = not names & {b"content-length", b"transfer-encoding"}

    def on_body(self, body: bytes) -> None:
        """A piece of its body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Its end."""
        if self._parser.get_status_code() >= 200:  # those below announce the answer proper (RFC 9110, 15.2)
            self._complete()

    def _complete(self) -> None:
        answer, self._answer = self._answer, None
        self._size = 0
        self._is_until_close = False
        if answer is None:
            self.close()  # a second answer to one request
        elif not answer.done():
            body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
            answer.set_result(Response(self._parser.get_status_code(), self._headers, body))
