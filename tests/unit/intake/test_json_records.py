import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.base.errors import InputError
from bulksend.base.export_fields import EXPORT_FIELDS
from bulksend.base.records import InputRow
from bulksend.intake.json_records import JsonRecords
from bulksend.intake.lines import newline_lines
from bulksend.intake.place import Place

GOOD = '{"phone": "+1"}\n'


def rows(text: str) -> list[InputRow]:
    """Return all rows of a text."""
    place = Place("list.jsonl")
    return list(JsonRecords(newline_lines([text], place), place))


def fault_after_a_good_row(line: str) -> str:
    """Return the fault of a line in a file that is JSONL otherwise."""
    first, second = rows(f"{GOOD}{line}\n")
    assert first.fault is None
    assert (second.row, second.line) == (2, 2)
    return second.fault or ""


def test_rows_hold_what_the_json_holds() -> None:
    """Numbers, lists and objects stay what they are; rows and lines count from 1; blank lines are no rows."""
    text = (
        '{"phone": 14255550100, "vip": true}\r\n\n \t\r\n{"phone": 1.42555501e10, "tags": ["a", null], "x": {"y": 1}}'
    )

    assert rows(text) == [
        InputRow(1, 1, {"phone": 14255550100, "vip": True}),
        InputRow(2, 4, {"phone": 14255550100.0, "tags": ["a", None], "x": {"y": 1}}),
    ]


def test_line_separators_inside_texts_are_no_line_ends() -> None:
    """JSON allows U+2028 and its like in texts as they are."""
    text = json.dumps({"text": "a\u2028b\u2029c\x85d\x0b\x0c\x1ce"}, ensure_ascii=False)

    assert rows(f"{text}\n{GOOD}")[0].cells == {"text": "a\u2028b\u2029c\x85d\x0b\x0c\x1ce"}
    assert len(rows(f"{text}\n{GOOD}")) == 2


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", "not valid JSON: input data was truncated"),
        ("+14255550100", "not valid JSON: invalid character (byte 0)"),
        ('{"a": 1} {"b": 2}', "not valid JSON: trailing characters (byte 10)"),
        ('{"a": NaN}', "not valid JSON: invalid character (byte 6)"),
        ('{"a": 1e999}', "not valid JSON: number out of range"),
        (f'{{"a": {"9" * 5000}}}', "not valid JSON: integer value out of range"),
        ('{"a": "\\ud800"}', "not valid JSON: "),
        ('{"a": "\\udc00x"}', "not valid JSON: invalid utf-16 surrogate pair"),
        ('{"a": "x\0"}', "not valid JSON: invalid character"),
        ('{"a": "x\\u0000"}', "a NUL character"),
        ('{"a": {"b": ["\\u0000"]}}', "a NUL character"),
        ('{"\\u0000": 1}', "a NUL character"),
        ("[" * 100_000, "not valid JSON: nested too deeply"),
        ("[1, 2]", "not a JSON object but an array"),
        ('"+14255550100"', "not a JSON object but a text"),
        ("14255550100", "not a JSON object but a number"),
        ("null", "not a JSON object but null"),
        ("false", "not a JSON object but true or false"),
        ("{}", "empty row"),
    ],
)
def test_a_bad_line_is_a_bad_row(line: str, fault: str) -> None:
    """Each way to be no recipient is a row with a fault that says why and shows nothing of the line."""
    found = fault_after_a_good_row(line)

    assert found.startswith(fault)
    assert "4255" not in found


def test_an_escaped_backslash_is_no_nul() -> None:
    """The text backslash-u-0000 is not the character."""
    assert fault_after_a_good_row('{"a": "\\\\u0000"}') == ""


def test_bad_rows_at_the_start_come_first_when_a_good_one_follows() -> None:
    """Up to 19 bad lines are held back until the file has proved to be JSONL, and lose neither place nor number."""
    found = rows("x\n" * 19 + GOOD + "y\n")

    assert [(row.row, row.line) for row in found] == [(number, number) for number in range(1, 22)]
    assert [row.fault is None for row in found] == [False] * 19 + [True, False]


@pytest.mark.parametrize("lines", [1, 3, 20, 1000])
def test_a_file_that_is_not_jsonl_is_an_error(lines: int) -> None:
    """When none of the first 20 lines, or of all if there are fewer, is an object, the file is something else."""
    with pytest.raises(InputError, match=r"^list\.jsonl, line 2: is this JSONL\? None of the first") as caught:
        rows("\n" + "phone,name\n" * lines)

    assert f"first {min(lines, 20)} lines" in caught.value.what
    assert ".csv" in caught.value.hint


def test_an_object_over_several_lines_is_an_error_that_says_so() -> None:
    """Pretty-printed JSON is told to be one object a line."""
    with pytest.raises(InputError) as caught:
        rows(json.dumps({"phone": "+1", "name": "Ann"}, indent=2))

    assert "one JSON object a line" in caught.value.hint


def test_an_export_is_read_as_its_input() -> None:
    """Rows of an export hold the object of the input; what only resembles an export is left as it is."""
    export = {**dict.fromkeys(EXPORT_FIELDS), "source": {"phone": "+1", "row": 7}}
    changed = {**export, "source": "a text"}
    more = {**export, "note": "x"}

    assert [row.cells for row in rows("\n".join(map(json.dumps, [export, changed, more])))] == [
        {"phone": "+1", "row": 7},
        changed,
        more,
    ]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS


@given(st.lists(st.dictionaries(TEXTS, VALUES | st.lists(VALUES, max_size=3), min_size=1), min_size=1), st.booleans())
def test_what_was_written_is_read(objects: list[dict[str, object]], ascii_only: bool) -> None:  # noqa: FBT001 a drawn value
    """Any objects, one a line, come back as they were, in order and with their lines."""
    text = "".join(json.dumps(written, ensure_ascii=ascii_only) + "\n" for written in objects)

    assert rows(text) == [InputRow(number, number, written) for number, written in enumerate(objects, start=1)]
