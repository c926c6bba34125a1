import csv
from collections.abc import Iterator

import pytest

from bulksend.base.errors import InputError
from bulksend.base.export_fields import EXPORT_FIELDS
from bulksend.base.records import InputRow
from bulksend.intake.csv_records import CsvRecords
from bulksend.intake.lines import universal_lines
from bulksend.intake.place import Place


def open_csv(text: str, *, delimiter: str = "") -> CsvRecords:
    """Open a text as it would be read from a file."""
    place = Place("list.csv")
    return CsvRecords(universal_lines([text], place), place, delimiter=delimiter, number_column="phone")


def rows(text: str) -> list[InputRow]:
    """Return all rows of a text."""
    return list(open_csv(text))


def test_rows_have_numbers_lines_and_cells_by_column() -> None:
    """Rows count from 1 without the header; lines are those of the file; cells are strings."""
    assert rows("Phone,name\n+1,Ann\n+2,Bob\n") == [
        InputRow(1, 2, {"Phone": "+1", "name": "Ann"}),
        InputRow(2, 3, {"Phone": "+2", "name": "Bob"}),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_numbers_count_blank_lines_and_lines_inside_quotes(end: str) -> None:
    """A row is on the line on which it starts, in files of any line end; blank lines are no rows."""
    text = f'{end}phone,text{end}{end}+1,"a{end}{end}b"{end}{end}{end}+2,c{end}"+3","{end}"{end}+4,d'

    assert [(row.row, row.line) for row in rows(text)] == [(1, 4), (2, 9), (3, 10), (4, 12)]
    assert rows(text)[0].cells["text"] == f"a{end}{end}b"


def test_cells_keep_every_character() -> None:
    """White space, quotes and odd line separators inside cells are nobody's business here."""
    assert rows('phone,text\n +1 ," ""a"" \u2028\x0b\x85 "\n')[0].cells == {
        "phone": " +1 ",
        "text": ' "a" \u2028\x0b\x85 ',
    }


def test_missing_cells_are_empty() -> None:
    """A row that ends early has nothing in the columns that it does not reach."""
    assert rows("phone,a,b\n+1\n")[0] == InputRow(1, 2, {"phone": "+1", "a": "", "b": ""})


def test_empty_cells_too_many_do_no_harm() -> None:
    """What Excel leaves behind at the end of rows is ignored."""
    assert rows("phone,a\n+1,x,, ,\n")[0] == InputRow(1, 2, {"phone": "+1", "a": "x"})


def test_cells_too_many_are_a_bad_row() -> None:
    """A cell without a column is a fault that says how many there are; the rest of the file is read on."""
    first, second = rows("phone,a\n+1,x,,y,\n+2,z\n")

    assert first == InputRow(1, 2, {"phone": "+1", "a": "x"}, "4 cells, but the header has 2")
    assert second.fault is None


@pytest.mark.parametrize("line", [",", ",,,,", " , ", '"",""', "   ", '""'])
def test_a_row_of_empty_cells_is_a_row_with_a_fault(line: str) -> None:
    """A row without content is counted and named, unlike a blank line."""
    (row,) = rows(f"phone,a\n{line}\n")

    assert row.fault == "empty row"


def test_a_nul_makes_a_bad_row() -> None:
    """U+0000 is found where it is, and only that row suffers."""
    assert [row.fault is None for row in rows("phone,a\n+1,x\0\n+2,y\n")] == [False, True]


def test_a_single_column_is_enough() -> None:
    """A list of numbers with a header is a CSV file; an empty quoted cell in it is a row."""
    assert [row.cells["phone"] for row in rows('phone\n+1\n""\n+2\n')] == ["+1", "", "+2"]


def test_a_sep_line_is_honoured_and_counted() -> None:
    """`sep=` is no header and no row, but it is a line."""
    records = open_csv("sep=;\r\nphone;a,b,c\r\n+1;x\r\n")

    assert (records.delimiter, records.columns) == (";", ("phone", "a,b,c"))
    assert list(records) == [InputRow(1, 3, {"phone": "+1", "a,b,c": "x"})]


def test_a_setting_goes_before_everything() -> None:
    """A delimiter that the user names is used, even against a `sep=` line."""
    assert open_csv("sep=;\nphone:a;b\n", delimiter=":").columns == ("phone", "a;b")


def test_an_export_is_read_as_its_input() -> None:
    """Rows of an export hold the cells of the input, numbered anew."""
    header = ",".join([*EXPORT_FIELDS, "phone", "source.row"])
    text = f"{header}\n7,9,+1,US,id,b,GSM-7,1,failed,x,,1,E,m,,,+14255550100,own\n"

    assert rows(text) == [InputRow(1, 2, {"phone": "+14255550100", "row": "own"})]


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        ('phone,a\n+1,x\n\n+2,"never\nclosed\nat all', 4, "never closed"),
        ('phone,a\n+1,x\n+2,"two\nlines"\n+3,"abc"def\n', 5, "closing quote is followed by more text"),
        ('phone,a\n+1,"one\n+2,"two"\n', 2, "closing quote is followed by more text"),
        ('"phone,a\n+1,x\n', 1, "never closed"),
        ('sep=,\nphone,a\n+1,"x', 3, "never closed"),
    ],
)
def test_broken_quoting_is_an_error_at_the_start_of_its_row(text: str, line: int, cause: str) -> None:
    """Where quotes do not match nobody knows where rows begin: reading ends, at the row that is to blame."""
    with pytest.raises(InputError, match=cause) as caught:
        rows(text)

    assert caught.value.what.startswith(f"list.csv, line {line}: ")
    assert caught.value.hint


def test_rows_before_broken_quoting_are_given() -> None:
    """The stream is read as far as it goes."""
    records = iter(open_csv('phone\n+1\n"+2'))

    assert next(records).cells == {"phone": "+1"}
    with pytest.raises(InputError):
        next(records)


def test_a_cell_without_end_is_refused_early() -> None:
    """A quote that is never closed does not swallow the file: after 131,072 characters its row is named."""
    read = 0

    def lists() -> Iterator[list[str]]:
        nonlocal read
        yield ["phone,a\n", "+1,x\n", '+2,"oops\n']
        while True:
            read += 1
            yield ["+3,y\n"] * 10_000

    records = CsvRecords(lists(), Place("list.csv"), delimiter=",", number_column="phone")
    with pytest.raises(InputError, match=r"line 3: .* more than 131,072 characters; probably a quote"):
        list(records)
    assert read < 10


def test_a_row_without_end_is_refused() -> None:
    """Quotes that happen to turn every line end into a cell cannot fill the memory."""
    read = 0

    def lists() -> Iterator[list[str]]:
        nonlocal read
        yield ["phone,a\n", '+1,"\n']
        while True:
            read += 1
            yield ['","\n'] * 10_000

    records = CsvRecords(lists(), Place("list.csv"), delimiter=",", number_column="phone")
    with pytest.raises(InputError, match=r"line 2: .* more than 4,194,304 characters"):
        list(records)
    assert read < 200


def test_the_limit_of_the_csv_module_is_left_alone() -> None:
    """Other code in the process keeps its own limit."""
    before = csv.field_size_limit()
    rows("phone\n+1\n")

    assert csv.field_size_limit() == before


def test_no_error_shows_a_cell() -> None:
    """Errors about quoting name the place, not the content."""
    with pytest.raises(InputError) as caught:
        rows('phone,a\n+14255550100,"secret"text\n')

    assert "4255" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_lines_without_a_header_are_an_error() -> None:
    """Nothing but blank lines after a `sep=` line is no CSV file."""
    with pytest.raises(InputError, match=r"^list\.csv: there is no header"):
        open_csv("sep=;\n\n\n")
