from bulksend.rate.inflight import LEAST, InFlight
from bulksend.rate.pace import Released


def fly(allowance: InFlight, *, latency_s: float, messages: int) -> None:
    """One message after the other, each answered after `latency_s`."""
    for number in range(messages):
        message = Released(float(number), 1)
        allowance.took_off(message)
        allowance.came_down(message, answered=True, now=number + latency_s)


def test_starts_from_one_second_of_messages() -> None:
    """Before the first answer a second's worth may be in the air."""
    assert InFlight(100.0, ceiling=1000).limit == 101


def test_grows_with_slow_answers() -> None:
    """Slow answers widen the allowance so that the rate holds."""
    allowance = InFlight(100.0, ceiling=1000)
    fly(allowance, latency_s=3.0, messages=50)
    assert 300 <= allowance.limit <= 400


def test_does_not_grow_without_answers() -> None:
    """Silence does not widen it, nor does the end of waiting for an answer."""
    allowance = InFlight(100.0, ceiling=1000)
    messages = [Released(0.01 * number, 1) for number in range(101)]
    for message in messages:
        assert not allowance.is_full
        allowance.took_off(message)
    assert allowance.is_full
    for message in messages:
        allowance.came_down(message, answered=False, now=30.0)
    assert not allowance.is_full
    assert allowance.limit == 101


def test_shrinks_with_fast_answers_down_to_a_quarter_second() -> None:
    """Fast answers need few messages in the air; a sudden slow one must not cost the rate."""
    allowance = InFlight(100.0, ceiling=1000)
    fly(allowance, latency_s=0.02, messages=100)
    assert allowance.limit == 26


def test_never_above_the_ceiling_nor_below_four() -> None:
    """The ceiling holds whatever the latency; a slow number still overlaps a few messages."""
    allowance = InFlight(5000.0, ceiling=800)
    assert allowance.limit == 800
    slow = InFlight(0.1, ceiling=800)
    assert slow.limit == LEAST


def test_messages_that_were_overtaken_take_no_room() -> None:
    """Of four in the air the last is answered: the three before it wait alone, whatever becomes of them."""
    allowance = InFlight(1.0, ceiling=8)
    first, second, third, fourth, fifth = (Released(float(number), 1) for number in range(5))
    for message in (first, second, third):
        allowance.took_off(message)
    assert not allowance.is_full
    allowance.took_off(fourth)
    assert allowance.is_full
    allowance.came_down(fourth, answered=True, now=3.1)
    assert not allowance.is_full
    allowance.took_off(fifth)
    assert not allowance.is_full
    allowance.came_down(first, answered=False, now=30.0)
    allowance.came_down(second, answered=True, now=30.0)
    allowance.came_down(third, answered=False, now=30.0)
    allowance.came_down(fifth, answered=True, now=30.0)
    assert not allowance.is_full


def test_stragglers_count_against_the_ceiling() -> None:
    """Each of them holds a connection."""
    allowance = InFlight(100.0, ceiling=3)
    lost = [Released(float(number), 1) for number in range(2)]
    later = [Released(2.0 + number, 1) for number in range(2)]
    for message in (*lost, later[0]):
        allowance.took_off(message)
    assert allowance.is_full
    allowance.came_down(later[0], answered=True, now=3.0)
    assert not allowance.is_full
    allowance.took_off(later[1])
    assert allowance.is_full
