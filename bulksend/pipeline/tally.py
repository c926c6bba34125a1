"""Running totals of one run, for whoever watches it. The ledger has the last word."""

import math
from bisect import bisect_left
from collections import Counter, deque
from dataclasses import dataclass

from bulksend.base.progress import Counts
from bulksend.base.records import Claim, Outcome, OutcomeKind, Status

GAUGE_SPAN_S = 5.0

LATENCY_BOUNDS_S = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Upper ends of the classes that answers are counted in: close together where the service's answers are."""

LAST_REFUSED = 50
"""So many attempts that were not accepted are remembered one by one."""


class RateGauge:
    """Parts per second over the last `GAUGE_SPAN_S` seconds, or since the first part where that is less."""

    def __init__(self) -> None:
        self._released: deque[tuple[float, int]] = deque()
        self._parts = 0
        self._first = 0
        self._since: float | None = None

    def record(self, parts: int, *, now: float) -> None:
        """Count `parts` released at `now`."""
        if self._since is None:
            self._since, self._first = now, parts
        self._released.append((now, parts))
        self._parts += parts
        self._forget(now)

    def rate(self, now: float) -> float:
        """Parts per second; 0.0 before anything was released."""
        self._forget(now)
        if self._since is None:
            return 0.0
        elapsed_s = now - self._since
        if 1.0 < elapsed_s < GAUGE_SPAN_S:
            # What went at the very beginning is not of the time since: with it, any limit would look exceeded.
            return (self._parts - self._first) / elapsed_s
        # At least a second, or the first part would look like a thousand a second.
        return self._parts / (1.0 if elapsed_s <= 1.0 else GAUGE_SPAN_S)

    def _forget(self, now: float) -> None:
        while self._released and self._released[0][0] <= now - GAUGE_SPAN_S:
            self._parts -= self._released.popleft()[1]


@dataclass(frozen=True, slots=True)
class Refusal:
    """One attempt that was not accepted, without anything of the recipient but the country.

    Attributes:
        at_s: when that was known, seconds since 1970.
        bucket: that was charged.
        identity: that it was sent from.
        country: ISO 3166 alpha-2, or None.
        kind: of its outcome.
        reason: of its outcome; where it has none, the kind's name.
    """

    at_s: float
    bucket: str
    identity: str
    country: str | None
    kind: OutcomeKind
    reason: str


class Latencies:
    """How long answers took, counted in the classes that end at `LATENCY_BOUNDS_S`.

    Attributes:
        counts: answers in each class; the last one has no end.
        seconds: all of them together.
    """

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(LATENCY_BOUNDS_S) + 1)
        self.seconds = 0.0

    def add(self, latency_s: float) -> None:
        """Count an answer that took `latency_s`; one of just the length of a bound is below it."""
        self.counts[bisect_left(LATENCY_BOUNDS_S, latency_s)] += 1
        self.seconds += latency_s


class Tally:
    """Row counts by status, kept up to date from what the ledger held at the start and what was settled since.

    Attributes:
        by_status: rows.
        throttled: answers, in this run.
        sent_here: rows sent in this run.
        refused_s: when the latest message that was refused had left, in seconds of the monotonic clock.
        refusals: attempts of this run that were not accepted, by kind and reason of their outcomes.
        latest: the last `LAST_REFUSED` of them, the oldest first.
        latencies: of the answers of this run.
    """

    def __init__(self, start: Counts) -> None:
        self.by_status: Counter[Status] = Counter(dict(start.by_status))
        self.throttled = 0
        self.sent_here = 0
        self.refused_s = -math.inf
        self.refusals: Counter[tuple[OutcomeKind, str]] = Counter()
        self.latest: deque[Refusal] = deque(maxlen=LAST_REFUSED)
        self.latencies = Latencies()

    def settled(self, status: Status) -> None:
        """Count a row that reached its end."""
        self.by_status[Status.PENDING] -= 1
        self.by_status[status] += 1
        self.sent_here += status is Status.SENT

    def refused(self, claim: Claim, outcome: Outcome, *, at_s: float) -> None:
        """Count an attempt whose outcome is not SENT, known at `at_s` seconds since 1970."""
        reason = outcome.reason or outcome.kind.value
        self.refusals[outcome.kind, reason] += 1
        self.latest.append(Refusal(at_s, claim.bucket, claim.identity, claim.country, outcome.kind, reason))

    def answered(self, latency_s: float) -> None:
        """Count an answer, whatever it said, that came `latency_s` after its message had left."""
        self.latencies.add(latency_s)
