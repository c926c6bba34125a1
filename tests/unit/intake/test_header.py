import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from bulksend.base.export_fields import EXPORT_FIELDS
from bulksend.intake.header import Header, read_header


def test_names_are_cleaned_but_keep_their_spelling() -> None:
    """Byte order marks and outer white space go; case, inner spaces and signs stay."""
    assert read_header(["\ufeff Phone Number ", "\u200bE-Mail", "naïve"]).columns == ("Phone Number", "E-Mail", "naïve")


def test_a_column_without_a_name_is_called_after_its_place() -> None:
    """Every cell can be named, those that Excel leaves behind at the end too."""
    assert read_header(["phone", "", " \u200b"]).columns == ("phone", "column 2", "column 3")


def test_repeated_names_become_unique() -> None:
    """The second one of a name is `name (2)`, unless another column is spelt so."""
    assert read_header(["a", "a", "b", "a"]).columns == ("a", "a (2)", "b", "a (3)")
    assert read_header(["a", "a", "a (2)"]).columns == ("a", "a (3)", "a (2)")
    assert read_header(["", "column 1"]).columns == ("column 1", "column 1 (2)")


def test_an_export_gives_the_columns_of_its_input() -> None:
    """The export's own columns are left out, and what it renamed has its name again."""
    header = read_header([*EXPORT_FIELDS, "phone", "source.status", "source.phone", "first name"])

    assert header == Header(("phone", "status", "source.phone", "first name"), leading=16)


def test_an_export_edited_in_between_is_an_ordinary_file() -> None:
    """Only exactly the columns of an export, in their order and in front, are taken for one."""
    for cells in ([*EXPORT_FIELDS[1:], "phone"], ["phone", *EXPORT_FIELDS], [*EXPORT_FIELDS[:-1], "Finished_at"]):
        assert read_header(cells) == Header(tuple(cells))


def test_the_fields_of_an_export_are_the_documented_ones() -> None:
    """The header that an export starts with, letter by letter."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(EXPORT_FIELDS)

    assert line.getvalue() == (
        "row,line,destination,country,identity,bucket,encoding,parts,status,reason,message_id,attempts,error_code,"
        "error_message,intent_at,finished_at"
    )


@given(st.lists(st.sampled_from(["a", "a (2)", "a (3)", "", "column 2", "A", " a"])))
def test_there_are_as_many_names_as_cells_and_no_two_alike(cells: list[str]) -> None:
    """Whatever the header, cells and columns correspond one to one."""
    columns = read_header(cells).columns

    assert len(cells) == len(columns) == len(set(columns))
    assert all(columns)


def test_a_header_of_very_many_equal_names_takes_no_time() -> None:
    """Making names unique does not grow with the square of their number."""
    assert len(set(read_header(["a"] * 200_000).columns)) == 200_000
