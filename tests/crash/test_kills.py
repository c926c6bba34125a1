"""Kill the real command anywhere, go on, and nobody is texted twice, nobody is forgotten, and little is unknown."""

from pathlib import Path

from tests.crash.harness import Campaign, Kill, Moment, finish
from tests.crash.points import Point
from tests.crash.scene import GOOD_DAY, SILENT_DAY, bad_day, patience, service_settings
from tests.support.command import simulator

PASSING = {
    Point.BEFORE_INTENT: 5,
    Point.DURING_INTENT: 2,
    Point.AFTER_INTENT: 4,
    Point.BEFORE_WIRE: 7,
    Point.AFTER_WIRE: 9,
    Point.BEFORE_OUTCOME: 6,
    Point.DURING_OUTCOME: 8,
    Point.AFTER_OUTCOME: 5,
}
"""Which passing, so that each comes a little while after the start; in the stop, the third outcome."""


def test_a_campaign_survives_a_kill_at_every_point(tmp_path: Path) -> None:
    """Killed in planning, at each point once and at a few moments, then resumed: all accounts agree at every step."""
    mps = (5, 10, 20)
    kills = [Kill(moment=Moment.PLANNING, delay_s=delay_s) for delay_s in (0.0, 0.02)]
    kills += [Kill(point, PASSING.get(point, 3)) for point in Point if point is not Point.NOWHERE]
    kills += [Kill(moment=Moment.START_UP, delay_s=delay_s) for delay_s in (0.0, 0.05, 0.4)]
    with simulator(tmp_path, service_settings(mps, seed=1, extra=GOOD_DAY)) as running:
        campaign = Campaign(tmp_path, running, mps=mps, seconds=16, seed=1)
        for kill in kills:
            ended = campaign.run(kill)
            assert ended.was_killed, (kill, ended)
        assert campaign.open_rows > 0, "it ended before the kills did"
        finish(campaign)


def test_a_campaign_survives_kills_on_a_bad_day(tmp_path: Path) -> None:
    """The same while one in ten is throttled and others meet errors, lost connections, silence and late answers."""
    mps = (10, 40)
    kills = [
        Kill(Point.BEFORE_INTENT, 6),
        Kill(Point.AFTER_INTENT, 8),
        Kill(Point.BEFORE_WIRE, 20),
        Kill(Point.DURING_OUTCOME, 20),
        Kill(Point.BEFORE_RETURN, 8),
        Kill(moment=Moment.START_UP, delay_s=1.2),
    ]
    with simulator(tmp_path, service_settings(mps, seed=2, extra=bad_day(p99_ms=3000))) as running:
        campaign = Campaign(tmp_path, running, mps=mps, seconds=9, seed=2, extra=patience(read_timeout_s=2))
        for kill in kills:
            ended = campaign.run(kill)
            assert ended.was_killed, (kill, ended)
        finish(campaign)


def test_a_service_that_falls_silent_takes_few_rows_with_it(tmp_path: Path) -> None:
    """No answer ever comes: what is let out ends at the limit for one latency, and a kill costs no more than that."""
    mps = (100,)
    with simulator(tmp_path, service_settings(mps, seed=3, extra=SILENT_DAY)) as running:
        campaign = Campaign(tmp_path, running, mps=mps, seconds=6, seed=3, lengths=(40,))
        # Two seconds after as good as all of them: without a bound twice as many more would be on their way.
        ended = campaign.run(Kill(moment=Moment.ARRIVAL, passing=90, delay_s=2))
        assert ended.was_killed, ended
        (toll,) = ended.tolls.values()
        assert toll.in_air >= 0.9 * mps[0]
        assert toll.is_within_bounds, toll
