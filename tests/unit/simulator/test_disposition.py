import random
import statistics

import pytest

from bulksend.simulator.disposition import Chance, Strike
from bulksend.simulator.settings import FaultSettings, LatencySettings
from tests.unit.simulator.helpers import faults


def chance(latency: LatencySettings | None = None, faults: FaultSettings | None = None, seed: int = 7) -> Chance:
    """Chance with a seed."""
    return Chance(latency or LatencySettings(), faults or FaultSettings(), random.Random(seed))


def test_latency_has_the_median_and_the_99th_percentile_asked_for() -> None:
    """Both within a few per cent over 50,000 draws; never negative."""
    drawn = chance(LatencySettings(median_ms=60, p99_ms=400))
    latencies = sorted(drawn.draw(can_fail=True).latency_s for _ in range(50_000))
    assert latencies[0] > 0
    assert statistics.median(latencies) == pytest.approx(0.060, rel=0.03)
    assert latencies[49_500] == pytest.approx(0.400, rel=0.08)


@pytest.mark.parametrize(("median_ms", "p99_ms"), [(0, 0), (50, 0), (50, 50), (0, 80)])
def test_latency_without_a_spread(median_ms: float, p99_ms: float) -> None:
    """Without a 99th percentile above it, every request takes the median."""
    drawn = chance(LatencySettings(median_ms=median_ms, p99_ms=p99_ms))
    assert {drawn.draw(can_fail=True).latency_s for _ in range(100)} == {median_ms / 1000}


def test_faults_strike_as_often_as_asked() -> None:
    """Seven faults of 10 % each: each strikes 10 % of the requests, and 30 % go free."""
    rates = {strike.value: 0.1 for strike in Strike}
    drawn = chance(faults=faults(**rates))
    strikes = [drawn.draw(can_fail=True).strike for _ in range(20_000)]
    for strike in Strike:
        assert strikes.count(strike) == pytest.approx(2_000, rel=0.1)
    assert strikes.count(None) == pytest.approx(6_000, rel=0.1)


@pytest.mark.parametrize("strike", Strike)
def test_certainty(strike: Strike) -> None:
    """A probability of 1 strikes every request that can fail, and no other."""
    drawn = chance(faults=faults(**{strike.value: 1.0}))
    assert {drawn.draw(can_fail=True).strike for _ in range(500)} == {strike}
    assert drawn.draw(can_fail=False).strike is None


def test_the_same_seed_draws_the_same() -> None:
    """A rehearsal can be repeated."""
    latency = LatencySettings(median_ms=5, p99_ms=9)
    first, second, other = (chance(latency, faults(throttle=0.5), seed) for seed in (1, 1, 2))
    draws = [[each.draw(can_fail=True) for _ in range(50)] for each in (first, second, other)]
    assert draws[0] == draws[1] != draws[2]
