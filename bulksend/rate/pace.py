"""What a bucket's limit turns out to be in practice, learnt from the service's answers."""

import math
from collections import deque

MEMORY_S = 3.0
"""For how long an accepted second counts as evidence of what the service allows."""

CUT_PAUSE_S = 1.0
"""One overload brings several throttled answers within about a second; they are one reason to slow down, not many."""

BACK_OFF = 0.97
"""After a throttled answer: this share of the best second the service accepted lately."""

NEGLIGIBLE = 0.01
"""Share of the attempts of a second that may be throttled without a reason to slow down."""

FUTILE_AFTER = 2
FUTILE_PAUSE_S = 10.0
AT_ONCE_S = 0.5
"""So many cuts in a row after which as much is throttled as before: these throttles do not come from our pace. It is
restored, and the bucket is not slowed for a while. Only where most messages are accepted: a bucket that is throttled
nearly always is over some limit, whoever uses it up."""

CLIMB_PER_S = 0.02
"""Share of the configured limit that is won back each second without a throttled answer."""

BLIND_CUT = 0.7
"""After a throttled answer before a whole second has been accepted: this share of what was tried."""

FLOOR = 0.05
"""Share of the configured limit below which a bucket never falls, so that it always finds out when it may go on."""


class Pace:
    """The share of its configured limit at which a bucket goes, from `FLOOR` to 1.

    Additive increase, and a decrease to just under what was accepted: the service accepts exactly its limit in the
    second before it throttles, so the parts accepted in that second are the best estimate of the true limit there
    is. Pure: the caller brings the time, which must not go backwards.

    Args:
        limit: the configured limit, in parts per second.
    """

    __slots__ = (
        "_accepted",
        "_blind_until",
        "_climbing_since",
        "_first",
        "_futile_cuts",
        "_last_throttled_share",
        "_limit",
        "_parts",
        "_seconds",
        "_share",
        "_share_before",
        "_throttles",
    )

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._share = 1.0
        self._climbing_since = 0.0
        self._blind_until = -math.inf  # one overload is one reason to slow down
        self._futile_cuts = 0
        self._share_before = 1.0
        self._last_throttled_share = 0.0
        self._throttles: deque[float] = deque()  # within the last second
        self._accepted: deque[tuple[float, int]] = deque()
        self._first = math.inf
        self._parts = 0  # accepted within the last second
        self._seconds: deque[tuple[float, int]] = deque()  # (when, best second so far), best first

    def share(self, now: float) -> float:
        """The share of the limit to use at `now`."""
        return min(1.0, self._share + CLIMB_PER_S * max(0.0, now - self._climbing_since)) if self._share < 1.0 else 1.0

    def accepted(self, parts: int, *, now: float) -> None:
        """The service took a message of `parts` parts."""
        self._forget(now)
        self._first = min(self._first, now)
        self._accepted.append((now, parts))
        self._parts += parts
        while self._seconds and self._seconds[-1][1] <= self._parts:
            self._seconds.pop()
        self._seconds.append((now, self._parts))

    def throttled(self, *, now: float) -> bool:
        """The service throttled a message; True when this slowed the bucket down."""
        self._forget(now)
        self._throttles.append(now)
        if now < self._blind_until:
            return False
        share, tried = self.share(now), len(self._throttles) + len(self._accepted)
        throttled_share = len(self._throttles) / tried
        if throttled_share <= NEGLIGIBLE:
            return False
        if self._is_futile(throttled_share, now):
            self._share, self._climbing_since = self._share_before, now
            self._blind_until = now + FUTILE_PAUSE_S
            self._futile_cuts = 0
            return False
        if self._seconds and now - self._first >= 1.0:
            best = self._seconds[0][1] / self._limit * BACK_OFF
        else:
            best = share * BLIND_CUT
        self._share = max(FLOOR, share / 2, min(share * BACK_OFF, best))
        self._climbing_since = self._blind_until = now + CUT_PAUSE_S
        return True

    def _is_futile(self, throttled_share: float, now: float) -> bool:
        """Whether the last cuts changed nothing; remembers this one."""
        # At once, that is: a bucket that has climbed back to its limit is throttled too, but takes a while for it.
        at_once = now < self._blind_until + AT_ONCE_S
        if at_once and self._share < 1.0 and 0.7 * self._last_throttled_share <= throttled_share < 0.5:
            self._futile_cuts += 1
        else:
            self._futile_cuts = 0
            self._share_before = self.share(now)
        self._last_throttled_share = throttled_share
        return self._futile_cuts >= FUTILE_AFTER

    def _forget(self, now: float) -> None:
        while self._throttles and self._throttles[0] <= now - 1.0:
            self._throttles.popleft()
        while self._accepted and self._accepted[0][0] <= now - 1.0:
            self._parts -= self._accepted.popleft()[1]
        while self._seconds and self._seconds[0][0] <= now - MEMORY_S:
            self._seconds.popleft()
