"""What a contender did, in figures: out of what the sender and the simulator saw."""

import statistics
from collections.abc import Callable, Iterable, Sequence

import msgspec

from benchmarks import figures
from benchmarks.flows import Flow, Sent
from benchmarks.messages import part_counts
from benchmarks.rig import Simulator
from benchmarks.whole import Campaign

LATE_S = 0.005
"""A write that is later than this waited for a connection to become idle."""

LONG_RUN_FROM = 100
LONG_RUN_PARTS = 10_000
"""From this limit on, the best in order is taken over so many parts: some seconds would say what its ends are like."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One contender at one limit in one round, or what came of all rounds; shares are of the limit.

    Attributes:
        contender: who paced.
        mps: the limit.
        mix: the messages.
        used: parts that the service took, per second.
        best: what the fastest sender in order could do.
        fullest_release: most parts in a second, as they left the client; None: it does not tell.
        fullest_arrival: most parts in a second, as they reached the simulator, accepted or not.
        throttled: messages that the simulator throttled, as a share of those that reached it.
        failed: messages given up because of that.
        deviation: from an even schedule.
        wait_ratio: median wait of ten-part messages by that of one-part messages.
        cpu_us: processor time of the client for each message, in microseconds; None: shared with others.
        outrun: messages that the client could not write when they were let go, by all.
    """

    contender: str
    mps: int
    mix: str
    used: float
    best: float
    fullest_release: float | None
    fullest_arrival: float
    throttled: float
    failed: int
    deviation: figures.Deviation
    wait_ratio: float | None
    cpu_us: float | None
    outrun: float = 0.0


def measured(flow: Flow, sent: Sent, at: Simulator, *, cpu_us: float | None, released: bool = True) -> Measured:
    """Read the figures of one flow off what the sender and the simulator saw."""
    stats = at.stats(flow.identity)
    points = list(zip(sent.released, sent.parts, strict=True))
    taken = [point for point, accepted in zip(points, sent.accepted, strict=True) if accepted]
    waits = [(parts, left - asked) for asked, left, parts in zip(sent.asked, sent.released, sent.parts, strict=True)]
    steady = figures.steady(points)
    begins = steady[0][0] if steady else 0.0
    seconds = flow.spans[-1][1] if flow.mps < LONG_RUN_FROM else LONG_RUN_PARTS / flow.mps
    best = figures.best_in_order(part_counts(flow.mix, flow.seed), flow.mps, seconds=seconds)
    return Measured(
        contender=flow.contender,
        mps=flow.mps,
        mix=flow.mix,
        used=figures.parts_per_second([point for point in sorted(taken) if point[0] >= begins]) / flow.mps,
        best=figures.parts_per_second(figures.steady(best)) / flow.mps,
        fullest_release=figures.fullest_second(points) / flow.mps if released else None,
        fullest_arrival=stats["fullest_offered"] / flow.mps,
        throttled=stats["throttled"] / max(1, stats["offered"]),
        failed=sent.failed,
        deviation=figures.deviation(steady),
        wait_ratio=figures.wait_ratio([*waits, *sent.waiting]) if sent.asked and released else None,
        cpu_us=cpu_us,
        outrun=_outrun(sent, begins),
    )


def campaign_measured(campaign: Campaign, at: Simulator) -> Measured:
    """Wait for a whole `bulksend send`; it keeps no times of release, so those of arrival stand for them."""
    flow, cpu_s = campaign.flow, campaign.ended()
    arrived = sorted((each["arrived_at"], each["parts"]) for each in at.messages() if each["identity"] == flow.identity)
    sent = Sent(
        rows=list(range(len(arrived))),
        parts=[parts for _, parts in arrived],
        released=[when for when, _ in arrived],
        asked=[when for when, _ in arrived],
        accepted=[True] * len(arrived),
        failed=campaign.messages - len(arrived),
    )
    campaign.close()
    return measured(flow, sent, at, cpu_us=cpu_s / campaign.messages * 1e6, released=False)


def combined(rounds: Sequence[Measured]) -> Measured:
    """All rounds of one contender at one limit: medians, but of the fullest seconds the fullest."""
    first = rounds[0]
    return msgspec.structs.replace(
        first,
        used=_median(each.used for each in rounds),
        best=_median(each.best for each in rounds),
        fullest_release=_over(max, (each.fullest_release for each in rounds)),
        fullest_arrival=max(each.fullest_arrival for each in rounds),
        throttled=_median(each.throttled for each in rounds),
        failed=sum(each.failed for each in rounds),
        deviation=figures.Deviation(
            _median(each.deviation.p50_ms for each in rounds),
            _median(each.deviation.p99_ms for each in rounds),
            _median(each.deviation.max_ms for each in rounds),
        ),
        wait_ratio=_over(statistics.median, (each.wait_ratio for each in rounds)),
        cpu_us=_over(statistics.median, (each.cpu_us for each in rounds)),
        outrun=_median(each.outrun for each in rounds),
    )


def _outrun(sent: Sent, begins: float) -> float:
    """Share of the messages of the steady part that left noticeably later than they were let go."""
    late = [
        left - let_go > LATE_S for let_go, left in zip(sent.admitted, sent.released, strict=False) if left >= begins
    ]
    return sum(late) / len(late) if late else 0.0


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)


def _over(what: Callable[[list[float]], float], values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return what(known) if known else None
