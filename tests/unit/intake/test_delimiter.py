import pytest

from bulksend.base.errors import ConfigError
from bulksend.intake.delimiter import configured_delimiter, find_delimiter, sep_line_delimiter


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_each_candidate_is_found(delimiter: str) -> None:
    """A plain header tells its delimiter."""
    assert find_delimiter([f"phone{delimiter}name\n"], "phone") == delimiter


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [
        ("phone\n", ","),
        ("name, first; name, last; phone\n", ";"),
        ('"name, first","a;b;c;d;e",phone\n', ","),
        ('"phone";"a,b,c,d"\n', ";"),
        ("Phone;a,b,c,d,e\n", ";"),
        ("\ufeffPHONE\tname\n", "\t"),
        ("phone|x,y,z", "|"),
        ("mobile|name|city,country\n", "|"),
        ("mobile;name\n", ";"),
    ],
)
def test_the_number_column_decides_then_the_count(header: str, delimiter: str) -> None:
    """What makes the column of the numbers appear is right, quotes respected; else what makes most columns."""
    assert find_delimiter([header], "phone") == delimiter


def test_a_header_over_several_lines_is_seen_whole() -> None:
    """Line ends in quotes belong to the header."""
    assert find_delimiter(['"the\n', 'name, first";"mobile\n', 'phone"\n', "x;y\n"], "mobile phone") == ";"


def test_blank_lines_before_the_header_do_not_count() -> None:
    """The header is the first line with something in it."""
    assert find_delimiter(["\r\n", "\n", "phone|name\n"], "phone") == "|"


@pytest.mark.parametrize(
    ("line", "delimiter"),
    [("sep=;\r\n", ";"), ("SEP=,\n", ","), ('"sep=|"\n', "|"), ("sep=\t\r", "\t"), ("sep=^", "^")],
)
def test_the_line_that_excel_understands_is_read(line: str, delimiter: str) -> None:
    """A `sep=` line names the delimiter."""
    assert sep_line_delimiter(line) == delimiter


@pytest.mark.parametrize("line", ["phone;name\n", "sep=\n", "sep=;;\n", "sep;\n", "separator=;\n", ""])
def test_other_lines_are_not_sep_lines(line: str) -> None:
    """Only exactly `sep=` and one character is such a line."""
    assert sep_line_delimiter(line) is None


@pytest.mark.parametrize(
    ("setting", "delimiter"), [(";", ";"), ("tab", "\t"), ("\\t", "\t"), ("\t", "\t"), ("Tab", "\t")]
)
def test_a_setting_may_name_the_tab(setting: str, delimiter: str) -> None:
    """A tab can be written in a configuration file and in a shell."""
    assert configured_delimiter(setting) == delimiter


@pytest.mark.parametrize("setting", [";;", '"', "\n", "\r", "\0", "comma"])
def test_what_cannot_be_a_delimiter_is_refused(setting: str) -> None:
    """The error names the key."""
    with pytest.raises(ConfigError, match=r"^recipients\.delimiter: "):
        configured_delimiter(setting)
