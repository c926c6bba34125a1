from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.rate.recipients import SLACK_S, Recipients


def test_one_message_at_a_time_and_one_a_second() -> None:
    """The second has to wait until the first has left, and a second after that."""
    recipients = Recipients(interval_s=1.0)
    assert recipients.take("+1", has_slot=False, now=0.0)
    assert not recipients.take("+1", has_slot=False, now=0.1)
    recipients.released("+1", now=0.5)
    assert not recipients.take("+1", has_slot=False, now=1.4)
    assert recipients.take("+1", has_slot=False, now=1.5)
    assert recipients.take("+2", has_slot=False, now=1.5)


def test_what_never_left_does_not_count() -> None:
    """A message that was on its way and turned back lets the next one go at once."""
    recipients = Recipients(interval_s=1.0)
    assert recipients.take("+1", has_slot=False, now=0.0)
    recipients.dropped("+1")
    assert recipients.take("+1", has_slot=False, now=0.0)


def test_those_who_wait_get_one_slot_each() -> None:
    """An interval apart and a little more, so that they need not ask again and again."""
    recipients = Recipients(interval_s=1.0)
    recipients.take("+1", has_slot=False, now=0.0)
    recipients.released("+1", now=0.0)
    slots = [recipients.next_slot_s("+1", has_slot=False, now=0.2) for _ in range(3)]
    assert slots == pytest.approx([1.0, 2.0 + SLACK_S, 3.0 + 2 * SLACK_S])
    assert recipients.next_slot_s("+1", has_slot=True, now=0.999) == 1.0


def test_a_later_message_does_not_go_before_one_that_has_a_slot() -> None:
    """Texts to one person keep the order of the list."""
    recipients = Recipients(interval_s=1.0)
    recipients.take("+1", has_slot=False, now=0.0)
    recipients.released("+1", now=0.0)
    assert recipients.next_slot_s("+1", has_slot=False, now=0.1) == 1.0
    assert not recipients.take("+1", has_slot=False, now=1.005)
    assert recipients.take("+1", has_slot=True, now=1.01)


def test_without_an_interval_everything_goes() -> None:
    """0 switches it off."""
    recipients = Recipients(interval_s=0.0)
    assert all(recipients.take("+1", has_slot=False, now=0.0) for _ in range(3))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0.0, 0.7), st.floats(0.0, 0.5)), max_size=60))
def test_no_recipient_gets_two_within_a_second(asks: list[tuple[str, float, float]]) -> None:
    """Whoever asks when, and however long a message is on its way."""
    recipients, now = Recipients(interval_s=1.0), 0.0
    released: dict[str, list[float]] = {"a": [], "b": [], "c": []}
    for who, gap_s, way_s in asks:
        now += gap_s
        if recipients.take(who, has_slot=True, now=now):
            now += way_s
            recipients.released(who, now=now)
            released[who].append(now)
        else:
            assert recipients.next_slot_s(who, has_slot=False, now=now) > now
    for times in released.values():
        assert all(later - earlier >= 1.0 for earlier, later in pairwise(times))
