"""The gateway to AWS End User Messaging, by aiobotocore. Nothing else in the package imports the SDK's client."""

import asyncio
import os
import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
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

from bulksend.base.errors import UsageError
from bulksend.base.ports import Release
from bulksend.base.records import Claim, Outcome, OutcomeKind
from bulksend.base.request import CONTEXT_ROW
from bulksend.send.classify import classify
from bulksend.send.fault import Fault
from bulksend.send.wire import GatedSession, Ticket, travelling

SERVICE = "pinpoint-sms-voice-v2"

UNREADABLE = "unreadable_answer"
"""Something came back that is no answer of the service."""

KEEPALIVE_S = 10.0
"""Idle connections are closed by us, well before a load balancer does: a request written into a connection that the
other side is just closing is one whose fate nobody knows."""


class AwsGateway:
    """Sends messages by SendTextMessage, one request an attempt, with the SDK's own retries off.

    Credentials, region, profile, endpoint, proxies and certificates are found the way every AWS tool finds them; the
    arguments override what they name. An async context manager; entering it raises `UsageError` where credentials
    or the region are missing. It makes no connection before the first send.

    Args:
        members: the members of the request that are the same for the whole campaign, as boto3 spells them.
        region: "" to leave it to the environment.
        profile: "" likewise.
        endpoint_url: "" likewise.
        connect_timeout_s: to open a connection, TLS included.
        read_timeout_s: between two reads of an answer.
        max_connections: open at once, at most.
        credentials: access key and secret, instead of those of the environment (for the simulator).
    """

    def __init__(
        self,
        members: Mapping[str, object],
        *,
        region: str = "",
        profile: str = "",
        endpoint_url: str = "",
        connect_timeout_s: float,
        read_timeout_s: float,
        max_connections: int,
        credentials: tuple[str, str] | None = None,
    ) -> None:
        self._members = dict(members)
        self._context = dict(self._members.pop("Context", {}))  # type: ignore[call-overload]  # always a map of strings
        self._region = region
        self._profile = profile
        self._endpoint_url = endpoint_url
        self._credentials = credentials
        self._config = AioConfig(
            connect_timeout=connect_timeout_s,
            read_timeout=read_timeout_s,
            max_pool_connections=max_connections,
            # A retry by the SDK would be a second message: the operation has no idempotency token.
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

    async def send(self, claim: Claim, release: Release) -> Outcome:
        """Send `claim` once; `base.ports.Gateway` has the contract. What `release` raises goes through.

        Rejected credentials are looked up once more: TRY_AGAIN when there are newer ones, which the next attempt uses;
        STOP when there are not, or when those too are rejected before any message was accepted with them.
        """
        used = self._fingerprint
        outcome = await self._attempt(claim, release)
        if outcome.kind is OutcomeKind.SENT:
            self._proven = True
        if outcome.kind is not OutcomeKind.CREDENTIALS:
            return outcome
        kind = OutcomeKind.TRY_AGAIN if await self._renew(used) else OutcomeKind.STOP
        return replace(outcome, kind=kind)

    async def _attempt(self, claim: Claim, release: Release) -> Outcome:
        ticket = Ticket(release)
        try:
            with travelling(ticket):
                answer = await self._client.send_text_message(
                    **self._members,
                    DestinationPhoneNumber=claim.destination,
                    OriginationIdentity=claim.identity,
                    MessageBody=claim.text,
                    Context={**self._context, CONTEXT_ROW: f"{claim.row}.{claim.attempt}"},
                )
        except ClientError as error:
            return classify(_service_fault(error, released=ticket.released), text=claim.text)
        except ParamValidationError as error:
            # Without the SDK's words: they quote the values.
            return Outcome(OutcomeKind.FAILED_UNEXPECTED, "not_valid_for_the_sdk", None, type(error).__name__, None)
        except (NoCredentialsError, PartialCredentialsError) as error:
            return Outcome(OutcomeKind.STOP, "no_credentials", None, type(error).__name__, str(error))
        except BotoCoreError as error:
            if ticket.refusal is not None:
                raise ticket.refusal from error
            return classify(_transport_fault(error, released=ticket.released), text=claim.text)
        except Exception as error:
            if ticket.refusal is not None:
                raise ticket.refusal from error
            # An answer that is none, such as a proxy's page: the SDK's parsers stumble over it in many ways.
            return classify(_odd_fault(type(error).__name__, released=ticket.released))
        message_id = answer.get("MessageId") if isinstance(answer, dict) else None
        if not isinstance(message_id, str):
            return classify(_odd_fault("NoMessageId", released=True))
        return Outcome(OutcomeKind.SENT, message_id=message_id)

    async def _renew(self, used: str) -> bool:
        """Look credentials up afresh, once for all attempts that failed with the same ones; False: nothing newer."""
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
                # The old client stays open: other attempts may still be using its connections.
                self._client, self._fingerprint, self._proven = client, fingerprint, False
            return True

    async def _connect(self) -> tuple[Any, str]:
        """A client, and a hash that tells its credentials from others."""
        session = AioSession(profile=self._profile or None)
        if self._credentials is not None:
            session.set_credentials(*self._credentials)
        try:
            client = await self._stack.enter_async_context(
                session.create_client(
                    SERVICE,
                    region_name=self._region or None,
                    endpoint_url=self._endpoint_url or None,
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


def _is_loopback(url: str) -> bool:
    return any(f"//{host}" in url for host in ("127.", "localhost", "[::1]"))


def _service_fault(error: ClientError, *, released: bool) -> Fault:
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
    )


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


def _odd_fault(what: str, *, released: bool) -> Fault:
    return Fault(released=released, transport=UNREADABLE if released else "not_prepared", message=what)


def _words(error: object) -> str:
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error.strerror or 'failed'}"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)
    return str(error) or type(error).__name__
