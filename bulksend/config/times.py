"""When a campaign goes out, by its settings."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bulksend.base.deadline import LAST_CALL_S
from bulksend.base.errors import ConfigError
from bulksend.config.model import Settings
from bulksend.config.operating import ScheduleSettings

if TYPE_CHECKING:
    from bulksend.schedule.windows import SendWindows


@dataclass(frozen=True, slots=True)
class Times:
    """[schedule], read.

    Attributes:
        start_at: nothing goes out before it, UTC; None: no such limit.
        deadline: nothing is handed over after it, UTC; None: no such limit.
        windows: when recipients may be texted; None: at any time.
    """

    start_at: datetime | None
    deadline: datetime | None
    windows: "SendWindows | None"


def times_of(schedule: ScheduleSettings) -> Times:
    """Read [schedule], which keeps its rules and those of `checks.check_schedule`."""
    from bulksend.schedule.instants import moment_of  # a plan asks only whether there is anything to read
    from bulksend.schedule.windows import SendWindows

    zone = schedule.time_zone
    return Times(
        start_at=moment_of(schedule.start_at, zone) if schedule.start_at else None,
        deadline=moment_of(schedule.deadline, zone) if schedule.deadline else None,
        windows=SendWindows(schedule.windows, schedule.quiet_hours) if has_windows(schedule) else None,
    )


def has_windows(schedule: ScheduleSettings) -> bool:
    """Whether it depends on the recipient's own time when a message may go out."""
    return bool(schedule.windows or schedule.quiet_hours)


def needs_zones(settings: Settings) -> bool:
    """Whether a plan has to say in which time zone each recipient is.

    A column of zones alone asks for it too: windows can then be set when the campaign has been planned.
    """
    return has_windows(settings.schedule) or bool(settings.recipients.time_zone)


def require_future(schedule: ScheduleSettings, now: datetime) -> None:
    """Raise `ConfigError` where the deadline has passed at `now`, or leaves no time to send a message."""
    deadline = times_of(schedule).deadline
    if deadline is None or now + timedelta(seconds=LAST_CALL_S) < deadline:
        return
    when = "has passed" if deadline <= now else f"is less than {LAST_CALL_S} s away, and nothing goes out so late"
    raise ConfigError(
        f"schedule.deadline {when}: {deadline:%Y-%m-%d %H:%M:%S} UTC; it is {now:%Y-%m-%d %H:%M:%S} UTC",
        "Set a later one, or none with --set schedule.deadline=",
    )
