"""A client of the service: where it gets its credentials from, and what its errors mean in words of ours."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from contextvars import ContextVar
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple, Self

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError, ProfileNotFound
from botocore.parsers import create_parser
from msgspec.structs import replace

from bulksend.base.clock import Clock
from bulksend.base.errors import UsageError
from bulksend.base.ports import Release
from bulksend.base.records import Outcome, OutcomeKind
from bulksend.send.classify import classify
from bulksend.send.sdk_errors import outcome_of, service_fault, unreadable
from bulksend.send.wire import GatedSession, Ticket, travelling

SERVICE = "pinpoint-sms-voice-v2"

KEEPALIVE_S = 10.0
"""Idle connections are closed by us, well before a load balancer does: a request written into a connection that the
other side is just closing is one whose fate nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to get to the service. What is "" is found the way every AWS tool finds it.

    Attributes:
        region: such as "us-east-1".
        profile: of ~/.aws/config.
        endpoint_url: instead of the region's own.
        credentials: access key and secret, instead of those of the environment (for the simulator).
        connect_timeout_s: to open a connection, TLS included.
        read_timeout_s: between two reads of an answer.
        max_connections: open at once, at most.
    """

    region: str = ""
    profile: str = ""
    endpoint_url: str = ""
    credentials: tuple[str, str] | None = None
    connect_timeout_s: float
    read_timeout_s: float
    max_connections: int

    def __repr__(self) -> str:
        return f"Access(region={self.region!r}, profile={self.profile!r}, endpoint_url={self.endpoint_url!r})"


class Keys(NamedTuple):
    """Credentials at one moment. `token`: of temporary ones; None: of a user."""

    access_key: str
    secret_key: str
    token: str | None

    def __repr__(self) -> str:
        return f"Keys({self.access_key[:4]}...)"


class PreparedRequest(NamedTuple):
    """A request as the SDK would have written it, with its body in `body`."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"PreparedRequest({self.method} {self.url}, {len(self.body)} bytes)"


class _Captured(Exception):
    """Carries a request out of the SDK instead of onto the wire."""

    def __init__(self, request: PreparedRequest) -> None:
        super().__init__("a request was prepared, and not sent")
        self.request = request


# Plain botocore's parser; that of aiobotocore differs from it in awaiting bodies that are streams.
_parser = create_parser("json")

_is_capturing: ContextVar[bool] = ContextVar("bulksend_is_capturing", default=False)


def _capture(request: Any, **_: object) -> None:
    if _is_capturing.get():
        headers = {
            name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
        }
        body = request.body
        raise _Captured(
            PreparedRequest(request.method, request.url, headers, body if isinstance(body, bytes) else body.encode())
        )


class ServiceClient:
    """Makes requests of the service, one on the wire for each that is asked for, with the SDK's own retries off.

    An async context manager; entering it raises `UsageError` where credentials or the region are missing. It makes no
    connection before the first request.

    Args:
        access: where the service is.
        clock: its wall clock is compared with the service's when a signature is rejected.
    """

    def __init__(self, access: Access, *, clock: Clock) -> None:
        self._access = access
        self._clock = clock
        self._config = AioConfig(
            connect_timeout=access.connect_timeout_s,
            read_timeout=access.read_timeout_s,
            max_pool_connections=access.max_connections,
            # A retry by the SDK would be a second message: SendTextMessage has no idempotency token.
            retries={"total_max_attempts": 1, "mode": "standard"},
            connector_args={"keepalive_timeout": KEEPALIVE_S},
            http_session_cls=self._open_session,
            parameter_validation=True,
        )
        self._stack = AsyncExitStack()
        self._client: Any = None
        self._credentials: Any = None
        self.http: GatedSession | None = None
        self.fingerprint = ""
        # Whether the credentials in use may be doubted: true of the first ones, then of those that have worked.
        self._proven = True
        self._renewal = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._client, self._credentials, self.fingerprint = await self._connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def region(self) -> str:
        """The region that was found, such as "us-east-1"; only while it is open."""
        return str(self._client.meta.region_name)

    @property
    def endpoint_url(self) -> str:
        """Where requests go to, as the SDK found it; only while it is open."""
        return str(self._client.meta.endpoint_url)

    async def request(
        self, method: str, members: Mapping[str, object], release: Release, *, text: str = ""
    ) -> dict[str, Any] | Outcome:
        """Make one request; return the members of the answer, or what went wrong. What `release` raises goes through.

        Everything that takes time is done first; then `release` is awaited once; then the request is written.
        Rejected credentials are looked up once more: TRY_AGAIN when there are newer ones, which the next request uses;
        STOP when there are not, or when those too are rejected before anything worked with them (`worked`).

        Args:
            method: of the SDK's client.
            members: of the request, as boto3 spells them.
            release: see `base.ports.Release`.
            text: what no error message may quote.
        """
        used = self.fingerprint
        ticket = Ticket(release)
        try:
            with travelling(ticket):
                answer = await getattr(self._client, method)(**members)
        except Exception as error:
            if ticket.refusal is not None:
                raise ticket.refusal from error
            outcome = outcome_of(error, released=ticket.released, now=self._clock.now(), text=text)
            return await self.consider(outcome, used)
        return answer if isinstance(answer, dict) else unreadable("NotAnObject", released=True)

    async def prepared(self, method: str, members: Mapping[str, object]) -> PreparedRequest:
        """What the SDK would write for a request: all of it but what it adds to tell its own attempts apart.

        Raises what the SDK raises for a request that it cannot prepare.
        """
        token = _is_capturing.set(True)
        try:
            await getattr(self._client, method)(**members)
        except _Captured as captured:
            return captured.request
        finally:
            _is_capturing.reset(token)
        raise AssertionError("the SDK sent what was to be captured")

    async def keys(self) -> Keys:
        """The credentials of this moment, renewed by the SDK if they are about to expire. Raises what it raises."""
        frozen = await self._credentials.get_frozen_credentials()
        return Keys(frozen.access_key, frozen.secret_key, frozen.token)

    def last_keys(self) -> Keys:
        """The credentials that the last request was signed with. The SDK is not asked: it might renew them again."""
        frozen = getattr(self._credentials, "_frozen_credentials", None) or self._credentials
        return Keys(frozen.access_key, frozen.secret_key, frozen.token)

    def refusal(self, operation: str, status: int, headers: Mapping[str, str], body: bytes, *, text: str) -> Outcome:
        """What an error that the service answered to `operation` means, read by the SDK's parsers.

        Args:
            operation: as the service spells it.
            status: of the answer, 300 or more.
            headers: of the answer, names in lower case.
            body: of the answer.
            text: what no error message may quote.
        """
        answer = {"status_code": status, "headers": headers, "body": body, "context": {"operation_name": operation}}
        model = self._client.meta.service_model
        try:
            parsed = _parser.parse(answer, model.operation_model(operation).output_shape)
            shape = model.shape_for_error_code(parsed.get("Error", {}).get("Code"))
            if shape is not None:
                parsed.update(_parser.parse(answer, shape))
        except Exception as error:
            return outcome_of(error, released=True, now=self._clock.now(), text=text)
        return classify(service_fault(parsed, released=True, now=self._clock.now()), text=text)

    async def consider(self, outcome: Outcome, used: str) -> Outcome:
        """The outcome of a request that was made with the credentials `used` (a `fingerprint`), CREDENTIALS resolved.

        See `request` for what becomes of those.
        """
        if outcome.kind is not OutcomeKind.CREDENTIALS:
            return outcome
        return replace(outcome, kind=OutcomeKind.TRY_AGAIN if await self._renew(used) else OutcomeKind.STOP)

    def worked(self) -> None:
        """Tell it that the service did what it was asked: the credentials in use are good."""
        self._proven = True

    async def _renew(self, used: str) -> bool:
        """Look credentials up afresh, once for all requests that failed with the same ones; False: nothing newer."""
        async with self._renewal:
            if self.fingerprint == used:
                if not self._proven:
                    return False
                try:
                    client, credentials, fingerprint = await self._connect()
                except UsageError:
                    return False
                if fingerprint == used:
                    return False
                # The old client stays open: other requests may still be using its connections.
                self._client, self._credentials, self.fingerprint = client, credentials, fingerprint
                self._proven = False
            return True

    def _open_session(self, **arguments: Any) -> GatedSession:
        self.http = GatedSession(**arguments)
        return self.http

    async def _connect(self) -> tuple[Any, Any, str]:
        """A client, its credentials, and a hash that tells them from others."""
        session = AioSession(profile=self._access.profile or None)
        if self._access.credentials is not None:
            session.set_credentials(*self._access.credentials)
        try:
            client = await self._stack.enter_async_context(
                session.create_client(
                    SERVICE,
                    region_name=self._access.region or None,
                    endpoint_url=self._access.endpoint_url or None,
                    config=self._config,
                )
            )
            credentials = await session.get_credentials()
            frozen = await credentials.get_frozen_credentials() if credentials is not None else None
        except NoRegionError:
            raise UsageError("aws.region: no region found", "set it in the file, AWS_REGION or --region") from None
        except ProfileNotFound as error:
            raise UsageError(f"aws.profile: {error}", "name a profile of ~/.aws/config") from None
        except (BotoCoreError, ClientError, ValueError) as error:
            raise UsageError(f"aws: {error}", "check the AWS settings of the file and of the environment") from None
        if frozen is None:
            hint = "set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role gives them"
            if _is_loopback(client.meta.endpoint_url):
                hint = "for the simulator any will do: AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local"
            raise UsageError("aws: no credentials found", hint)
        written = {"access key": frozen.access_key, "token": frozen.token, "region": client.meta.region_name}
        for what, value in written.items():
            if not (value or "").isprintable():
                # It would end a line of every request's head; aiohttp refuses it too late, when all seems to be sent.
                raise UsageError(f"aws: there is a control character in the {what}", "look for a line end behind it")
        client.meta.events.register(f"before-send.{SERVICE}", _capture)
        return (
            client,
            credentials,
            sha256(f"{frozen.access_key}\n{frozen.secret_key}\n{frozen.token}".encode()).hexdigest(),
        )


def _is_loopback(url: str) -> bool:
    return any(f"//{host}" in url for host in ("127.", "localhost", "[::1]"))
