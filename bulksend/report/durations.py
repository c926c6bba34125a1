"""How long things took: percentiles, and a histogram whose steps grow as people's sense of time does."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

_STEPS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
"""Of every decade, in the unit of its power of ten."""


@dataclass(frozen=True, slots=True)
class Bin:
    """How many took at least `begin_ms` and less than `end_ms`."""

    begin_ms: int
    end_ms: int
    messages: int


@dataclass(frozen=True, slots=True)
class Durations:
    """How some durations are spread; milliseconds.

    Attributes:
        messages: how many there are.
        p50_ms: half of them took no longer.
        p95_ms: 95 of a hundred took no longer.
        p99_ms: 99 of a hundred took no longer.
        longest_ms: none took longer.
        bins: from that of the shortest to that of the longest, also those without any.
    """

    messages: int
    p50_ms: int
    p95_ms: int
    p99_ms: int
    longest_ms: int
    bins: tuple[Bin, ...]


def durations(by_ms: Mapping[int, int]) -> Durations | None:
    """How the durations of `by_ms` (milliseconds -> messages) are spread; None without any."""
    if not by_ms:
        return None
    ascending = sorted(by_ms.items())
    total = sum(by_ms.values())
    return Durations(
        messages=total,
        p50_ms=_percentile(ascending, total, 50),
        p95_ms=_percentile(ascending, total, 95),
        p99_ms=_percentile(ascending, total, 99),
        longest_ms=ascending[-1][0],
        bins=_bins(by_ms, shortest=ascending[0][0], longest=ascending[-1][0]),
    )


def _percentile(ascending: list[tuple[int, int]], total: int, percent: int) -> int:
    """The nearest rank: a duration that was measured."""
    rank = -(-total * percent // 100)
    below = 0
    for duration, messages in ascending:
        below += messages
        if below >= rank:
            return duration
    raise AssertionError("the last duration has the highest rank")


def _bins(by_ms: Mapping[int, int], *, shortest: int, longest: int) -> tuple[Bin, ...]:
    # A set: 1.5 ms is no whole number.
    edges = sorted({0, *(round(step * 10**power) for power in range(12) for step in _STEPS)})
    bins = [
        Bin(begin, end, sum(messages for duration, messages in by_ms.items() if begin <= duration < end))
        for begin, end in pairwise(edges)
        if end > shortest and begin <= longest
    ]
    return tuple(bins)
