import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulksend.base.records import Bucket
from bulksend.pipeline.eta import BATCH_MESSAGES, Forecast
from bulksend.rate.meter import Meter
from tests.support.virtual import VirtualClock, run_virtual


def forecast(mps: int, sizes: list[int], *, headroom: float = 0.01) -> Forecast:
    """The forecast of messages of `sizes` parts."""
    made = Forecast(mps, headroom=headroom)
    for parts in sizes:
        made.add(parts)
    return made


async def metered(mps: int, sizes: list[int], headroom: float) -> float:
    """When the meter lets the last message go."""
    clock = VirtualClock()
    meter = Meter(Bucket("b", mps), headroom=headroom, clock=clock)
    for parts in sizes:
        await meter.admit(parts)
    return clock.monotonic()


@pytest.mark.parametrize("headroom", [0.0, 0.01, 0.2])
@pytest.mark.parametrize(
    ("mps", "mix"),
    [
        (1, [1]),
        (1, [1, 5, 10]),
        (3, [1]),
        (3, [2]),
        (3, [4]),
        (5, [1, 2, 10]),
        (20, [1]),
        (20, [1] * 9 + [10]),
        (20, [7]),
        (20, [1, 7, 9, 10]),
        (100, [1] * 9 + [10]),
        (1000, [1, 5, 10]),
        (5000, [1, 10]),
    ],
)
def test_the_forecast_is_what_the_meter_does(mps: int, mix: list[int], headroom: float) -> None:
    """Within 2 % of the real meter on virtual time, over a minute or so of every mix, in the order of the rows."""
    dice = random.Random(mps)
    sizes = [dice.choice(mix) for _ in range(max(50, min(6000, 60 * mps * len(mix) // sum(mix))))]
    released_s = forecast(mps, sizes, headroom=headroom).released_s
    assert released_s == pytest.approx(run_virtual(metered(mps, sizes, headroom)), rel=0.02)


@settings(max_examples=60)
@given(mps=st.sampled_from([1, 3, 5, 20, 100]), sizes=st.lists(st.integers(1, 10), min_size=1, max_size=200))
def test_any_messages_go_when_the_meter_lets_them(mps: int, sizes: list[int]) -> None:
    """Whatever the sizes and their order: within 2 %, or 20 ms."""
    released_s = forecast(mps, sizes).released_s
    assert released_s == pytest.approx(run_virtual(metered(mps, sizes, 0.01)), rel=0.02, abs=0.02)


@settings(max_examples=100)
@given(mps=st.integers(1, 200), sizes=st.lists(st.integers(1, 10), max_size=300), headroom=st.floats(0, 0.5))
def test_nothing_is_faster_than_its_parts(mps: int, sizes: list[int], headroom: float) -> None:
    """The parts at the limit less the headroom are the least; one more message never makes it shorter."""
    before = forecast(mps, sizes, headroom=headroom).seconds
    assert before >= sum(sizes) / (mps * (1.0 - headroom))
    assert forecast(mps, [*sizes, 1], headroom=headroom).seconds >= before


@pytest.mark.parametrize("mps", [1, 3, 20, 100, 5000])
def test_single_parts_take_what_arithmetic_says(mps: int) -> None:
    """A thousand single parts: a thousand over the limit less the headroom."""
    assert forecast(mps, [1] * 1000).seconds == pytest.approx(1000 / (mps * 0.99))


def test_long_texts_among_short_ones_take_longer_than_their_parts() -> None:
    """One ten-part message in ten at 20 parts a second goes at about 80 % of the limit."""
    dice = random.Random(7)
    sizes = [dice.choice([1] * 9 + [10]) for _ in range(20_000)]
    assert 0.78 <= sum(sizes) / forecast(20, sizes).seconds / 20 <= 0.86


def test_a_message_above_the_limit_is_paid_for() -> None:
    """Six messages of ten parts under a limit of one: sixty parts' time."""
    assert forecast(1, [10] * 6).seconds == pytest.approx(60 / 0.99)


def test_looking_in_between_changes_nothing() -> None:
    """The forecast may be read at any time, also in the middle of a batch."""
    dice = random.Random(5)
    sizes = [dice.choice([1, 3, 10]) for _ in range(3 * BATCH_MESSAGES + 5)]
    watched = Forecast(20, headroom=0.01)
    seen = []
    for index, parts in enumerate(sizes):
        watched.add(parts)
        if index % 100 == 0:
            seen.append(watched.seconds)
    assert seen == sorted(seen)
    assert watched.seconds == forecast(20, sizes).seconds


def test_nothing_takes_no_time() -> None:
    """A bucket without a message."""
    assert Forecast(20, headroom=0.01).seconds == 0.0
