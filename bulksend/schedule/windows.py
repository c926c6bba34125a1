"""When recipients may be texted, in their own time, and when that changes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from bulksend.schedule.names import apart, clock_of
from bulksend.schedule.week import DAY_MINUTES, WEEK_MINUTES, WrongWindow, minutes_of

HORIZON = timedelta(days=400)
"""How far ahead is looked: what is closed for more than a year, through every change of clocks, stays closed."""

_OPEN = b"\1"
_CLOSED = b"\0"

_DAY = timedelta(days=1)
_LOOK = timedelta(days=3)
"""How often the offset of a zone is looked at: since there is SMS, none has changed twice in less than six days."""

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class _Spell:
    """A time through which it is open, or closed: from `begin` to before `end`; None: for good, as seen at `begin`."""

    begin: datetime
    end: datetime | None
    is_open: bool

    def holds(self, at: datetime) -> bool:
        # "For good" is as far as was looked, so it is looked again a day later.
        return self.begin <= at < (self.begin + _DAY if self.end is None else self.end)


class SendWindows:
    """The times at which messages may go out, the same for all recipients by their own clocks.

    `zones`, of every method, is one time zone or several with + between them (`names.together`): the recipient is in
    one of these, and may be texted when all of them allow it. Moments are aware; those returned are in UTC, but for
    a moment that was given.

    Args:
        windows: times that are open, such as "mon-fri 09:00-20:00"; none: all.
        quiet_hours: a time that is closed all the same, such as "21:00-08:00"; "" for none.

    Raises:
        WrongWindow: one of them is no time, or together they leave no minute of the week open.
    """

    def __init__(self, windows: Sequence[str] = (), quiet_hours: str = "") -> None:
        week = bytes(WEEK_MINUTES) if windows else _OPEN * WEEK_MINUTES
        for window in windows:
            week = bytes(map(max, week, minutes_of(window)))
        if quiet_hours:
            quiet = minutes_of(quiet_hours, days=False)
            week = bytes(map(int.__gt__, week, quiet))
        if not any(week):
            raise WrongWindow("leaves no time at all to send in")
        self._week = week
        self._weeks: dict[frozenset[int], bytes] = {}
        self._spells: dict[str, _Spell] = {}

    def is_open(self, zones: str, at: datetime) -> bool:
        """Whether a recipient in `zones` may be texted at that moment."""
        return self._spell(zones, at).is_open

    def next_change(self, zones: str, at: datetime) -> datetime | None:
        """The first moment after `at` from which `is_open` says something else; None: none within `HORIZON`."""
        return self._spell(zones, at).end

    def opens_at(self, zones: str, at: datetime) -> datetime | None:
        """The first moment, from `at` on, at which it is open: `at` itself where it is; None: never."""
        return at if self.is_open(zones, at) else self.next_change(zones, at)

    def closes_at(self, zones: str, at: datetime) -> datetime | None:
        """The first moment, from `at` on, at which it is closed: `at` itself where it is; None: never."""
        return self.next_change(zones, at) if self.is_open(zones, at) else at

    def _spell(self, zones: str, at: datetime) -> _Spell:
        """The spell that `at` is in: the one found last, as long as it lasts."""
        spell = self._spells.get(zones)
        if spell is None or not spell.holds(at):
            spell = self._spells[zones] = self._find(_clocks(zones), at.astimezone(UTC))
        return spell

    def _find(self, clocks: Sequence[ZoneInfo], at: datetime) -> _Spell:
        """The spell that `at` is in, from `at` on.

        As long as no zone's offset changes, one week is like the other: so of the time between two changes of clocks
        a week is looked at, whatever the number of zones.
        """
        first = self._open_weeks(clocks, at)[_minute(at)]
        other = _CLOSED if first else _OPEN
        begin, horizon = at, at + HORIZON
        while begin <= horizon:
            end = min(_next_shift(clock, begin) for clock in clocks)
            week = self._open_weeks(clocks, begin)
            minutes = (2 * week).find(other, _minute(begin)) - _minute(begin)
            moment = begin.replace(second=0, microsecond=0) + timedelta(minutes=minutes)
            # What would come at the very moment of a shift is for the offsets after it to say.
            if minutes >= 0 and moment < end:
                return _Spell(at, moment, bool(first))
            begin = end
        return _Spell(at, None, bool(first))

    def _open_weeks(self, clocks: Sequence[ZoneInfo], at: datetime) -> bytes:
        """For each minute of a week in UTC whether it is open in all zones, with the offsets that they have at `at`."""
        offsets = frozenset(_offset_minutes(clock, at) for clock in clocks)
        found = self._weeks.get(offsets)
        if found is None:
            shared = int.from_bytes(_OPEN * WEEK_MINUTES)
            for offset in offsets:
                ahead = offset % WEEK_MINUTES
                shared &= int.from_bytes(self._week[ahead:] + self._week[:ahead])
            found = self._weeks[offsets] = shared.to_bytes(WEEK_MINUTES)
        return found


@lru_cache(maxsize=4096)
def _clocks(zones: str) -> tuple[ZoneInfo, ...]:
    return tuple(ZoneInfo(name) for name in sorted({clock_of(name) for name in apart(zones)}))


def _minute(at: datetime) -> int:
    """Minutes since Monday, 00:00 UTC."""
    return at.weekday() * DAY_MINUTES + at.hour * 60 + at.minute


def _offset(clock: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(clock).utcoffset() or timedelta()


def _offset_minutes(clock: ZoneInfo, at: datetime) -> int:
    return _offset(clock, at) // timedelta(minutes=1)


def _next_shift(clock: ZoneInfo, after: datetime) -> datetime:
    """The first moment after `after` at which the offset of a zone changes; a year's end at the latest."""
    shifts = _shifts(clock, after.year)
    return next(moment for moment in shifts if moment > after)


@lru_cache(maxsize=4096)
def _shifts(clock: ZoneInfo, year: int) -> tuple[datetime, ...]:
    """The moments of a year, UTC, at which the offset of a zone changes; and its end."""
    end = datetime(year + 1, 1, 1, tzinfo=UTC)
    return (*_shifts_until(clock, datetime(year, 1, 1, tzinfo=UTC), end), end)


def _shifts_until(clock: ZoneInfo, begin: datetime, end: datetime) -> Iterator[datetime]:
    while begin < end:
        after = min(begin + _LOOK, end)
        if (old := _offset(clock, begin)) != _offset(clock, after):
            low, high = begin, after
            while high - low > _SECOND:
                middle = low + (high - low) // 2
                if _offset(clock, middle) == old:
                    low = middle
                else:
                    high = middle
            yield high.replace(microsecond=0)
        begin = after
