from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bulksend.send.backoff import Backoff


@given(failures=st.integers(1, 5000), seed=st.integers())
def test_waits_stay_within_the_documented_interval(failures: int, seed: int) -> None:
    """From 0 to base * 2 ** (n - 1), and never above the cap, however often it failed."""
    wait_s = Backoff(base_s=0.25, cap_s=20.0, random=Random(seed)).wait_s(failures)
    assert 0.0 <= wait_s <= min(20.0, 0.25 * 2.0 ** min(failures - 1, 20))


def test_the_jitter_is_full() -> None:
    """Waits spread over the whole interval, so that rows that failed together do not return together."""
    backoff = Backoff(base_s=1.0, cap_s=20.0, random=Random(7))
    waits = sorted(backoff.wait_s(4) for _ in range(1000))
    assert waits[100] < 1.2
    assert waits[900] > 6.8
