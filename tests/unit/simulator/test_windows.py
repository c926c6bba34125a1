from hypothesis import given
from hypothesis import strategies as st

from bulksend.simulator.windows import SECOND_NS, SlidingWindow, WindowPeak, to_ns

ARRIVALS = st.lists(st.tuples(st.integers(0, 3 * SECOND_NS), st.integers(1, 12)), min_size=1, max_size=120).map(sorted)
STEPPED_ARRIVALS = st.lists(
    st.tuples(st.integers(0, 40).map(lambda tenth: tenth * SECOND_NS // 10), st.integers(1, 12)),
    min_size=1,
    max_size=120,
).map(sorted)
"""Tenths of a second, so that the edges of windows are met all the time."""


def admitted(limit: int, arrivals: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The arrivals that a window with `limit` admits."""
    window = SlidingWindow(limit)
    result = []
    for at_ns, parts in arrivals:
        if window.has_room(at_ns, parts):
            window.add(at_ns, parts)
            result.append((at_ns, parts))
    return result


def windows(entries: list[tuple[int, int]]) -> list[list[int]]:
    """For every entry, the parts in the half-open second that ends with it."""
    return [[parts for at, parts in entries if end - SECOND_NS < at <= end] for end, _ in entries]


@given(st.integers(1, 10), st.one_of(ARRIVALS, STEPPED_ARRIVALS))
def test_never_over_the_limit(limit: int, arrivals: list[tuple[int, int]]) -> None:
    """No half-open second holds more parts than the limit, but for an oversized message that is alone in it."""
    for held in windows(admitted(limit, arrivals)):
        assert sum(held) <= limit or len(held) == 1


@given(st.integers(1, 10), st.one_of(ARRIVALS, STEPPED_ARRIVALS))
def test_never_needlessly_under_it(limit: int, arrivals: list[tuple[int, int]]) -> None:
    """What is refused would have broken the limit, or came while an oversized message was being paid off."""
    accepted: list[tuple[int, int]] = []
    window = SlidingWindow(limit)
    for at_ns, parts in arrivals:
        in_window = sum(each for at, each in accepted if at > at_ns - SECOND_NS)
        is_in_debt = any(each > limit and (at_ns - at) * limit < each * SECOND_NS for at, each in accepted)
        if window.has_room(at_ns, parts):
            window.add(at_ns, parts)
            accepted.append((at_ns, parts))
        else:
            assert is_in_debt or (in_window > 0 and in_window + parts > limit)


@given(st.integers(1, 10), STEPPED_ARRIVALS)
def test_what_is_refused_takes_no_room(limit: int, arrivals: list[tuple[int, int]]) -> None:
    """The same messages are admitted when those that were refused had never come."""
    accepted = admitted(limit, arrivals)
    assert admitted(limit, accepted) == accepted


def test_a_full_window_is_free_again_after_exactly_one_second() -> None:
    """The window is half-open: what came a second ago has left it, what came a nanosecond later has not."""
    window = SlidingWindow(3)
    window.add(0, 3)
    assert not window.has_room(SECOND_NS - 1, 1)
    assert window.has_room(SECOND_NS, 3)


def test_an_oversized_message_is_paid_off() -> None:
    """Seven parts at 3 per second: admitted into an empty window only, then nothing for seven thirds of a second."""
    window = SlidingWindow(3)
    window.add(0, 1)
    assert not window.has_room(SECOND_NS - 1, 7)
    assert window.has_room(SECOND_NS, 7)
    window.add(SECOND_NS, 7)
    paid_off = SECOND_NS + 2_333_333_334
    assert not window.has_room(paid_off - 1, 1)
    assert window.has_room(paid_off, 3)


def test_time_does_not_run_backward() -> None:
    """A request that is looked at late is judged by the latest moment that was asked about."""
    window = SlidingWindow(2)
    window.add(0, 1)
    window.add(SECOND_NS, 1)
    assert window.has_room(SECOND_NS // 2, 1)
    assert not window.has_room(SECOND_NS // 2, 2)


@given(st.one_of(ARRIVALS, STEPPED_ARRIVALS))
def test_the_peak_is_exact(arrivals: list[tuple[int, int]]) -> None:
    """The fullest window found on the way is the fullest of all that can be laid."""
    peak = WindowPeak()
    for at_ns, parts in arrivals:
        peak.add(at_ns, parts)
    ends = {at + shift for at, _ in arrivals for shift in (0, 1, SECOND_NS - 1, SECOND_NS)}
    fullest = max(sum(parts for at, parts in arrivals if end - SECOND_NS < at <= end) for end in ends)
    assert peak.peak == fullest


def test_nanoseconds() -> None:
    """Seconds become whole nanoseconds, the nearest ones."""
    assert to_ns(0.1) + to_ns(0.2) == to_ns(0.3) == 300_000_000
