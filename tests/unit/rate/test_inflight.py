from bulksend.rate.inflight import InFlight


def test_starts_from_one_second_of_messages() -> None:
    """Before the first answer a second's worth may be in the air."""
    assert InFlight(100.0, ceiling=1000).limit == 101


def test_grows_with_slow_answers_and_not_without_answers() -> None:
    """Slow answers widen the allowance so that the rate holds; silence does not."""
    allowance = InFlight(100.0, ceiling=1000)
    before = allowance.limit
    for _ in range(50):
        allowance.answered(3.0)
    assert before == InFlight(100.0, ceiling=1000).limit
    assert 300 <= allowance.limit <= 400


def test_shrinks_with_fast_answers_down_to_a_quarter_second() -> None:
    """Fast answers need few messages in the air; a sudden slow one must not cost the rate."""
    allowance = InFlight(100.0, ceiling=1000)
    for _ in range(100):
        allowance.answered(0.02)
    assert allowance.limit == 26


def test_never_above_the_ceiling_nor_below_two() -> None:
    """The ceiling holds whatever the latency; a slow number still overlaps two messages."""
    allowance = InFlight(5000.0, ceiling=800)
    assert allowance.limit == 800
    slow = InFlight(0.1, ceiling=800)
    assert slow.limit == 2
