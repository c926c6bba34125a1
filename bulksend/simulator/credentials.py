"""Who signed a request, and whether the signature is right: as far as the secret is known."""

import hmac
import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from bulksend.simulator.faults import ServiceFault
from bulksend.simulator.http_request import HttpRequest
from bulksend.simulator.signatures import Scope, Signer

SERVICE = "sms-voice"
"""The name that requests are signed for."""

MAX_SKEW = timedelta(minutes=5)
"""How far the date of a request may be off (AWS: "Signature Version 4 request elements")."""

_DATE_FORMAT = "%Y%m%dT%H%M%SZ"
_MAX_STATEMENTS = 1000

_STATEMENT = re.compile(
    rb"AWS4-HMAC-SHA256 +Credential=(?P<key>[^/,\s]+)/(?P<day>\d{8})/(?P<region>[^/,\s]+)/(?P<service>[^/,\s]+)/"
    rb"aws4_request, *SignedHeaders=(?P<names>[^,\s]+), *"
)
_SIGNATURE = re.compile(rb"[0-9a-f]{64}")
_TOKEN = b"x-amz-security-token"


class Credentials:
    """Refuses requests that no client of the service would send, wrong signatures, and credentials that are used up.

    Args:
        secrets: access key id -> secret access key. Requests of these keys must be signed with it, and there are no
            others; where it is empty, any key is good and no signature is checked.
        expired_after: requests that one set of credentials (access key and session token) is good for; 0: any.
    """

    def __init__(self, *, secrets: Mapping[str, str], expired_after: int) -> None:
        self._secrets = dict(secrets)
        self._expired_after = expired_after
        self._used: Counter[tuple[str, bytes | None]] = Counter()
        # A client states the same all day, and writes dates by the second: taking both apart each time costs 6 us.
        self._stated: dict[bytes, tuple[Scope, Signer | None]] = {}
        self._dated: tuple[bytes | None, datetime] = (None, datetime.min.replace(tzinfo=UTC))

    def admit(self, request: HttpRequest, now: datetime) -> None:
        """Check what signs a request, and count it.

        Args:
            request: the one.
            now: what the service's clock says.

        Raises:
            ServiceFault: MissingAuthenticationTokenException, IncompleteSignatureException,
                InvalidSignatureException, UnrecognizedClientException, ExpiredTokenException; all with HTTP status 400.
        """
        authorization = request.headers.get(b"authorization")
        if not authorization:
            raise ServiceFault("MissingAuthenticationTokenException", "Request is missing Authentication Token")
        statement, _, signature = authorization.rpartition(b"Signature=")
        if _SIGNATURE.fullmatch(signature) is None:
            raise _incomplete()
        scope, signer = self._stated.get(statement) or self._state(statement)
        date = request.headers.get(b"x-amz-date", b"")
        self._hold_to_clock(date, now)
        if signer is not None:
            _hold_to_scope(request, scope, date)
            if not hmac.compare_digest(signer.sign(request, date), signature):
                raise _wrong_signature(
                    "The request signature we calculated does not match the signature you provided. Check your AWS "
                    "Secret Access Key and signing method. Consult the service documentation for details."
                )
        if self._expired_after:
            owner = (scope.key_id, request.headers.get(_TOKEN))
            self._used[owner] += 1
            if self._used[owner] > self._expired_after:
                raise ServiceFault("ExpiredTokenException", "The security token included in the request is expired")

    def reset(self) -> None:
        """Make all credentials as good as new."""
        self._used.clear()

    def _state(self, statement: bytes) -> tuple[Scope, Signer | None]:
        found = _STATEMENT.fullmatch(statement)
        if found is None:
            raise _incomplete()
        if found["service"] != SERVICE.encode():
            raise _wrong_signature(f"Credential should be scoped to correct service: '{SERVICE}'.")
        scope = Scope(
            key_id=found["key"].decode("latin-1"),
            day=found["day"],
            region=found["region"],
            service=found["service"],
            names=tuple(sorted(found["names"].lower().split(b";"))),
        )
        signer = None
        if self._secrets:
            secret = self._secrets.get(scope.key_id)
            if secret is None:
                raise ServiceFault(
                    "UnrecognizedClientException", "The security token included in the request is invalid."
                )
            signer = Signer(scope, secret)
        if len(self._stated) >= _MAX_STATEMENTS:
            self._stated.clear()
        self._stated[statement] = scope, signer
        return scope, signer

    def _hold_to_clock(self, date: bytes, now: datetime) -> None:
        if date != self._dated[0]:
            self._dated = date, _moment(date)
        signed_at = self._dated[1]
        if abs(now - signed_at) <= MAX_SKEW:
            return
        if signed_at < now:
            limit = f"{now - MAX_SKEW:{_DATE_FORMAT}} ({now:{_DATE_FORMAT}} - 5 min.)"
            raise _wrong_signature(f"Signature expired: {date.decode()} is now earlier than {limit}")
        limit = f"{now + MAX_SKEW:{_DATE_FORMAT}} ({now:{_DATE_FORMAT}} + 5 min.)"
        raise _wrong_signature(f"Signature not yet current: {date.decode()} is still later than {limit}")


def _moment(date: bytes) -> datetime:
    try:
        return datetime.strptime(date.decode("latin-1"), _DATE_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise ServiceFault("IncompleteSignatureException", "Date must be in ISO-8601 'basic format'") from None


def _hold_to_scope(request: HttpRequest, scope: Scope, date: bytes) -> None:
    """Refuse a signature that leaves out what has to be signed, or is of another day than the request."""
    names = scope.names
    if b"host" not in names:
        raise _wrong_signature("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    if b"x-amz-date" not in names:
        raise _wrong_signature("'X-Amz-Date' must be a 'SignedHeader' in the AWS Authorization.")
    if _TOKEN in request.headers and _TOKEN not in names:
        raise _wrong_signature("'X-Amz-Security-Token' must be a 'SignedHeader' in the AWS Authorization.")
    if not date.startswith(scope.day):
        raise _wrong_signature(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{scope.day.decode()}' != '{date[:8].decode()}', from '{date.decode()}'."
        )


def _incomplete() -> ServiceFault:
    return ServiceFault("IncompleteSignatureException", "Authorization header is not a complete AWS4-HMAC-SHA256")


def _wrong_signature(message: str) -> ServiceFault:
    return ServiceFault("InvalidSignatureException", message)
