"""The last step before the socket on the SDK's way: a message is let out when connection and bytes are ready.

aiohttp tells when a request's headers are about to be written, after the connection was acquired and before a byte of
the request leaves, and waits for whoever listens. That is where the meter belongs: signing, DNS, TCP and TLS are over,
so what was measured at release is what arrives. A test watches a raw socket to hold aiohttp to this order. The express
line has the same step in `connections`.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiobotocore.httpsession import AIOHTTPSession
from botocore.httpsession import create_urllib3_context, get_cert_path

from bulksend.base.errors import UsageError
from bulksend.base.ports import Release
from bulksend.send.sdk_errors import words_of


class Ticket:
    """One message's way onto the wire.

    Attributes:
        connection: what the request will be written into.
        released: the message was let onto the wire; from here on only an answer tells what became of it.
        refusal: what `release` raised instead.
    """

    __slots__ = ("_release", "connection", "refusal", "released")

    def __init__(self, release: Release) -> None:
        self._release = release
        self.connection: aiohttp.connector.Connection | None = None
        self.released = False
        self.refusal: Exception | None = None

    async def pass_gate(self) -> None:
        """Wait for the release. Raises what it raises, and `ConnectionResetError` when the connection did not wait."""
        if self.released:
            raise AssertionError("one release is for one request on the wire")
        try:
            await self._release()
        except Exception as error:
            self.refusal = error
            raise
        protocol = None if self.connection is None else self.connection.protocol
        if protocol is None or not protocol.is_connected() or protocol.should_close:
            # The other side was tired of an idle connection, or said something that nobody had asked, which would
            # pass for our answer. Nothing was written: that is known, so say so.
            raise ConnectionResetError("the connection was closed before the request was written")
        self.released = True


_ticket: ContextVar[Ticket] = ContextVar("bulksend_ticket")


@contextmanager
def travelling(ticket: Ticket) -> Iterator[None]:
    """Requests made inside, in this task, wait for `ticket` before they are written."""
    token = _ticket.set(ticket)
    try:
        yield
    finally:
        _ticket.reset(token)


async def _on_headers(
    _session: aiohttp.ClientSession,
    _context: SimpleNamespace,
    _params: aiohttp.TraceRequestHeadersSentParams,
) -> None:
    ticket = _ticket.get(None)
    if ticket is not None:
        await ticket.pass_gate()


class GatedSession(AIOHTTPSession):
    """aiobotocore's HTTP session with the gate in front of the socket.

    Attributes:
        verify: how the SDK was told to check certificates: True, False, or the path of a bundle.
        client_cert: the certificate that it was told to show; None: none.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        # Not by `get`: under another name, a proxy or a bundle would be passed over without a word.
        self.verify: bool | str = arguments["verify"]
        self.client_cert: object = arguments["client_cert"]
        self._proxies: dict[str, str] = arguments["proxies"] or {}

    def tls(self) -> ssl.SSLContext:
        """How the SDK checks certificates: by the bundle that it was given or finds. `UsageError`: it is unreadable."""
        context: ssl.SSLContext = create_urllib3_context()
        context.check_hostname = True
        bundle = get_cert_path(self.verify)
        try:
            context.load_verify_locations(bundle)
        except OSError as error:  # what is no PEM is an SSLError, which is one
            raise UsageError(
                f"aws: the certificates in {bundle} cannot be read ({words_of(error)})",
                "set AWS_CA_BUNDLE, or ca_bundle of ~/.aws/config, to a file in PEM",
            ) from None
        return context

    def has_proxy(self, url: str) -> bool:
        """Whether the SDK would go through a proxy to `url`."""
        return bool(self._proxies.get(urlsplit(url).scheme))

    async def _get_session(self, proxy_url: str | None) -> aiohttp.ClientSession:
        session: aiohttp.ClientSession = await super()._get_session(proxy_url)  # type: ignore[no-untyped-call]  # no types
        if not session.trace_configs:
            trace = aiohttp.TraceConfig()
            trace.on_request_headers_sent.append(_on_headers)
            trace.freeze()
            session.trace_configs.append(trace)
            _note_connections(session.connector)
        return session


def _note_connections(connector: Any) -> None:
    """Have every ticket know the connection that its request will be written into."""
    connect = connector.connect

    async def connect_and_note(*arguments: Any, **keywords: Any) -> aiohttp.connector.Connection:
        connection: aiohttp.connector.Connection = await connect(*arguments, **keywords)
        if (ticket := _ticket.get(None)) is not None:
            ticket.connection = connection
        return connection

    connector.connect = connect_and_note
