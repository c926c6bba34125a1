"""A sample in which every kind of row is found: stratified, the same for the same rows, in memory that stays flat."""

import heapq
from collections.abc import Iterable
from hashlib import blake2b
from typing import TypeVar

K = TypeVar("K")
"""What tells the kinds of rows, the strata, from one another: hashable, and in an order of their own."""


class _Kind:
    """One stratum, and the first rows of it in an order that only their numbers decide."""

    __slots__ = ("count", "kept")

    def __init__(self) -> None:
        self.count = 0
        self.kept: list[tuple[int, int]] = []  # a heap of (-rank, row): what is ranked last is on top

    def add(self, row: int, most: int) -> None:
        self.count += 1
        ranked = (-_rank(row), row)
        if len(self.kept) < most:
            heapq.heappush(self.kept, ranked)
        elif ranked > self.kept[0]:
            heapq.heapreplace(self.kept, ranked)

    def first(self, size: int) -> list[int]:
        """The rows that are ranked first."""
        return [row for _, row in heapq.nlargest(size, self.kept)]


def stratified(rows: Iterable[tuple[int, K]], size: int) -> list[int]:
    """Return the numbers of `size` of `rows`, ascending, each given with its stratum; all where there are no more.

    Every stratum has one row in the sample, also where that makes more than `size`. The others go where they are owed
    most: in proportion to the strata's rows, by highest averages (Webster, Sainte-Laguë). Which rows of
    a stratum are taken is left to a hash of their numbers: spread over the whole list, in whatever order they come, and
    the same every time. A larger sample has all rows of a smaller one.

    Memory: `size` row numbers for each stratum at most, however many rows there are.

    Args:
        rows: (row number, stratum); each number once. Read once.
        size: at least 1.

    Raises:
        ValueError: `size` is less than 1.
    """
    if size < 1:
        raise ValueError(f"a sample has at least one row, not {size}")
    found: dict[K, _Kind] = {}
    for row, stratum in rows:
        kind = found.get(stratum)
        if kind is None:
            kind = found[stratum] = _Kind()
        kind.add(row, size)
    seats = _apportion({stratum: kind.count for stratum, kind in found.items()}, size)
    return sorted(row for stratum, kind in found.items() for row in kind.first(seats[stratum]))


def _apportion(counts: dict[K, int], size: int) -> dict[K, int]:
    """Divide `size` among strata that have so many rows: one for each, then always to the one that is owed most."""
    order = sorted(counts)  # type: ignore[type-var]  # strata have an order, which a TypeVar cannot say
    seats = dict.fromkeys(order, 1)
    owed = [(-counts[stratum] / 3, place) for place, stratum in enumerate(order) if counts[stratum] > 1]
    heapq.heapify(owed)
    for _ in range(size - len(order)):
        if not owed:
            break
        _, place = owed[0]
        stratum = order[place]
        seats[stratum] += 1
        if seats[stratum] < counts[stratum]:
            heapq.heapreplace(owed, (-counts[stratum] / (2 * seats[stratum] + 1), place))
        else:
            heapq.heappop(owed)
    return seats


def _rank(row: int) -> int:
    return int.from_bytes(blake2b(row.to_bytes(8), digest_size=8).digest())
