"""How long a message lives, by the campaign's deadline."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bulksend.base.deadline import LAST_CALL_S, MARGIN_S, Deadline
from bulksend.base.request import MAX_TIME_TO_LIVE_S, MIN_TIME_TO_LIVE_S

AT = datetime(2026, 11, 27, 20, tzinfo=UTC)
lives = st.integers(MIN_TIME_TO_LIVE_S, MAX_TIME_TO_LIVE_S)


@given(before_s=st.floats(LAST_CALL_S, 2 * MAX_TIME_TO_LIVE_S), longest_s=lives)
def test_no_message_lives_longer_than_until_the_deadline(before_s: float, longest_s: int) -> None:
    """Nor longer than the campaign says, nor a second less than it may; the service accepts every value."""
    now = AT - timedelta(seconds=before_s)
    left_s = (AT - now).total_seconds() - MARGIN_S
    found = Deadline(AT, longest_s).time_to_live(now)
    assert MIN_TIME_TO_LIVE_S <= found <= min(longest_s, left_s)
    assert found == longest_s or found > left_s - 1


@given(after_s=st.floats(-LAST_CALL_S, 10**6), longest_s=lives)
def test_after_the_last_call_it_is_the_least_there_is(after_s: float, longest_s: int) -> None:
    """A request that must not go out any more can still be prepared."""
    assert Deadline(AT, longest_s).time_to_live(AT + timedelta(seconds=after_s)) == MIN_TIME_TO_LIVE_S
