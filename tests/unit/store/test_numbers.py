import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.base.keyed import hashed_number
from bulksend.store.numbers import FirstSeen, MarkedNumbers, NumberSet

KEY = bytes(range(32))
NUMBERS = st.from_regex(r"\+[1-9][0-9]{1,14}", fullmatch=True)
FEW_NUMBERS = st.sampled_from([f"+1425555{n:04d}" for n in range(5)]) | NUMBERS


@given(st.lists(FEW_NUMBERS), st.lists(FEW_NUMBERS))
def test_a_number_set_is_a_set(added: list[str], asked: list[str]) -> None:
    """What was added is in it, once; nothing else is."""
    with NumberSet() as numbers:
        numbers.add_all(added)
        numbers.add_all(iter(added[:2]))
        assert [number in numbers for number in asked + added] == [number in set(added) for number in asked + added]
        assert len(numbers) == len(set(added))


@given(st.lists(FEW_NUMBERS, max_size=100), st.integers(1, 40))
def test_the_first_row_of_a_number_is_remembered(numbers: list[str], batch: int) -> None:
    """Each later row of the same number is told the first one, in the same batch or another."""
    first: dict[str, int] = {}
    expected = {row: first[number] for row, number in enumerate(numbers) if first.setdefault(number, row) != row}
    rows = [(number, row) for row, number in enumerate(numbers)]
    repeated: dict[int, int] = {}
    with FirstSeen() as seen:
        for at in range(0, len(rows), batch):
            repeated |= seen.repeated(rows[at : at + batch])
        assert len(seen) == len(first)
    assert repeated == expected


@pytest.mark.parametrize(
    "number", ["", "+", "14255550100", "+1425555010x", "+1 425", "+" + "1" * 20, "+" + "\uff11" * 4, "+-12"]
)
def test_only_e164_is_a_number(number: str) -> None:
    """Two spellings of one number are never two numbers: only one spelling is taken."""
    with NumberSet() as numbers, FirstSeen() as seen:
        uses = (
            lambda: numbers.add_all([number]),
            lambda: number in numbers,
            lambda: seen.repeated([(number, 1)]),
        )
        for use in uses:
            with pytest.raises(ValueError, match=r"not a number in E\.164 form"):
                use()


def test_errors_do_not_show_numbers() -> None:
    """What is wrong with a number is said without it."""
    with FirstSeen() as seen, pytest.raises(ValueError, match=r"E\.164") as raised:
        seen.repeated([("+1425555012x", 1)])
    assert "425555012" not in str(raised.value)


def test_what_does_not_fit_into_memory_is_kept_all_the_same() -> None:
    """Far beyond the cache, every number is still known."""
    with FirstSeen() as seen:
        seen._connection.execute("PRAGMA cache_size = 10")
        rows = [(f"+{10**10 + n * 7919 % 10**9}", n) for n in range(20_000)]
        again = [(number, row + 20_000) for number, row in rows]
        assert seen.repeated(rows) == {}
        assert seen.repeated(again) == {row + 20_000: row for _, row in rows}


@given(st.lists(st.sampled_from(["+1", "+9223372036854775807", "+9223372036854775808", "+9999999999999999999"])))
def test_the_longest_numbers_that_the_service_takes(given_numbers: list[str]) -> None:
    """Some countries have more than the 15 digits of E.164; none of 19 is taken for another."""
    with NumberSet() as numbers, FirstSeen() as seen:
        numbers.add_all(given_numbers)
        assert len(numbers) == len(set(given_numbers))
        assert all(number in numbers for number in given_numbers)
        repeated = seen.repeated([(number, row) for row, number in enumerate(given_numbers)])
        assert repeated == {
            row: given_numbers.index(number)
            for row, number in enumerate(given_numbers)
            if given_numbers.index(number) != row
        }


@given(st.lists(FEW_NUMBERS))
def test_a_number_set_gives_back_what_was_put_in(added: list[str]) -> None:
    """Every number once, as it was written, always in one order."""
    with NumberSet() as numbers, NumberSet() as other:
        numbers.add_all([*added, "+9999999999999999999"])
        other.add_all(["+9999999999999999999", *reversed(added)])
        found = list(numbers)
        assert found == list(other)
        assert sorted(found) == sorted({*added, "+9999999999999999999"})


@given(added=st.lists(st.tuples(FEW_NUMBERS, st.integers(0, 3))), asked=st.lists(FEW_NUMBERS), hashed=st.booleans())
def test_the_first_mark_of_a_number_holds(added: list[tuple[str, int]], asked: list[str], *, hashed: bool) -> None:
    """Of numbers and of their keyed hashes alike; what was never added has none."""
    marks: dict[str, int] = {}
    with MarkedNumbers(hashed=hashed) as numbers:
        for number, mark in added:
            marks.setdefault(number, mark)
            numbers.add_all([hashed_number(KEY, number) if hashed else number], mark)
        for number in [*asked, *marks]:
            found = numbers.mark_of(hashed_number(KEY, number) if hashed else number)
            assert found == marks.get(number)
        assert len(numbers) == len(marks)
