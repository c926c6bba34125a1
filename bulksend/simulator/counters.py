"""Counts what arrives and what is accepted, while it happens; `stats` is what it shows."""

from collections import Counter
from collections.abc import Mapping

from bulksend.base.request import CONTEXT_CAMPAIGN, CONTEXT_ROW
from bulksend.simulator.faults import ThrottleCause
from bulksend.simulator.limits import BucketLimits
from bulksend.simulator.seen import SeenHashes, SeenRows
from bulksend.simulator.stats import (
    BucketStats,
    DuplicateStats,
    FeedbackStats,
    RecipientStats,
    SimulatorStats,
    ThrottleStats,
    Traffic,
)
from bulksend.simulator.windows import RecipientCounts, SlidingWindow, WindowPeak

Origin = tuple[str, str, str]
"""Campaign, row and attempt of a message."""


class BucketCounter:
    """Counts one bucket, whose limit `window` knows."""

    __slots__ = (
        "_accepted_peak",
        "_offered_peak",
        "_window",
        "accepted",
        "offered",
        "offered_parts",
        "oversized",
        "parts",
        "throttled",
    )

    def __init__(self, window: SlidingWindow) -> None:
        self._window = window
        self.offered = 0
        self.offered_parts = 0
        self.accepted = 0
        self.parts = 0
        self.throttled = 0
        self.oversized = 0
        self._accepted_peak = WindowPeak()
        self._offered_peak = WindowPeak()

    def offer(self, at_ns: int, parts: int) -> None:
        """Count a message that arrived."""
        self.offered += 1
        self.offered_parts += parts
        self._offered_peak.add(at_ns, parts)

    def accept(self, at_ns: int, parts: int) -> None:
        """Count a message that was accepted."""
        self.accepted += 1
        self.parts += parts
        self.oversized += parts > self._window.limit
        self._accepted_peak.add(at_ns, parts)

    def stats(self) -> BucketStats:
        """Return the numbers of this moment."""
        return BucketStats(
            mps=self._window.limit,
            offered=self.offered,
            offered_parts=self.offered_parts,
            accepted=self.accepted,
            parts=self.parts,
            throttled=self.throttled,
            oversized=self.oversized,
            fullest_accepted=self._accepted_peak.peak,
            fullest_offered=self._offered_peak.peak,
        )


class TrafficCounter:
    """Counts the messages of one kind: those with DryRun, or those without.

    Args:
        windows: bucket -> what knows its limit.
    """

    def __init__(self, windows: Mapping[str, SlidingWindow]) -> None:
        self.buckets = {name: BucketCounter(window) for name, window in windows.items()}
        self.arrived = 0
        self.throttled = dict.fromkeys(ThrottleCause, 0)

    def traffic(self) -> Traffic:
        """Return the sums of this moment."""
        buckets = self.buckets.values()
        return Traffic(
            offered=self.arrived,
            offered_parts=sum(bucket.offered_parts for bucket in buckets),
            accepted=sum(bucket.accepted for bucket in buckets),
            parts=sum(bucket.parts for bucket in buckets),
            throttled=sum(self.throttled.values()),
            throttled_by=ThrottleStats(**self.throttled),
        )

    def bucket_stats(self) -> dict[str, BucketStats]:
        """Return every bucket's numbers of this moment."""
        return {name: bucket.stats() for name, bucket in self.buckets.items()}


class RecipientCounter:
    """Remembers the most messages that any recipient was offered in a half-open second (t - 1 s, t].

    Shares no state with what limits them, so that it proves what that promises.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._counts = RecipientCounts()
        self._peak = 0

    def offer(self, at_ns: int, destination: str) -> None:
        """Count a message that arrived."""
        count = self._counts.add(at_ns, destination)
        if count > self._peak:
            self._peak = count

    def stats(self) -> RecipientStats:
        """Return the numbers of this moment."""
        return RecipientStats(limit=self._limit, fullest_offered=self._peak)


class DuplicateCounter:
    """Counts what came before; holds hashes and bits, never a number or a text."""

    def __init__(self) -> None:
        self._texts = SeenHashes()
        self._rows = SeenRows()
        self._first_attempts = SeenRows()
        self._later_attempts = SeenHashes()
        self._same_text = 0
        self._same_row = 0
        self._same_attempt = 0

    def offer(self, origin: Origin) -> None:
        """Count a message that arrived."""
        campaign, row, attempt = origin
        if attempt in ("", "1"):
            self._same_attempt += self._first_attempts.add(campaign, row)
        else:
            self._same_attempt += self._later_attempts.add((campaign, row, attempt))

    def accept(self, destination: str, text: str, origin: Origin | None) -> None:
        """Count a message that was accepted."""
        self._same_text += self._texts.add((destination.removeprefix("+"), text))
        if origin is not None:
            self._same_row += self._rows.add(origin[0], origin[1])

    def stats(self) -> DuplicateStats:
        """Return the numbers of this moment."""
        return DuplicateStats(destination_text=self._same_text, row=self._same_row, attempt=self._same_attempt)


class Counters:
    """Everything that is counted.

    Args:
        limits: know what each bucket allows, and what others use of it.
        recipient_limit: messages that a recipient can be sent in a second; 0: any number.
    """

    def __init__(self, limits: BucketLimits, recipient_limit: int) -> None:
        self._limits = limits
        self._recipient_limit = recipient_limit
        self._concurrent = 0
        self.reset()

    def reset(self) -> None:
        """Start again from nothing, but for the requests that are being served."""
        self._limits.forget_others()
        self.messages = TrafficCounter(self._limits.windows)
        self.dry_run = TrafficCounter(self._limits.dry_run_windows)
        self.recipients = RecipientCounter(self._recipient_limit)
        self.duplicates = DuplicateCounter()
        self.errors: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self._max_concurrent = self._concurrent

    def began(self) -> None:
        """Count a request as being served until `ended`."""
        self._concurrent += 1
        if self._concurrent > self._max_concurrent:
            self._max_concurrent = self._concurrent

    def ended(self) -> None:
        """Count a request as served."""
        self._concurrent -= 1

    def stats(self, *, spend_usd: float, feedback: FeedbackStats) -> SimulatorStats:
        """Return the numbers of this moment, with those that are counted elsewhere."""
        return SimulatorStats(
            messages=self.messages.traffic(),
            dry_run=self.dry_run.traffic(),
            buckets=self.messages.bucket_stats(),
            dry_run_buckets=self.dry_run.bucket_stats(),
            recipients=self.recipients.stats(),
            other_traffic=self._limits.other_traffic(),
            duplicates=self.duplicates.stats(),
            feedback=feedback,
            errors=dict(self.errors),
            faults=dict(self.faults),
            requests=dict(self.requests),
            concurrent=self._concurrent,
            max_concurrent=self._max_concurrent,
            spend_usd=spend_usd,
        )


def origin_of(context: Mapping[str, str]) -> Origin | None:
    """Return campaign, row and attempt ("" where there is none) from Context; None when it names no row."""
    value = context.get(CONTEXT_ROW)
    if value is None:
        return None
    row, _, attempt = value.partition(".")
    return context.get(CONTEXT_CAMPAIGN, ""), row, attempt
