"""Why an attempt did not bring a MessageId, in our own words, free of any SDK."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """What the service or the network did instead of accepting a message.

    Attributes:
        released: whether the message had been let onto the wire; False makes it known not sent.
        code: the service's exception name; None when no answer of the service was understood.
        reason: the exception's `Reason`, spelt as the service does; None where it has none.
        fields: names in the exception's `Fields`.
        resource_type: the exception's `ResourceType`.
        http_status: of the answer; None without one.
        transport: what the network did, in lower snake case, when there was no answer.
        message: the service's or the network's own words.
        clock_ahead_s: seconds by which the service's clock, as its answer tells, is ahead of this machine's; 0.0
            without an answer.
    """

    released: bool
    code: str | None = None
    reason: str | None = None
    fields: frozenset[str] = frozenset()
    resource_type: str | None = None
    http_status: int | None = None
    transport: str | None = None
    message: str = ""
    clock_ahead_s: float = 0.0
