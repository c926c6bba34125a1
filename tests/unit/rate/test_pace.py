from collections.abc import Callable
from random import Random

import pytest

from bulksend.rate.pace import Pace, Released
from tests.unit.rate.adapting import Course, Service, StrictWindow, TokenBucket, send_to

SETTLED_S = 30.0


def jittered(dice: Random) -> float:
    """Latencies around 120 ms, up to seconds now and then."""
    return min(3.0, dice.lognormvariate(-2.1, 0.5))


def strict(limit: float) -> Service:
    """A service that is as strict as can be."""
    return StrictWindow(lambda _: limit)


def assert_settled(course: Course, allowed: float, *, until_s: float, since_s: float = SETTLED_S) -> None:
    """At least 90 % of what is allowed is used, and no more than 2 % of the requests are throttled."""
    assert course.parts_per_second(since_s, until_s) >= 0.9 * allowed
    assert course.throttled(since_s, until_s) <= 0.02


@pytest.mark.parametrize("latency_s", [lambda _: 0.06, jittered], ids=["even", "jittered"])
@pytest.mark.parametrize(
    ("configured", "allowed"),
    [(100, 61), (100, 95), (100, 30), (100, 10), (20, 12), (10, 5), (5, 3), (3, 2), (3, 1), (2, 1), (1000, 300)],
)
def test_the_true_limit_is_found_within_half_a_minute(
    configured: int, allowed: int, latency_s: Callable[[Random], float]
) -> None:
    """Configured too high: nearly all of what is allowed is used, and few requests are throttled."""
    until_s = 60.0 if allowed >= 10 else 200.0
    course = send_to(strict(allowed), configured, seconds=until_s, latency_s=latency_s)
    assert_settled(course, allowed, until_s=until_s)
    assert course.allows is None or 0.85 * allowed <= course.allows <= 1.1 * allowed


@pytest.mark.parametrize("capacity_s", [1.0, 0.25])
@pytest.mark.parametrize(("configured", "allowed"), [(100, 61), (100, 30), (20, 12), (5, 3)])
def test_it_is_found_too_where_the_service_keeps_a_token_bucket(
    configured: int, allowed: int, capacity_s: float
) -> None:
    """Nobody says how the service meters; a bucket that forgives bursts is found out as well."""
    service = TokenBucket(allowed, max(2.0, allowed * capacity_s))
    course = send_to(service, configured, seconds=200.0)
    assert course.parts_per_second(SETTLED_S, 200.0) >= 0.95 * allowed
    assert course.throttled(SETTLED_S, 200.0) <= 0.025


@pytest.mark.parametrize("others_per_s", [10.0, 39.0, 70.0])
def test_what_another_application_leaves_is_used(others_per_s: float) -> None:
    """It uses the same number, at an even pace."""
    service = StrictWindow(lambda _: 100, others_per_s=others_per_s)
    assert_settled(send_to(service, 100, seconds=120.0), 100 - others_per_s, until_s=120.0)


def test_another_application_that_comes_and_goes_costs_more_but_not_much() -> None:
    """Its messages come at random, so that what it leaves is never the same."""
    service = StrictWindow(lambda _: 100, others_per_s=39.0, dice=Random(3))
    course = send_to(service, 100, seconds=120.0)
    assert course.parts_per_second(SETTLED_S, 120.0) >= 0.8 * 61
    assert course.throttled(SETTLED_S, 120.0) <= 0.03


def test_a_limit_that_changes_is_followed() -> None:
    """Down, and up again, each within half a minute."""
    service = StrictWindow(lambda now: 60 if now < 40 else 30 if now < 80 else 90)
    course = send_to(service, 100, seconds=150.0)
    assert_settled(course, 60, since_s=20.0, until_s=40.0)
    assert_settled(course, 30, since_s=70.0, until_s=80.0)
    assert_settled(course, 90, since_s=110.0, until_s=150.0)


def test_a_service_that_takes_nothing_for_a_while_gets_all_again_soon() -> None:
    """After half a minute in which everything was throttled the limit is back within forty seconds."""
    service = StrictWindow(lambda now: 0 if 20 <= now < 50 else 100)
    course = send_to(service, 100, seconds=110.0)
    assert course.parts_per_second(90.0, 110.0) >= 98.0
    assert course.throttled(90.0, 110.0) == 0.0
    assert len([each for each in course.attempts if 25 <= each.at_s < 50]) <= 60


def test_long_texts_find_the_true_limit_too() -> None:
    """One text in ten has ten parts, so that no sender in order could use more than about 94 % of this limit."""
    course = send_to(strict(61), 100, seconds=120.0, parts=lambda dice: 10 if dice.random() < 0.1 else 1)
    assert_settled(course, 0.93 * 61, until_s=120.0)


@pytest.mark.parametrize(("noise", "used"), [(0.005, 0.95), (0.02, 0.8), (0.08, 0.7)])
def test_throttles_that_do_not_come_from_our_pace_hardly_slow_it(noise: float, used: float) -> None:
    """Slowing down would not make them fewer."""
    course = send_to(strict(1000), 100, seconds=120.0, noise=noise)
    assert course.parts_per_second(10.0, 120.0) >= used * 99 * (1 - noise)


def test_a_limit_that_is_right_is_never_left() -> None:
    """No throttles, no slowing down, for ten minutes."""
    course = send_to(strict(20), 20, seconds=600.0)
    assert all(each.taken for each in course.attempts)
    assert course.parts_per_second(1.0, 600.0) >= 0.98 * 20


def test_a_bucket_that_is_always_throttled_keeps_asking() -> None:
    """Once a second, so that it finds out when it may go on."""
    course = send_to(strict(0), 100, seconds=100.0)
    assert 0.8 <= len([each for each in course.attempts if each.at_s >= 50.0]) / 50.0 <= 1.2


def test_one_of_the_first_answers_costs_little() -> None:
    """One throttled answer among few is no evidence of the limit."""
    pace = Pace(100)
    first = Released(0.1, 1)
    pace.released(first)
    pace.throttled(first, now=0.15)
    assert pace.parts_per_second(0.15) >= 95.0


def test_what_an_earlier_run_found_is_where_the_next_one_begins() -> None:
    """It is doubted at once: in half a minute the configured limit is back if nothing is throttled."""
    pace = Pace(100, allows=61.0, now=5.0)
    assert pace.allows == 61.0
    assert pace.parts_per_second(5.0) == 61.0
    assert pace.parts_per_second(35.0) == 100.0
    assert Pace(100, allows=100.0).allows is None
