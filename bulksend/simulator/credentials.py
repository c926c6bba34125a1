"""Who signed a request: as far as can be told without knowing the secret. The signature itself is not checked."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta

from bulksend.simulator.faults import ServiceFault

SERVICE = "sms-voice"
"""The name that requests are signed for."""

MAX_SKEW = timedelta(minutes=5)
"""How far the date of a request may be off (AWS: "Signature Version 4 request elements")."""

_DATE_FORMAT = "%Y%m%dT%H%M%SZ"

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<key>[^/,\s]+)/(?P<date>\d{8})/(?P<region>[^/,\s]+)/(?P<service>[^/,\s]+)/"
    r"aws4_request, *SignedHeaders=[^,\s]+, *Signature=[0-9a-f]{64}"
)


class Credentials:
    """Refuses requests that no client of the service would send, and credentials that are used up.

    Args:
        expired_after: requests that one set of credentials (access key and session token) is good for; 0: any.
    """

    def __init__(self, *, expired_after: int) -> None:
        self._expired_after = expired_after
        self._used: Counter[tuple[str, str | None]] = Counter()

    def admit(self, authorization: str | None, security_token: str | None, *, date: str | None, now: datetime) -> None:
        """Check the headers that sign a request, and count it.

        Args:
            authorization: header `Authorization`.
            security_token: header `X-Amz-Security-Token`.
            date: header `X-Amz-Date`.
            now: what the service's clock says.

        Raises:
            ServiceFault: MissingAuthenticationTokenException, IncompleteSignatureException,
                InvalidSignatureException, ExpiredTokenException; all with HTTP status 400.
        """
        if not authorization:
            raise ServiceFault("MissingAuthenticationTokenException", "Request is missing Authentication Token")
        signed = _AUTHORIZATION.fullmatch(authorization)
        if signed is None:
            raise ServiceFault(
                "IncompleteSignatureException", "Authorization header is not a complete AWS4-HMAC-SHA256"
            )
        if signed["service"] != SERVICE:
            raise _wrong_signature(f"Credential should be scoped to correct service: '{SERVICE}'.")
        _hold_to_clock(date, now)
        if self._expired_after:
            owner = (signed["key"], security_token)
            self._used[owner] += 1
            if self._used[owner] > self._expired_after:
                raise ServiceFault("ExpiredTokenException", "The security token included in the request is expired")

    def reset(self) -> None:
        """Make all credentials as good as new."""
        self._used.clear()


def _hold_to_clock(date: str | None, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(date or "", _DATE_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise ServiceFault("IncompleteSignatureException", "Date must be in ISO-8601 'basic format'") from None
    earliest, latest = now - MAX_SKEW, now + MAX_SKEW
    if signed_at < earliest:
        limit = f"{earliest:{_DATE_FORMAT}} ({now:{_DATE_FORMAT}} - 5 min.)"
        raise _wrong_signature(f"Signature expired: {date} is now earlier than {limit}")
    if signed_at > latest:
        limit = f"{latest:{_DATE_FORMAT}} ({now:{_DATE_FORMAT}} + 5 min.)"
        raise _wrong_signature(f"Signature not yet current: {date} is still later than {limit}")


def _wrong_signature(message: str) -> ServiceFault:
    return ServiceFault("InvalidSignatureException", message)
