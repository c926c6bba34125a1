import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.base.errors import ExitCode, InputError
from bulksend.intake.columns import column_key, find_column, missing_column, show_column

SPELLINGS = [
    "First Name",
    "first_name",
    "FIRST-NAME",
    "firstname",
    "\ufefffirst name",
    "first\u00a0name",
    "first\u200bname",
    "first\u2011name",
    "\uff26\uff49rst\u3000name",
    "\u202afirst name\u202c",
    "First\r\nName",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_column_key_ignores_case_gaps_and_what_nobody_sees(spelling: str) -> None:
    """Every usual spelling of a name has the same key."""
    assert column_key("first_name") == column_key(spelling)


@pytest.mark.parametrize(("one", "other"), [("phone", "phone2"), ("name", "näme"), ("a.b", "ab"), ("phone", "")])
def test_column_key_keeps_letters_digits_and_signs_apart(one: str, other: str) -> None:
    """Names that differ in a letter, a digit or another sign do not match."""
    assert column_key(one) != column_key(other)


@given(st.text())
def test_column_key_is_its_own_key(name: str) -> None:
    """A key matches the name that it was made from."""
    assert column_key(name) == column_key(column_key(name))


def test_column_key_folds_letters_that_have_no_plain_lower_case() -> None:
    """Case folding goes by Unicode: a sharp s matches its capital form SS, composed accents match decomposed ones."""
    assert column_key("STRASSE") == column_key("Straße")
    assert column_key("Pre\u0301nom") == column_key("PRÉNOM")


def test_find_column_gives_the_column_as_the_input_spells_it() -> None:
    """What is found is the input's own spelling, fit to look up cells."""
    assert find_column(["Name", "Phone Number"], "phone_number") == "Phone Number"


@pytest.mark.parametrize("columns", [[], ["name"], ["phone (2)"]])
def test_find_column_gives_none_where_there_is_none(columns: list[str]) -> None:
    """A column that is missing is None, not an error."""
    assert find_column(columns, "phone") is None


@pytest.mark.parametrize("columns", [["Phone", "name", "PHONE"], ["phone", "phone (2)"], ["e mail", "E-Mail (2)"]])
def test_find_column_refuses_to_choose_between_two(columns: list[str]) -> None:
    """Two columns that match, a repeated name among them, are an error that names both."""
    with pytest.raises(InputError) as caught:
        find_column(columns, columns[0])

    assert caught.value.exit_code == ExitCode.USAGE
    assert f'"{columns[0]}" and "{columns[-1]}"' in caught.value.what
    assert caught.value.hint


def test_find_column_takes_a_renamed_column_by_its_new_name() -> None:
    """The second column of a name can be asked for."""
    assert find_column(["phone", "phone (2)"], "phone (2)") == "phone (2)"


def test_find_column_says_it_on_one_line() -> None:
    """A header with line ends in it does not break the error over lines."""
    with pytest.raises(InputError) as caught:
        find_column(["Phone\nnumber", "phone number"], "phone number")

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "written",
    [
        "+14255550142",
        "4255550142",
        "(425) 555-0142",
        "1/425/555/0142",
        "+1 (425) 555 - 0142",
        "1_425_555_0142",
        "1\u2011425\u2011555\u20110142",
        "\uff14\uff12\uff15\uff15\uff15\uff15\uff10\uff11\uff14\uff12",
        "5550142",
    ],
)
def test_what_looks_like_a_number_is_not_shown(written: str) -> None:
    """However it is written, alone, repeated, or among other words."""
    assert show_column(written) == "[number]"
    assert show_column(f"{written} (2)").startswith("[number]")
    assert show_column(f"call {written} now") == "call [number] now"


@pytest.mark.parametrize("name", ["phone", "phone 2", "Q3 2026", "line_123456", "2 of 14: 555 (2)"])
def test_names_with_few_digits_are_shown(name: str) -> None:
    """A year or a counter is no number to call."""
    assert show_column(name) == name


def test_a_name_as_long_as_a_message_is_cut() -> None:
    """The second cell of a file without a header may be the text of a message."""
    assert show_column("Hi Ann, your code for the back door is 1234") == "Hi Ann, your code for the back door is 1..."


def test_a_missing_column_is_named_beside_those_that_are_there() -> None:
    """Twelve of them; and where one looks like a number, the header is asked for before anything else."""
    error = missing_column("no column 'x'", [f"c{number}" for number in range(13)], "set it")
    assert error.what.endswith("'c10', 'c11', ...")
    assert error.hint == "set it"
    error = missing_column("no column 'x'", [*"abcdefghijklm", "+14255550142"], "set it")
    assert error.hint == "is the header line missing? If not, set it"


def test_two_columns_that_match_do_not_show_a_number() -> None:
    """A number that stands twice in a first line which is no header."""
    with pytest.raises(InputError) as caught:
        find_column(["+14255550142", "+14255550142 (2)"], "+14255550142")
    assert "5550142" not in str(caught.value)
