import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.intake.excel import NumberCell, repair_number_cell


@pytest.mark.parametrize(
    "text",
    ["+14255550100", "14255550100", "(425) 555-0100", "01 23 45 67 89", "0800 FLOWERS", "", "+", "'", "#", "#12", "e5"],
)
def test_other_text_passes_unchanged(text: str) -> None:
    """What no spreadsheet has damaged is handed on as it is, without a note."""
    assert repair_number_cell(text) == NumberCell(text)


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("14255550100.0", "14255550100"),
        ("14255550100,0", "14255550100"),
        ("+14255550100.00", "+14255550100"),
        ("'+14255550100", "+14255550100"),
        ("\u2019+14255550100", "+14255550100"),
        ('="14255550100"', "14255550100"),
        ('="+14255550100.0"', "+14255550100"),
        ("\u202a+14255550100\u202c", "+14255550100"),
        ("\ufeff+14255550100", "+14255550100"),
        ("+1425\u200b5550100", "+14255550100"),
        ("1.4255550199E+10", "14255550199"),
        ("1,4255550199E+10", "14255550199"),
        ("1.4255550199e10", "14255550199"),
        ("+1.4255550199E+10", "+14255550199"),
        ("1.42555501990E+10", "14255550199"),
        ("14.255550199E+09", "14255550199"),
        ("4.47911123456E+11", "447911123456"),
        ("  '1.4255550199E+10  ", "14255550199"),
    ],
)
def test_what_is_certain_is_repaired_and_said(text: str, repaired: str) -> None:
    """A number that is still all there is given back whole, with a note."""
    cell = repair_number_cell(text)

    assert repaired == cell.text
    assert cell.note
    assert cell.damage is None


@pytest.mark.parametrize("text", [" +14255550100", "+14255550100\t", "\u00a0+14255550100\u00a0", "\n+14255550100\r\n"])
def test_outer_white_space_is_no_repair(text: str) -> None:
    """White space around a number, no-break spaces included, goes without a word."""
    assert repair_number_cell(text) == NumberCell("+14255550100")


@pytest.mark.parametrize(
    "text", ["1.42555E+10", "1,42555E+10", "4.479E+11", "1E+10", "1.42555e10", "'4.47911E+11", "4.4791112345E+11"]
)
def test_rounded_numbers_are_lost(text: str) -> None:
    """Scientific notation that holds fewer digits than the number had is damage, not a number with zeros."""
    damage = repair_number_cell(text).damage

    assert damage is not None
    assert "last digits are lost" in damage


def test_a_fraction_is_no_phone_number() -> None:
    """Scientific notation of something that is no whole number is damage too."""
    assert repair_number_cell("1.42555501995E+10").damage


@pytest.mark.parametrize(
    "text", ["#####", "##", "#N/A", "#n/a", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", " #NUM! ", "#NULL!"]
)
def test_error_values_are_damage(text: str) -> None:
    """A cell that holds an error of the spreadsheet is named as that."""
    damage = repair_number_cell(text).damage

    assert damage is not None
    assert "Excel" in damage


@pytest.mark.parametrize(
    "text", ["555.0100", "425.00", "1.425.555.0100", "14255550100.5", "14255550100.000", "1.5E-05"]
)
def test_what_only_looks_like_a_decimal_tail_stays(text: str) -> None:
    """Dots that people put into numbers are left for the number's own rules."""
    assert repair_number_cell(text) == NumberCell(text)


@given(st.integers(min_value=10_000, max_value=10**15 - 1), st.integers(0, 3), st.sampled_from([".", ","]))
def test_full_mantissas_come_back_exactly(number: int, zeros: int, point: str) -> None:
    """Whatever the number, a mantissa that holds all its digits gives it back; one digit less never does."""
    digits = str(number)
    exponent = len(digits) - 1
    whole = f"{digits[0]}{point}{digits[1:]}{'0' * zeros}E+{exponent}"
    short = f"{digits[0]}{point}{digits[1:-1]}E+{exponent}"

    assert repair_number_cell(whole).text == digits
    assert repair_number_cell(short).damage is not None


@given(st.text())
def test_no_text_breaks_it_and_notes_hold_no_cell(text: str) -> None:
    """Any text gives a cell; a second pass over a repaired cell finds nothing invisible and no space around it."""
    cell = repair_number_cell(text)

    assert cell.text == cell.text.strip()
    assert cell.damage is None or cell.note is None


@pytest.mark.parametrize("text", ["1.4255550199E+10", "'+14255550100", "1.42555E+10", "+14255550100.0"])
def test_notes_and_damage_never_show_the_number(text: str) -> None:
    """What is said about a number for people holds no digit run of it."""
    cell = repair_number_cell(text)

    assert "4255" not in f"{cell.note} {cell.damage}"
