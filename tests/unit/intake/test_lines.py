import io
import itertools
import re
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.base.errors import InputError
from bulksend.intake.lines import MAX_LINE_CHARACTERS, newline_lines, universal_lines
from bulksend.intake.place import Place

BLOCKS = st.lists(st.text(st.sampled_from("ab\r\n\u2028\x0b\x85"), min_size=1, max_size=6))


def failing_after(blocks: list[str], place: Place) -> Iterator[str]:
    """Give the blocks, then fail as the layer below would."""
    yield from blocks
    raise place.error("the medium failed")


@given(BLOCKS)
def test_universal_lines_end_at_every_kind_of_line_end_and_at_no_other(blocks: list[str]) -> None:
    r"""Only `\n`, `\r\n` and `\r` end a line, wherever a block ends, and no character is lost."""
    text = "".join(blocks)
    lines = list(itertools.chain.from_iterable(universal_lines(blocks, Place("list.csv"))))

    assert re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text) == lines


@given(BLOCKS)
def test_newline_lines_end_at_newlines_alone(blocks: list[str]) -> None:
    r"""Only `\n` ends a line of JSONL: the other characters may stand in JSON."""
    lines = list(itertools.chain.from_iterable(newline_lines(blocks, Place("list.jsonl"))))

    assert [line.removesuffix("\n") for line in io.StringIO("".join(blocks), newline="\n")] == lines


@given(BLOCKS)
def test_an_error_from_below_names_the_line_being_read(blocks: list[str]) -> None:
    """The line is that of the character that could not be read."""
    text = "".join(blocks)
    for split, ends in ((universal_lines, r"\r\n|\r|\n"), (newline_lines, r"\n")):
        place = Place("list.csv")
        with pytest.raises(InputError) as caught:
            list(split(failing_after(blocks, place), place))
        assert caught.value.what == f"list.csv, line {1 + len(re.findall(ends, text))}: the medium failed"


@given(BLOCKS)
def test_the_place_is_the_first_line_handed_out(blocks: list[str]) -> None:
    """While a list of lines is being used, the place is the number of its first line."""
    for split in (universal_lines, newline_lines):
        place = Place("list.csv")
        done = 0
        for lines in split(blocks, place):
            assert place.line == done + 1
            done += len(lines)


@pytest.mark.parametrize("split", [universal_lines, newline_lines])
def test_a_line_without_end_is_an_error_in_bounded_memory(
    split: Callable[[Iterator[str], Place], Iterator[list[str]]],
) -> None:
    """A file that has lost its line ends is refused after a mebibyte, not collected to its end."""
    read = 0

    def blocks() -> Iterator[str]:
        nonlocal read
        yield "phone\n"
        while True:
            read += 1
            yield "x" * 65_536

    with pytest.raises(InputError, match=r"^list\.csv, line 2: the line is longer than 1,048,576 characters"):
        list(split(blocks(), Place("list.csv")))
    assert read == MAX_LINE_CHARACTERS // 65_536 + 1
