from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bulksend.pipeline.repeats import Repeats


def counted(numbers: list[str], *, kept: int) -> int:
    """What is found of a list."""
    repeats = Repeats(kept=kept)
    for number in numbers:
        repeats.add(number)
    return repeats.most


@given(numbers=st.lists(st.sampled_from("abcdefgh"), max_size=300))
def test_a_short_list_is_counted_exactly(numbers: list[str]) -> None:
    """As long as all its numbers fit."""
    assert counted(numbers, kept=8) == max(Counter(numbers).values(), default=0)


@given(numbers=st.lists(st.integers(0, 40).map(str), min_size=1, max_size=400), kept=st.integers(1, 20))
def test_of_a_long_list_no_count_is_too_high_nor_far_too_low(numbers: list[str], kept: int) -> None:
    """At least the true count less the share of the list that is promised, at most the true count."""
    true = max(Counter(numbers).values())
    assert true - len(numbers) / (kept + 1) <= counted(numbers, kept=kept) <= true


def test_one_number_among_many_is_found() -> None:
    """Every fifth row to the same number, all others different, more than fit."""
    numbers = ["test" if index % 5 == 0 else str(index) for index in range(5_000)]
    assert 950 <= counted(numbers, kept=100) <= 1_000
