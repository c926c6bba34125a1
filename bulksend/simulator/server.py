"""The service on loopback: AWS JSON 1.0 over HTTP/1.1 around `SimulatedService`."""

import asyncio
import gc
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from bulksend.simulator.connection import HttpConnection
from bulksend.simulator.eventfile import EventFile
from bulksend.simulator.faults import ServiceFault, unknown_operation, unreadable
from bulksend.simulator.http_request import HttpRequest
from bulksend.simulator.responses import JSON, TEXT, ServiceResponses, refused, written
from bulksend.simulator.service import Answer, Delivery, SimulatedService

TARGET_PREFIX = b"PinpointSMSVoiceV2."
"""Stands before the operation in `X-Amz-Target`."""

CONTROL_PREFIX = b"/_simulator/"
"""Paths below this are about the simulator, not the service."""

_EVENT_INTERVAL_S = 0.2
_SHUTDOWN_S = 1.0

_AT_A_TIME = 16
"""Requests that are performed before other connections are read again: 1 ms at most, by which arrivals can be late."""

_decode = msgspec.json.Decoder().decode


class SimulatorServer:
    """Serves `service` for as long as the `async with` block lasts.

    Beside the service's own protocol: `GET /_simulator/stats` gives `service.stats`, `GET /_simulator/messages`
    gives `{"messages": service.messages}`, `POST /_simulator/reset` calls `service.reset()`.

    A request that has arrived is performed, even if its client leaves before the answer. Connections stay open until
    the client leaves; when the block ends, requests that wait for their answers have a second to get them.

    Delivery events are appended to the file that the settings name when they are due; those that are not due yet
    when the block ends are written then.

    While the block lasts, what existed before it is exempt from garbage collection (`gc.freeze`).

    Args:
        service: what is served; only this server's event loop may touch it meanwhile.
        host: address to listen on; anything but loopback lets others in, whose signatures are checked only if the
            settings have `credentials`.
        port: 0: any that is free.
        stamp: the clock of arrivals, which must be the service's own. Not the event loop's time by default: uvloop
            rounds that down to the millisecond at which its turn began.

    Raises:
        OSError: on entry, when the address cannot be listened on or the event file cannot be opened; on exit, when
            events could not be written.
    """

    def __init__(
        self,
        service: SimulatedService,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        stamp: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._host = host
        self._port = port
        self._stamp = stamp
        self._responses = ServiceResponses()
        self._connections: set[HttpConnection] = set()
        self._served: set[HttpConnection] = set()
        self._ready: deque[HttpConnection] = deque()
        self._is_turn_due = False
        self._is_stopping = False

    @property
    def url(self) -> str:
        """The endpoint URL, once the block is entered."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        path = self._service.settings.events.path
        self._event_file = EventFile(Path(path)) if path else None
        try:
            self._sockets = await self._loop.create_server(self._connection, self._host, self._port, backlog=1024)
        except OSError:
            if self._event_file is not None:
                self._event_file.close()
            raise
        self._port = self._sockets.sockets[0].getsockname()[1]
        self._event_writer = asyncio.create_task(self._write_events())
        # A full collection that goes through every imported module can stop the loop for 20 ms, and what arrived
        # meanwhile then seems to have come in one burst.
        gc.freeze()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        gc.unfreeze()
        self._event_writer.cancel()
        self._sockets.close()
        await self._end_connections()
        await self._sockets.wait_closed()
        await asyncio.wait([self._event_writer])
        if self._event_file is not None:
            try:
                if not self._event_writer.cancelled():
                    self._event_writer.result()
                self._event_file.write(self._service.take_events())
            finally:
                self._event_file.close()

    def opened(self, connection: HttpConnection) -> None:
        """See `Owner`."""
        self._connections.add(connection)

    def ready(self, connection: HttpConnection) -> None:
        """See `Owner`. Nothing is performed before every connection that has something to read was read and stamped."""
        self._ready.append(connection)
        if not self._is_turn_due:
            self._is_turn_due = True
            self._loop.call_soon(self._serve_some)

    def closed(self, connection: HttpConnection) -> None:
        """See `Owner`."""
        self._connections.discard(connection)
        if connection in self._served:
            self._served.remove(connection)
            self._service.ended()
        if self._is_stopping and not self._connections:
            self._all_gone.set()

    def _serve_some(self) -> None:
        ready = self._ready
        for _ in range(min(len(ready), _AT_A_TIME)):
            connection = ready.popleft()
            try:
                self._serve(connection)
            except Exception as error:
                self._loop.call_exception_handler({"message": "A request could not be served", "exception": error})
                connection.answer(refused(HTTPStatus.INTERNAL_SERVER_ERROR), keep_alive=False)
        self._is_turn_due = bool(ready)
        if ready:
            self._loop.call_soon(self._serve_some)

    def _serve(self, connection: HttpConnection) -> None:
        request = connection.request
        assert request is not None  # noqa: S101 - it is ready
        if request.path.startswith(CONTROL_PREFIX):
            connection.answer(self._control(request), keep_alive=not self._is_stopping)
            return
        self._service.began()
        self._served.add(connection)
        answer = self._answer(request)
        if connection not in self._connections:
            self.closed(connection)
            return
        delay_s = request.arrived_at + answer.delay_s - self._stamp() if answer.delay_s else 0.0
        if delay_s > 0:
            connection.timer = self._loop.call_later(delay_s, self._finish, connection, request, answer)
        else:
            self._finish(connection, request, answer)

    def _answer(self, request: HttpRequest) -> Answer:
        try:
            if request.is_too_long:
                raise unreadable("The request is too long")
            self._service.authorize(request)
            operation = _operation(request)
            params = _params(request.body)
        except ServiceFault as fault:
            return self._service.refuse(fault)
        return self._service.handle(operation, params, arrived_at=request.arrived_at)

    def _finish(self, connection: HttpConnection, request: HttpRequest, answer: Answer) -> None:
        connection.timer = None
        if answer.delivery is Delivery.SILENCE and not self._is_stopping:
            return
        self._served.remove(connection)
        self._service.ended()
        if answer.delivery is not Delivery.REPLY:
            connection.close()
            return
        keep_alive = not self._is_stopping
        body = msgspec.json.encode(answer.body)
        response = self._responses.write(
            answer.http_status, body, request=request, now=self._service.now(), keep_alive=keep_alive
        )
        connection.answer(response, keep_alive=keep_alive)

    async def _end_connections(self) -> None:
        self._is_stopping = True
        self._all_gone = asyncio.Event()
        for connection in self._connections:
            is_silent = connection in self._served and connection.timer is None
            if connection.request is None or is_silent:
                connection.close()
        if self._connections:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._all_gone.wait(), _SHUTDOWN_S)
        for connection in self._connections:
            connection.abort()
        if self._connections:
            await self._all_gone.wait()

    def _control(self, request: HttpRequest) -> bytes:
        name = request.path.removeprefix(CONTROL_PREFIX)
        is_get = request.method in (b"GET", b"HEAD")
        value: object
        if is_get and name == b"stats":
            value = self._service.stats
        elif is_get and name == b"messages":
            value = {"messages": self._service.messages}
        elif request.method == b"POST" and name == b"reset":
            self._service.reset()
            value = {}
        else:
            text = b"Not here: %b %b\n" % (request.method, request.path)
            return written(404, TEXT, text, request=request, keep_alive=not self._is_stopping)
        return written(200, JSON, msgspec.json.encode(value), request=request, keep_alive=not self._is_stopping)

    async def _write_events(self) -> None:
        while self._event_file is not None:
            await asyncio.sleep(_EVENT_INTERVAL_S)
            self._event_file.write(self._service.take_events(self._stamp()))

    def _connection(self) -> HttpConnection:
        return HttpConnection(self, self._stamp)


def _operation(request: HttpRequest) -> str:
    target = request.headers.get(b"x-amz-target", b"")
    if request.method != b"POST" or request.path != b"/" or not target.startswith(TARGET_PREFIX):
        raise unknown_operation("")
    return target.removeprefix(TARGET_PREFIX).decode("latin-1")


def _params(body: bytes) -> dict[str, object]:
    try:
        params = _decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable("The request body is not JSON") from error
    if not isinstance(params, dict):
        raise unreadable("The request body is not a JSON object")
    return params
