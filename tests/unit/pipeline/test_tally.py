import pytest

from bulksend.base.progress import Counts
from bulksend.base.records import Status
from bulksend.pipeline.tally import RateGauge, Tally


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
