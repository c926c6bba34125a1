from datetime import UTC, datetime

import pytest

from bulksend.schedule.instants import WrongMoment, moment_of


@pytest.mark.parametrize(
    ("text", "zone", "moment"),
    [
        ("2026-11-27T09:00", "Europe/Berlin", datetime(2026, 11, 27, 8, tzinfo=UTC)),
        ("2026-07-27 09:00:30", "Europe/Berlin", datetime(2026, 7, 27, 7, 0, 30, tzinfo=UTC)),
        ("2026-11-27T09:00", "", datetime(2026, 11, 27, 9, tzinfo=UTC)),
        ("2026-11-27T09:00Z", "Europe/Berlin", datetime(2026, 11, 27, 9, tzinfo=UTC)),
        ("2026-11-27T09:00+05:45", "Europe/Berlin", datetime(2026, 11, 27, 3, 15, tzinfo=UTC)),
        ("2026-10-25T02:30+01:00", "Europe/Berlin", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_where_it_was_written(text: str, zone: str, moment: datetime) -> None:
    """An offset says where; without one it is the zone, and UTC where there is none."""
    found = moment_of(text, zone)
    assert found == moment
    assert found.utcoffset() == moment.utcoffset()


@pytest.mark.parametrize(
    ("text", "zone", "what"),
    [
        ("2026-03-29T02:30", "Europe/Berlin", r"does not exist in Europe/Berlin on 2026-03-29.*T02:30\+01:00"),
        ("2026-10-25T02:30", "Europe/Berlin", r"occurs twice in Europe/Berlin on 2026-10-25.*T02:30\+02:00"),
        ("2026-10-04T02:15", "Australia/Lord_Howe", "does not exist"),
        ("2026-04-05T01:45", "Australia/Lord_Howe", "occurs twice"),
    ],
)
def test_a_time_that_is_not_there_or_there_twice_is_refused(text: str, zone: str, what: str) -> None:
    """Only who wrote it knows which moment was meant."""
    with pytest.raises(WrongMoment, match=what):
        moment_of(text, zone)


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "2026-11-27", "2026-11-27T9:00", "2026-02-30T09:00", "2026-11-27+01:00", "20261127T0900",
     "2026-11-27T25:00", "2026-11-27T09:00+25:00", "0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00", "09:00",
     "2026-W48-5T09:00"],
)  # fmt: skip
def test_what_is_no_moment_is_refused(text: str) -> None:
    """A date alone does not say when; the date library would take a sign for the T."""
    with pytest.raises(WrongMoment, match="such as"):
        moment_of(text, "")
