"""One connection of a client: requests in, answers out, one after the other."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol, cast

from bulksend.simulator.http_request import HttpRequest, RequestReader
from bulksend.simulator.responses import CONTINUE, refused


class Owner(Protocol):
    """Who answers the requests of connections."""

    def opened(self, connection: "HttpConnection") -> None:
        """A client has connected."""

    def ready(self, connection: "HttpConnection") -> None:
        """`connection.request` waits for its answer."""

    def closed(self, connection: "HttpConnection") -> None:
        """The connection is gone, whether or not `connection.request` had its answer."""


class HttpConnection(asyncio.Protocol):
    """Hands its owner one request at a time; the next one when that has its answer.

    A client that ends its stream has left: what it was still to be told goes nowhere.

    Args:
        owner: gives the answers.
        stamp: the clock of arrivals. Each request is stamped with the moment at which its last byte was read, however
            long it takes until it gets its turn.

    Attributes:
        request: the one that waits for its answer; None when none does.
        timer: set by the owner, to be cancelled when the connection is gone.
    """

    __slots__ = (
        "_is_congested",
        "_is_paused",
        "_owner",
        "_reader",
        "_stamp",
        "_transport",
        "_waiting",
        "request",
        "timer",
    )

    def __init__(self, owner: Owner, stamp: Callable[[], float]) -> None:
        self._owner = owner
        self._stamp = stamp
        self._reader = RequestReader()
        self._waiting: deque[HttpRequest] = deque()
        self._is_congested = False
        self._is_paused = False
        self.request: HttpRequest | None = None
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast("asyncio.Transport", transport)
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        reader = self._reader
        for request in reader.feed(data, self._stamp()):
            self._waiting.append(request)
        if self.request is None:
            self._next()
        elif self._waiting and not self._is_paused:
            self._transport.pause_reading()
            self._is_paused = True

    def pause_writing(self) -> None:
        """Called by the loop: the client does not read its answers, so it gets no further ones made."""
        self._is_congested = True

    def resume_writing(self) -> None:
        """Called by the loop."""
        self._is_congested = False
        if self.request is None:
            self._next()

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop."""
        del error
        if self.timer is not None:
            self.timer.cancel()
        self._waiting.clear()
        self._reader.close()
        self._owner.closed(self)

    def answer(self, response: bytes, *, keep_alive: bool) -> None:
        """Answer `request`, and go on to the next one, if the client and `keep_alive` have it so."""
        assert self.request is not None  # noqa: S101 - the owner's contract
        self._transport.write(response)
        if keep_alive and self.request.keep_alive:
            self._next()
        else:
            self._transport.close()

    def close(self) -> None:
        """End the connection when what was written has gone out."""
        self._transport.close()

    def abort(self) -> None:
        """End the connection at once."""
        self._transport.abort()

    def _next(self) -> None:
        self.request = None
        if self._is_congested:
            return
        if self._waiting:
            self.request = self._waiting.popleft()
            self._owner.ready(self)
            return
        reader = self._reader
        if reader.refusal is not None:
            self._transport.write(refused(reader.refusal))
            self._transport.close()
            return
        if reader.wants_continue:
            reader.wants_continue = False
            self._transport.write(CONTINUE)
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
