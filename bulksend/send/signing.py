"""Signature Version 4 for one kind of request, with all that does not change from message to message kept.

Source: AWS, "Create a signed AWS API request". The signing key holds for a day, the date for a second, and the headers
for a campaign; what is left for each message is three hashes. The SDK's own signer is the reference: when a campaign
starts its signature of the first request is compared with ours, and tests compare them over many.
"""

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

ALGORITHM = "AWS4-HMAC-SHA256"


class Scope(NamedTuple):
    """What a signature is good for."""

    region: str
    service: str


class Signer:
    """Signs requests that differ in their body and date alone.

    Pure: the caller brings the time.

    Args:
        scope: region and service.
        path: of the request, as it is written; there is no query.
        headers: (name, value) of what is signed beside date and token; names as they are written.
        access_key, secret_key, token: credentials; `token` is None for those of a user.
    """

    def __init__(
        self,
        scope: Scope,
        path: str,
        headers: Sequence[tuple[str, str]],
        *,
        access_key: str,
        secret_key: str,
        token: str | None,
    ) -> None:
        self._scope = scope
        self._path = path
        self._headers = [*headers, ("X-Amz-Security-Token", token)] if token else list(headers)
        self._access_key = access_key
        self._secret_key = secret_key
        self._second = -1
        self._day = ""
        self._key = b""
        self._canonical = sha256()
        self._to_sign = b""
        self._head = b""

    def head(self, body: bytes, *, now_s: float) -> bytes:
        """The header lines of a request with `body` that is signed at `now_s` (seconds since 1970), up to its length.

        They end with the value of `Authorization`, without a line end.
        """
        if int(now_s) != self._second:
            self._begin_second(int(now_s))
        canonical = self._canonical.copy()
        canonical.update(sha256(body).hexdigest().encode())
        signature = hmac.digest(self._key, self._to_sign + canonical.hexdigest().encode(), "sha256")
        return self._head + signature.hex().encode()

    def _begin_second(self, second: int) -> None:
        date = datetime.fromtimestamp(second, UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{date[:8]}/{self._scope.region}/{self._scope.service}/aws4_request"
        if date[:8] != self._day:
            self._day = date[:8]
            self._key = _signing_key(self._secret_key, self._day, self._scope)
        written = [*self._headers, ("X-Amz-Date", date)]
        signed = sorted((name.lower(), " ".join(value.split())) for name, value in written)
        names = ";".join(name for name, _ in signed)
        lines = "".join(f"{name}:{value}\n" for name, value in signed)
        self._canonical = sha256(f"POST\n{self._path}\n\n{lines}\n{names}\n".encode())
        self._to_sign = f"{ALGORITHM}\n{date}\n{scope}\n".encode()
        credential = f"{ALGORITHM} Credential={self._access_key}/{scope}, SignedHeaders={names}, Signature="
        head = "".join(f"{name}: {value}\r\n" for name, value in written)
        self._head = f"{head}Authorization: {credential}".encode()
        self._second = second


def _signing_key(secret_key: str, day: str, scope: Scope) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in (day, scope.region, scope.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
