import random
from collections import deque

import pytest

from bulksend.rate.pace import FLOOR, Pace


def simulate(
    limit: int, *, true_limit: float, noise: float = 0.0, seconds: float = 60.0, since_s: float = 30.0
) -> tuple[float, float]:
    """Offer at the pace to a strict window of `true_limit`, with random throttles besides.

    Returns the parts accepted a second and the share of the requests throttled, both from `since_s` on.
    """
    pace, dice = Pace(limit), random.Random(4)
    accepted: deque[float] = deque()
    now, taken, throttled = 0.0, 0, 0
    while now < seconds:
        now += 1.0 / (0.99 * limit * pace.share(now))
        while accepted and accepted[0] <= now - 1.0:
            accepted.popleft()
        fits = len(accepted) < true_limit and dice.random() >= noise
        if fits:
            accepted.append(now)
            pace.accepted(1, now=now)
        else:
            pace.throttled(now=now)
        if now >= since_s:
            taken += fits
            throttled += not fits
    return taken / (seconds - since_s), throttled / (taken + throttled)


@pytest.mark.parametrize(("limit", "true_limit"), [(100, 60), (100, 95), (20, 12), (3, 2), (1000, 300)])
def test_the_true_limit_is_found(limit: int, true_limit: int) -> None:
    """Configured too high: nearly all of what is allowed is used, and few requests are throttled."""
    rate, throttled = simulate(limit, true_limit=true_limit)
    assert rate >= (0.9 if limit >= 20 else 0.8) * true_limit
    assert throttled <= (0.05 if limit >= 20 else 0.2)


@pytest.mark.parametrize(("noise", "used"), [(0.02, 0.93), (0.1, 0.8), (0.3, 0.55)])
def test_throttles_that_do_not_come_from_our_pace_hardly_slow_it(noise: float, used: float) -> None:
    """Slowing down would not make them fewer."""
    rate, _ = simulate(100, true_limit=1000, noise=noise)
    assert rate >= used * 100 * (1 - 0.01)


def test_a_first_answer_that_is_a_throttle_costs_little() -> None:
    """One of the first few messages is no evidence of the limit."""
    pace = Pace(100)
    assert pace.throttled(now=0.1)
    assert pace.share(0.1) == pytest.approx(0.7)


def test_a_bucket_that_is_always_throttled_keeps_asking() -> None:
    """Never below the floor, so that it finds out when it may go on."""
    pace = Pace(100)
    for tick in range(1000):
        pace.throttled(now=tick / 5)
    assert pace.share(200.0) >= FLOOR


def test_a_single_throttle_in_a_busy_second_is_negligible() -> None:
    """One in a hundred is no reason to slow down."""
    pace = Pace(100)
    for tick in range(200):
        pace.accepted(1, now=tick / 100)
    assert not pace.throttled(now=2.0)
    assert pace.share(2.0) == 1.0
