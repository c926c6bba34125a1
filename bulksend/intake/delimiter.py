"""Which character separates the cells of a CSV file: the header tells."""

import csv
import re
from collections.abc import Sequence

from bulksend.base.errors import ConfigError
from bulksend.intake.columns import column_key
from bulksend.intake.header import read_header

CANDIDATES = (",", ";", "\t", "|")

_SEP_LINE = re.compile(r'"?sep=(?P<delimiter>[^"\r\n])"?[\r\n]*', re.IGNORECASE)
_NAMED = {"tab": "\t", "\\t": "\t"}


def sep_line_delimiter(line: str) -> str | None:
    """Return what a first line such as `sep=;`, which Excel understands, says; None when it is no such line."""
    match = _SEP_LINE.fullmatch(line)
    return match["delimiter"] if match else None


def configured_delimiter(setting: str) -> str:
    r"""Return the character that `setting` means: itself, or a tab for `tab` and `\t`.

    Raises:
        ConfigError: it is not one character, or one that has another meaning in CSV.
    """
    delimiter = _NAMED.get(setting.lower(), setting)
    if len(delimiter) != 1 or delimiter in '"\r\n\0':
        raise ConfigError(
            "recipients.delimiter: must be one character that is neither a quote nor a line end",
            "Leave it empty to have it found out",
        )
    return delimiter


def find_delimiter(lines: Sequence[str], number_column: str) -> str:
    """Return the candidate with which the header in `lines` has a column for the numbers, else the most columns.

    Candidates that split it equally well are taken in their order; a header of one column gives the comma.
    """
    key = column_key(number_column)
    scores = {candidate: _score(lines, candidate, key) for candidate in CANDIDATES}
    return max(CANDIDATES, key=lambda candidate: scores[candidate])


def _score(lines: Sequence[str], delimiter: str, key: str) -> tuple[bool, int]:
    try:
        cells = next(filter(None, csv.reader(lines, delimiter=delimiter, strict=True)), [])
    except csv.Error:
        return (False, 0)
    return (any(column_key(column) == key for column in read_header(cells).columns), len(cells))
