"""A bare HTTP/1.1 client: prepared bytes out, the status code back, over connections that stay open.

It does as little as a client can, so that the pacing is what is measured, also at rates no SDK carries.
"""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Callable
from typing import cast

Answered = Callable[[int], None]
"""Gets the HTTP status; 0 when the connection was lost."""


class Wire:
    """Connections to one server, each with one request at a time.

    Args:
        host: address.
        port: of the server.
        connections: opened at the start; no more are opened later.
        tls: how the server is trusted; None: no TLS.
    """

    def __init__(self, host: str, port: int, *, connections: int, tls: ssl.SSLContext | None = None) -> None:
        self._host, self._port, self._count, self._tls = host, port, connections, tls
        self._idle: list[_Connection] = []
        self._backlog: deque[tuple[bytes, Callable[[float], None], Answered]] = deque()

    async def open(self) -> None:
        """Open every connection."""
        loop = asyncio.get_running_loop()
        for _ in range(self._count):
            await loop.create_connection(lambda: _Connection(self._returned), self._host, self._port, ssl=self._tls)
        if len(self._idle) != self._count:
            raise OSError(f"{len(self._idle)} of {self._count} connections were made")

    def close(self) -> None:
        """Close those that are idle."""
        for connection in self._idle:
            connection.close()

    def send(self, request: bytes, released: Callable[[float], None], answered: Answered) -> None:
        """Write at once, or as soon as a connection is idle. Calls `released` with the time of the write."""
        if not self._idle:
            self._backlog.append((request, released, answered))
            return
        connection = self._idle.pop()
        released(time.monotonic())
        connection.write(request, answered)

    def _returned(self, connection: "_Connection") -> None:
        if not self._backlog:
            self._idle.append(connection)
            return
        request, released, answered = self._backlog.popleft()
        released(time.monotonic())
        connection.write(request, answered)


class _Connection(asyncio.Protocol):
    def __init__(self, idle: Callable[["_Connection"], None]) -> None:
        self._idle = idle
        self._received = b""
        self._answered: Answered | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # of TCP; uvloop's own class is no subclass
        self._idle(self)

    def write(self, request: bytes, answered: Answered) -> None:
        assert self._transport is not None  # noqa: S101 - it was idle, so it was made
        self._answered = answered
        self._transport.write(request)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._received = b""
        self._answer(int(head[9:12]))
        self._idle(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._answer(0)

    def _answer(self, status: int) -> None:
        answered, self._answered = self._answered, None
        if answered is not None:
            answered(status)
