import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulksend.message.written_number import InvalidNumber, read_cell


@pytest.mark.parametrize(
    "text",
    [
        "+14255550100",
        "  +14255550100\n",
        "+1 425-555-0100",
        "+1 (425) 555-0100",
        "+1.425.555.0100",
        "(+1) 425 555 0100",
        "+1\u00a0425\u202f555\u20090100",
        "+1\u2010425\u2011555\u20120100",
        "+1\u2013425\u2014555\u20150100",
        "+1\u2212425\u2212555\u22120100",
        "＋１４２５５５５０１００",  # noqa: RUF001 - full-width digits are the point
        "＋１（４２５）５５５－０１００",  # noqa: RUF001 - and brackets and dashes
        "+١٤٢٥٥٥٥٠١٠٠",
        "tel:+1-425-555-0100",
        "TEL: +1 425 555 0100",
        "\u202a+1 425 555 0100\u202c",
        "\ufeff+14255550100\u200b",
    ],
)
def test_notations_of_one_number(text: str) -> None:
    """Spaces, dashes, full stops, brackets, invisible marks, other digits and tel: all give the same digits."""
    written = read_cell(text)
    assert (written.digits, written.plus, written.bare) == ("14255550100", True, False)


@pytest.mark.parametrize(
    ("text", "bare"),
    [("14255550100", True), (" 14255550100 ", True), ("1 425 555 0100", False), ("tel:14255550100", False)],
)
def test_without_a_plus(text: str, *, bare: bool) -> None:
    """A bare cell is one with nothing but digits, which is what a spreadsheet leaves of a number with a plus."""
    written = read_cell(text)
    assert (written.digits, written.plus, written.bare) == ("14255550100", False, bare)


def reading(text: str) -> tuple[str, bool] | str:
    """The digits and whether a + is before them, or why there are none."""
    try:
        written = read_cell(text)
    except InvalidNumber as error:
        return str(error)
    return written.digits, written.plus


@given(st.text("+0123456789 ()-", max_size=24).filter(lambda text: any(char.isdecimal() for char in text)))
@settings(max_examples=500)
def test_the_usual_notations_are_read_like_all_others(text: str) -> None:
    """An invisible mark, which only the long way through a cell takes off, changes nothing."""
    assert reading(text) == reading(f"\u200b{text}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the cell is empty"),
        ("  ", "the cell is empty"),
        ("n/a", "there is no phone number in the cell"),
        ("+", "there is no phone number in the cell"),
        ("-", "there is no phone number in the cell"),
        ("+1 800 FLOWERS", "the number has letters in it"),
        ("+1425555O100", "the number has letters in it"),
        ("call +14255550100", "the number has letters in it"),
        ("+14255550100 ext. 5", "the number has an extension, which cannot be texted"),
        ("+14255550100x5", "the number has an extension, which cannot be texted"),
        ("+14255550100;ext=5", "the number has an extension, which cannot be texted"),
        ("+14255550100 #5", "the number has an extension, which cannot be texted"),
        ("+14255550100;+14255550101", "there is a + inside the number, or more than one number in the cell"),
        ("+14255550100 +14255550101", "there is a + inside the number, or more than one number in the cell"),
        ("++14255550100", "there is a + inside the number, or more than one number in the cell"),
        ("4255550100;4255550101", "there is more than one number in the cell, or a sign that no number has"),
        ("4255550100/01", "there is more than one number in the cell, or a sign that no number has"),
        ("4255550100, 4255550101", "there is more than one number in the cell, or a sign that no number has"),
        ("4255550100\n4255550101", "there is more than one number in the cell, or a sign that no number has"),
        pytest.param("1" * 1_000_000 + "y", "the cell is too long for one phone number", id="a million digits"),
        ("*1234*", "the number has a sign in it that no number has"),
        ("1.42555E+10", "a spreadsheet wrote the number in scientific notation"),
        ("4,47701e+11", "a spreadsheet wrote the number in scientific notation"),
        ("14255550100.0", "the number has decimals, as if a spreadsheet had taken it for a quantity"),
        ("+43676800442031.00", "the number has decimals, as if a spreadsheet had taken it for a quantity"),
    ],
)
def test_what_is_not_one_number_is_refused_with_the_reason(text: str, reason: str) -> None:
    """Nothing is guessed: letters, extensions, second numbers and spreadsheet damage are named."""
    with pytest.raises(InvalidNumber) as caught:
        read_cell(text)
    assert str(caught.value) == reason


@given(st.one_of(st.text(), st.text("+0123456789 -()x.;/tel:'\u00a0eE٣", max_size=24)))
@settings(max_examples=500)
def test_any_cell_is_digits_or_a_reason_without_digits(text: str) -> None:
    """No input raises anything else, and no reason shows a digit of the cell."""
    written, reason = None, ""
    try:
        written = read_cell(text)
    except InvalidNumber as error:
        reason = str(error)
    assert not any(char.isdigit() for char in reason)
    if written is None:
        assert reason
    else:
        assert written.digits.isascii()
        assert written.digits.isdecimal()
        assert written.digits not in repr(written)
