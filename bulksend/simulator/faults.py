"""What the service answers instead of a result: every error it knows, and how each is written on the wire."""

from collections.abc import Sequence
from enum import StrEnum

NAMESPACE = "com.amazonaws.pinpointsmsvoicev2"
"""Stands before the `#` of an error's `__type`, as in the service's own model."""


class ServiceFault(Exception):
    """An error answer of the service.

    Attributes:
        code: the exception's name in the service model, or the front end's.
        message: free text.
        reason: a value of the exception's Reason enum; None for exceptions without one.
        fields: (name, message) of the request members that a ValidationException is about.
        resource_type: a value of the ResourceType enum.
        resource_id: which resource.
        http_status: 400 for what the client did, 500 and 503 for what it did not (AWS JSON 1.0 protocol).
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        reason: str | None = None,
        fields: Sequence[tuple[str, str]] = (),
        resource_type: str | None = None,
        resource_id: str | None = None,
        http_status: int = 400,
    ) -> None:
        super().__init__(f"{code}/{reason}" if reason else code)
        self.code = code
        self.message = message
        self.reason = reason
        self.fields = tuple(fields)
        self.resource_type = resource_type
        self.resource_id = resource_id
        self.http_status = http_status

    @property
    def label(self) -> str:
        """Code, and Reason where there is one: `ConflictException/RESOURCE_NOT_ACTIVE`."""
        return str(self)

    def body(self) -> dict[str, object]:
        """Return the JSON object that an AWS JSON 1.0 client reads."""
        body: dict[str, object] = {"__type": f"{NAMESPACE}#{self.code}", "Message": self.message}
        if self.reason is not None:
            body["Reason"] = self.reason
        if self.fields:
            body["Fields"] = [{"Name": name, "Message": message} for name, message in self.fields]
        if self.resource_type is not None:
            body["ResourceType"] = self.resource_type
        if self.resource_id is not None:
            body["ResourceId"] = self.resource_id
        return body


class ThrottleCause(StrEnum):
    """What a request was throttled for, which only the simulator tells."""

    IDENTITY = "identity"  # the bucket of the identity had no room
    RECIPIENT = "recipient"  # the recipient had a message within the second
    QUOTA = "quota"  # the account makes too many requests
    FAULT = "fault"  # nothing but bad luck


class Throttled(ServiceFault):
    """The rate is above a limit; the answer says nothing about which one, as in the service.

    Attributes:
        cause: for the statistics.
    """

    def __init__(self, cause: ThrottleCause) -> None:
        super().__init__("ThrottlingException", "Rate exceeded")
        self.cause = cause


def invalid(reason: str, fields: Sequence[tuple[str, str]] = (), message: str = "") -> ServiceFault:
    """The request itself is wrong."""
    text = message or "; ".join(f"{name} {problem}" for name, problem in fields)
    return ServiceFault("ValidationException", f'{text} - Reason="{reason}"', reason=reason, fields=fields)


def conflict(reason: str, resource_type: str, resource_id: str) -> ServiceFault:
    """The request is well formed, but the state of a resource forbids it."""
    message = f'Conflict Occurred - Reason="{reason}" ResourceType="{resource_type}" ResourceId="{resource_id}"'
    return ServiceFault(
        "ConflictException", message, reason=reason, resource_type=resource_type, resource_id=resource_id
    )


def not_found(resource_type: str, resource_id: str) -> ServiceFault:
    """The account has no such resource."""
    message = f'Resource not found - ResourceType="{resource_type}" ResourceId="{resource_id}"'
    return ServiceFault("ResourceNotFoundException", message, resource_type=resource_type, resource_id=resource_id)


def over_quota(reason: str) -> ServiceFault:
    """A quota of the account is used up."""
    message = f'Service quota exceeded - Reason="{reason}"'
    return ServiceFault("ServiceQuotaExceededException", message, reason=reason)


def access_denied(reason: str) -> ServiceFault:
    """The account may not send."""
    return ServiceFault("AccessDeniedException", f'Access denied - Reason="{reason}"', reason=reason)


def internal_error() -> ServiceFault:
    """The service failed; whether the message was accepted, nobody says."""
    return ServiceFault("InternalServerException", "Internal server error", http_status=500)


def unavailable() -> ServiceFault:
    """The front end has nobody to pass the request on to."""
    return ServiceFault("ServiceUnavailableException", "Service unavailable", http_status=503)


def unknown_operation(operation: str) -> ServiceFault:
    """There is no such operation here; an empty name means that none was given."""
    what = f"The operation {operation} is not simulated" if operation else "The X-Amz-Target header names no operation"
    return ServiceFault("UnknownOperationException", what)


def unreadable(problem: str) -> ServiceFault:
    """The body is not the JSON object that the protocol asks for."""
    return ServiceFault("SerializationException", problem)
