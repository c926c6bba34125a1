"""What a rehearsal's figures say: how much of every limit was used, and what would have to change to be faster."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

FULL = 0.95
"""Share of what a limit leaves to be used, from which on it counts as used up."""

BUSY = 0.8
"""Share of its time that an event loop ran or wanted to, from which on it is the processor that it waits for. Not 1:
the ledger's thread takes the interpreter's lock from it, and a loop that is nearly full is late."""

OFTEN_THROTTLED = 0.02
"""Share of throttled requests from which on throttling is what holds a campaign up."""

FEW = 3
"""Throttled requests that are no more than chance, whatever share they are of a short list."""

STARVED = 0.1
"""Share of a bucket's time without a message at hand, from which on it waits for whoever is to bring one."""

SHORT = 0.5
"""A bucket that is done releasing before this share of its time waits for answers more than for its turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketRun:
    """One bucket of a rehearsal, as it went.

    Attributes:
        bucket: its name.
        mps: its limit, in parts per second, as it was rehearsed.
        messages: released, those that were tried again each time.
        parts: of these.
        largest: parts of the largest message.
        first_s: when its first message was released, in seconds from the start.
        last_s: when its last one was.
        parts_between: parts but those of the first message or those of the last, whichever are more: what is sure to
            have been paid for between the two moments.
        fullest_released: most parts released in a second.
        fullest_arrived: most parts that arrived at the simulator in a second.
        throttled: requests that were answered that they were too many.
        starved_s: seconds in which no message of it was at hand, and the ledger had been asked for some.
    """

    bucket: str
    mps: int
    messages: int
    parts: int
    largest: int
    first_s: float
    last_s: float
    parts_between: int
    fullest_released: int
    fullest_arrived: int
    throttled: int
    starved_s: float

    @property
    def span_s(self) -> float:
        """Seconds from the first release to the last."""
        return self.last_s - self.first_s

    @property
    def parts_per_second(self) -> float | None:
        """From the first release to the last; None where that is less than a second, in which no limit is felt."""
        return self.parts_between / self.span_s if self.span_s >= 1.0 else None

    @property
    def used(self) -> float | None:
        """Share of the limit that was used, 1 for all of it; None as for `parts_per_second`."""
        rate = self.parts_per_second
        return None if rate is None else rate / self.mps


@dataclass(frozen=True, slots=True)
class Load:
    """What an event loop had of the processor, in seconds; `waited_s`: that it wanted and others had."""

    ran_s: float
    waited_s: float = 0.0

    @property
    def wanted_s(self) -> float:
        """What it would have taken from a processor of its own."""
        return self.ran_s + self.waited_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A rehearsal in figures.

    Attributes:
        seconds: from the first claim to the last outcome.
        speed: how many times faster than life it went.
        headroom: share of each limit left unused.
        requests_per_second: of the account, as rehearsed; 0: no such limit.
        buckets: those that had something to send.
        loop: of this process's event loop.
        simulator: of the simulator's; None where the system does not tell.
        most_in_flight: messages on the wire at once.
        max_in_flight: that may be, at most.
        recipient_waits: how often a message had to wait for its recipient, who had just been sent another.
        median_s: of the answers, from the release.
        p99_s: that one answer in a hundred exceeds.
        process_s: seconds of processors that this process took, all its threads together.
        processors: that this machine has.
        peak_memory_bytes: most memory that this process held, planning included.
    """

    seconds: float
    speed: int
    headroom: float
    requests_per_second: int
    buckets: Sequence[BucketRun]
    loop: Load
    simulator: Load | None
    most_in_flight: int
    max_in_flight: int
    recipient_waits: int
    median_s: float
    p99_s: float
    process_s: float
    processors: int
    peak_memory_bytes: int

    @property
    def seconds_at_limits(self) -> float:
        """How long the same messages take in life, if nothing but the limits holds them up; 0.0 without any."""
        usable = (1.0 - self.headroom) / self.speed
        by_bucket = [each.parts / (each.mps * usable) for each in self.buckets]
        if self.requests_per_second:
            by_bucket.append(sum(each.messages for each in self.buckets) / (self.requests_per_second * usable))
        return max(by_bucket, default=0.0)


class Cause(StrEnum):
    """What a campaign cannot go faster for."""

    NOTHING = "nothing"  # nothing was sent
    LIMIT = "limit"
    WHOLE_MESSAGES = "whole_messages"  # the limit too: messages of several parts do not fill every second of it
    ACCOUNT = "account"
    RECIPIENT = "recipient"
    THROTTLING = "throttling"
    PROCESSOR = "processor"
    SIMULATOR = "simulator"  # the processor, of the simulator; at the service there is none
    CONNECTIONS = "connections"
    LEDGER = "ledger"
    LATENCY = "latency"
    STALLS = "stalls"  # nothing that is measured was scarce, and yet messages went out late


MACHINE = frozenset({Cause.PROCESSOR, Cause.SIMULATOR, Cause.CONNECTIONS, Cause.LEDGER, Cause.STALLS})
"""Causes on this side of the wire: with one of these, the machine did not keep up with the limits."""


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """What held the campaign up, and the figure that says so.

    Attributes:
        cause: what it was.
        bucket: the one that was done last, which is as long as the campaign takes; "" with NOTHING.
        value: the figure: for LIMIT, WHOLE_MESSAGES, STALLS and ACCOUNT a rate (parts or requests per second), for
            RECIPIENT how many waits, for CONNECTIONS how many messages, for LATENCY seconds, else a share.
        limit: what `value` is to be compared with.
    """

    cause: Cause
    bucket: str
    value: float
    limit: float

    @property
    def kept_up(self) -> bool:
        """Whether the machine was no hindrance."""
        return self.cause not in MACHINE


def bottleneck(measured: Measured) -> Bottleneck:
    """Say what the bucket that was done last waited for, the strictest evidence first.

    A limit that was used up is the answer, whatever else was near its end. Then come the processors (a loop that is
    late is throttled for it), what the service said, the connections and the ledger; and where nothing of that was
    scarce, the time that answers take.
    """
    if not measured.buckets:
        return Bottleneck(Cause.NOTHING, "", 0.0, 0.0)
    last = max(measured.buckets, key=lambda each: each.last_s)
    usable = 1.0 - measured.headroom
    used = last.used
    if used is not None and used >= FULL * usable:
        return Bottleneck(Cause.LIMIT, last.bucket, last.parts_per_second or 0.0, last.mps)
    requests_per_second = _request_rate(measured)
    if measured.requests_per_second and requests_per_second >= FULL * usable * measured.requests_per_second:
        return Bottleneck(Cause.ACCOUNT, last.bucket, requests_per_second, measured.requests_per_second)
    return _short_of_the_limits(measured, last, usable)


def _short_of_the_limits(measured: Measured, last: BucketRun, usable: float) -> Bottleneck:
    """What was scarce, where no limit was."""
    seconds = max(measured.seconds, 1e-9)
    span_s = max(last.span_s, 1e-9)
    simulator = 0.0 if measured.simulator is None else measured.simulator.wanted_s / seconds
    loop = measured.loop.wanted_s / seconds
    if max(loop, simulator) >= BUSY:
        cause = Cause.PROCESSOR if loop >= simulator else Cause.SIMULATOR
        return Bottleneck(cause, last.bucket, max(loop, simulator), BUSY)
    if last.throttled >= max(FEW, OFTEN_THROTTLED * last.messages):
        return Bottleneck(Cause.THROTTLING, last.bucket, last.throttled / last.messages, OFTEN_THROTTLED)
    if measured.most_in_flight >= measured.max_in_flight:
        return Bottleneck(Cause.CONNECTIONS, last.bucket, measured.most_in_flight, measured.max_in_flight)
    if last.starved_s >= STARVED * seconds:
        return Bottleneck(Cause.LEDGER, last.bucket, min(1.0, last.starved_s / seconds), STARVED)
    if last.used is None or span_s < SHORT * seconds:
        return Bottleneck(Cause.LATENCY, last.bucket, measured.p99_s, measured.seconds)
    if measured.recipient_waits:
        return Bottleneck(Cause.RECIPIENT, last.bucket, measured.recipient_waits, last.messages)
    if _used_at_least(last) * usable * FULL <= (last.used or 0.0):
        return Bottleneck(Cause.WHOLE_MESSAGES, last.bucket, last.parts_per_second or 0.0, last.mps)
    return Bottleneck(Cause.STALLS, last.bucket, last.parts_per_second or 0.0, last.mps)


def _used_at_least(bucket: BucketRun) -> float:
    """The share of a limit that is used, at least, where whole messages do not fill every second.

    Of every second as many parts can stay unused as the largest message has, less one.
    """
    return 1.0 - (bucket.largest - 1) / max(bucket.mps, bucket.largest)


def _request_rate(measured: Measured) -> float:
    """Requests per second over all buckets, from the first release to the last."""
    first_s = min(each.first_s for each in measured.buckets)
    span_s = max(each.last_s for each in measured.buckets) - first_s
    requests = sum(each.messages for each in measured.buckets) - 1
    return requests / span_s if span_s > 0.0 else 0.0
