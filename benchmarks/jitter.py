"""What jitter on the way does to a pace, in virtual time: nothing is measured, so every run gives the same figures."""

import random
from collections.abc import Callable, Mapping
from itertools import islice

import msgspec

from benchmarks import figures
from benchmarks.flows import MIXES
from benchmarks.messages import part_counts
from bulksend.base.records import Bucket
from bulksend.rate.meter import Meter
from bulksend.simulator.windows import SlidingWindow, to_ns
from tests.support.virtual import VirtualClock, run_virtual

Jitter = Callable[[random.Random], float]
"""Seconds that one message takes longer than the fastest."""


def _uniform(most_s: float) -> Jitter:
    return lambda dice: dice.uniform(0.0, most_s)


def _heavy_tailed(dice: random.Random) -> float:
    return dice.lognormvariate(-5.3, 1.0)  # median 5 ms, p99 51 ms, p99.9 110 ms


JITTERS: Mapping[str, Jitter] = {
    "none": _uniform(0.0),
    "0 to 5 ms": _uniform(0.005),
    "0 to 10 ms": _uniform(0.010),
    "0 to 20 ms": _uniform(0.020),
    "0 to 50 ms": _uniform(0.050),
    "median 5, p99 51 ms": _heavy_tailed,
}
"""Uniform ones, and a lognormal one, which has no end."""


class Jittered(msgspec.Struct, frozen=True, kw_only=True):
    """One headroom at one limit under one jitter; the worse of both mixes.

    Attributes:
        headroom: share of the limit left unused.
        jitter: a key of `JITTERS`.
        mps: the limit.
        fullest_arrival: most parts that arrived in a second, by the limit.
        throttled: messages that a service which holds to a sliding second refuses, by all.
    """

    headroom: float
    jitter: str
    mps: int
    fullest_arrival: float
    throttled: float


def releases(mps: int, mix: str, *, headroom: float, seed: int, messages: int) -> list[figures.Point]:
    """When bulksend's meter lets messages go, on a clock without delays."""

    async def run() -> list[figures.Point]:
        clock = VirtualClock()
        meter = Meter(Bucket("b", mps), headroom=headroom, clock=clock)
        points = []
        for row, parts in enumerate(islice(part_counts(mix, seed), messages)):
            await meter.admit(parts, order=row)
            points.append((clock.monotonic(), parts))
        return points

    return run_virtual(run())


def refused(arrivals: list[figures.Point], limit: int) -> float:
    """Share of the messages that a service refuses which admits `limit` parts in any half-open second."""
    window = SlidingWindow(limit)
    refusals = 0
    for when, parts in sorted(arrivals):
        at_ns = to_ns(when)
        if window.has_room(at_ns, parts):
            window.add(at_ns, parts)
        else:
            refusals += 1
    return refusals / len(arrivals)


def jittered(mps: int, headroom: float, *, seed: int, messages: int) -> list[Jittered]:
    """Every jitter on the same releases."""
    paces = [releases(mps, mix, headroom=headroom, seed=seed, messages=messages) for mix in MIXES]
    results = []
    for name, jitter in JITTERS.items():
        dice = random.Random(seed)  # noqa: S311 - seeded dice
        arrived = [[(when + jitter(dice), parts) for when, parts in pace] for pace in paces]
        results.append(
            Jittered(
                headroom=headroom,
                jitter=name,
                mps=mps,
                fullest_arrival=max(figures.fullest_second(each) for each in arrived) / mps,
                throttled=max(refused(each, mps) for each in arrived),
            )
        )
    return results
