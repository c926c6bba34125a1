from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.pipeline.sample import stratified

lists = st.lists(st.sampled_from("abcdefgh"), max_size=400).map(lambda kinds: dict(enumerate(kinds, start=1)))
"""Row -> stratum."""


def sample_of(kinds: Mapping[int, str], size: int) -> list[int]:
    """The sample of rows with these strata."""
    return stratified(kinds.items(), size)


def seats_of(kinds: Mapping[int, str], size: int) -> Counter[str]:
    """How many rows of each stratum are in it."""
    return Counter(kinds[row] for row in sample_of(kinds, size))


@given(lists, st.integers(1, 500))
def test_a_sample_has_its_size_and_every_stratum(kinds: dict[int, str], size: int) -> None:
    """As many rows as asked for, or as there are, or as there are strata; each once, and each a row of the list."""
    sample = sample_of(kinds, size)
    assert len(sample) == min(len(kinds), max(size, len(set(kinds.values()))))
    assert sample == sorted(set(sample))
    assert set(sample) <= set(kinds)
    assert {kinds[row] for row in sample} == set(kinds.values())


@given(lists, st.integers(1, 500))
def test_a_sample_is_in_proportion(kinds: dict[int, str], size: int) -> None:
    """No stratum has its last row, above the one that all have, while another is owed one more (highest averages)."""
    seats = seats_of(kinds, size)
    counts = Counter(kinds.values())
    last_given = [Fraction(counts[one], 2 * seats[one] - 1) for one in seats if seats[one] > 1]
    next_owed = [Fraction(counts[one], 2 * seats[one] + 1) for one in seats if seats[one] < counts[one]]
    # Sizes are compared as floats, which are exact enough for lists of this length to be told apart by.
    assert not (last_given and next_owed) or min(last_given) >= max(next_owed)


@given(lists, st.integers(1, 60), st.randoms(use_true_random=False))
def test_a_sample_does_not_depend_on_the_order(kinds: dict[int, str], size: int, random: Random) -> None:
    """The same rows in another order give the same sample."""
    shuffled = list(kinds.items())
    random.shuffle(shuffled)
    assert stratified(shuffled, size) == sample_of(kinds, size)


@given(lists, st.integers(1, 60), st.integers(1, 60))
def test_a_larger_sample_has_all_rows_of_a_smaller_one(kinds: dict[int, str], one: int, other: int) -> None:
    """What was checked once is checked again when somebody wants to know more."""
    smaller, larger = sorted((one, other))
    assert set(sample_of(kinds, smaller)) <= set(sample_of(kinds, larger))


def test_rows_are_taken_from_all_over_the_list() -> None:
    """Of 10,000 rows of one kind, every tenth of the list has its part of a sample of 200."""
    rows = sample_of(dict.fromkeys(range(1, 10_001), "a"), 200)
    tenths = Counter((row - 1) // 1000 for row in rows)
    assert len(tenths) == 10
    assert min(tenths.values()) >= 8


def test_a_sample_in_proportion_to_a_long_list() -> None:
    """90 % of one kind, 9.9 % of another and a single row of a third: 89, 10 and 1 of a hundred."""
    kinds = {row: "a" if row % 10 else "b" for row in range(1, 10_000)} | {10_000: "c"}
    assert seats_of(kinds, 100) == {"a": 89, "b": 10, "c": 1}


def test_a_sample_of_nothing_is_refused() -> None:
    """A size below one is a mistake of the caller."""
    with pytest.raises(ValueError, match="at least one row"):
        sample_of({1: "a"}, 0)
