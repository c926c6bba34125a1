"""Requests of HTTP/1.1, cut out of a stream of bytes; llhttp, in httptools, takes them apart."""

from http import HTTPStatus
from urllib.parse import urlsplit

import msgspec
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

MAX_BODY_BYTES = 1 << 20
"""A longer body is read to its end and not kept."""

MAX_HEAD_BYTES = 1 << 16
"""Request line and headers; more than that is refused, and the connection is closed."""


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request that is there to its last byte.

    Attributes:
        method: as it stands in the request line.
        path: as it stands there too, percent-encoded, without host and query.
        query: what follows the question mark.
        headers: name in lower case -> value without space around it; of a header that comes twice, "one,two".
        body: decoded, when it came in chunks; none when it is too long.
        is_too_long: whether the body was longer than `MAX_BODY_BYTES`.
        keep_alive: whether the connection stays open after the answer.
        arrived_at: when the last byte was read, on the clock of whoever read it.
    """

    method: bytes
    path: bytes
    query: bytes
    headers: dict[bytes, bytes]
    body: bytes
    is_too_long: bool
    keep_alive: bool
    arrived_at: float

    def __repr__(self) -> str:
        return f"HttpRequest({self.method!r} {self.path!r}, {len(self.body)} bytes)"


class RequestReader:
    """Makes requests of the bytes of one connection.

    Attributes:
        refusal: what answers the bytes after the last request; None as long as they can be read.
        wants_continue: whether the client waits for "100 Continue" before it sends the body.
    """

    __slots__ = (
        "_arrived_at",
        "_body",
        "_fed",
        "_has_begun_now",
        "_head_fed",
        "_headers",
        "_is_in_body",
        "_is_over",
        "_parser",
        "_size",
        "_target",
        "_whole",
        "refusal",
        "wants_continue",
    )

    def __init__(self) -> None:
        self._parser = HttpRequestParser(self)
        self.refusal: HTTPStatus | None = None
        self.wants_continue = False
        self._whole: list[HttpRequest] = []
        self._is_over = False
        self._fed = 0
        self.on_message_begin()

    def feed(self, data: bytes, arrived_at: float) -> list[HttpRequest]:
        """Take in what was read at `arrived_at`, and return the requests that are whole by that.

        What comes after a request that ends the connection, or after `refusal`, is passed over.
        """
        if self._is_over or self.refusal is not None:
            return []
        self._arrived_at = arrived_at
        self._fed = len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            return self._go_on_without_upgrade(data[upgrade.args[0] :])
        except HttpParserError:
            self._give_up()
        self._head_fed += self._fed
        self._has_begun_now = False
        if not self._is_in_body and self._head_fed > MAX_HEAD_BYTES:
            self.refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        return self._taken()

    def close(self) -> None:
        """Let go of the parser, which holds on to this."""
        del self._parser

    # What follows is called by the parser, in this order; pieces of a target or a body may be many.

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._size = 0
        # What is read counts for the head in hand; where another request ends in the same piece, from the next one on.
        self._head_fed = -self._fed if self._whole else 0
        self._has_begun_now = True
        self._is_in_body = False

    def on_url(self, piece: bytes) -> None:
        """The target, or a piece of it."""
        self._target += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which nobody here asks for."""
        if self._is_in_body:
            return
        name, value, headers = name.lower(), value.strip(), self._headers
        headers[name] = headers[name] + b"," + value if name in headers else value

    def on_headers_complete(self) -> None:
        """The empty line."""
        self._is_in_body = True
        headers = self._headers
        could_be_too_long = self._fed > MAX_HEAD_BYTES or not self._has_begun_now
        if could_be_too_long and self._head_size() > MAX_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if b"host" not in headers and self._parser.get_http_version() == "1.1":
            self._refuse(HTTPStatus.BAD_REQUEST)
        if b"expect" in headers:
            is_asked = headers[b"expect"].lower() == b"100-continue"
            self.wants_continue = is_asked and self._parser.get_http_version() == "1.1"

    def on_body(self, piece: bytes) -> None:
        """The body, or a piece of it."""
        self.wants_continue = False
        self._size += len(piece)
        if self._size <= MAX_BODY_BYTES:
            self._body.append(piece)
        else:
            self._body.clear()

    def on_message_complete(self) -> None:
        """The last byte of a request."""
        self.wants_continue = False
        if self._parser.should_upgrade():
            return
        path, query = _divided(self._target)
        is_too_long = self._size > MAX_BODY_BYTES
        keep_alive = self._parser.should_keep_alive()
        self._is_over = not keep_alive
        self._whole.append(
            HttpRequest(
                method=self._parser.get_method(),
                path=path,
                query=query,
                headers=self._headers,
                body=b"".join(self._body),
                is_too_long=is_too_long,
                keep_alive=keep_alive,
                arrived_at=self._arrived_at,
            )
        )

    def _give_up(self) -> None:
        """Know why the parser stopped; it also does at what follows a request that ends the connection."""
        if not self._is_over and self.refusal is None:
            self.refusal = HTTPStatus.BAD_REQUEST

    def _taken(self) -> list[HttpRequest]:
        whole, self._whole = self._whole, []
        return whole

    def _refuse(self, status: HTTPStatus) -> None:
        self.refusal = status
        raise ValueError(status)  # makes the parser stop

    def _head_size(self) -> int:
        return len(self._target) + sum(len(name) + len(value) + 4 for name, value in self._headers.items())

    def _go_on_without_upgrade(self, rest: bytes) -> list[HttpRequest]:
        """Read the request in hand as if it did not ask for another protocol, as every server may.

        llhttp takes the body of such a request for the other protocol's.
        """
        method, version = self._parser.get_method(), self._parser.get_http_version().encode()
        if method == b"CONNECT":
            self.refusal = HTTPStatus.METHOD_NOT_ALLOWED
            return self._taken()
        lines = [b"%b %b HTTP/%b" % (method, self._target, version)]
        lines += [b"%b: %b" % header for header in self._headers.items() if header[0] != b"upgrade"]
        return self.feed(b"\r\n".join([*lines, b"", rest]), self._arrived_at)


def _divided(target: bytes) -> tuple[bytes, bytes]:
    """Return path and query of a request's target."""
    if target == b"/":
        return target, b""
    if not target.startswith(b"/"):
        split = urlsplit(target)
        return split.path or b"/", split.query
    path, _, query = target.partition(b"?")
    return path, query
