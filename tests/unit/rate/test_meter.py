import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulksend.base.records import Bucket
from bulksend.rate.meter import Meter
from tests.support.virtual import VirtualClock, VirtualLoop, run_virtual

HEADROOM = 0.01


def fullest_window(releases: list[tuple[float, int]]) -> int:
    """Most parts in any half-open second, by brute force over the seconds that start at a release."""
    return max(
        (
            sum(parts for when, parts in releases[index:] if when < start + 1.0)
            for index, (start, _) in enumerate(releases)
        ),
        default=0,
    )


async def drive(mps: int, sizes: list[int], pauses_s: dict[int, float] | None = None) -> list[tuple[float, int]]:
    """Admit messages of `sizes` parts one after the other, pausing before some, and return when each went."""
    clock = VirtualClock()
    meter = Meter(Bucket("b", mps), headroom=HEADROOM, clock=clock)
    releases = []
    for index, parts in enumerate(sizes):
        await clock.sleep((pauses_s or {}).get(index, 0.0))
        await meter.admit(parts)
        releases.append((clock.monotonic(), parts))
    return releases


@pytest.mark.parametrize("mps", [1, 3, 5, 20, 100, 1000, 5000])
def test_single_parts_use_the_limit_and_never_exceed_it(mps: int) -> None:
    """At every rate at least 98 % of the limit is used and no second has more than the limit."""
    seconds = 60 if mps <= 20 else 5
    releases = run_virtual(drive(mps, [1] * (mps * seconds)))
    elapsed_s = releases[-1][0] - releases[0][0]
    assert (len(releases) - 1) / elapsed_s >= 0.98 * mps
    if mps <= 100:
        assert fullest_window(releases) <= mps
    else:
        starts = [when for when, _ in releases]
        assert all(later - earlier >= 1.0 for earlier, later in zip(starts, starts[mps:], strict=False))


@settings(max_examples=60)
@given(
    mps=st.sampled_from([1, 3, 5, 20, 100]),
    sizes=st.lists(st.integers(1, 10), min_size=1, max_size=150),
    pauses_s=st.dictionaries(st.integers(0, 149), st.floats(0, 5), max_size=8),
)
def test_no_second_exceeds_the_limit(mps: int, sizes: list[int], pauses_s: dict[int, float]) -> None:
    """Whatever the sizes and the idle spells, a second holds the limit at most, or one oversized message alone."""
    releases = run_virtual(drive(mps, sizes, pauses_s))
    for index, (start, parts) in enumerate(releases):
        within = [size for when, size in releases[index:] if when < start + 1.0]
        assert sum(within) <= mps or within == [parts]


def test_oversized_messages_are_paid_as_debt() -> None:
    """Four-part messages leave a three-part limit at three parts a second in the long run."""
    releases = run_virtual(drive(3, [4] * 60))
    rate = 4 * 59 / (releases[-1][0] - releases[0][0])
    assert 0.98 * 3 <= rate <= 3.0


@pytest.mark.parametrize(
    ("mps", "sizes", "used"),
    [
        (20, [1] * 9 + [10], 0.8),
        (20, [1, 2, 3], 0.95),
        (100, [1] * 9 + [10], 0.94),
        (100, [1, 5, 10], 0.94),
        (1000, [1, 5, 10], 0.98),
        (5, [1, 2, 10], 0.85),
        (1, [1, 5, 10], 0.95),
    ],
)
def test_mixed_sizes_use_what_whole_messages_fit(mps: int, sizes: list[int], used: float) -> None:
    """Messages go as a whole and in order, so not every part of every second can be used; most can."""
    dice = random.Random(1)
    releases = run_virtual(drive(mps, [dice.choice(sizes) for _ in range(mps * 100)]))
    parts = sum(size for _, size in releases[:-1])
    assert parts / (releases[-1][0] - releases[0][0]) >= used * mps


def test_asking_no_earlier_than_needed_loses_no_time() -> None:
    """A message that asks when `spare_s` says goes as early as one that has been waiting all the while."""

    async def one_by_one(*, patient: bool) -> list[float]:
        clock = VirtualClock()
        meter = Meter(Bucket("b", 3), headroom=HEADROOM, clock=clock)
        releases = []
        for parts in (1, 10, 1, 3, 4, 2, 1, 1, 3, 1, 3):
            if patient:
                await clock.sleep(meter.spare_s(parts, behind=0))
            await meter.admit(parts)
            releases.append(clock.monotonic())
        return releases

    waiting, asking = run_virtual(one_by_one(patient=False)), run_virtual(one_by_one(patient=True))
    assert asking == pytest.approx(waiting, abs=0.01)


def test_first_come_first_served_whatever_the_size() -> None:
    """A ten-part message is not overtaken by the single parts that queued after it."""

    async def scenario() -> list[int]:
        meter = Meter(Bucket("b", 20), headroom=HEADROOM, clock=VirtualClock())
        order: list[int] = []

        async def ask(number: int, parts: int) -> None:
            await meter.admit(parts)
            order.append(number)

        async with asyncio.TaskGroup() as group:
            for number in range(100):
                group.create_task(ask(number, 10 if number % 7 == 0 else 1))
        return order

    assert run_virtual(scenario()) == list(range(100))


def test_a_cancelled_waiter_does_not_block_the_next() -> None:
    """The turn of a waiter that gave up goes to the next in line."""

    async def scenario() -> float:
        clock = VirtualClock()
        meter = Meter(Bucket("b", 1), headroom=HEADROOM, clock=clock)
        await meter.admit(1)
        waiting = asyncio.create_task(meter.admit(1))
        await clock.sleep(0.5)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await meter.admit(1)
        return clock.monotonic()

    assert run_virtual(scenario()) <= 2.1


@pytest.mark.parametrize("mps", [20, 100, 1000])
def test_what_late_timers_cost_is_caught_up_with(mps: int) -> None:
    """On a machine that stops for 30 ms three times a second, 98 % of the limit is used, and no second is over it."""

    async def scenario() -> list[tuple[float, int]]:
        clock, loop = VirtualClock(), asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        meter = Meter(Bucket("b", mps), headroom=HEADROOM, clock=clock)
        stall_at, releases = 0.0, []
        while clock.monotonic() < 20.0:
            if clock.monotonic() >= stall_at:
                stall_at = clock.monotonic() + 1 / 3
                loop.call_later(0.0004, loop.suspend, 0.03)
            await meter.admit(1)
            releases.append((clock.monotonic(), 1))
        return releases

    releases = run_virtual(scenario())
    assert len(releases) / releases[-1][0] >= 0.98 * mps
    assert fullest_window(releases) <= mps


@pytest.mark.parametrize(("mps", "share"), [(3, 0.5), (5, 0.5), (3, 0.1), (20, 0.25), (100, 0.333)])
def test_a_meter_that_is_turned_down_keeps_to_the_share(mps: int, share: float) -> None:
    """Also where that is no whole number of parts; and turned up again, no second has more than the limit."""

    async def main() -> list[tuple[float, int]]:
        clock = VirtualClock()
        meter = Meter(Bucket("b", mps), headroom=HEADROOM, clock=clock)
        releases = []
        while clock.monotonic() < 130.0:
            if 20.0 <= clock.monotonic() < 120.0:
                meter.turn_down(share)
            else:
                meter.turn_down(1.0)
            await meter.admit(1)
            releases.append((clock.monotonic(), 1))
        return releases

    releases = run_virtual(main())
    down = sum(21.0 <= when < 120.0 for when, _ in releases)
    assert down == pytest.approx(99.0 * mps * share, rel=0.02, abs=1.5)
    assert fullest_window(releases) <= mps
    assert sum(1.0 <= when < 20.0 for when, _ in releases) >= 0.98 * mps * 19 - 1
