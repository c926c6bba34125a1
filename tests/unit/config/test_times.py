"""Times of a campaign: what has to hold between them, and what is made of them."""

from datetime import UTC, datetime, timedelta

import pytest

from bulksend.base.errors import ConfigError, ExitCode
from bulksend.config.load import load_settings
from bulksend.config.model import Settings
from bulksend.config.times import Times, needs_zones, require_future, times_of


def settings_with(**schedule: str) -> Settings:
    """Settings from the environment, with these keys of [schedule]."""
    environ = {f"BULKSEND_SCHEDULE_{key.upper()}": value for key, value in schedule.items()}
    return load_settings(None, environ=environ, complete=False)


def test_nothing_set_is_no_limit_at_all() -> None:
    """And no plan has to know where its recipients are."""
    assert times_of(settings_with().schedule) == Times(None, None, None)
    assert not needs_zones(settings_with(time_zone="Europe/Berlin", start_at="2026-11-27T09:00"))


def test_times_are_read_in_the_campaigns_zone() -> None:
    """Whatever the spelling of its name; an offset overrules it."""
    settings = settings_with(
        time_zone="america/new_york",
        start_at="2026-11-27T09:00",
        deadline="2026-11-27T20:00+01:00",
        windows="mon-fri 09:00-20:00, sat 10:00-16:00",
        quiet_hours="12:00-13:00",
    )
    times = times_of(settings.schedule)
    assert times.start_at == datetime(2026, 11, 27, 14, tzinfo=UTC)
    assert times.deadline == datetime(2026, 11, 27, 19, tzinfo=UTC)
    assert settings.schedule.time_zone == "America/New_York"
    assert times.windows is not None
    opens = [
        times.windows.is_open("Europe/Berlin", datetime(2026, 11, 27, hour, tzinfo=UTC)) for hour in (8, 11, 12, 19)
    ]
    assert opens == [True, False, True, False]
    assert needs_zones(settings)


@pytest.mark.parametrize(
    "given", [{"windows": "09:00-20:00"}, {"quiet_hours": "21:00-08:00"}, {"recipients": "zone"}], ids=str
)
def test_windows_quiet_hours_and_a_column_each_ask_for_zones(given: dict[str, str]) -> None:
    """With a column alone, windows can be set when the campaign has been planned."""
    if "recipients" in given:
        environ = {"BULKSEND_RECIPIENTS_TIME_ZONE": "zone"}
        assert needs_zones(load_settings(None, environ=environ, complete=False))
    else:
        assert needs_zones(settings_with(**given))


@pytest.mark.parametrize(
    ("schedule", "key", "what"),
    [
        (
            {"start_at": "2026-11-27T20:00", "deadline": "2026-11-27T20:00"},
            "deadline",
            "must be after schedule.start_at",
        ),
        (
            {"start_at": "2026-11-27T20:00", "deadline": "2026-11-27T20:30+01:00", "time_zone": "America/Chicago"},
            "deadline",
            "must be after",
        ),
        ({"start_at": "2026-03-29T02:30", "time_zone": "Europe/Berlin"}, "start_at", "does not exist in Europe/Berlin"),
        ({"deadline": "2026-10-25T02:30", "time_zone": "Europe/Berlin"}, "deadline", "occurs twice in Europe/Berlin"),
        ({"windows": "09:00-20:00", "quiet_hours": "08:00-21:00"}, "quiet_hours", "leaves no time at all"),
        ({"quiet_hours": "00:00-24:00"}, "quiet_hours", "leaves no time at all"),
        ({"quiet_hours": "mon 21:00-08:00"}, "quiet_hours", "must be a time such as"),
        ({"windows": "09:00-20:00,09:00-09:00"}, "windows[1]", "must not end when it begins"),
        ({"windows": "9-17"}, "windows[0]", "must be a time such as"),
        ({"start_at": "2026-11-27"}, "start_at", "must be a date and a time"),
        ({"time_zone": "Berlin"}, "time_zone", "must be the name of a time zone"),
    ],
)
def test_times_that_cannot_be_kept_are_refused(schedule: dict[str, str], key: str, what: str) -> None:
    """By the key, in one line, before anything else is done."""
    with pytest.raises(ConfigError) as caught:
        settings_with(**schedule)
    assert f"schedule.{key} " in caught.value.what
    assert what in caught.value.what


def test_a_column_of_zones_is_no_other_column() -> None:
    """A name that two keys share is a mistake."""
    environ = {"BULKSEND_RECIPIENTS_TIME_ZONE": "Phone", "BULKSEND_RECIPIENTS_PHONE": "phone"}
    with pytest.raises(ConfigError, match="the same column"):
        load_settings(None, environ=environ, complete=False)


@pytest.mark.parametrize(
    ("before_s", "what"), [(-60.0, "has passed"), (0.0, "has passed"), (7.0, "less than 7 s"), (7.5, None), (1e6, None)]
)
def test_a_deadline_has_to_leave_time(before_s: float, what: str | None) -> None:
    """The service takes no TimeToLive below 5 s, so nothing goes out in the last seconds."""
    settings = settings_with(deadline="2026-11-27T20:00+01:00")
    now = datetime(2026, 11, 27, 19, tzinfo=UTC) - timedelta(seconds=before_s)
    if what is None:
        require_future(settings.schedule, now)
        return
    with pytest.raises(ConfigError, match=f"schedule.deadline.*{what}.*2026-11-27 19:00:00 UTC") as caught:
        require_future(settings.schedule, now)
    assert caught.value.exit_code is ExitCode.USAGE
    assert caught.value.hint
