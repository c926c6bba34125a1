"""How far a campaign is: the numbers of its ledger, its runs, and what the service refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from bulksend.base.records import Status


@dataclass(frozen=True, slots=True)
class BucketCounts:
    """How far one bucket is. Messages and parts of the rows that are not skipped.

    Attributes:
        allows: parts per second that the service seemed to allow when it was last tried, less than `mps`; None:
            nothing speaks against `mps`.
        allows_at: when that was noted, UTC; None without `allows`.
    """

    bucket: str
    mps: int
    messages: int = 0
    parts: int = 0
    messages_done: int = 0  # sent, failed or unknown
    parts_done: int = 0
    parts_sent: int = 0
    messages_held: int = 0  # pending, but stopped by a breaker
    allows: float | None = None
    allows_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """The ledger in numbers at one moment. `rows` equals the sum over `by_status`, always."""

    rows: int
    by_status: Mapping[Status, int]
    parts_sent: int
    reasons: Mapping[Status, Mapping[str, int]] = field(default_factory=lambda: MappingProxyType({}))
    buckets: tuple[BucketCounts, ...] = ()

    def of(self, status: Status) -> int:
        """How many rows have `status`."""
        return self.by_status.get(status, 0)


@dataclass(frozen=True, slots=True)
class Breaker:
    """What the service refused for more than one recipient: an identity, or its route to one country.

    Attributes:
        identity: that is refused.
        country: ISO 3166 alpha-2 of the only country concerned; None: any.
        reason: of the refusal, in lower snake case.
        tripped_at: UTC.
        moved: rows behind it that went to other identities.
        held: rows behind it that wait, pending, until the account has been put right.
    """

    identity: str
    country: str | None
    reason: str
    tripped_at: datetime
    moved: int
    held: int


class RunEnd(StrEnum):
    """How a run of `send` or `resume` ended."""

    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of `send` or `resume` over a ledger.

    Attributes:
        started_at: UTC.
        finished_at: UTC; None while it runs, and for ever when it was killed.
        end: None as long as `finished_at` is.
        cause: one sentence when it did not complete.
        throttled: ThrottlingException answers received.
    """

    started_at: datetime
    finished_at: datetime | None
    end: RunEnd | None
    cause: str | None
    throttled: int


class Phase(StrEnum):
    """What a run is doing."""

    SENDING = "sending"
    WAITING = "waiting"  # for its time: `start_at`, or a window in which its recipients may be texted
    PAUSED = "paused"  # until somebody says so
    STOPPING = "stopping"  # awaits the last answers


@dataclass(frozen=True, slots=True)
class RunState:
    """What a run is doing at one moment, and why.

    Attributes:
        phase: what.
        reason: why it is not sending, in lower snake case, such as "operator" or "start_at"; "" while it is.
        until: when it goes on by itself, UTC; None: nobody knows.
        ordered: bucket -> parts per second that an operator has turned it down to; only those turned down.
    """

    phase: Phase = Phase.SENDING
    reason: str = ""
    until: datetime | None = None
    ordered: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Sample:
    """How one bucket went since the sample before.

    Attributes:
        at: when it was taken, UTC.
        bucket: its name.
        messages: let onto the wire.
        parts: of those.
        throttled: answers.
        allowed: parts per second that were kept to when it was taken.
        in_flight: messages in the air at that moment.
    """

    at: datetime
    bucket: str
    messages: int
    parts: int
    throttled: int
    allowed: float
    in_flight: int


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """Something that happened to the campaign as a whole: a run began, was paused, turned down, went on, ended.

    Attributes:
        at: UTC.
        event: constant name, such as "run.paused".
        detail: its fields.
    """

    at: datetime
    event: str
    detail: Mapping[str, object]
