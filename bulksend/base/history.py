"""What became of a campaign over time: what a ledger adds up to for those who look at it afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bulksend.base.progress import Breaker, Counts, JournalEntry, Run
from bulksend.base.records import Status


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that ended alike.

    Attributes:
        status: of all of them.
        reason: in lower snake case; None without one.
        error_code: the service's exception name, or the transport error's; None without one.
        country: ISO 3166 alpha-2; None where unknown.
        messages: how many they are.
        parts: of those.
        first_row: the lowest number among them.
    """

    status: Status
    reason: str | None
    error_code: str | None
    country: str | None
    messages: int
    parts: int
    first_row: int


@dataclass(frozen=True, slots=True)
class Slot:
    """How one bucket went in one slot of `Pace`; what was sampled is None where no sample was taken.

    Attributes:
        messages: whose ending attempt was let onto the wire in the slot.
        parts: of those.
        throttled: answers, as sampled.
        allowed: parts per second that were kept to, the mean of the samples.
        in_flight: messages in the air, the most of the samples.
    """

    messages: int = 0
    parts: int = 0
    throttled: int | None = None
    allowed: float | None = None
    in_flight: int | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast messages went out: periods of activity, cut into slots of one length.

    Attributes:
        origin: when slot 0 begins, UTC.
        slot_s: how long a slot is, seconds.
        periods: first and last slot of each period, in order; between two periods nothing went out for long.
        buckets: bucket -> slot -> how it went; slots in which nothing happened are left out.
    """

    origin: datetime
    slot_s: int
    periods: tuple[tuple[int, int], ...]
    buckets: Mapping[str, Mapping[int, Slot]]


@dataclass(frozen=True, slots=True)
class DeliveryGroup:
    """Messages of which delivery events tell the same.

    Attributes:
        status: messageStatus.
        final: whether no other is expected.
        country: of their rows; None where unknown.
        messages: how many they are.
        billed_messages: of those, how many events tell the billed parts of.
        counted_parts: of these, as the plan counted.
        billed_parts: of these, as the service did.
        priced_messages: how many events tell the price of.
        price_usd: of these, in US dollars; None where no event tells any.
    """

    status: str
    final: bool
    country: str | None
    messages: int
    billed_messages: int
    counted_parts: int
    billed_parts: int
    priced_messages: int
    price_usd: float | None


@dataclass(frozen=True, slots=True)
class History:
    """A ledger at one moment; every number is of the same.

    Attributes:
        campaign: the settings it was planned with.
        summary: what the plan added up to.
        input_name: what the rows came from.
        planned_at: UTC.
        forgotten_at: when texts, numbers and the list's columns were removed, UTC; None: they were not.
        counts: with reasons.
        runs: the oldest first.
        breakers: what the service refuses since the latest run began.
        groups: of all rows.
        pace: None while nothing has gone out.
        answer_ms: milliseconds from the wire to the recorded answer -> messages; of what the service accepted or
            refused in so many words.
        attempts: how many attempts a row took -> rows, of those that ended.
        deliveries: empty until events were read.
        without_event: rows that are sent, and of whose message no event has told.
        settled: (status, reason) that a row had before events made it sent -> rows.
        feedback: "RECEIVED" or "FAILED" -> messages of which the service was told so.
        journal: the latest entries, the oldest of them first.
        journal_before: how many entries there are before those.
        last_sent_at: when the last outcome `sent` was recorded, UTC; None before the first.
    """

    campaign: Mapping[str, object]
    summary: Mapping[str, object]
    input_name: str
    planned_at: datetime
    forgotten_at: datetime | None
    counts: Counts
    runs: tuple[Run, ...]
    breakers: tuple[Breaker, ...]
    groups: tuple[Group, ...]
    pace: Pace | None
    answer_ms: Mapping[int, int]
    attempts: Mapping[int, int]
    deliveries: tuple[DeliveryGroup, ...]
    without_event: int
    settled: Mapping[tuple[Status, str | None], int]
    feedback: Mapping[str, int]
    journal: tuple[JournalEntry, ...]
    journal_before: int
    last_sent_at: datetime | None
