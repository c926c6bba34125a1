"""When a bucket will be done, if its recipients may be texted only at certain times."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bulksend.schedule.windows import SendWindows

ANY_TIME = ""
"""Stands for the zone of rows that have none: they may go at any time, and go when no others may."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """How sending will go.

    Attributes:
        finish: when the last message that can go will have gone, UTC; None: none can.
        waits_s: seconds until then in which none may go.
        left: zones -> parts that cannot go: these zones never open, or not before the deadline for long enough.
    """

    finish: datetime | None
    waits_s: float
    left: Mapping[str, float]


def look_ahead(
    parts: Mapping[str, float],
    *,
    parts_per_second: float,
    windows: SendWindows,
    start: datetime,
    deadline: datetime | None = None,
) -> Outlook:
    """Work out when the parts of one bucket will have gone, those whose window closes first going first.

    Args:
        parts: zones (as `names.together` has them, or `ANY_TIME`) -> parts to send.
        parts_per_second: that the bucket lets out while any may go; above 0.
        windows: in which they may.
        start: when sending begins.
        deadline: when it ends; None: when all is done.
    """
    at = start.astimezone(UTC)
    left = {zones: float(count) for zones, count in parts.items() if count > 0}
    finish: datetime | None = None
    waits_s = waited_s = 0.0
    while left and (deadline is None or at < deadline):
        changes = [windows.next_change(zones, at) for zones in left if zones != ANY_TIME]
        until = min((each for each in (*changes, deadline) if each is not None), default=None)
        zones = _next(left, windows, at)
        if zones is None:
            if until is None:
                break
            waited_s += (until - at).total_seconds()
            at = until
            continue
        waits_s += waited_s
        waited_s = 0.0
        done = at + timedelta(seconds=left[zones] / parts_per_second)
        if until is None or done <= until:
            del left[zones]
            at = done
        else:
            left[zones] -= (until - at).total_seconds() * parts_per_second
            at = until
        finish = at
    return Outlook(finish, waits_s, left)


def _next(left: Mapping[str, float], windows: SendWindows, at: datetime) -> str | None:
    """Of the zones in which it is open, the one that closes first; None: there is none."""
    never = datetime.max.replace(tzinfo=UTC)
    closing = [
        (windows.closes_at(zones, at) or never, zones)
        for zones in left
        if zones != ANY_TIME and windows.is_open(zones, at)
    ]
    if closing:
        return min(closing)[1]
    return ANY_TIME if ANY_TIME in left else None
