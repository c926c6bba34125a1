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
