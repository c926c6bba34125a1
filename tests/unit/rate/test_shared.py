import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulksend.base.records import Bucket
from bulksend.rate.meter import Meter, SharedLimit
from tests.support.virtual import VirtualClock, run_virtual
from tests.unit.rate.test_meter import fullest_window

Releases = dict[str, list[tuple[float, int]]]


def drive(
    buckets: dict[str, int],
    *,
    seconds: float,
    requests: int | None = None,
    parts: int | None = None,
    sizes: tuple[int, ...] = (1,),
) -> Releases:
    """Keep a bucket of each limit busy for `seconds`, all under shared limits; what each released, and when."""

    async def main() -> Releases:
        clock = VirtualClock()
        shared = None
        if requests is not None:
            shared = SharedLimit("requests", requests, by_parts=False, headroom=0.01, clock=clock)
        if parts is not None:
            shared = SharedLimit("parts", parts, by_parts=True, headroom=0.01, clock=clock, beyond=shared)
        released: Releases = {name: [] for name in buckets}

        async def keep_busy(name: str) -> None:
            meter = Meter(Bucket(name, buckets[name]), headroom=0.01, clock=clock, beyond=shared)
            while clock.monotonic() < seconds:
                size = sizes[len(released[name]) % len(sizes)]
                await meter.admit(size)
                released[name].append((clock.monotonic(), size))

        await asyncio.gather(*(keep_busy(name) for name in buckets))
        return released

    return run_virtual(main())


def rate(releases: list[tuple[float, int]]) -> float:
    """Parts a second from the first release to the last."""
    return sum(parts for _, parts in releases[1:]) / (releases[-1][0] - releases[0][0])


def together(released: Releases) -> list[tuple[float, int]]:
    """All releases by time."""
    return sorted(each for releases in released.values() for each in releases)


def test_requests_of_all_buckets_keep_to_the_shared_limit_and_use_it() -> None:
    """Three buckets that could send 300 a second share 50 requests, evenly."""
    released = drive({"a": 100, "b": 100, "c": 100}, seconds=30.0, requests=50)
    assert fullest_window(together(released)) <= 50
    assert rate(together(released)) >= 0.98 * 50
    assert all(rate(each) == pytest.approx(50 / 3, rel=0.03) for each in released.values())


def test_a_slow_bucket_loses_nothing_while_it_waits_for_what_is_shared() -> None:
    """But for the moments until it is its turn it goes at its own limit; the fast one uses all that it leaves."""
    released = drive({"slow": 3, "middle": 10, "fast": 200}, seconds=60.0, requests=60)
    assert rate(released["slow"]) >= 0.96 * 3
    assert rate(released["middle"]) >= 0.96 * 10
    assert rate(together(released)) >= 0.98 * 60


def test_a_shared_limit_that_does_not_bind_costs_nothing() -> None:
    """Twenty buckets, each at its own limit, under a shared one that leaves room for all."""
    released = drive({f"b{number}": 20 for number in range(20)}, seconds=30.0, requests=450)
    assert all(rate(each) >= 0.98 * 20 for each in released.values())


def test_parts_of_all_buckets_are_held_to_five() -> None:
    """As with DryRun, in parts and not in messages; four buckets with texts of one to three parts."""
    released = drive(dict.fromkeys("abcd", 5), seconds=60.0, parts=5, sizes=(1, 3, 2))
    assert fullest_window(together(released)) <= 5
    assert rate(together(released)) >= 0.75 * 5  # whole messages, in order


def test_both_shared_limits_hold_at_once() -> None:
    """Parts and requests: whichever is narrower is used."""
    released = drive({"a": 100, "b": 100}, seconds=30.0, requests=20, parts=60, sizes=(1, 2))
    assert fullest_window([(when, 1) for when, _ in together(released)]) <= 20
    assert len(together(released)) / 30.0 >= 0.97 * 20
    released = drive({"a": 100, "b": 100}, seconds=30.0, requests=50, parts=30, sizes=(1, 2))
    assert fullest_window(together(released)) <= 30
    assert rate(together(released)) >= 0.95 * 30


@settings(max_examples=40)
@given(
    mps=st.lists(st.sampled_from([1, 3, 20, 100]), min_size=1, max_size=6),
    requests=st.integers(1, 120),
    sizes=st.lists(st.integers(1, 10), min_size=1, max_size=6),
)
def test_no_limit_is_ever_exceeded(mps: list[int], requests: int, sizes: list[int]) -> None:
    """Whatever the limits and the texts: in no second more parts of a bucket, or requests of all, than allowed."""
    buckets = {f"b{number}": limit for number, limit in enumerate(mps)}
    released = drive(buckets, seconds=6.0, requests=requests, sizes=tuple(sizes))
    for name, limit in buckets.items():
        assert fullest_window(released[name]) <= max(limit, *sizes)
    assert fullest_window([(when, 1) for when, _ in together(released)]) <= requests


def test_whoever_is_cancelled_while_waiting_for_what_is_shared_blocks_nobody() -> None:
    """The next one goes."""

    async def scenario() -> float:
        clock = VirtualClock()
        shared = SharedLimit("requests", 1, by_parts=False, headroom=0.01, clock=clock)
        first, second = (Meter(Bucket(name, 100), headroom=0.01, clock=clock, beyond=shared) for name in "ab")
        await first.admit(1)
        waiting = [asyncio.create_task(meter.admit(1)) for meter in (first, second)]
        await clock.sleep(0.5)
        waiting[0].cancel()
        await waiting[1]
        return clock.monotonic()

    assert run_virtual(scenario()) == pytest.approx(1.01, abs=0.05)
