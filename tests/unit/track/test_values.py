import itertools
import json
import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.track.values import MAX_VALUE_BYTES, Unreadable, read_values

OBJECTS = st.dictionaries(
    st.text(max_size=4),
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text(alphabet='ab"\\{}[],:\né ', max_size=6),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)


def in_blocks(data: bytes, size: int) -> Iterator[bytes]:
    """`data` in pieces."""
    return (data[at : at + size] for at in range(0, len(data), size))


def read(data: bytes, size: int = 65_536) -> list[object]:
    """Values as (line, value), damage as its line alone."""
    return [each.line if isinstance(each, Unreadable) else each for each in read_values(in_blocks(data, size))]


@pytest.mark.parametrize("size", [1, 7, 65_536])
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\xef\xbb\xbf", []),
        (b" \n\t\r\n", []),
        (b'\xef\xbb\xbf{"a":1}\n{"b":"x\\"{"}\r\n\n{"c":[1]}', [(1, {"a": 1}), (2, {"b": 'x"{'}), (4, {"c": [1]})]),
        (b'{"a":1}{"b":2}\n{"c":3} {"d":4}', [(1, {"a": 1}), (1, {"b": 2}), (2, {"c": 3}), (2, {"d": 4})]),
        (
            b'[{"a":1},\n{"b":2}]\n[{"c":3},[4],"s",5]',
            [(1, {"a": 1}), (2, {"b": 2}), (3, {"c": 3}), (3, [4]), (3, "s"), (3, 5)],
        ),
        (b"[]\n[\n]", []),
        (b'"{\\"a\\":1}"', [(1, '{"a":1}')]),
        (
            b'{\n "a": {\n  "b": [\n 1,\n {"c": "}"}\n]\n}\n}\n{"d":1}',
            [(1, {"a": {"b": [1, {"c": "}"}]}}), (9, {"d": 1})],
        ),
        (b'2026-11-01T00:00:00.000Z {"a":1}\n2026-11-01T00:00:01.000Z {"b":\n2}', [(1, {"a": 1}), (2, {"b": 2})]),
        (
            b'2026-11-01T00:00:00.123000+00:00 a/stream {"a":1}\n2026-11-01T00:00:00 {"b":2}',
            [(1, {"a": 1}), (2, {"b": 2})],
        ),
    ],
)
def test_every_way_to_write_values_is_read(data: bytes, expected: list[object], size: int) -> None:
    """Lines, arrays, values in a row, over many lines, behind times; wherever the blocks end."""
    assert read(data, size) == expected


@pytest.mark.parametrize("size", [1, 7, 65_536])
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a":1\n{"b":2}', [1, (2, {"b": 2})]),
        (b'{"a":"x\n{"b":2}', [1, (2, {"b": 2})]),
        (b'{"a":"x\\\n{"b":2}', [1, (2, {"b": 2})]),
        (b'{"a":\n{"b":2}\n{"c":3}', [1, (2, {"b": 2}), (3, {"c": 3})]),
        (b'{"a":[1,\n{"b":2}\n{"c":3}', [1, (2, {"b": 2}), (3, {"c": 3})]),
        (b'{"a":[1}\n{"b":2}', [1, (2, {"b": 2})]),
        (b'{"a": nope}{"b":2}\n{"c":3}', [1, (1, {"b": 2}), (2, {"c": 3})]),
        (b'{"a":1}}\n{"b":2}', [(1, {"a": 1}), 1, (2, {"b": 2})]),
        (b'{"a":"\xff"}\n{"b":2}', [1, (2, {"b": 2})]),
        (b'hello world\nphone,name\n17\n{"b":2}', [1, 2, 3, (4, {"b": 2})]),
        (b'[INFO] started\n{"b":2}', [1, (2, {"b": 2})]),
        (b'[{"a":1},\n{"b":\n{"c":3},\n{"d":4}]\n', [(1, {"a": 1}), 2, (3, {"c": 3}), (4, {"d": 4})]),
        (b'[{"a":1},\n{"b":2}', [(1, {"a": 1}), (2, {"b": 2}), 1]),
        (b'{"a":1}\n{"b":', [(1, {"a": 1}), 2]),
        (b'2026-11-01T00:00:00.000Z {"a":\n2026-11-01T00:00:01.000Z {"b":2}', [1, (2, {"b": 2})]),
        (b'{\n "a": 1,\n "b": {\n  "c": [1, 2}\n },\n "d": 3\n}\n{"e":5}', [1, (8, {"e": 5})]),
    ],
)
def test_damage_is_named_by_its_line_and_reading_goes_on(data: bytes, expected: list[object], size: int) -> None:
    """What is cut off, unbalanced or no JSON is one fault, and the values behind it are all there."""
    assert read(data, size) == expected


def test_cut_lines_take_nothing_else_with_them() -> None:
    """Of lines that were cut at any place, each is one fault, and every other line is read."""
    dice = random.Random(7)
    whole = [json.dumps({"id": number, "x": {"y": [1, {"z": "a,b:{"}]}, "t": "q"}).encode() for number in range(200)]
    for _ in range(50):
        cut = set(dice.sample(range(200), 20))
        lines = [line[: dice.randrange(1, len(line))] if at in cut else line for at, line in enumerate(whole)]
        found = list(read_values([b"\n".join(lines)]))
        damaged = {each.line - 1 for each in found if isinstance(each, Unreadable)}
        assert damaged == cut
        assert [each[0] - 1 for each in found if not isinstance(each, Unreadable)] == sorted(set(range(200)) - cut)


@given(
    values=st.lists(OBJECTS, max_size=6),
    indent=st.sampled_from([None, 0, 2]),
    between=st.sampled_from(["", "\n", "\r\n\r\n", " "]),
    array=st.booleans(),
    ascii_only=st.booleans(),
    size=st.integers(1, 40),
)
def test_values_come_out_as_they_went_in(
    *, values: list[object], indent: int | None, between: str, array: bool, ascii_only: bool, size: int
) -> None:
    """Any objects, written in any way, in blocks of any size."""
    if array:
        text = json.dumps(values, indent=indent, ensure_ascii=ascii_only)
    else:
        text = between.join(json.dumps(value, indent=indent, ensure_ascii=ascii_only) for value in values)
    found = list(read_values(in_blocks(text.encode(), size)))
    assert [each if isinstance(each, Unreadable) else each[1] for each in found] == values


@given(
    data=st.binary(max_size=200) | st.text(alphabet='{}[]",:\\\n 1a', max_size=80).map(str.encode),
    size=st.integers(1, 9),
)
def test_no_bytes_stop_the_reading(data: bytes, size: int) -> None:
    """Whatever the input holds, it is read to its end, and lines that are named exist."""
    found = list(read_values(in_blocks(data + b'\n{"eventType":"TEXT_SENT"}\n', size)))
    lines = [each.line if isinstance(each, Unreadable) else each[0] for each in found]
    assert all(1 <= line <= data.count(b"\n") + 2 for line in lines)
    assert found


def test_utf_16_with_a_mark_is_read() -> None:
    """What PowerShell makes of a command's output."""
    for codec in ("utf-16-le", "utf-16-be"):
        assert read('\ufeff{"a":"é"}\r\n{"b":1}'.encode(codec), 3) == [(1, {"a": "é"}), (2, {"b": 1})]


def test_a_value_without_an_end_is_given_up() -> None:
    """Beyond the longest value nothing is kept, and the next line is read."""
    endless = itertools.chain([b'{"a":"'], itertools.repeat(b"x" * 2**20, MAX_VALUE_BYTES // 2**20 + 1))
    found = list(read_values(itertools.chain(endless, [b'\n{"b":2}'])))
    assert found == [Unreadable(1, "the value is longer than 64 MiB"), (2, {"b": 2})]


def test_damage_that_is_opened_again_and_again_is_not_read_to_the_end_each_time() -> None:
    """When enough was read twice, a value has to end on its line: a million values without an end cost little."""
    data = b'{"a": [1,\n' * 50 + b'{"b":\n2}\n{"c":3}'
    plenty = list(read_values([data]))
    little = list(read_values([data], bytes_again=1000))
    assert plenty == [Unreadable(line, "the value has no end") for line in range(1, 51)] + [
        (51, {"b": 2}),
        (53, {"c": 3}),
    ]
    assert little == [Unreadable(line, "the value has no end") for line in range(1, 52)] + [(53, {"c": 3})]


def test_a_value_that_was_cut_is_given_up_where_the_next_begins() -> None:
    """It is not looked for to the end of the input, so that a thousand of them cost nothing."""
    data = b'{"a":{"b":1}\n' * 1000 + b'{"c":\n2}'
    found = list(read_values([data], bytes_again=20_000))
    assert found == [*(Unreadable(line, "the value has no end") for line in range(1, 1001)), (1001, {"c": 2})]


def test_deep_nesting_is_a_fault() -> None:
    """A value that is nested too deeply for the decoder is unreadable, not the end."""
    deep = b'{"a":' * 5000 + b"1" + b"}" * 5000
    assert read(deep + b'\n{"b":2}') == [1, (2, {"b": 2})]
