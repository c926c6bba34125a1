from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bulksend.base.records import Breaker, BucketCounts, Counts, Run, RunEnd, Status
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


def document(
    *, pending: int = 0, failed: int = 0, runs: list[Run] | None = None, breakers: list[Breaker] | None = None
) -> dict[str, Any]:
    """The summary of a ledger of ten rows and twelve parts."""
    by_status = {Status.SENT: 8 - pending - failed, Status.PENDING: pending, Status.FAILED: failed, Status.SKIPPED: 2}
    counts = Counts(
        rows=10, by_status=by_status, parts_sent=12, reasons={Status.SKIPPED: {"duplicate": 2}, Status.FAILED: {"x": 1}}
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


def test_bucket_lines_show_rate_and_time_left() -> None:
    """Parts of the last seconds become a rate, what is left becomes a time."""
    counts = Counts(
        rows=100,
        by_status={},
        parts_sent=0,
        buckets=(BucketCounts("toll-free", 3, messages=100, parts=100, messages_done=40, parts_done=40),),
    )
    line = list(bucket_lines(counts, {"toll-free": 30}, span_s=10.0))[-1]
    assert line.split() == ["toll-free", "3.0", "3", "40", "100", "0", "20", "s"]
