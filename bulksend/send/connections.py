"""The open connections to the service: as many as are needed, the warmest first, each closed before it gets cold."""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Sequence
from typing import Self, cast
from urllib.parse import urlsplit

from aiohappyeyeballs import AddrInfoType, start_connection

from bulksend.base.ports import Release
from bulksend.send.connection import Connection, Response

RESOLVE_AGAIN_S = 10.0
"""How long the addresses of a name are used: the service moves its load by changing them."""

HAPPY_EYEBALLS_DELAY_S = 0.25
"""After which the next address is tried beside the first (RFC 8305)."""

MAX_OPENING = 256
"""Connections being opened at once, at most. A TLS handshake takes about a millisecond of the event loop; to another
continent it lasts 0.3 s, and 5,000 messages a second need more than a thousand."""

LOOKS_PER_TIMEOUT = 8
MAX_LOOK_S = 1.0
"""How often is looked for answers that are overdue and connections that are cold: so often within a read timeout, and
at least every second. A timer for every message would cost as much as its signature."""


class NotWritten(Exception):
    """No byte of a request was written.

    Attributes:
        transport: "connect_timeout" or "connection_failed".
        cause: what went wrong.
    """

    def __init__(self, transport: str, cause: object) -> None:
        super().__init__(transport)
        self.transport = transport
        self.cause = cause


class Connections:
    """Up to `limit` connections to one address, each with one request at a time.

    An async context manager, within the loop that it is used in. It opens no connection before the first request; the
    connection used last is used next, so that those that are not needed get cold and are closed.

    Args:
        url: scheme, host and port.
        tls: how certificates are checked; needed for https.
        limit: connections open at once, at most.
        connect_timeout_s: to open a connection, TLS included.
        read_timeout_s: between two reads of an answer; noticed an eighth of it late, or a second, at most.
        keepalive_s: a connection idle for so long is closed.
    """

    def __init__(
        self,
        url: str,
        *,
        tls: ssl.SSLContext | None,
        limit: int,
        connect_timeout_s: float,
        read_timeout_s: float,
        keepalive_s: float,
    ) -> None:
        address = urlsplit(url)
        self._host = address.hostname or ""
        self._port = address.port or (443 if address.scheme == "https" else 80)
        self._tls = tls
        self._limit = limit
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._keepalive_s = keepalive_s
        self._open = 0
        self._is_closed = False
        self._opening: set[asyncio.Task[None]] = set()
        self._idle: deque[Connection] = deque()  # the one used last at the right
        self._busy: dict[Connection, None] = {}
        self._waiting: deque[asyncio.Future[Connection]] = deque()
        self._addresses: deque[AddrInfoType] = deque()
        self._resolved_s = 0.0
        self._resolving = asyncio.Lock()
        self._look: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._look_s = min(MAX_LOOK_S, self._read_timeout_s / LOOKS_PER_TIMEOUT)
        self._look = self._loop.call_later(self._look_s, self._look_after)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_closed = True
        if self._look is not None:
            self._look.cancel()
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        for connection in (*self._idle, *self._busy):
            connection.give_up("connection_lost", "closed by us")
        self._idle.clear()
        while (waiter := self._next_waiter()) is not None:
            waiter.set_exception(NotWritten("connection_failed", "closed by us"))
        # A socket is closed in the next turn of the loop.
        await asyncio.sleep(0)

    async def exchange(self, request: bytes, release: Release) -> Response:
        """Have a connection ready, await `release`, write `request` at once, and return the answer.

        What `release` raises goes through, and nothing is written then.

        Raises:
            NotWritten: no connection could be opened, or none was left after the release.
            Lost: the request was written, and no answer came.
        """
        connection = self._take_idle() or await self._next_free()
        try:
            await release()
        except BaseException:
            self._put_back(connection)
            raise
        if self._is_closed or not connection.is_open:
            # Nothing was written: that is known, so say so, unless another one stands ready.
            self._forget(connection)
            found = self._take_idle()
            if found is None:
                self._open_more()  # its place is free for whoever waits
                raise NotWritten("connection_failed", "the connection was closed before the request was written")
            connection = found
        self._busy[connection] = None
        try:
            return await connection.ask(request)
        except asyncio.CancelledError:
            connection.close()
            raise
        finally:
            del self._busy[connection]
            self._put_back(connection)

    def _take_idle(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and connection.last_used_s + self._keepalive_s > self._loop.time():
                return connection
            self._forget(connection)
        return None

    def _put_back(self, connection: Connection) -> None:
        if self._is_closed or not connection.is_open:
            self._forget(connection)
            self._open_more()
        elif (waiter := self._next_waiter()) is not None:
            waiter.set_result(connection)
        else:
            self._idle.append(connection)

    def _forget(self, connection: Connection) -> None:
        connection.close()
        self._open -= 1

    async def _next_free(self) -> Connection:
        """The connection that is free first, one that comes back or a new one. Raises `NotWritten`."""
        if self._is_closed:
            raise NotWritten("connection_failed", "closed by us")
        waiter: asyncio.Future[Connection] = self._loop.create_future()
        self._waiting.append(waiter)
        self._open_more()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._put_back(waiter.result())
            raise

    def _next_waiter(self) -> "asyncio.Future[Connection] | None":
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                return waiter
        return None

    def _open_more(self) -> None:
        """Begin to open as many connections as are waited for and may be."""
        wanted = 0 if self._is_closed else min(len(self._waiting), MAX_OPENING, self._limit - self._open)
        for _ in range(wanted - len(self._opening)):
            task = self._loop.create_task(self._open_one())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open_one(self) -> None:
        """Open a connection for whoever waits first; if that fails, it is who waits first that is told."""
        connection: Connection | None = None
        failure = NotWritten("connection_failed", "the other side closed the connection at once")
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                connection = await self._opened()
        except TimeoutError:
            failure = NotWritten("connect_timeout", f"no connection within {self._connect_timeout_s:g} s")
        except Exception as error:
            failure = NotWritten("connection_failed", error)
        self._opening.discard(cast("asyncio.Task[None]", asyncio.current_task()))
        if connection is not None and connection.is_open:
            self._open += 1
            self._put_back(connection)
        elif (waiter := self._next_waiter()) is not None:
            waiter.set_exception(failure)
        self._open_more()

    async def _opened(self) -> Connection:
        # aiohappyeyeballs changes the list that it is given.
        link = await start_connection(list(await self._resolve()), happy_eyeballs_delay=HAPPY_EYEBALLS_DELAY_S)
        try:
            _, connection = await self._loop.create_connection(
                lambda: Connection(self._loop),
                sock=link,
                ssl=self._tls,
                server_hostname=self._host if self._tls is not None else None,
            )
        except BaseException:
            link.close()
            raise
        return connection

    async def _resolve(self) -> Sequence[AddrInfoType]:
        async with self._resolving:
            now = self._loop.time()
            if not self._addresses or now >= self._resolved_s + RESOLVE_AGAIN_S:
                found = await self._loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
                self._addresses = deque(cast("Sequence[AddrInfoType]", found))
                self._resolved_s = self._loop.time()
            # Everybody starts with another one.
            self._addresses.rotate(-1)
            return self._addresses

    def _look_after(self) -> None:
        now = self._loop.time()
        self._look = self._loop.call_later(self._look_s, self._look_after)
        for connection in list(self._busy):
            if connection.last_used_s + self._read_timeout_s <= now:
                connection.give_up("read_timeout", f"no answer within {self._read_timeout_s:g} s")
        while self._idle and self._idle[0].last_used_s + self._keepalive_s <= now:
            self._forget(self._idle.popleft())
