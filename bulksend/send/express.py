"""SendTextMessage without the SDK in between: what the SDK decides is asked once, and each message costs what it must.

The SDK prepares the first request; credentials, their renewal, region, endpoint (FIPS and dual-stack too), certificates
and the reading of errors stay its own. Where that request cannot be completed here, there is no express way.
"""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Self

import msgspec

from bulksend.base.clock import Clock
from bulksend.base.deadline import Deadline
from bulksend.base.ports import Release
from bulksend.base.records import Claim, Outcome, OutcomeKind
from bulksend.base.request import CONTEXT_ROW
from bulksend.send.classify import classify
from bulksend.send.client import KEEPALIVE_S, Access, ServiceClient
from bulksend.send.connection import Lost, Response
from bulksend.send.connections import Connections, NotWritten
from bulksend.send.fault import Fault
from bulksend.send.prepared import Bodies, CannotPrepare, Requests, row_context, row_members
from bulksend.send.sdk_errors import outcome_of, unreadable, words_of

METHOD = "send_text_message"
OPERATION = "SendTextMessage"

KEYS_AGAIN_S = 1.0
"""How often the SDK is asked for the credentials of the moment; it renews them minutes before they expire."""

_EXAMPLE = Claim(1, 1, "+14255550100", "US", "+18885550100", "", 'a "text" \u2013 \U0001f642', 1)
"""The row whose request is compared with the SDK's."""


class _Accepted(msgspec.Struct):
    message_id: str = msgspec.field(name="MessageId")


_accepted = msgspec.json.Decoder(_Accepted)


class ExpressLine:
    """Sends the messages of a campaign over connections of its own; `base.ports.Gateway` has the contract of `send`.

    An async context manager. Entering it raises `CannotPrepare` where the plain SDK has to be used, with the reason,
    and `UsageError` where certificates cannot be read.

    Args:
        client: that finds credentials and endpoint; open.
        access: time-outs, and how many connections.
        members: of the request, the same for the whole campaign, without `Context`.
        context: the campaign's own pairs of `Context`.
        clock: its wall clock dates the signatures.
        deadline: see `AwsGateway`.
    """

    def __init__(
        self,
        client: ServiceClient,
        access: Access,
        *,
        members: Mapping[str, object],
        context: Mapping[str, str],
        clock: Clock,
        deadline: Deadline | None = None,
    ) -> None:
        self._client = client
        self._access = access
        self._members = members
        self._context = context
        self._clock = clock
        self._deadline = deadline
        self._bodies = Bodies(members, context)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._fingerprint = self._client.fingerprint
        lives = None if self._deadline is None else self._deadline.time_to_live(self._clock.now())
        members = {**self._members, **row_members(_EXAMPLE, time_to_live=lives)}
        members["Context"] = {**self._context, CONTEXT_ROW: row_context(_EXAMPLE)}
        try:
            model = await self._client.prepared(METHOD, members)
        except Exception as error:
            raise CannotPrepare(f"the SDK cannot prepare a request ({type(error).__name__})") from error
        self._keys = self._client.last_keys()
        self._looked_s = self._clock.monotonic()
        http = self._client.http
        if http is None or http.has_proxy(model.url):
            raise CannotPrepare("a proxy is set for the endpoint")
        if http.verify is False or http.client_cert is not None:
            raise CannotPrepare("certificates are not checked in the usual way")
        if model.body != self._bodies.of(_EXAMPLE, time_to_live=lives):
            raise CannotPrepare("the SDK writes another body")
        self._requests = Requests(model, self._keys)
        self._connections = await self._stack.enter_async_context(
            Connections(
                model.url,
                tls=http.tls() if model.url.startswith("https:") else None,
                limit=self._access.max_connections,
                connect_timeout_s=self._access.connect_timeout_s,
                read_timeout_s=self._access.read_timeout_s,
                keepalive_s=KEEPALIVE_S,
            )
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def send(self, claim: Claim, release: Release) -> Outcome:
        """Send `claim` once; what `release` raises goes through."""
        if self._clock.monotonic() >= self._looked_s + KEYS_AGAIN_S or self._fingerprint != self._client.fingerprint:
            try:
                await self._look_at_keys()
            except Exception as error:
                return outcome_of(error, released=False, now=self._clock.now())
        used = self._fingerprint
        now = self._clock.now()
        lives = None if self._deadline is None else self._deadline.time_to_live(now)
        request = self._requests.of(self._bodies.of(claim, time_to_live=lives), now_s=now.timestamp())
        try:
            response = await self._connections.exchange(request, release)
        except NotWritten as failure:
            return classify(Fault(released=False, transport=failure.transport, message=words_of(failure.cause)))
        except Lost as failure:
            return classify(Fault(released=True, transport=failure.transport, message=str(failure)))
        if 200 <= response.status < 300:
            try:
                message_id = _accepted.decode(response.body).message_id
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return unreadable("NoMessageId", released=True)
            if not message_id.isprintable():
                return unreadable("NoMessageId", released=True)
            self._client.worked()
            return Outcome(OutcomeKind.SENT, message_id=message_id)
        return await self._client.consider(self._refusal(response, claim), used)

    async def _look_at_keys(self) -> None:
        fingerprint = self._client.fingerprint
        keys = await self._client.keys()
        self._looked_s = self._clock.monotonic()
        if keys != self._keys:
            self._keys = keys
            self._requests.use(keys)
        self._fingerprint = fingerprint

    def _refusal(self, response: Response, claim: Claim) -> Outcome:
        # The white space behind a value is no part of it (RFC 9110, 5.5); the parser leaves it there.
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1").strip(" \t") for name, value in response.headers
        }
        return self._client.refusal(OPERATION, response.status, headers, response.body, text=claim.text)
