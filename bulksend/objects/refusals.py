"""What S3 answers instead of doing it, as errors that say what to do."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from bulksend.base.errors import InputError, UsageError


class NotFound(InputError):
    """There is no such object, or no such bucket."""


class Conflict(UsageError):
    """Somebody else has written the object: it was to have another content, or not to be there at all."""


_CREDENTIALS = "check the AWS settings of the environment, or --profile"
_REFUSALS: Mapping[str, tuple[type[UsageError], str, str]] = MappingProxyType(
    {
        "NoSuchBucket": (NotFound, "there is no such bucket", "correct its name"),
        "InvalidBucketName": (InputError, "no bucket can have that name", "correct it"),
        "NoSuchKey": (NotFound, "there is no such object", "correct the address"),
        "InvalidObjectState": (InputError, "the object is archived", "restore it in S3 first"),
        "AccessDenied": (UsageError, "access denied", ""),
        "PreconditionFailed": (Conflict, "somebody else has written it", "look at what is there before you go on"),
        "ConditionalRequestConflict": (
            Conflict,
            "somebody else is writing it",
            "look at what is there, then try again",
        ),
        "InvalidAccessKeyId": (UsageError, "the credentials are unknown there", _CREDENTIALS),
        "SignatureDoesNotMatch": (UsageError, "the credentials are wrong", _CREDENTIALS),
        "InvalidToken": (UsageError, "the credentials are wrong", _CREDENTIALS),
        "ExpiredToken": (UsageError, "the credentials have expired", "renew them"),
        "RequestTimeTooSkewed": (UsageError, "this machine's clock is off", "set the clock"),
    }
)
"""Error code (AWS: "S3 error responses") -> what to raise, with what to do. HEAD-like answers have the status alone."""

_BY_STATUS = MappingProxyType(
    {403: "AccessDenied", 404: "NoSuchKey", 409: "ConditionalRequestConflict", 412: "PreconditionFailed"}
)


def refusal(url: str, response: Mapping[str, Any], permissions: str) -> UsageError:
    """The error that an answer of S3 means.

    Args:
        url: what was asked for; the error begins with it.
        response: as the SDK has it: `Error` with `Code` and `Message`, `ResponseMetadata` with `HTTPStatusCode`.
        permissions: what allows it, for who was denied.
    """
    details = response.get("Error", {})
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code = str(details.get("Code") or status)
    known = _REFUSALS.get(code) or _REFUSALS.get(_BY_STATUS.get(status, "") if code.isdigit() else "")
    if known is None:
        return UsageError(f"{url}: S3 answered {code} ({details.get('Message') or 'no more'})", _CREDENTIALS)
    kind, what, hint = known
    return kind(f"{url}: {what}", hint or permissions)
