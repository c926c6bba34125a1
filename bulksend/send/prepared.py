"""Requests of a campaign that were built once, after the SDK's own, and are completed for each message."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as quoted
from urllib.parse import urlsplit

from bulksend.base.records import Claim
from bulksend.base.request import CONTEXT_ROW
from bulksend.send.client import Keys, PreparedRequest
from bulksend.send.signing import ALGORITHM, Scope, Signer

_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential=[^/]+/\d{{8}}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, "
    r"SignedHeaders=[^,]+, Signature=[0-9a-f]{64}"
)

_PATH = re.compile(r"(?:/[\w.~-]+)*/?", re.ASCII)
"""Paths that are signed as they are written."""

_SIGNED = ("Content-Type", "Host", "X-Amz-Target")
_OF_THE_SIGNATURE = ("X-Amz-Date", "X-Amz-Security-Token", "Authorization")
_NOT_SIGNED = ("User-Agent",)
_LEFT_OUT = ("Content-Length", "amz-sdk-invocation-id", "amz-sdk-request")
"""The length is ours to say. The other two number the SDK's own attempts, for AWS's statistics."""

_KNOWN = frozenset(name.lower() for name in (*_SIGNED, *_OF_THE_SIGNATURE, *_NOT_SIGNED, *_LEFT_OUT))


class CannotPrepare(Exception):
    """The SDK's request is not of the kind that can be completed here. Its text says why, for people."""


def row_members(claim: Claim, *, time_to_live: int | None = None) -> dict[str, str | int]:
    """The members of a request that are one row's, but for its context.

    Args:
        claim: the row.
        time_to_live: seconds, where it is not the same for the whole campaign.
    """
    members: dict[str, str | int] = {
        "DestinationPhoneNumber": claim.destination,
        "OriginationIdentity": claim.identity,
        "MessageBody": claim.text,
    }
    if time_to_live is not None:
        members["TimeToLive"] = time_to_live
    return members


def row_context(claim: Claim) -> str:
    """What `Context` says of the row, so that a delivery event can be traced to it and to the attempt."""
    return f"{claim.row}.{claim.attempt}"


class Bodies:
    """The JSON bodies of a campaign's requests, byte for byte those of the SDK.

    Args:
        members: the members of the request that are the same for the whole campaign, as boto3 spells them, without
            `Context`.
        context: the campaign's own pairs of `Context`.
    """

    def __init__(self, members: Mapping[str, object], context: Mapping[str, str]) -> None:
        self._head = _open(json.dumps(members)) + '"DestinationPhoneNumber": '
        self._tail = ', "Context": ' + _open(json.dumps(context)) + f'"{CONTEXT_ROW}": "'

    def of(self, claim: Claim, *, time_to_live: int | None = None) -> bytes:
        """The body for one attempt at a row; arguments as for `row_members`."""
        lives = "" if time_to_live is None else f', "TimeToLive": {time_to_live}'
        return (
            f'{self._head}{quoted(claim.destination)}, "OriginationIdentity": {quoted(claim.identity)},'
            f' "MessageBody": {quoted(claim.text)}{lives}{self._tail}{row_context(claim)}"}}}}'
        ).encode()


class Requests:
    """What is written for a message: method, path and headers as the SDK would write them, and a signature of our own.

    Made from a request that the SDK has prepared, whose body and signature must be those that are made here.

    Args:
        model: what the SDK would write for some row.
        keys: the credentials it was signed with.

    Raises:
        CannotPrepare: the SDK signs in another way, adds something unknown, or comes to another signature.
    """

    def __init__(self, model: PreparedRequest, keys: Keys) -> None:
        address = urlsplit(model.url)
        if address.scheme not in ("http", "https") or address.query or address.username is not None:
            raise CannotPrepare("the endpoint is more than scheme, host, port and path")
        self._path = address.path or "/"
        if _PATH.fullmatch(self._path) is None or "." in self._path.split("/") or ".." in self._path.split("/"):
            raise CannotPrepare("the endpoint's path has more in it than plain names")
        headers = {name.lower(): value for name, value in model.headers.items()}
        if unknown := sorted(headers.keys() - _KNOWN):
            raise CannotPrepare(f"the SDK adds the header {unknown[0]}")
        found = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        if found is None or model.method != "POST":
            raise CannotPrepare("the SDK does not sign its requests in the usual way")
        self._scope = Scope(found["region"], found["service"])
        headers["host"] = _host(model.url)
        _require_one_line(self._path, *headers.values())
        self._headers = [(name, headers[name.lower()]) for name in _SIGNED]
        lines = "".join(f"{name}: {headers[name.lower()]}\r\n" for name in _NOT_SIGNED)
        self._before = f"POST {self._path} HTTP/1.1\r\n{lines}".encode()
        self._signer = self._signer_for(keys)
        date = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if not self._signer.head(model.body, now_s=date.timestamp()).endswith(headers["authorization"].encode()):
            raise CannotPrepare("the SDK signs its requests in another way")

    def use(self, keys: Keys) -> None:
        """Sign with `keys` from now on."""
        self._signer = self._signer_for(keys)

    def of(self, body: bytes, *, now_s: float) -> bytes:
        """All that is written for a request with `body` which is signed at `now_s` (seconds since 1970)."""
        head = self._signer.head(body, now_s=now_s)
        return b"%b%b\r\nContent-Length: %d\r\n\r\n%b" % (self._before, head, len(body), body)

    def _signer_for(self, keys: Keys) -> Signer:
        _require_one_line(keys.access_key, keys.token or "")
        return Signer(
            self._scope,
            self._path,
            self._headers,
            access_key=keys.access_key,
            secret_key=keys.secret_key,
            token=keys.token,
        )


def _require_one_line(*values: str) -> None:
    """Raises `CannotPrepare` for what would begin another line of the head, which nobody else looks through."""
    if not all(map(str.isprintable, values)):
        raise CannotPrepare("there is a control character in a header")


def _open(document: str) -> str:
    """A JSON object as text, ready for another member."""
    return "{" if document == "{}" else document[:-1] + ", "


def _host(url: str) -> str:
    """The header Host, as the SDK signs it (RFC 9110: without a port that goes without saying)."""
    address = urlsplit(url)
    host = address.hostname or ""
    host = f"[{host}]" if ":" in host else host
    standard = {"http": 80, "https": 443}.get(address.scheme)
    return host if address.port in (None, standard) else f"{host}:{address.port}"
