import pytest

from bulksend.base.records import Counts, Outcome, OutcomeKind, Settlement, Status
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
    """Statuses move from pending to where rows ended; parts and reasons are counted."""
    tally = Tally(Counts(rows=3, by_status={Status.PENDING: 2, Status.SKIPPED: 1}, parts_sent=0))
    tally.settled(Settlement(1, 1, Status.SENT, Outcome(OutcomeKind.SENT, message_id="m")), parts=4)
    refused = Outcome(OutcomeKind.FAILED_RECIPIENT, "destination_phone_number_opted_out")
    tally.settled(Settlement(2, 1, Status.FAILED, refused), parts=1)
    assert sum(tally.by_status.values()) == tally.rows
    assert (tally.parts_sent, tally.sent_here) == (4, 1)
    assert tally.reasons == {(Status.FAILED, "destination_phone_number_opted_out"): 1}
