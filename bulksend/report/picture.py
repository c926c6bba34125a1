"""How a campaign is going at one moment: what a screen shows, whether it comes from the run itself or from a ledger."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from types import MappingProxyType

from bulksend.base.progress import Phase, RunState
from bulksend.base.records import Status


class Left(Enum):
    """Why a bucket has no time left that could be told."""

    DONE = auto()
    HELD = auto()  # what is left waits for a person
    UNKNOWN = auto()  # the run is paused, or nobody sends


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketPicture:
    """One bucket. Rates and limits are parts per second.

    Attributes:
        allowed: what it is kept to now; more than it, less the headroom, does not go out.
        rate: of the last seconds.
        slower: why `allowed` is less than `mps`: "operator", "throttled", or "" where it is not.
        left: seconds until it is done, or why nobody can tell.
    """

    bucket: str
    mps: int
    allowed: float
    rate: float
    messages: int
    messages_done: int
    held: int = 0
    throttled: int = 0
    slower: str = ""
    left: float | Left = Left.UNKNOWN

    @property
    def is_done(self) -> bool:
        """Whether nothing is left of it."""
        return self.left is Left.DONE

    @property
    def has_trouble(self) -> bool:
        """Whether somebody should look at it before the others."""
        return not self.is_done and (self.left is Left.HELD or bool(self.held or self.slower))


@dataclass(frozen=True, slots=True)
class Stop:
    """What the service refuses: an identity, or its route to one `country`."""

    identity: str
    country: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """A reason for which messages were not accepted.

    Attributes:
        at: when it was met last, UTC; None: not lately.
        bucket: where that was; "" where `at` is None.
        reason: in lower snake case.
        times: how often in this run, or how many rows of a ledger have it.
    """

    at: datetime | None
    bucket: str
    reason: str
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A campaign.

    Attributes:
        campaign: its name; "" where that says nothing.
        now: the moment, UTC.
        state: what its run is doing; None: it has not begun yet, or there is none.
        standing: instead of `state`, for people, such as "starting"; beside it, what there is to add.
        by_status: rows.
        throttled: answers in this run.
        buckets: those that have messages, in the campaign's order.
        stops: what the service refuses.
        troubles: why messages were not accepted, the latest first.
        hints: commands that go with it, shown where there is room.
    """

    campaign: str
    now: datetime
    state: RunState | None
    standing: str = ""
    by_status: Mapping[Status, int] = field(default_factory=lambda: MappingProxyType({}))
    throttled: int = 0
    buckets: tuple[BucketPicture, ...] = ()
    stops: tuple[Stop, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    hints: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to be sent."""
        return bool(self.buckets) and all(each.is_done for each in self.buckets)

    @property
    def rate(self) -> float:
        """Parts per second of the buckets that are not done: those that `limit` is the limit of."""
        return sum(each.rate for each in self.buckets if not each.is_done)

    @property
    def limit(self) -> int:
        """What the buckets that are not done may send, parts per second, as configured."""
        return sum(each.mps for each in self.buckets if not each.is_done)

    @property
    def seconds_left(self) -> float | None:
        """Until the last bucket is done; None when nobody can tell. What waits for a person is not counted."""
        times = [each.left for each in self.buckets if not isinstance(each.left, Left)]
        waits_s = self._waits_s
        return waits_s + max(times) if times and waits_s is not None else None

    @property
    def finish(self) -> datetime | None:
        """When that is, UTC."""
        return None if self.seconds_left is None else self._after(self.seconds_left)

    def finish_of(self, bucket: BucketPicture) -> datetime | None:
        """When `bucket` is done, UTC; None when nobody can tell, or it is."""
        if isinstance(bucket.left, Left) or (waits_s := self._waits_s) is None:
            return None
        return self._after(waits_s + bucket.left)

    def _after(self, seconds: float) -> datetime | None:
        """None where that is beyond the calendar: at a rate of next to nothing."""
        try:
            return self.now + timedelta(seconds=seconds)
        except OverflowError:
            return None

    @property
    def _waits_s(self) -> float | None:
        """Until messages go out; None when nobody can tell."""
        if self.state is not None and self.state.phase is Phase.SENDING:
            return 0.0
        # Of several zones the first that opens ends the wait; nobody has counted how long the others take.
        if (
            self.state is not None
            and self.state.phase is Phase.WAITING
            and self.state.until is not None
            and self.state.reason != "window"
        ):
            return max(0.0, (self.state.until - self.now).total_seconds())
        return None


def hints(ledger: str, phase: Phase | None) -> tuple[str, ...]:
    """Commands for another terminal, the most useful first; `phase`: None where nobody sends."""
    if phase is None or phase is Phase.PAUSED:
        return (f"bulksend resume {ledger}", f"bulksend status {ledger}")
    return (f"bulksend pause {ledger}", f"bulksend status {ledger} --watch")
