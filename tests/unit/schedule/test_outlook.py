"""When a bucket is done, against a reference that goes minute by minute."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.schedule.outlook import ANY_TIME, look_ahead
from bulksend.schedule.windows import SendWindows

START = datetime(2026, 10, 24, 12, tzinfo=UTC)  # clocks go back in Europe in the night
ZONES = ("America/New_York", "Europe/London", "Asia/Kolkata", "America/Chicago+America/New_York", ANY_TIME)


def test_it_waits_for_the_morning_and_serves_first_who_closes_first() -> None:
    """Kolkata closes before London, and what is left of it goes the next day."""
    windows = SendWindows(["09:00-20:00"])
    parts = {"Europe/London": 3600 * 3, "Asia/Kolkata": 3600 * 4}
    outlook = look_ahead(parts, parts_per_second=1.0, windows=windows, start=START)
    # 12:00 to 14:30 UTC Kolkata, 14:30 to 17:30 London; at 03:30 UTC Kolkata opens again.
    assert outlook.finish == datetime(2026, 10, 25, 5, 0, tzinfo=UTC)
    assert outlook.waits_s == 10 * 3600
    assert outlook.left == {}


def test_without_a_wait_it_is_as_long_as_the_meter_takes() -> None:
    """In one zone that is open, and at any time."""
    windows = SendWindows([], "21:00-08:00")
    outlook = look_ahead({"Europe/London": 50, ANY_TIME: 50}, parts_per_second=10.0, windows=windows, start=START)
    assert (outlook.finish, outlook.waits_s) == (START + timedelta(seconds=10), 0.0)
    assert look_ahead({}, parts_per_second=10.0, windows=windows, start=START).finish is None


def test_what_cannot_go_is_said() -> None:
    """Because its zones never open together, or because the deadline comes before."""
    narrow = SendWindows(["10:00-12:00"])
    never = "America/New_York+Pacific/Honolulu"
    outlook = look_ahead({never: 7, "Europe/London": 10}, parts_per_second=1.0, windows=narrow, start=START)
    assert outlook.finish == datetime(2026, 10, 25, 10, 0, 10, tzinfo=UTC)  # London is back at UTC by then
    assert outlook.left == {never: 7}
    deadline = datetime(2026, 10, 25, 10, 0, 4, tzinfo=UTC)
    cut = look_ahead({"Europe/London": 10}, parts_per_second=1.0, windows=narrow, start=START, deadline=deadline)
    assert (cut.finish, cut.left) == (deadline, {"Europe/London": 6.0})
    early = look_ahead({never: 7}, parts_per_second=1.0, windows=narrow, start=START, deadline=START)
    assert (early.finish, early.left, early.waits_s) == (None, {never: 7}, 0.0)


@given(
    parts=st.dictionaries(st.sampled_from(ZONES), st.integers(1, 20), min_size=1),
    per_hour=st.sampled_from([7, 20, 60]),
    window=st.sampled_from(["09:00-20:00", "20:00-04:00", "mon-fri 12:30-14:45"]),
    hours=st.none() | st.integers(1, 200),
)
def test_it_is_what_sending_minute_by_minute_comes_to(
    parts: dict[str, int], per_hour: int, window: str, hours: int | None
) -> None:
    """Each minute's parts go to who closes first; windows open and close with a minute, so nothing is lost by it."""
    windows = SendWindows([window])
    deadline = None if hours is None else START + timedelta(hours=hours)
    outlook = look_ahead(parts, parts_per_second=per_hour / 3600, windows=windows, start=START, deadline=deadline)
    at, left, minutes, last = START, {zones: float(count) for zones, count in parts.items()}, 0, 0
    latest = datetime.max.replace(tzinfo=UTC)
    while left and (deadline is None or at < deadline):
        may = [
            (windows.closes_at(zones, at) or latest, zones) for zones in left if zones and windows.is_open(zones, at)
        ]
        budget = per_hour / 60
        for zones in [*(zones for _, zones in sorted(may)), *([ANY_TIME] if ANY_TIME in left else [])]:
            sent = min(budget, left[zones])
            budget -= sent
            left[zones] -= sent
            last = minutes + 1 if sent else last
        left = {zones: count for zones, count in left.items() if count > 1e-6}
        at += timedelta(minutes=1)
        minutes += 1
    assert outlook.left == pytest.approx(left, abs=1e-3)
    if outlook.finish is None:
        assert last == 0
    else:
        assert START + timedelta(minutes=last - 1) < outlook.finish + timedelta(seconds=1)
        assert outlook.finish <= START + timedelta(minutes=last, seconds=1)
        sent_s = (sum(parts.values()) - sum(left.values())) * 3600 / per_hour
        assert (outlook.finish - START).total_seconds() == pytest.approx(sent_s + outlook.waits_s, abs=1.0)
