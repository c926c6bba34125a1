import pytest

from bulksend.base.records import Bucket, Encoding, PlannedRow, Status
from bulksend.pipeline.totals import BoundKind, PlanTotals, Route

BUCKETS = {"slow": Bucket("slow", 3), "fast": Bucket("fast", 100)}


def row(number: int, *, bucket: str = "slow", parts: int = 1, to: str | None = None) -> PlannedRow:
    """A row that is to be sent to the US."""
    return PlannedRow(
        row=number,
        line=number + 1,
        source="{}",
        status=Status.PENDING,
        destination=to or f"+1425555{number:04d}",
        country="US",
        identity=f"of-{bucket}",
        bucket=bucket,
        encoding=Encoding.GSM_7,
        parts=parts,
    )


def totals_of(rows: list[PlannedRow], *, requests_per_second: int = 0, repeats: bool = False) -> PlanTotals:
    """What `rows` add up to at one percent of headroom."""
    totals = PlanTotals(
        BUCKETS,
        headroom=0.01,
        requests_per_second=requests_per_second,
        repeats=repeats,
    )
    for each in rows:
        totals.add(each)
    return totals


MIXED = [row(number) for number in range(300)] + [row(number, bucket="fast") for number in range(300, 800)]


def test_the_slowest_bucket_decides() -> None:
    """Each bucket has its own time; the campaign takes the longest of them."""
    totals = totals_of(MIXED)
    assert [(bound.kind, bound.bucket) for bound in totals.bounds()] == [
        (BoundKind.BUCKET, "slow"),
        (BoundKind.BUCKET, "fast"),
    ]
    assert totals.eta_seconds == pytest.approx(300 / 2.97)
    assert totals.buckets["fast"].eta_seconds == pytest.approx(500 / 99)
    document = totals.document()
    assert (document["limited_by"], document["slowest_bucket"]) == ("bucket", "slow")
    assert (document["requests_eta_seconds"], document["recipient_eta_seconds"]) == (None, None)


def test_the_account_may_allow_fewer_requests_than_the_buckets_could_send() -> None:
    """`pacing.requests_per_second` bounds all buckets together, by messages and not by parts."""
    totals = totals_of([row(number, bucket="fast", parts=2) for number in range(990)], requests_per_second=1)
    assert totals.bounds()[0].kind is BoundKind.REQUESTS
    assert totals.eta_seconds == pytest.approx(1000)
    document = totals.document()
    assert (document["limited_by"], document["slowest_bucket"]) == ("requests", "fast")
    assert document["eta_seconds"] == document["requests_eta_seconds"] == 1000.0


def test_a_request_rate_that_does_not_bind_changes_nothing() -> None:
    """It is told, and the slowest bucket still decides."""
    totals = totals_of(MIXED, requests_per_second=50)
    assert totals.eta_seconds == pytest.approx(300 / 2.97)
    assert totals.document()["requests_eta_seconds"] == pytest.approx(800 / 49.5, abs=0.1)


def test_a_number_that_comes_often_takes_a_second_each_time() -> None:
    """Where duplicates are sent: one message a second to one recipient, the first one at once."""
    rows = [row(number, bucket="fast", to="+14255550100") for number in range(100)]
    totals = totals_of([*rows, *MIXED[300:]], repeats=True)
    assert totals.bounds()[0].kind is BoundKind.RECIPIENT
    assert totals.eta_seconds == pytest.approx(99 / 0.99)
    assert totals.document()["limited_by"] == "recipient"
    assert totals.most_to_one == 100


def test_numbers_that_come_once_bound_nothing() -> None:
    """Also where duplicates would be sent."""
    totals = totals_of(MIXED, repeats=True)
    assert {bound.kind for bound in totals.bounds()} == {BoundKind.BUCKET}
    assert totals.document()["recipient_eta_seconds"] is None


def test_rows_are_told_by_identity_and_country() -> None:
    """Messages and parts of each route, in the order of the rows."""
    totals = totals_of([row(1), row(2, bucket="fast", parts=3), row(3, parts=2)])
    assert list(totals.routes()) == [
        Route("slow", "of-slow", "US", pinned=False, messages=2, parts=3),
        Route("fast", "of-fast", "US", pinned=False, messages=1, parts=3),
    ]


def test_where_nothing_can_be_sent_nothing_takes_time() -> None:
    """Only skipped rows: no bound, no slowest bucket."""
    skipped = PlannedRow(row=1, line=2, source="{}", status=Status.SKIPPED, reason="duplicate")
    totals = totals_of([skipped], requests_per_second=1, repeats=True)
    assert (totals.bounds(), totals.eta_seconds) == ([], 0.0)
    document = totals.document()
    assert (document["limited_by"], document["slowest_bucket"], document["eta_seconds"]) == (None, None, 0.0)
