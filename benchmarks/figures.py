"""What is read off a list of releases or arrivals. Pure arithmetic; times in seconds, in any order."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from benchmarks.texts import LONG_PARTS

Point = tuple[float, int]
"""When, and how many parts."""

WARM_SHARE = 0.2
"""The first part of a run, which says how a sender starts, not how it goes."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far releases are from an even schedule, in milliseconds, whatever the sign."""

    p50_ms: float
    p99_ms: float
    max_ms: float


def steady(points: Iterable[Point]) -> list[Point]:
    """What came after the first fifth of the time, in order."""
    ordered = sorted(points)
    if not ordered:
        return []
    begins = ordered[0][0] + WARM_SHARE * (ordered[-1][0] - ordered[0][0])
    return [point for point in ordered if point[0] >= begins]


def parts_per_second(points: Sequence[Point]) -> float:
    """Parts from the first to the last, by the time between them; the first and the last count half.

    Half, because whether a message is paid for before it goes or afterwards is each sender's own business.
    """
    if len(points) < 2 or points[-1][0] <= points[0][0]:
        return 0.0
    parts = sum(parts for _, parts in points) - (points[0][1] + points[-1][1]) / 2
    return parts / (points[-1][0] - points[0][0])


def fullest_second(points: Iterable[Point]) -> int:
    """Most parts in any half-open second."""
    ordered = sorted(points)
    fullest = within = first = 0
    for when, parts in ordered:
        within += parts
        while ordered[first][0] <= when - 1.0:
            within -= ordered[first][1]
            first += 1
        fullest = max(fullest, within)
    return fullest


def best_in_order(sequence: Iterable[int], limit: int, *, seconds: float) -> list[Point]:
    """When the fastest sender of whole messages in order would release them, for `seconds`, under a sliding second.

    Each message goes as soon as it and all the second before it are within the limit. That is the best there is: which
    message has to have left the second before which other can go depends on the sequence alone, so who waits now is
    never earlier later. A message of more parts than the limit goes alone, and is paid for afterwards at the limit. The
    first second is spaced evenly, as it is of a sender that has been going for a while.
    """
    releases: list[Point] = []
    now = free_at = 0.0
    first = within = total = 0
    for parts in sequence:
        now = max(now, free_at, total / limit if total < limit else 0.0)
        while within and within + parts > limit:
            now = max(now, releases[first][0] + 1.0)
            within -= releases[first][1]
            first += 1
        if now > seconds:
            break
        releases.append((now, parts))
        within += parts
        total += parts
        if parts > limit:
            free_at = now + parts / limit
    return releases


def deviation(points: Sequence[Point]) -> Deviation:
    """Distance from the schedule of a perfect pacer of the same mean rate.

    It releases a message when all parts before it (or, where that suits better, those and its own) have passed at a
    constant rate: the straight line through these points that fits best (least squares). So neither the rate nor the
    moment of the start count, only evenness.
    """
    if len(points) < 3:
        return Deviation(0.0, 0.0, 0.0)
    paid_before = list(accumulate(parts for _, parts in points))
    paid_after = [0, *paid_before[:-1]]
    return min((_distances(points, paid) for paid in (paid_after, paid_before)), key=lambda each: each.p99_ms)


def _distances(points: Sequence[Point], paid: Sequence[int]) -> Deviation:
    times = [when - points[0][0] for when, _ in points]
    slope, intercept = statistics.linear_regression(paid, times)
    off_ms = sorted(abs(when - intercept - slope * parts) * 1000 for when, parts in zip(times, paid, strict=True))
    return Deviation(quantile(off_ms, 0.5), quantile(off_ms, 0.99), off_ms[-1])


def quantile(ordered: Sequence[float], share: float) -> float:
    """The least value that `share` of them do not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def wait_ratio(waits: Iterable[tuple[int, float]]) -> float | None:
    """Median wait of long messages by that of messages of one part; None when there is no such message."""
    by_parts: dict[bool, list[float]] = {True: [], False: []}
    for parts, wait_s in waits:
        by_parts[parts == LONG_PARTS].append(wait_s)
    if not by_parts[True] or not by_parts[False]:
        return None
    short = statistics.median(by_parts[False])
    return statistics.median(by_parts[True]) / short if short > 0 else None
