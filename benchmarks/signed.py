"""SendTextMessage requests with a fresh signature each, ready to be written: the least that a client has to make.

AWS Signature Version 4: the key of the day is derived once, and the text that is signed is put together from parts that
do not change and three that do.
"""

import json
from datetime import UTC, datetime
from hashlib import sha256
from hmac import digest

from benchmarks.jobs import members
from benchmarks.texts import CREDENTIALS

SERVICE = "sms-voice"
TARGET = "PinpointSMSVoiceV2.SendTextMessage"
CONTENT_TYPE = "application/x-amz-json-1.0"
SIGNED_HEADERS = "content-type;host;x-amz-date;x-amz-target"


class SignedRequests:
    """Makes requests to one host.

    Args:
        host: with port, as in the header.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._second = 0
        self._stamp = ""
        self._scope = ""
        self._key = b""

    def request(self, row: int, now: float) -> bytes:
        """The request for `row`, signed at `now` (seconds since 1970)."""
        if int(now) != self._second:
            self._set_time(int(now))
        body = json.dumps(members(row), separators=(",", ":"))
        canonical = (
            f"POST\n/\n\ncontent-type:{CONTENT_TYPE}\nhost:{self._host}\nx-amz-date:{self._stamp}\n"
            f"x-amz-target:{TARGET}\n\n{SIGNED_HEADERS}\n{sha256(body.encode()).hexdigest()}"
        )
        hashed = sha256(canonical.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{self._stamp}\n{self._scope}\n{hashed}"
        signature = digest(self._key, text.encode(), "sha256").hex()
        return (
            f"POST / HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: {CONTENT_TYPE}\r\nX-Amz-Target: {TARGET}\r\n"
            f"X-Amz-Date: {self._stamp}\r\nAuthorization: AWS4-HMAC-SHA256 Credential="
            f"{CREDENTIALS['AWS_ACCESS_KEY_ID']}/{self._scope}, SignedHeaders={SIGNED_HEADERS}, "
            f"Signature={signature}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def _set_time(self, second: int) -> None:
        moment = datetime.fromtimestamp(second, UTC)
        day, region = f"{moment:%Y%m%d}", CREDENTIALS["AWS_REGION"]
        key = f"AWS4{CREDENTIALS['AWS_SECRET_ACCESS_KEY']}".encode()
        for part in (day, region, SERVICE, "aws4_request"):
            key = digest(key, part.encode(), "sha256")
        self._second, self._key = second, key
        self._stamp = f"{moment:%Y%m%dT%H%M%SZ}"
        self._scope = f"{day}/{region}/{SERVICE}/aws4_request"
