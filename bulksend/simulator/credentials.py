"""Who signed a request: as far as can be told without knowing the secret. The signature itself is not checked."""

import re
from collections import Counter

from bulksend.simulator.faults import ServiceFault

SERVICE = "sms-voice"
"""The name that requests are signed for."""

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

    def admit(self, authorization: str | None, security_token: str | None) -> None:
        """Check the headers `Authorization` and `X-Amz-Security-Token` of a request, and count it.

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
            raise ServiceFault(
                "InvalidSignatureException", f"Credential should be scoped to correct service: '{SERVICE}'."
            )
        if self._expired_after:
            owner = (signed["key"], security_token)
            self._used[owner] += 1
            if self._used[owner] > self._expired_after:
                raise ServiceFault("ExpiredTokenException", "The security token included in the request is expired")

    def reset(self) -> None:
        """Make all credentials as good as new."""
        self._used.clear()
