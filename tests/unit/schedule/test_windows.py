"""Windows, against a reference that asks every minute what the recipients' clocks say."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bulksend.schedule.week import WrongWindow, minutes_of
from bulksend.schedule.windows import SendWindows

ZONES = (
    "America/New_York",
    "America/St_Johns",  # half an hour
    "Asia/Kathmandu",  # :45
    "Asia/Kolkata",  # :30
    "Australia/Lord_Howe",  # changes by half an hour
    "Europe/London",
    "Pacific/Apia",
    "Africa/Casablanca",  # the other way round, in Ramadan
    "UTC",
)
CHANGES = (
    datetime(2026, 3, 8, 7, tzinfo=UTC),  # New York forward
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),  # Lord Howe forward
    datetime(2026, 4, 4, 15, tzinfo=UTC),  # Lord Howe back
    datetime(2026, 10, 25, 1, tzinfo=UTC),  # London back
    datetime(2026, 12, 31, 23, 59, tzinfo=UTC),
)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

ROUND = ("00:00-01:00", "01:00-02:00", "01:30-02:30", "02:00-03:00", "02:15-02:45", "09:00-20:00", "23:59-24:00",
         "21:00-08:00", "23:30-00:30", "00:00-24:00")  # fmt: skip


def span(begin: int, length: int) -> str:
    """The span from that minute of a day on."""
    end = (begin + length) % 1440
    return f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"


spans = st.sampled_from(ROUND) | st.builds(span, st.integers(0, 1439), st.integers(1, 1439))
days = st.sampled_from(DAYS) | st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS)).map("-".join)
written = spans | st.tuples(days, spans).map(" ".join)
moments = st.tuples(st.sampled_from(CHANGES), st.integers(-3 * 86_400, 3 * 86_400)).map(
    lambda pair: pair[0] + timedelta(seconds=pair[1])
)


def says(window: str, local: datetime) -> bool:
    """Whether a window, as written, holds that local time: read anew, one minute at a time."""
    days, _, span = window.rpartition(" ")
    begin, end = span.split("-")
    named = set(DAYS)
    if days:
        first, _, last = days.partition("-")
        at = DAYS.index(first)
        named = {DAYS[at]}
        while last and DAYS[at] != last:
            at = (at + 1) % 7
            named.add(DAYS[at])
    time, today, yesterday = f"{local:%H:%M}", DAYS[local.weekday()], DAYS[local.weekday() - 1]
    if begin < end:
        return today in named and begin <= time < end
    return (today in named and time >= begin) or (yesterday in named and time < end)


def is_open(windows: list[str], quiet: str, zones: list[str], at: datetime) -> bool:
    """The reference."""
    clocks = [at.astimezone(ZoneInfo(zone)) for zone in zones]
    return all(
        (not windows or any(says(window, local) for window in windows)) and not (quiet and says(quiet, local))
        for local in clocks
    )


@given(
    windows=st.lists(written, max_size=3),
    quiet=spans | st.just(""),
    zones=st.lists(st.sampled_from(ZONES), min_size=1, max_size=3, unique=True),
    at=moments,
)
@example(["sun 01:30-02:30"], "", ["America/New_York"], datetime(2026, 3, 8, 5, 59, 59, tzinfo=UTC))
@example(["sun 01:00-01:30"], "", ["Europe/London"], datetime(2026, 10, 25, 0, 10, tzinfo=UTC))
@example(["sun 00:00-02:00", "sun 03:00-05:00"], "", ["America/New_York"], datetime(2026, 3, 8, 6, 30, tzinfo=UTC))
@example([], "01:45-02:15", ["Australia/Lord_Howe"], datetime(2026, 10, 3, 15, 29, 30, tzinfo=UTC))
def test_it_is_open_when_every_clock_says_so(windows: list[str], quiet: str, zones: list[str], at: datetime) -> None:
    """Also while clocks are changed; and the next change is the first minute at which the reference says otherwise."""
    try:
        found = SendWindows(windows, quiet)
    except WrongWindow:
        week = (CHANGES[0] + timedelta(minutes=minute) for minute in range(7 * 1440))
        assert not any(is_open(windows, quiet, ["UTC"], minute) for minute in week)
        return
    together = "+".join(zones)
    now = is_open(windows, quiet, zones, at)
    assert found.is_open(together, at) is now
    change = found.next_change(together, at)
    minute = at.replace(second=0)
    for _ in range(36 * 60):
        minute += timedelta(minutes=1)
        if is_open(windows, quiet, zones, minute) is not now:
            assert change == minute
            break
    else:
        assert change is None or change > minute


def test_the_changes_of_a_year_are_all_found() -> None:
    """From one to the next, through both changes of clocks, they open and close by turns, on local time."""
    windows = SendWindows(["mon-fri 09:00-20:00", "sat 10:00-16:00"])
    at = datetime(2026, 1, 1, tzinfo=UTC)
    found = []
    while at < datetime(2027, 1, 1, tzinfo=UTC):
        change = windows.next_change("Europe/Berlin", at)
        assert change is not None
        found.append(change)
        at = change
    local = [moment.astimezone(ZoneInfo("Europe/Berlin")) for moment in found]
    days = [moment.date() for moment in local]
    assert all(first < second for first, second in pairwise(found))
    assert {f"{moment:%H:%M}" for moment in local if moment.weekday() < 5} == {"09:00", "20:00"}
    assert {f"{moment:%H:%M}" for moment in local if moment.weekday() == 5} == {"10:00", "16:00"}
    assert {days.count(day) for day in set(days)} == {1, 2}  # one on the day that the year ends in UTC
    assert not any(moment.weekday() == 6 for moment in local)


def test_the_strictest_of_several_zones_counts() -> None:
    """Chicago opens an hour after New York and New York closes an hour before Chicago."""
    windows = SendWindows(["09:00-20:00"])
    both = "America/Chicago+America/New_York"
    night = datetime(2026, 11, 24, 6, tzinfo=UTC)
    opens = windows.opens_at(both, night)
    assert opens == datetime(2026, 11, 24, 15, tzinfo=UTC)
    assert windows.closes_at(both, opens) == datetime(2026, 11, 25, 1, tzinfo=UTC)
    assert windows.opens_at(both, opens) == opens
    assert windows.closes_at(both, night) == night


def test_what_can_never_open_is_known() -> None:
    """Nowhere in the year are Honolulu and New York at ten at once; and what is always open never changes."""
    at = datetime(2026, 11, 24, tzinfo=UTC)
    narrow = SendWindows(["10:00-12:00"])
    assert narrow.opens_at("America/New_York+Pacific/Honolulu", at) is None
    assert narrow.closes_at("America/New_York+Pacific/Honolulu", at) == at
    assert narrow.opens_at("America/Chicago+America/New_York", at) is not None
    always = SendWindows(["00:00-24:00"])
    assert always.next_change("Europe/London", at) is None
    assert always.closes_at("Europe/London", at) is None
    assert always.opens_at("Europe/London", at) == at


def test_what_opens_only_in_half_of_the_year_does_not_count_as_never() -> None:
    """London and Sydney are eleven hours apart in winter, ten from the last Sunday of March, nine a week later."""
    windows = SendWindows(["08:00-18:30"])
    winter = datetime(2026, 11, 24, tzinfo=UTC)
    opens = windows.opens_at("Australia/Sydney+Europe/London", winter)
    assert opens == datetime(2027, 3, 28, 7, tzinfo=UTC)


def test_looking_back_is_not_answered_from_what_was_found_ahead() -> None:
    """Answers depend on the moment alone, whatever was asked before."""
    asked = SendWindows([], "21:00-08:00")
    at = datetime(2026, 11, 24, tzinfo=UTC)
    hours = [at + timedelta(hours=hour) for hour in (30, 5, 47, 0, 21, 22, 8)]
    for hour in hours:
        fresh = SendWindows([], "21:00-08:00")
        assert asked.next_change("Europe/Paris", hour) == fresh.next_change("Europe/Paris", hour)
        assert asked.is_open("Europe/Paris", hour) is fresh.is_open("Europe/Paris", hour)


@pytest.mark.parametrize(
    ("windows", "quiet"),
    [(["09:00-20:00"], "08:00-21:00"), (["mon 22:00-02:00"], "21:00-03:00"), ([], "00:00-24:00")],
)
def test_windows_that_leave_no_time_are_refused(windows: list[str], quiet: str) -> None:
    """Nothing would ever go out."""
    with pytest.raises(WrongWindow, match="no time at all"):
        SendWindows(windows, quiet)


@pytest.mark.parametrize(
    "text",
    ["", "9:00-20:00", "09:00", "09:00-25:00", "24:00-08:00", "09:60-10:00", "mon", "mon-09:00", "mon-fri",
     "09:00-09:00", "funday 09:00-20:00", "mon,tue 09:00-10:00", "mon-fri09:00-20:00", "09:00-20:00 mon"],
)  # fmt: skip
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    """Rather than taken for another time."""
    with pytest.raises(WrongWindow, match="must"):
        minutes_of(text)


def test_days_wrap_around_and_case_does_not_matter() -> None:
    """From Saturday to Monday is three days; a span past midnight belongs to the day on which it begins."""
    week = minutes_of("Sat-MON 22:00 - 02:00")
    assert sum(week) == 3 * 4 * 60
    assert week[5 * 1440 + 22 * 60]
    assert week[0]
    assert week[1440 + 119]
    assert not week[1440 + 120]
    with pytest.raises(WrongWindow):
        minutes_of("mon 22:00-02:00", days=False)
