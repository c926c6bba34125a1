"""How often the most repeated number of a list is in it, counted in little memory."""

KEPT = 10_000
"""Numbers that are counted at once: about 2 MB."""


class Repeats:
    """Counts the numbers that a list repeats most; exact as long as it has no more than `kept` different ones.

    Of longer lists it keeps those that matter: when there is no room, every count loses one (Misra and Gries,
    "Finding repeated elements", 1982). So a count is never too high, and too low by a share of 1 / `kept` of the list
    at most. A repeated number slows a campaign down where it is a larger share than that of one second's messages.

    Args:
        kept: different numbers to count at once.
    """

    __slots__ = ("_counts", "_kept")

    def __init__(self, *, kept: int = KEPT) -> None:
        self._kept = kept
        self._counts: dict[str, int] = {}

    def add(self, number: str) -> None:
        """Count one occurrence."""
        counts = self._counts
        if number in counts:
            counts[number] += 1
        elif len(counts) < self._kept:
            counts[number] = 1
        else:
            self._counts = {one: count - 1 for one, count in counts.items() if count > 1}

    @property
    def most(self) -> int:
        """How often the most repeated number occurred, at least; 0 before the first."""
        return max(self._counts.values(), default=0)
