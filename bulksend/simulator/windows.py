"""Sliding one-second windows over arrival times, exact to the nanosecond: one that limits, one that only watches."""

from collections import deque

SECOND_NS = 1_000_000_000


def to_ns(seconds: float) -> int:
    """Return `seconds` as whole nanoseconds: sums and differences of those are exact, those of floats are not."""
    return round(seconds * SECOND_NS)


class SlidingWindow:
    """Admits parts as long as no half-open second (t - 1 s, t] holds more than `limit` of them.

    What is refused takes no room. A message of more parts than the limit is admitted into an empty window only and
    then paid off: nothing else is admitted until its parts have passed at the limit's rate.

    Time never runs backward: what is asked for an earlier moment than the last one is asked for that one.
    """

    __slots__ = ("_entries", "_latest_ns", "_paid_off_ns", "_parts", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._entries: deque[tuple[int, int]] = deque()
        self._parts = 0
        self._latest_ns = -(2**63)
        self._paid_off_ns = self._latest_ns

    def has_room(self, at_ns: int, parts: int) -> bool:
        """Whether `parts` may be admitted at `at_ns`."""
        at_ns = self._advance(at_ns)
        if at_ns < self._paid_off_ns:
            return False
        return self._parts + parts <= self.limit or not self._entries

    def add(self, at_ns: int, parts: int) -> None:
        """Admit `parts` at `at_ns`, for which `has_room` was true."""
        at_ns = self._advance(at_ns)
        self._entries.append((at_ns, parts))
        self._parts += parts
        if parts > self.limit:
            self._paid_off_ns = at_ns - (-parts * SECOND_NS // self.limit)

    def change_limit(self, at_ns: int, limit: int) -> None:
        """Admit by another limit from `at_ns` on; what is owed for an oversized message is paid off at its rate."""
        at_ns = self._advance(at_ns)
        if at_ns < self._paid_off_ns:
            self._paid_off_ns = at_ns - (-(self._paid_off_ns - at_ns) * self.limit // limit)
        self.limit = limit

    def _advance(self, at_ns: int) -> int:
        """Forget what left the window that ends at `at_ns`; return the moment that counts."""
        if at_ns <= self._latest_ns:
            return self._latest_ns
        self._latest_ns = at_ns
        entries, horizon = self._entries, at_ns - SECOND_NS
        while entries and entries[0][0] <= horizon:
            self._parts -= entries.popleft()[1]
        return at_ns


class WindowPeak:
    """Remembers the most parts that any half-open second (t - 1 s, t] held.

    Only windows that end with an arrival are looked at: no other holds more. Shares no state with `SlidingWindow`,
    so that it proves what that promises.
    """

    __slots__ = ("_entries", "_latest_ns", "_parts", "peak")

    def __init__(self) -> None:
        self._entries: deque[tuple[int, int]] = deque()
        self._parts = 0
        self._latest_ns = -(2**63)
        self.peak = 0

    def add(self, at_ns: int, parts: int) -> None:
        """Count `parts` that arrived at `at_ns`; a moment before the last one counts as that one."""
        entries = self._entries
        if at_ns > self._latest_ns:
            self._latest_ns = at_ns
            horizon = at_ns - SECOND_NS
            while entries and entries[0][0] <= horizon:
                self._parts -= entries.popleft()[1]
        entries.append((self._latest_ns, parts))
        self._parts += parts
        if self._parts > self.peak:
            self.peak = self._parts


class RecipientCounts:
    """Counts what each recipient had in the half-open second (t - 1 s, t], and knows no recipient for longer.

    A moment before the last one counts as that one.
    """

    __slots__ = ("_counts", "_entries", "_latest_ns")

    def __init__(self) -> None:
        self._entries: deque[tuple[int, str]] = deque()
        self._counts: dict[str, int] = {}
        self._latest_ns = -(2**63)

    def __len__(self) -> int:
        return len(self._counts)

    def count(self, at_ns: int, recipient: str) -> int:
        """Return how many messages `recipient` had in the second that ends at `at_ns`."""
        if at_ns > self._latest_ns:
            self._advance(at_ns)
        return self._counts.get(recipient, 0)

    def add(self, at_ns: int, recipient: str) -> int:
        """Count a message to `recipient` at `at_ns`; return how many it then had in the second that ends there."""
        if at_ns > self._latest_ns:
            self._advance(at_ns)
        self._entries.append((self._latest_ns, recipient))
        self._counts[recipient] = count = self._counts.get(recipient, 0) + 1
        return count

    def _advance(self, at_ns: int) -> None:
        """Forget what left the window that ends at `at_ns`."""
        self._latest_ns = at_ns
        entries, counts = self._entries, self._counts
        horizon = at_ns - SECOND_NS
        while entries and entries[0][0] <= horizon:
            _, recipient = entries.popleft()
            if counts[recipient] == 1:
                del counts[recipient]
            else:
                counts[recipient] -= 1
