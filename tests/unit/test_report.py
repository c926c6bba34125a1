from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bulksend.base.orders import EVERY, Orders
from bulksend.base.progress import Breaker, BucketCounts, Counts, Run, RunEnd
from bulksend.base.records import Status
from bulksend.report.summary import bucket_lines, summary_document, summary_lines
from bulksend.report.words import duration

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (61, "1 min 01 s"), (3600, "1 h 00 min"), (7500, "2 h 05 min"), (300_000, "3 d 11 h")],
)
def test_durations_are_what_people_say(seconds: float, text: str) -> None:
    """Two units at most."""
    assert duration(seconds) == text


def a_bucket(name: str, mps: int, *, allows: float | None = None, done: int = 0, held: int = 0) -> BucketCounts:
    """A bucket of a hundred messages with two parts each."""
    counted = {"messages": 100, "parts": 200, "messages_done": done, "parts_done": 2 * done, "messages_held": held}
    return BucketCounts(name, mps, **counted, allows=allows, allows_at=None if allows is None else START)


BUCKETS = (
    BucketCounts("short", 100, 8, 14, 8, 14, 12, allows=61.234, allows_at=START),
    BucketCounts("toll-free", 3),
)


def document(
    *,
    pending: int = 0,
    failed: int = 0,
    runs: list[Run] | None = None,
    breakers: list[Breaker] | None = None,
    buckets: tuple[BucketCounts, ...] = BUCKETS,
) -> dict[str, Any]:
    """The summary of a ledger of ten rows and twelve parts."""
    by_status = {Status.SENT: 8 - pending - failed, Status.PENDING: pending, Status.FAILED: failed, Status.SKIPPED: 2}
    counts = Counts(
        rows=10,
        by_status=by_status,
        parts_sent=12,
        reasons={Status.SKIPPED: {"duplicate": 2}, Status.FAILED: {"x": 1}},
        buckets=buckets,
    )
    ended = Run(START, START + timedelta(seconds=4), RunEnd.COMPLETE, None, 3)
    return summary_document(
        campaign="c",
        ledger="l.db",
        dry_run=False,
        counts=counts,
        runs=[ended] if runs is None else runs,
        breakers=breakers or [],
        now=START,
    )


def test_the_summary_has_the_documented_fields() -> None:
    """Names, sums and rates."""
    assert document(failed=1) == {
        "campaign": "c",
        "ledger": "l.db",
        "dry_run": False,
        "rows": 10,
        "pending": 0,
        "sending": 0,
        "sent": 7,
        "failed": 1,
        "unknown": 0,
        "skipped": 2,
        "parts_sent": 12,
        "throttled": 3,
        "seconds": 4.0,
        "parts_per_second": 3.0,
        "end": "complete",
        "cause": None,
        "held": 0,
        "buckets": [
            {
                "bucket": "short",
                "mps": 100,
                "allows": 61.23,
                "allows_at": "2026-01-01T00:00:00Z",
                "messages": 8,
                "messages_done": 8,
                "messages_held": 0,
                "parts": 14,
                "parts_done": 14,
                "parts_sent": 12,
            },
            {
                "bucket": "toll-free",
                "mps": 3,
                "allows": None,
                "allows_at": None,
                "messages": 0,
                "messages_done": 0,
                "messages_held": 0,
                "parts": 0,
                "parts_done": 0,
                "parts_sent": 0,
            },
        ],
        "breakers": [],
        "reasons": {"skipped": {"duplicate": 2}, "failed": {"x": 1}, "unknown": {}, "pending": {}},
    }


def test_a_run_that_was_killed_counts_as_interrupted() -> None:
    """It has no end; work is left."""
    killed = Run(START, None, None, None, 0)
    assert document(pending=3, runs=[killed])["end"] == "interrupted"
    assert document(pending=3, runs=[])["end"] == "interrupted"


def test_the_summary_for_people_names_everything_that_is_not_zero() -> None:
    """Counts with their reasons, and the sum."""
    text = "\n".join(summary_lines(document(failed=1)))
    for word in ("complete", "7  sent", "1  failed", "2  duplicate", "10  rows in all", "3.0 parts a second", "l.db"):
        assert word in text
    assert "unknown" not in text


def test_what_the_service_refuses_is_named_with_what_became_of_the_rows() -> None:
    """One line a breaker, and the cause of the stop."""
    stopped = Run(START, START + timedelta(seconds=4), RunEnd.STOPPED, "the service refuses +1", 0)
    breakers = [
        Breaker("+18885550100", None, "resource_not_active", START, 1200, 0),
        Breaker("ACME", "GB", "country_not_enabled", START, 0, 3),
    ]
    found = document(pending=3, runs=[stopped], breakers=breakers)
    text = "\n".join(summary_lines(found))
    assert "+18885550100 to any country (resource_not_active): 1,200 rows went to other identities" in text
    assert "ACME to GB (country_not_enabled): 3 rows wait until the account is put right" in text
    assert "Stopped  the service refuses +1" in text
    assert found["breakers"][1] == {
        "identity": "ACME",
        "country": "GB",
        "reason": "country_not_enabled",
        "tripped_at": "2026-01-01T00:00:00Z",
        "moved": 0,
        "held": 3,
    }


def table(
    *buckets: BucketCounts,
    recent: dict[str, int] | None = None,
    headroom: float = 0.0,
    shares: dict[str, float] | None = None,
) -> list[str]:
    """The lines of a table of buckets, without those above it."""
    counts, orders = Counts(rows=0, by_status={}, parts_sent=0, buckets=buckets), Orders(shares=shares or {})
    return list(bucket_lines(counts, recent or {}, span_s=10.0, headroom=headroom, orders=orders))[2:]


def test_what_the_service_seems_to_allow_is_told() -> None:
    """One line for each bucket that is slower than configured, and none for the others."""
    told = [line for line in summary_lines(document()) if "allow" in line]
    assert told == ["Limit    short: configured 100, the service seems to allow 61.2 parts/s"]
    assert not [line for line in summary_lines(document(buckets=BUCKETS[1:])) if "allow" in line]


def test_many_slow_buckets_are_told_in_short() -> None:
    """Ten are named, and how many more there are."""
    buckets = tuple(a_bucket(f"{'x' * 250}{number}", 10_000, allows=9_876.5) for number in range(12))
    told = [line for line in summary_lines(document(buckets=buckets)) if "allow" in line]
    assert len(told) == 11
    assert told[-1] == "         and 2 buckets more that the service allows less than configured"
    assert max(map(len, told)) <= 100
    assert all("configured 10,000, the service seems to allow 9,876 parts/s" in line for line in told[:-1])


def test_bucket_lines_show_rate_and_time_left() -> None:
    """Parts of the last seconds become a rate, what is left becomes a time at the limit less the headroom."""
    bucket = a_bucket("toll-free", 3, done=40)
    (line,) = table(bucket, recent={"toll-free": 30})
    assert line.split() == ["toll-free", "3.0", "3", "40", "100", "0", "40", "s"]
    (line,) = table(bucket, headroom=0.5)
    assert line.split()[-4:] == ["1", "min", "20", "s"]


def test_the_time_left_follows_from_what_the_service_allows() -> None:
    """Where it seems to allow less than is configured, that is shown, and counted with; more never is."""
    (line,) = table(a_bucket("short", 100, allows=2.5))
    assert line.split() == ["short", "0.0", "100", "2.5", "0", "100", "0", "1", "min", "20", "s"]
    (line,) = table(a_bucket("short", 100, allows=2.5), headroom=0.5)
    assert line.split()[-4:] == ["2", "min", "40", "s"]
    (line,) = table(a_bucket("short", 100, allows=200.0))
    assert line.split()[-2:] == ["2", "s"]


def test_the_time_left_follows_from_what_an_operator_allows() -> None:
    """Turned down to a twentieth, it takes twenty times as long; the lower of that and the service's own holds."""
    (line,) = table(a_bucket("short", 100), shares={EVERY: 0.05})
    assert line.split()[-2:] == ["40", "s"]
    (line,) = table(a_bucket("short", 100, allows=2.5), shares={"short": 0.05, EVERY: 0.01})
    assert line.split()[-4:] == ["1", "min", "20", "s"]


def test_a_bucket_that_waits_for_a_person_has_no_time_left() -> None:
    """Nobody knows when rows behind a breaker go on; those that can go still take their time."""
    assert [line.split()[-1] for line in table(a_bucket("a", 5, done=60, held=40), a_bucket("b", 5, done=100))] == [
        "held", "done",
    ]  # fmt: skip
    (line,) = table(a_bucket("a", 5, done=60, held=39))
    assert line.split()[-2:] == ["16", "s"]


def test_the_table_fits_a_terminal() -> None:
    """A hundred columns, whatever the names and numbers, and everything under its heading."""
    huge = BucketCounts("x" * 99, 10_000, 10**8, 10**9, 10**7, 10**7, 0, 10**6, allows=9_999.4)
    lines = table(huge, recent={"x" * 99: 99_999}, headroom=0.01)
    assert {len(line) for line in lines} == {94}
