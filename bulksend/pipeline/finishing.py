"""When a planned campaign would be done, by the wall clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bulksend.config.model import Settings
from bulksend.config.times import times_of
from bulksend.pipeline.totals import PlanTotals
from bulksend.schedule.outlook import ANY_TIME, look_ahead
from bulksend.schedule.windows import SendWindows


@dataclass(frozen=True, slots=True)
class Finish:
    """When sending would begin and end; all times in UTC.

    Attributes:
        begins_at: at once, or at `schedule.start_at` where that is later.
        is_scheduled: `schedule.start_at` decides it.
        deadline: of the campaign; None: none.
        buckets: name -> when its last message would go; None: not all of them find a time to go. Buckets without a
            message are not in it.
        parts_left: bucket -> parts that find no time: their recipients' windows never open, or not before the deadline.
        ends_at: when the last message would go; None: there is none, or some find no time.
    """

    begins_at: datetime
    is_scheduled: bool
    deadline: datetime | None
    buckets: Mapping[str, datetime | None]
    parts_left: Mapping[str, int]
    ends_at: datetime | None


def finish_of(settings: Settings, totals: PlanTotals, *, now: datetime) -> Finish:
    """Work out when `totals` would be done if sending began at `now`, an aware moment.

    Within windows a bucket is taken to go at the average pace that it needs for all of its messages, those whose window
    closes first going first.
    """
    times = times_of(settings.schedule)
    now = now.astimezone(UTC)
    begins_at = now if times.start_at is None else max(now, times.start_at)
    windows = times.windows or SendWindows()
    buckets: dict[str, datetime | None] = {}
    left: dict[str, int] = {}
    for name, bucket in totals.buckets.items():
        if not bucket.messages:
            continue
        if times.windows is None and times.deadline is None:
            buckets[name] = begins_at + timedelta(seconds=bucket.eta_seconds)
            continue
        zones: dict[str, float] = dict(totals.zones.get(name, {})) if times.windows is not None else {}
        zones[ANY_TIME] = bucket.parts - sum(zones.values())
        outlook = look_ahead(
            zones,
            parts_per_second=bucket.parts / bucket.eta_seconds,
            windows=windows,
            start=begins_at,
            deadline=times.deadline,
        )
        missing = round(sum(outlook.left.values()))
        buckets[name] = None if missing else outlook.finish
        if missing:
            left[name] = missing
    ends = [each for each in buckets.values() if each is not None]
    # What holds for all buckets together (requests, one recipient) can take longer than any of them.
    ends_at = max(*ends, begins_at + timedelta(seconds=totals.eta_seconds)) if ends and not left else None
    return Finish(begins_at, begins_at > now, times.deadline, buckets, left, ends_at)
