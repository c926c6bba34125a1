import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bulksend.config.load import load_settings
from bulksend.pipeline.finishing import Finish, finish_of
from bulksend.pipeline.plan import Plan, make_plan
from tests.support.virtual import VirtualClock

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)


def finish(folder: Path, **schedule: str) -> tuple[Plan, Finish]:
    """Of 1,000 German rows at 1 part a second, and 100 American ones at 10; begun at NOW."""
    identities = [
        {"id": "ACME", "mps": 1, "countries": ["DE"]},
        {"id": "20440", "mps": 10, "countries": ["US"]},
        {"id": "IDLE", "mps": 10, "countries": ["FR"]},
    ]
    environ = {
        "BULKSEND_CAMPAIGN_NAME": "test",
        "BULKSEND_CAMPAIGN_TEMPLATE": "Hi",
        "BULKSEND_IDENTITIES": json.dumps(identities),
        **{f"BULKSEND_SCHEDULE_{key.upper()}": value for key, value in schedule.items()},
    }
    settings = load_settings(None, environ=environ)
    numbers = [f"+49171{2000000 + n}" for n in range(1000)] + [f"+1425200{n:04}" for n in range(100)]
    (folder / "list.csv").write_text("\n".join(["phone", *numbers]))
    plan = make_plan(settings, str(folder / "list.csv"), folder / "plan.db", clock=VirtualClock())
    return plan, finish_of(settings, plan.totals, now=NOW)


def test_without_a_schedule_it_begins_at_once(tmp_path: Path) -> None:
    """Each bucket is done when its time is over; the campaign with the slowest."""
    plan, found = finish(tmp_path)
    assert (found.begins_at, found.is_scheduled, found.parts_left) == (NOW, False, {})
    assert found.buckets == {
        name: NOW + timedelta(seconds=plan.totals.buckets[name].eta_seconds) for name in ("ACME", "20440")
    }
    assert found.ends_at is not None
    assert found.ends_at == found.buckets["ACME"]
    assert timedelta(seconds=1000) < found.ends_at - NOW < timedelta(seconds=1020)


def test_it_begins_at_the_time_that_is_set(tmp_path: Path) -> None:
    """In the zone of the schedule; a time that has passed counts for nothing."""
    plan, found = finish(tmp_path, start_at="2026-11-27T18:00", time_zone="Europe/Berlin")
    begin = datetime(2026, 11, 27, 17, 0, tzinfo=UTC)
    assert (found.begins_at, found.is_scheduled) == (begin, True)
    assert found.ends_at == begin + timedelta(seconds=plan.totals.eta_seconds)
    (tmp_path / "plan.db").unlink()
    assert finish(tmp_path, start_at="2026-11-26T18:00")[1].begins_at == NOW


def test_what_is_left_at_the_deadline_is_counted(tmp_path: Path) -> None:
    """500 s at 0.99 parts a second are half of the list."""
    _, found = finish(tmp_path, deadline="2026-11-27T09:08:20Z")
    assert found.buckets["ACME"] is None
    assert found.buckets["20440"] is not None
    assert found.ends_at is None
    assert abs(found.parts_left["ACME"] - 505) <= 1
    assert set(found.parts_left) == {"ACME"}


def test_windows_are_waited_for(tmp_path: Path) -> None:
    """Ten minutes are left in Germany on that day, so the rest goes the next morning; in the US it is night still."""
    plan, found = finish(tmp_path, windows="08:00-10:10")
    open_for = 600
    rest = plan.totals.buckets["ACME"].eta_seconds - open_for
    assert found.buckets["ACME"] is not None
    morning = datetime(2026, 11, 28, 7, 0, tzinfo=UTC)
    assert abs((found.buckets["ACME"] - morning).total_seconds() - rest) < 2
    assert found.buckets["20440"] is not None
    assert found.buckets["20440"] > NOW + timedelta(hours=2)
    assert found.ends_at == found.buckets["ACME"]
