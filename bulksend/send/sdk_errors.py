"""What the SDK raises, and what the service answers, in words of ours."""

import os
import ssl
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own, the base of what goes wrong before a request is written
    ConnectTimeoutError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ReadTimeoutError,
)

from bulksend.base.records import Outcome, OutcomeKind
from bulksend.send.classify import classify
from bulksend.send.fault import Fault

UNREADABLE = "unreadable_answer"
"""Something came back that is no answer of the service."""

LOST = frozenset({"read_timeout", "connection_lost", UNREADABLE})
"""Error codes of requests that were let onto the wire, and that the service did not answer."""


def outcome_of(error: Exception, *, released: bool, now: datetime, text: str = "") -> Outcome:
    """What an exception of the SDK says about the request that met it.

    Args:
        error: anything that a call of its client raises.
        released: whether the request had been let onto the wire.
        now: this machine's wall clock, when the answer came.
        text: what no error message may quote.
    """
    if isinstance(error, ClientError):
        return classify(service_fault(error.response, released=released, now=now), text=text)
    if isinstance(error, ParamValidationError):
        # Without the SDK's words: they quote the values.
        return Outcome(OutcomeKind.FAILED_UNEXPECTED, "not_valid_for_the_sdk", None, type(error).__name__, None)
    if isinstance(error, NoCredentialsError | PartialCredentialsError | CredentialRetrievalError):
        return Outcome(OutcomeKind.STOP, "no_credentials", None, type(error).__name__, str(error))
    if isinstance(error, BotoCoreError):
        return classify(_transport_fault(error, released=released), text=text)
    # An answer that is none, such as a proxy's page: the SDK's parsers stumble over it in many ways.
    return unreadable(type(error).__name__, released=released)


def unreadable(what: str, *, released: bool) -> Outcome:
    """The outcome of a request that was answered with something that is no answer of the service."""
    return classify(Fault(released=released, transport=UNREADABLE if released else "not_prepared", message=what))


def service_fault(answer: Mapping[str, Any], *, released: bool, now: datetime) -> Fault:
    """What an error of the service is, from its answer as the SDK's parsers read it."""
    details = answer.get("Error", {})
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    code = _text(details.get("Code")) or ""
    if not code or code.isdigit():
        # A body without a name for the error; the service repeats it in a header.
        code = str(headers.get("x-amzn-errortype", code)).split(":", maxsplit=1)[0].rpartition("#")[2]
    return Fault(
        released=released,
        code=code or "unnamed",
        reason=_text(answer.get("Reason")),
        fields=_names(answer.get("Fields")),
        resource_type=_text(answer.get("ResourceType")),
        http_status=answer.get("ResponseMetadata", {}).get("HTTPStatusCode"),
        message=_text(details.get("Message")) or "",
        clock_ahead_s=_clock_ahead_s(headers.get("date", ""), now),
    )


def _text(member: object) -> str | None:
    """A member that has to be a text, where it is one; the SDK's parsers let anything pass.

    Halves of characters, which JSON can hold and no ledger can, become question marks.
    """
    return member.encode(errors="replace").decode() if isinstance(member, str) else None


def _names(fields: object) -> frozenset[str]:
    named = [field.get("Name") for field in fields if isinstance(field, Mapping)] if isinstance(fields, list) else []
    return frozenset(_text(name) or "" for name in named)


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
    return Fault(released=released, transport=transport, message=words_of(cause if cause is not None else error))


def words_of(error: object) -> str:
    """What went wrong on the network, in the words of whoever noticed."""
    # aiohttp wraps what it was told; its word for an untrusted certificate is an SSLError by class, without a reason.
    error = getattr(error, "certificate_error", getattr(error, "os_error", error))
    if isinstance(error, ssl.SSLError):
        why = getattr(error, "verify_message", None) or error.reason or error.strerror
        return f"TLS: {why or 'failed'}"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)
    return str(error) or type(error).__name__
