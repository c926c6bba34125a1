"""How a run sends, what all its buckets have in common, and what it comes to."""

from collections.abc import Collection
from dataclasses import dataclass

from bulksend.base.clock import Clock
from bulksend.base.errors import BulksendError
from bulksend.base.progress import RunEnd
from bulksend.pipeline.guard import GuardRule
from bulksend.rate.meter import SharedLimit
from bulksend.rate.recipients import Recipients


@dataclass(frozen=True, slots=True, kw_only=True)
class SendPolicy:
    """How a run sends: the settings of [pacing] and [retry], and of the command line.

    Attributes:
        stop_grace_s: how long a stop waits for answers.
        requests_per_second: over all buckets; None: no such limit.
        parts_per_second: over all buckets; None: no such limit.
        recipient_interval_s: between two messages to one recipient, at least; 0: as they come.
        limit: rows in this run, at most.
        guard: when the campaign is paused or stopped by itself; None: never.
    """

    headroom: float
    base_s: float
    cap_s: float
    give_up_after_s: float
    resend_unknown: bool
    max_in_flight: int
    stop_grace_s: float = 25.0
    requests_per_second: int | None = None
    parts_per_second: int | None = None
    recipient_interval_s: float = 1.0
    limit: int | None = None
    guard: GuardRule | None = None


@dataclass(frozen=True, slots=True)
class SendResult:
    """How a run ended.

    Attributes:
        end: complete, interrupted or stopped.
        cause: the error that stopped it; None unless `end` is STOPPED.
        throttled: throttled answers in this run.
        seconds: from the first claim to the last outcome.
        note: why it was interrupted, as a sentence, if not by somebody; None otherwise.
    """

    end: RunEnd
    cause: BulksendError | None
    throttled: int
    seconds: float
    note: str | None = None


@dataclass(frozen=True, slots=True)
class LaneProgress:
    """One bucket at one moment of a run. Rates are parts per second."""

    bucket: str
    mps: int
    allowed: float
    rate: float
    messages: int
    messages_done: int
    parts: int
    parts_done: int
    throttled: int
    in_flight: int = 0


def recipients_of(policy: SendPolicy, lately: Collection[str], *, now: float) -> Recipients:
    """Who was sent something when. Whom an earlier run has just sent something is left alone as long as anybody."""
    recipients = Recipients(interval_s=policy.recipient_interval_s / (1.0 - policy.headroom))
    for destination in lately:
        recipients.released(destination, now=now)
    return recipients


def shared_limit(policy: SendPolicy, parts_lately: int, *, clock: Clock) -> SharedLimit | None:
    """What the lanes have in common. A message has a part at least, so parts are an upper bound of requests."""
    shared = None
    for name, limit in (("requests", policy.requests_per_second), ("parts", policy.parts_per_second)):
        if limit is not None:
            shared = SharedLimit(
                name,
                limit,
                by_parts=name == "parts",
                headroom=policy.headroom,
                clock=clock,
                lately=parts_lately,
                beyond=shared,
            )
    return shared
