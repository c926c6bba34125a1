"""What is told: every metric by name, and its values at one moment of a run.

No label ever holds anything of a recipient. An origination identity is the sender's own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from bulksend import __version__
from bulksend.base.progress import Phase
from bulksend.base.records import Status
from bulksend.pipeline.tally import LATENCY_BOUNDS_S
from bulksend.pipeline.watched import Watched


class Kind(StrEnum):
    """What may be done with a metric's values."""

    GAUGE = "gauge"
    COUNTER = "counter"  # of this run; goes up only
    HISTOGRAM = "histogram"  # likewise


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: in Prometheus, without what that adds to a counter (`_total`) or a histogram.
        kind: see `Kind`.
        labels: their names, `campaign` apart, which all have.
        unit: as OpenTelemetry writes it (UCUM).
        meaning: one sentence.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    unit: str
    meaning: str

    @property
    def exposed(self) -> str:
        """Its name as Prometheus shows it."""
        return f"{self.name}_total" if self.kind is Kind.COUNTER else self.name

    @property
    def dotted(self) -> str:
        """Its name in OpenTelemetry, where the unit stands apart."""
        for ending in ("_seconds", "_parts_per_second"):
            if self.name.endswith(ending) and self.unit:
                return self.name.removesuffix(ending).replace("_", ".", 1)
        return self.name.replace("_", ".", 1)


INFO = Metric("bulksend_info", Kind.GAUGE, ("version",), "", "1; the version of bulksend.")
ROWS = Metric("bulksend_rows", Kind.GAUGE, ("status",), "{row}", "Rows of the campaign, all runs together.")
SENT = Metric("bulksend_sent", Kind.COUNTER, (), "{message}", "Messages that the service accepted.")
REFUSED = Metric(
    "bulksend_not_accepted", Kind.COUNTER, ("kind", "reason"), "{attempt}", "Attempts that were not accepted."
)
ANSWER = Metric(
    "bulksend_answer_seconds", Kind.HISTOGRAM, (), "s", "From the moment a message left until its answer was there."
)
PHASE = Metric("bulksend_phase", Kind.GAUGE, ("phase",), "", "1 for what the run is doing, 0 for all else.")
NOT_SENDING = Metric("bulksend_not_sending", Kind.GAUGE, ("reason",), "", "1, and why; absent while it sends.")
UNTIL = Metric(
    "bulksend_waits_until_timestamp_seconds", Kind.GAUGE, (), "s", "When it goes on by itself; absent if nobody knows."
)
LEFT = Metric(
    "bulksend_left_seconds",
    Kind.GAUGE,
    (),
    "s",
    "Until the slowest bucket is done, while messages go out; else absent.",
)
BREAKER = Metric(
    "bulksend_breaker", Kind.GAUGE, ("identity", "country", "reason"), "",
    "1 for what the service refuses: an identity, or its route to a country.",
)  # fmt: skip
BUCKET_MESSAGES = Metric(
    "bulksend_bucket_messages", Kind.GAUGE, ("bucket",), "{message}", "Messages of the bucket in the campaign."
)
BUCKET_DONE = Metric(
    "bulksend_bucket_messages_done", Kind.GAUGE, ("bucket",), "{message}", "Of those, sent, failed or unknown."
)
BUCKET_PARTS = Metric("bulksend_bucket_parts", Kind.GAUGE, ("bucket",), "{part}", "Parts of the bucket's messages.")
BUCKET_PARTS_DONE = Metric(
    "bulksend_bucket_parts_done", Kind.GAUGE, ("bucket",), "{part}", "Of those, in messages that are done."
)
BUCKET_RATE = Metric(
    "bulksend_bucket_rate_parts_per_second", Kind.GAUGE, ("bucket",), "{part}/s", "Let out in the last five seconds."
)
BUCKET_LIMIT = Metric(
    "bulksend_bucket_limit_parts_per_second", Kind.GAUGE, ("bucket",), "{part}/s", "The limit, as configured."
)
BUCKET_ALLOWED = Metric(
    "bulksend_bucket_allowed_parts_per_second", Kind.GAUGE, ("bucket",), "{part}/s",
    "What is kept to: the limit, what throttling taught or what an operator ordered, less the headroom.",
)  # fmt: skip
BUCKET_ORDERED = Metric(
    "bulksend_bucket_ordered_parts_per_second", Kind.GAUGE, ("bucket",), "{part}/s",
    "What an operator turned it down to; absent if nobody did.",
)  # fmt: skip
BUCKET_THROTTLED = Metric(
    "bulksend_bucket_throttled", Kind.COUNTER, ("bucket",), "{answer}", "Answers that throttled the bucket."
)
BUCKET_IN_FLIGHT = Metric(
    "bulksend_bucket_in_flight", Kind.GAUGE, ("bucket",), "{message}", "Messages without an answer yet."
)

METRICS = (
    INFO, ROWS, SENT, REFUSED, ANSWER, PHASE, NOT_SENDING, UNTIL, LEFT, BREAKER, BUCKET_MESSAGES, BUCKET_DONE,
    BUCKET_PARTS, BUCKET_PARTS_DONE, BUCKET_RATE, BUCKET_LIMIT, BUCKET_ALLOWED, BUCKET_ORDERED, BUCKET_THROTTLED,
    BUCKET_IN_FLIGHT,
)  # fmt: skip
"""All there are."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """A histogram's values.

    Attributes:
        counts: in each of the classes that end at `LATENCY_BOUNDS_S`, and in the one that has no end.
        total: of all values together.
    """

    counts: tuple[int, ...]
    total: float

    def cumulative(self) -> Iterator[tuple[str, int]]:
        """Each bound as Prometheus writes it, and how many values are at or below it."""
        below = 0
        for bound, count in zip((*map(str, LATENCY_BOUNDS_S), "+Inf"), self.counts, strict=True):
            below += count
            yield bound, below


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of a metric, with the values of its labels in their order."""

    metric: Metric
    labels: tuple[str, ...]
    value: float | Distribution


def readings(watched: Watched) -> tuple[Reading, ...]:
    """All values of this moment. To be called from the run's own loop; takes under a millisecond for 100 buckets."""
    return tuple(_read(watched))


def _read(watched: Watched) -> Iterator[Reading]:
    yield Reading(INFO, (__version__,), 1)
    tally, state = watched.tally, watched.state
    if tally is None:
        return
    for status in Status:
        yield Reading(ROWS, (status.value,), tally.by_status[status])
    yield Reading(SENT, (), tally.sent_here)
    for (kind, reason), times in tally.refusals.items():
        yield Reading(REFUSED, (kind.value, reason), times)
    yield Reading(ANSWER, (), Distribution(tuple(tally.latencies.counts), tally.latencies.seconds))
    for phase in Phase:
        yield Reading(PHASE, (phase.value,), int(phase is state.phase))
    if state.phase is not Phase.SENDING:
        yield Reading(NOT_SENDING, (state.reason or state.phase.value,), 1)
    if state.until is not None:
        yield Reading(UNTIL, (), state.until.timestamp())
    for (identity, country), reason in watched.breakers.stopped.items():
        yield Reading(BREAKER, (identity, country or "", reason), 1)
    lanes = watched.progress()
    if state.phase is Phase.SENDING:
        seconds = [max(0, lane.parts - lane.parts_done) / lane.allowed for lane in lanes if lane.allowed]
        yield Reading(LEFT, (), max(seconds, default=0.0))
    for lane in lanes:
        bucket = (lane.bucket,)
        yield Reading(BUCKET_MESSAGES, bucket, lane.messages)
        yield Reading(BUCKET_DONE, bucket, lane.messages_done)
        yield Reading(BUCKET_PARTS, bucket, lane.parts)
        yield Reading(BUCKET_PARTS_DONE, bucket, lane.parts_done)
        yield Reading(BUCKET_RATE, bucket, lane.rate)
        yield Reading(BUCKET_LIMIT, bucket, lane.mps)
        yield Reading(BUCKET_ALLOWED, bucket, lane.allowed)
        if lane.bucket in state.ordered:
            yield Reading(BUCKET_ORDERED, bucket, state.ordered[lane.bucket])
        yield Reading(BUCKET_THROTTLED, bucket, lane.throttled)
        yield Reading(BUCKET_IN_FLIGHT, bucket, lane.in_flight)
