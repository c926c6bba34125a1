"""Signature Version 4 as the service checks it: from what arrived, not from what a client meant to send.

Source: AWS, "Create a signed AWS API request". The path is encoded twice, as everywhere but at S3.
"""

import hashlib
import hmac
import posixpath
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from bulksend.simulator.http_request import HttpRequest

ALGORITHM = b"AWS4-HMAC-SHA256"

_SPACES = re.compile(rb"[ \t]{2,}|\t")


@dataclass(frozen=True, slots=True)
class Scope:
    """What an Authorization header states before its signature.

    Attributes:
        key_id: the access key.
        day: YYYYMMDD.
        region: that it was signed for.
        service: that it was signed for.
        names: of the headers that were signed, lower case, sorted.
    """

    key_id: str
    day: bytes
    region: bytes
    service: bytes
    names: tuple[bytes, ...]


class Signer:
    """Signs requests of one scope with one secret.

    The key is good for the whole day and made once (6 us); each signature begins with a copy of what it hashes to.
    """

    __slots__ = ("_keyed", "_names", "_scope", "_signed_names")

    def __init__(self, scope: Scope, secret: str) -> None:
        self._names = scope.names
        self._signed_names = b";".join(scope.names)
        parts = (scope.day, scope.region, scope.service, b"aws4_request")
        self._scope = b"/".join(parts)
        key = b"AWS4" + secret.encode()
        for part in parts:
            key = hmac.digest(key, part, "sha256")
        self._keyed = hmac.new(key, digestmod="sha256")

    def sign(self, request: HttpRequest, date: bytes) -> bytes:
        """Return the 64 hexadecimal digits that sign `request` at `date` (X-Amz-Date)."""
        headers = request.headers
        lines = b"\n".join([name + b":" + headers.get(name, b"") for name in self._names])
        if b"  " in lines or b"\t" in lines:
            lines = _SPACES.sub(b" ", lines)
        canonical = b"%b\n%b\n%b\n%b\n\n%b\n%b" % (
            request.method,
            b"/" if request.path == b"/" else canonical_path(request.path),
            canonical_query(request.query) if request.query else b"",
            lines,
            self._signed_names,
            hashlib.sha256(request.body).hexdigest().encode(),
        )
        digest = hashlib.sha256(canonical).hexdigest().encode()
        keyed = self._keyed.copy()
        keyed.update(b"%b\n%b\n%b\n%b" % (ALGORITHM, date, self._scope, digest))
        return keyed.hexdigest().encode()


def canonical_path(path: bytes) -> bytes:
    """Return a path without `.`, `..` and empty segments, percent-encoded once more than it came."""
    kept = posixpath.normpath(path).lstrip(b"/")
    return b"/" + quote(kept, safe="/-_.~").encode() + (b"/" if path.endswith(b"/") and kept else b"")


def canonical_query(query: bytes) -> bytes:
    """Return the parameters in order of name and value, each encoded in the one way that counts."""
    pairs = (each.partition(b"=") for each in query.split(b"&") if each)
    encoded = sorted((_encoded(name), _encoded(value)) for name, _, value in pairs)
    return b"&".join(name + b"=" + value for name, value in encoded)


def _encoded(text: bytes) -> bytes:
    return quote(unquote_to_bytes(text), safe="-_.~").encode()
