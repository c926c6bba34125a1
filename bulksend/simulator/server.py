"""The service on loopback: HTTP/1.1 and AWS JSON 1.0 around `SimulatedService`."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType
from typing import Self, cast
from uuid import uuid4

import msgspec
from aiohttp import web

from bulksend.simulator.eventfile import EventFile
from bulksend.simulator.faults import ServiceFault, unknown_operation, unreadable
from bulksend.simulator.service import Answer, Delivery, SimulatedService

TARGET_PREFIX = "PinpointSMSVoiceV2."
"""Stands before the operation in `X-Amz-Target`."""

CONTROL_PREFIX = "/_simulator/"
"""Paths below this are about the simulator, not the service."""

_EVENT_INTERVAL_S = 0.2
_SHUTDOWN_S = 1.0
_AWS_JSON = "application/x-amz-json-1.0"


class _Connection(web.RequestHandler):
    """One connection, which knows when bytes were last read from it.

    That is the arrival of the request in hand as soon as its body is complete, however long the event loop takes to
    get round to it. A client that sends the next request before the answer (HTTP pipelining) moves the stamp.
    """

    __slots__ = ("arrived_at", "stamp")

    arrived_at: float
    stamp: Callable[[], float]

    def data_received(self, data: bytes) -> None:
        if data:  # aiohttp calls this without any when it goes on reading
            self.arrived_at = self.stamp()
        super().data_received(data)


class _Listener(web.Server):
    """Makes `_Connection`s, each with the clock that stamps its arrivals."""

    def __init__(
        self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], stamp: Callable[[], float]
    ) -> None:
        super().__init__(handler, handler_cancellation=True, access_log=None)
        self._stamp = stamp

    def __call__(self) -> web.RequestHandler:
        connection = _Connection(self, loop=self._loop, **self._kwargs)
        connection.stamp = self._stamp
        return connection


class SimulatorServer:
    """Serves `service` for as long as the `async with` block lasts.

    Beside the service's own protocol: `GET /_simulator/stats` gives `service.stats`, `GET /_simulator/messages`
    gives `{"messages": service.messages}`, `POST /_simulator/reset` calls `service.reset()`.

    Delivery events are appended to the file that the settings name when they are due; those that are not due yet
    when the block ends are written then.

    While the block lasts, what existed before it is exempt from garbage collection (`gc.freeze`).

    Args:
        service: what is served; only this server's event loop may touch it meanwhile.
        host: address to listen on; anything but loopback lets others in, and nobody's signature is checked.
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

    @property
    def url(self) -> str:
        """The endpoint URL, once the block is entered."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        path = self._service.settings.events.path
        self._event_file = EventFile(Path(path)) if path else None
        self._closing: asyncio.Future[None] = loop.create_future()
        self._listener = _Listener(self._serve, self._stamp)
        try:
            self._sockets = await loop.create_server(self._listener, self._host, self._port, backlog=1024)
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
        self._closing.set_result(None)
        self._listener.pre_shutdown()
        await self._listener.shutdown(_SHUTDOWN_S)
        await self._sockets.wait_closed()
        await asyncio.wait([self._event_writer])
        if self._event_file is not None:
            try:
                if not self._event_writer.cancelled():
                    self._event_writer.result()
                self._event_file.write(self._service.take_events())
            finally:
                self._event_file.close()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith(CONTROL_PREFIX):
            return self._control(request)
        with self._service.serving():
            answer = await self._answer(request)
            delay_s = _connection(request).arrived_at + answer.delay_s - self._stamp()
            if delay_s > 0:
                await asyncio.sleep(delay_s)
            if answer.delivery is Delivery.SILENCE:
                await asyncio.shield(self._closing)
            if answer.delivery is not Delivery.REPLY and request.transport is not None:
                request.transport.close()
            return web.Response(
                body=msgspec.json.encode(answer.body),
                status=answer.http_status,
                headers={
                    "Content-Type": _AWS_JSON,
                    "Date": format_datetime(self._service.now(), usegmt=True),
                    "x-amzn-RequestId": str(uuid4()),
                },
            )

    async def _answer(self, request: web.BaseRequest) -> Answer:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return self._service.refuse(unreadable("The request is too long"))
        arrived_at = _connection(request).arrived_at
        headers = request.headers
        try:
            self._service.authorize(
                headers.get("Authorization"), headers.get("X-Amz-Security-Token"), date=headers.get("X-Amz-Date")
            )
            operation = _operation(request)
            params = _params(body)
        except ServiceFault as fault:
            return self._service.refuse(fault)
        return self._service.handle(operation, params, arrived_at=arrived_at)

    def _control(self, request: web.BaseRequest) -> web.Response:
        if request.method == "GET" and request.path == f"{CONTROL_PREFIX}stats":
            return _json(self._service.stats)
        if request.method == "GET" and request.path == f"{CONTROL_PREFIX}messages":
            return _json({"messages": self._service.messages})
        if request.method == "POST" and request.path == f"{CONTROL_PREFIX}reset":
            self._service.reset()
            return _json({})
        return web.Response(status=404, text=f"Not here: {request.method} {request.path}\n")

    async def _write_events(self) -> None:
        while self._event_file is not None:
            await asyncio.sleep(_EVENT_INTERVAL_S)
            self._event_file.write(self._service.take_events(self._stamp()))


def _connection(request: web.BaseRequest) -> _Connection:
    return cast("_Connection", request.protocol)


def _operation(request: web.BaseRequest) -> str:
    target = request.headers.get("X-Amz-Target", "")
    if request.method != "POST" or request.path != "/" or not target.startswith(TARGET_PREFIX):
        raise unknown_operation("")
    return target.removeprefix(TARGET_PREFIX)


def _params(body: bytes) -> dict[str, object]:
    try:
        params = msgspec.json.decode(body or b"{}")
    except msgspec.DecodeError as error:
        raise unreadable("The request body is not JSON") from error
    if not isinstance(params, dict):
        raise unreadable("The request body is not a JSON object")
    return params


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
