"""A client of the service: where it gets its credentials from, and what its errors mean in words of ours."""

import asyncio
import os
import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any, Self

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own, the base of what goes wrong before a request is written
    ConnectTimeoutError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
)

from bulksend.base.clock import Clock
from bulksend.base.errors import UsageError
from bulksend.base.ports import Release
from bulksend.base.records import Outcome, OutcomeKind
from bulksend.send.classify import classify
from bulksend.send.fault import Fault
from bulksend.send.wire import GatedSession, Ticket, travelling

SERVICE = "pinpoint-sms-voice-v2"

UNREADABLE = "unreadable_answer"
"""Something came back that is no answer of the service."""

LOST = frozenset({"read_timeout", "connection_lost", UNREADABLE})
"""Error codes of requests that were let onto the wire, and that the service did not answer."""

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
            http_session_cls=GatedSession,
            parameter_validation=True,
        )
        self._stack = AsyncExitStack()
        self._client: Any = None
        self._fingerprint = ""
        # Whether the credentials in use may be doubted: true of the first ones, then of those that have worked.
        self._proven = True
        self._renewal = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._client, self._fingerprint = await self._connect()
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
        used = self._fingerprint
        ticket = Ticket(release)
        try:
            with travelling(ticket):
                answer = await getattr(self._client, method)(**members)
        except Exception as error:
            if ticket.refusal is not None:
                raise ticket.refusal from error
            outcome = outcome_of(error, released=ticket.released, now=self._clock.now(), text=text)
            if outcome.kind is not OutcomeKind.CREDENTIALS:
                return outcome
            return replace(outcome, kind=OutcomeKind.TRY_AGAIN if await self._renew(used) else OutcomeKind.STOP)
        return answer if isinstance(answer, dict) else unreadable("NotAnObject", released=True)

    def worked(self) -> None:
        """Tell it that the service did what it was asked: the credentials in use are good."""
        self._proven = True

    async def _renew(self, used: str) -> bool:
        """Look credentials up afresh, once for all requests that failed with the same ones; False: nothing newer."""
        async with self._renewal:
            if self._fingerprint == used:
                if not self._proven:
                    return False
                try:
                    client, fingerprint = await self._connect()
                except UsageError:
                    return False
                if fingerprint == used:
                    return False
                # The old client stays open: other requests may still be using its connections.
                self._client, self._fingerprint, self._proven = client, fingerprint, False
            return True

    async def _connect(self) -> tuple[Any, str]:
        """A client, and a hash that tells its credentials from others."""
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
        return client, sha256(f"{frozen.access_key}\n{frozen.secret_key}\n{frozen.token}".encode()).hexdigest()


def outcome_of(error: Exception, *, released: bool, now: datetime, text: str = "") -> Outcome:
    """What an exception of the SDK says about the request that met it.

    Args:
        error: anything that a call of its client raises.
        released: whether the request had been let onto the wire.
        now: this machine's wall clock, when the answer came.
        text: what no error message may quote.
    """
    if isinstance(error, ClientError):
        return classify(_service_fault(error, released=released, now=now), text=text)
    if isinstance(error, ParamValidationError):
        # Without the SDK's words: they quote the values.
        return Outcome(OutcomeKind.FAILED_UNEXPECTED, "not_valid_for_the_sdk", None, type(error).__name__, None)
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return Outcome(OutcomeKind.STOP, "no_credentials", None, type(error).__name__, str(error))
    if isinstance(error, BotoCoreError):
        return classify(_transport_fault(error, released=released), text=text)
    # An answer that is none, such as a proxy's page: the SDK's parsers stumble over it in many ways.
    return unreadable(type(error).__name__, released=released)


def unreadable(what: str, *, released: bool) -> Outcome:
    """The outcome of a request that was answered with something that is no answer of the service."""
    return classify(Fault(released=released, transport=UNREADABLE if released else "not_prepared", message=what))


def _is_loopback(url: str) -> bool:
    return any(f"//{host}" in url for host in ("127.", "localhost", "[::1]"))


def _service_fault(error: ClientError, *, released: bool, now: datetime) -> Fault:
    answer = error.response
    details = answer.get("Error", {})
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    code = str(details.get("Code") or "")
    if not code or code.isdigit():
        # A body without a name for the error; the service repeats it in a header.
        code = str(headers.get("x-amzn-errortype", code)).split(":", maxsplit=1)[0].rpartition("#")[2]
    return Fault(
        released=released,
        code=code or "unnamed",
        reason=answer.get("Reason"),
        fields=frozenset(field.get("Name", "") for field in answer.get("Fields") or ()),
        resource_type=answer.get("ResourceType"),
        http_status=answer.get("ResponseMetadata", {}).get("HTTPStatusCode"),
        message=details.get("Message") or "",
        clock_ahead_s=_clock_ahead_s(headers.get("date", ""), now),
    )


def _clock_ahead_s(date: str, now: datetime) -> float:
    """Seconds by which the clock that wrote the header `Date` is ahead of `now`; 0.0 where it does not say."""
    try:
        written = parsedate_to_datetime(date)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
    # Without a zone it is in UTC, as is everything in HTTP.
    return (written if written.tzinfo else written.replace(tzinfo=now.tzinfo)).timestamp() - now.timestamp()


def _transport_fault(error: BotoCoreError, *, released: bool) -> Fault:
    if isinstance(error, ReadTimeoutError):
        transport = "read_timeout"
    elif isinstance(error, ConnectTimeoutError):
        transport = "connect_timeout"
    elif isinstance(error, HTTPClientError | ConnectionError):
        transport = "connection_lost" if released else "connection_failed"
    else:
        transport = UNREADABLE if released else "not_prepared"
    # The cause's words, not the SDK's: those wrap it in advice and may quote the request.
    cause = error.kwargs.get("error")
    return Fault(released=released, transport=transport, message=_words(cause if cause is not None else error))


def _words(error: object) -> str:
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error.strerror or 'failed'}"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)
    return str(error) or type(error).__name__
