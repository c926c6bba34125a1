"""What spreadsheets do to phone numbers: repaired where the number is still there, named where it is not."""

import re

from msgspec import Struct

from bulksend.intake.invisible import without_invisible

_ROUNDED = "Excel rounded this number (scientific notation); its last digits are lost"
_FRACTION = "this is a number with a fraction (scientific notation), not a phone number"
_TOO_NARROW = "the column was too narrow when the sheet was saved: Excel wrote ##### instead of the number"
_ERRORS = frozenset(
    {
        "#BLOCKED!",
        "#CALC!",
        "#CONNECT!",
        "#DIV/0!",
        "#FIELD!",
        "#GETTING_DATA",
        "#N/A",
        "#NAME?",
        "#NULL!",
        "#NUM!",
        "#REF!",
        "#SPILL!",
        "#UNKNOWN!",
        "#VALUE!",
    }
)

_HARMLESS = re.compile(r"[0-9+ ()\-]+")  # nearly every cell; nothing that is repaired consists of these alone
_FORMULA = re.compile(r'="(?P<inner>[^"]*)"')
_DECIMAL_TAIL = re.compile(r"(?P<number>\+?[0-9]{5,})[.,]0{1,2}")
# One to three digits before the point: engineering notation moves it in steps of three.
_SCIENTIFIC = re.compile(
    r"(?P<plus>\+?)(?P<whole>[1-9][0-9]{0,2})(?:[.,](?P<fraction>[0-9]+))?[eE]\+?(?P<exponent>[0-9]{1,2})"
)


class NumberCell(Struct, frozen=True, gc=False):
    """A cell of the number column, made ready to be parsed as a phone number.

    Attributes:
        text: what to parse.
        note: what was repaired, for people; None when nothing was.
        damage: why the number is lost beyond repair, for people; None when it is not. Then `text` is of no use.
    """

    text: str
    note: str | None = None
    damage: str | None = None

    def __repr__(self) -> str:
        return f"NumberCell(note={self.note!r}, damage={self.damage!r})"


def repair_number_cell(text: str) -> NumberCell:
    """Undo what spreadsheets do to a phone number, where that is certain.

    Taken off: white space around it, invisible characters, a leading apostrophe, `="..."`, a decimal tail of one or
    two zeros (`14255550100.0`, `14255550100,00`). Scientific notation is written out where the mantissa holds every
    digit of the number (a phone number has as many digits as it has; none may be made up); where it does not, and
    where the cell holds an error value of Excel, the number is lost. Anything else passes unchanged. A lost `+` and
    lost leading zeros are for whoever knows the country.
    """
    if _HARMLESS.fullmatch(text):
        return NumberCell(text.strip())
    repairs: list[str] = []
    seen = without_invisible(text)
    if seen != text:
        repairs.append("invisible characters removed")
    number = seen.strip()
    if number[:1] in {"'", "\u2018", "\u2019"} and number[1:].strip():
        number = number[1:].strip()
        repairs.append("leading apostrophe removed")
    if formula := _FORMULA.fullmatch(number):
        number = formula["inner"].strip()
        repairs.append('="..." of Excel removed')
    if tail := _DECIMAL_TAIL.fullmatch(number):
        number = tail["number"]
        repairs.append("decimal tail removed")
    elif scientific := _SCIENTIFIC.fullmatch(number):
        digits = scientific["whole"] + (scientific["fraction"] or "")
        wanted = len(scientific["whole"]) + int(scientific["exponent"])
        if len(digits) < wanted:
            return NumberCell(number, damage=_ROUNDED)
        if digits[wanted:].strip("0"):
            return NumberCell(number, damage=_FRACTION)
        number = scientific["plus"] + digits[:wanted]
        repairs.append("scientific notation written out")
    elif number.startswith("#"):
        if number.upper() in _ERRORS:
            return NumberCell(number, damage=f"the cell holds an error of Excel ({number.upper()}), not a number")
        if len(number) > 1 and not number.strip("#"):
            return NumberCell(number, damage=_TOO_NARROW)
    return NumberCell(number, note="; ".join(repairs) or None)
