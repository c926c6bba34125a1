"""Cells of a CSV that a spreadsheet would take for a formula, and run: made safe in an export, and back again.

Excel, LibreOffice and Google Sheets take a cell for a formula by its first character, white space before it or not, and
some of them by the full-width form of that character (OWASP, "CSV Injection"). An apostrophe before it makes it a text.

A plain number is left as it is, with its sign: it is a value, and not run. So is a phone number in E.164 form, which a
spreadsheet makes a number of, without its plus; the intake puts that right (`intake.excel`), and a number with an
apostrophe would be none for anybody else who reads the file.
"""

import re

_BLANK = r"[\s\x00-\x20\u200b-\u200f\u2060\ufeff]*"

_RUN = re.compile(rf"(?P<quoted>'*)(?:[\t\r\n]|{_BLANK}[=+\-@\uff1d\uff0b\uff0d\uff20])")
_NUMBER = re.compile(
    rf"{_BLANK}[+-]?(?:[0-9]+(?:[.,][0-9]+)*|[.,][0-9]+)(?:[eE][+-]?[0-9]{{1,3}})?%?{_BLANK}", re.ASCII
)

HARMLESS = frozenset(["", *"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"])
"""First characters that most cells have, and no formula has; "" is that of an empty cell."""


def made_safe(cell: str) -> str:
    """`cell` with an apostrophe before it where a spreadsheet would run it.

    One that has apostrophes before a formula already gets another, so that `as_before` knows what was there.
    """
    if cell[:1] in HARMLESS or (cell[:1] == "+" and cell[1:].isdecimal() and cell.isascii()):
        return cell  # as nearly all cells: without a look at the whole
    if _RUN.match(cell) is None or _NUMBER.fullmatch(cell) is not None:
        return cell
    return "'" + cell


def is_marked(cell: str) -> bool:
    """Whether `cell` has apostrophes before what a spreadsheet would run without them."""
    found = _RUN.match(cell)
    return found is not None and found["quoted"] != ""


def left_alone(cell: str) -> str:
    """`cell` as it is; one that has apostrophes before a formula gets another all the same, for `as_before`."""
    return "'" + cell if cell[:1] == "'" and is_marked(cell) else cell


def as_before(cell: str) -> str:
    """The cell that `made_safe` or `left_alone` made `cell` of."""
    return cell[1:] if cell[:1] == "'" and is_marked(cell) else cell
