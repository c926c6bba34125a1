import pytest

from bulksend.base.progress import Counts
from bulksend.base.records import Claim, Outcome, OutcomeKind, Status
from bulksend.pipeline.tally import Latencies, RateGauge, Refusal, Tally


def test_the_gauge_shows_the_rate_of_the_last_seconds() -> None:
    """Twenty parts a second are shown as twenty, and none as none a while later."""
    gauge = RateGauge()
    assert gauge.rate(0.0) == 0.0
    for tick in range(200):
        gauge.record(1, now=tick / 20)
    assert gauge.rate(10.0) == pytest.approx(20.0, rel=0.05)
    assert gauge.rate(20.0) == 0.0


def test_one_part_is_not_a_thousand_a_second() -> None:
    """The first moments are averaged over a second at least."""
    gauge = RateGauge()
    gauge.record(1, now=5.0)
    assert gauge.rate(5.001) == 1.0


def test_the_tally_adds_up() -> None:
    """Statuses move from pending to where rows ended."""
    tally = Tally(Counts(rows=3, by_status={Status.PENDING: 2, Status.SKIPPED: 1}, parts_sent=0))
    tally.settled(Status.SENT)
    tally.settled(Status.FAILED)
    assert sum(tally.by_status.values()) == 3
    assert (tally.by_status[Status.SENT], tally.by_status[Status.FAILED], tally.sent_here) == (1, 1, 1)


def test_a_bucket_at_its_limit_does_not_look_like_one_above_it() -> None:
    """Three parts a second are three from the second on, and not the four that a second and its edges hold."""
    gauge = RateGauge()
    for tick in range(14):
        gauge.record(1, now=tick / 3)
        assert gauge.rate(tick / 3 + 0.001) <= 3.01 or tick <= 3


def a_claim(bucket: str = "toll-free") -> Claim:
    """A row of that bucket."""
    return Claim(7, 1, "+14255550142", "US", "+18885550100", bucket, "a secret", 1)


def test_what_was_refused_is_counted_and_the_last_of_it_remembered() -> None:
    """Counts go by kind and reason, fifty are kept one by one, and nothing of a recipient but the country is."""
    tally = Tally(Counts(rows=1, by_status={Status.PENDING: 1}, parts_sent=0))
    for second in range(60):
        tally.refused(a_claim(), Outcome(OutcomeKind.THROTTLED), at_s=float(second))
    tally.refused(a_claim("ACME"), Outcome(OutcomeKind.FAILED_RECIPIENT, "opted_out"), at_s=60.0)
    assert tally.refusals == {
        (OutcomeKind.THROTTLED, "throttled"): 60,
        (OutcomeKind.FAILED_RECIPIENT, "opted_out"): 1,
    }
    assert [each.at_s for each in tally.latest] == [float(second) for second in range(11, 61)]
    assert tally.latest[-1] == Refusal(60.0, "ACME", "+18885550100", "US", OutcomeKind.FAILED_RECIPIENT, "opted_out")
    assert "4255550142" not in repr(tally.latest)
    assert "secret" not in repr(tally.latest)


def test_latencies_are_counted_in_classes() -> None:
    """Each answer is in the class that ends at or above it; beyond the last bound there is one more."""
    latencies = Latencies()
    for latency_s in (0.01, 0.011, 0.04, 31.0):
        latencies.add(latency_s)
    assert (latencies.counts[0], latencies.counts[1], latencies.counts[2], latencies.counts[-1]) == (1, 1, 1, 1)
    assert sum(latencies.counts) == 4
    assert latencies.seconds == pytest.approx(31.061)
