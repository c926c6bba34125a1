"""A run as those who watch it see it, of whatever figures a test wants."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bulksend.base.errors import BulksendError
from bulksend.base.progress import Counts, RunState
from bulksend.base.records import Status
from bulksend.pipeline.policy import LaneProgress
from bulksend.pipeline.tally import Tally


@dataclass
class StandingStops:
    """What the service refuses."""

    stopped: Mapping[tuple[str, str | None], str] = field(default_factory=dict)
    cause: BulksendError | None = None


@dataclass
class RunInView:
    """A `Watched`."""

    state: RunState = field(default_factory=RunState)
    tally: Tally | None = None
    breakers: StandingStops = field(default_factory=StandingStops)
    lanes: list[LaneProgress] = field(default_factory=list)

    def progress(self) -> list[LaneProgress]:
        return self.lanes


def a_lane(
    bucket: str, *, mps: int = 10, done: int = 40, rate: float = 9.9, allowed: float = 9.9, throttled: int = 0
) -> LaneProgress:
    """A bucket of a hundred messages of two parts each."""
    return LaneProgress(bucket, mps, allowed, rate, 100, done, 200, 2 * done, throttled, 3)


def a_tally(*, pending: int = 60, sent: int = 40) -> Tally:
    """The totals of a campaign that has not met any trouble."""
    by_status = {Status.PENDING: pending, Status.SENT: sent, Status.SKIPPED: 5}
    return Tally(Counts(rows=pending + sent + 5, by_status=by_status, parts_sent=sent))
