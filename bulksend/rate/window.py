"""What was released lately: the guard that makes any one-second window fit the limit, whatever the message sizes."""

from collections import deque


class SlidingWindow:
    """Parts released within the last `span_s` seconds, of which there may be at most `limit`.

    A token bucket alone bounds a window of one second only to the limit plus the largest message less one part: after
    a second of single parts a 10-part message lands on top. The window costs nothing in the long run, because every
    part that leaves it admits the next.

    A message of more parts than `limit` is admitted alone and occupies the window longer, in proportion: four parts
    under a limit of three for 4/3 of the span. Pure: the caller brings the time, which must not go backwards.

    Attributes:
        limit: parts; at least 1. It may be changed, and holds for what is released from then on.

    Args:
        limit: to begin with.
        span_s: seconds a part stays in the window; a little over 1, so that the jitter of the network cannot push
            two messages that left a second apart into one second at the service.
    """

    __slots__ = ("_entries", "_parts", "_span_s", "limit")

    def __init__(self, *, limit: int, span_s: float) -> None:
        self.limit = limit
        self._span_s = span_s
        self._entries: deque[tuple[float, int]] = deque()  # (leaves at, parts), by time
        self._parts = 0

    def wait_s(self, parts: int, *, now: float) -> float:
        """Seconds until `parts` fit, 0.0 when they fit now and nothing else is released before."""
        entries = self._entries
        while entries and entries[0][0] <= now:
            self._parts -= entries.popleft()[1]
        excess = self._parts + min(parts, self.limit) - self.limit
        if excess <= 0:
            return 0.0
        for leaves_at, leaving in entries:
            excess -= leaving
            if excess <= 0:
                return leaves_at - now
        raise AssertionError("the window holds fewer parts than it counts")

    def record(self, parts: int, *, now: float) -> None:
        """Count `parts` as released at `now`; the caller has made sure that they fit."""
        self._entries.append((now + self._span_s * max(1.0, parts / self.limit), parts))
        self._parts += parts

    def occupy(self, *, until: float) -> None:
        """Let nothing in before `until`, which nobody who is in it stays beyond: a debt of before."""
        self._entries.append((until, self.limit))
        self._parts += self.limit

    def __repr__(self) -> str:
        return f"SlidingWindow({self._parts} of {self.limit} parts in {self._span_s:.4f} s)"
