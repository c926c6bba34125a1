"""Running totals of one run, for whoever watches it. The ledger has the last word."""

import math
from collections import Counter, deque

from bulksend.base.progress import Counts
from bulksend.base.records import Status

GAUGE_SPAN_S = 5.0


class RateGauge:
    """Parts per second over the last `GAUGE_SPAN_S` seconds, or since the first part where that is less."""

    def __init__(self) -> None:
        self._released: deque[tuple[float, int]] = deque()
        self._parts = 0
        self._since: float | None = None

    def record(self, parts: int, *, now: float) -> None:
        """Count `parts` released at `now`."""
        if self._since is None:
            self._since = now
        self._released.append((now, parts))
        self._parts += parts
        self._forget(now)

    def rate(self, now: float) -> float:
        """Parts per second; 0.0 before anything was released."""
        self._forget(now)
        if self._since is None:
            return 0.0
        # At least a second, or the first part would look like a thousand a second.
        return self._parts / max(1.0, min(GAUGE_SPAN_S, now - self._since))

    def _forget(self, now: float) -> None:
        while self._released and self._released[0][0] <= now - GAUGE_SPAN_S:
            self._parts -= self._released.popleft()[1]


class Tally:
    """Row counts by status, kept up to date from what the ledger held at the start and what was settled since."""

    def __init__(self, start: Counts) -> None:
        self.by_status: Counter[Status] = Counter(dict(start.by_status))
        self.throttled = 0
        self.sent_here = 0
        self.refused_s = -math.inf  # when the latest message that was refused had left

    def settled(self, status: Status) -> None:
        """Count a row that reached its end."""
        self.by_status[Status.PENDING] -= 1
        self.by_status[status] += 1
        self.sent_here += status is Status.SENT
