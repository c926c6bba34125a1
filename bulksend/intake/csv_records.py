"""From lines to the rows of a CSV file (RFC 4180, with the freedoms that people take)."""

import csv
import itertools
from collections.abc import Iterator

from bulksend.base.errors import InputError
from bulksend.base.formulas import as_before
from bulksend.base.records import InputRow
from bulksend.intake.delimiter import configured_delimiter, find_delimiter, sep_line_delimiter
from bulksend.intake.header import read_header
from bulksend.intake.place import Place

# As much as is read in advance to see the whole header: with line ends in quotes it takes more than its first line.
_HEADER_CHARACTERS = 65_536
# A record that is longer holds quotes in such places that the rest of the file looks like one row of small cells.
_MAX_RECORD_CHARACTERS = 4_194_304


class CsvRecords:
    """The rows of a CSV file, once.

    The header is read at once, the rows when they are asked for. A row with more cells than the header, without any,
    or with a NUL is given with its fault; what breaks the rules of quoting is an error, since nobody can know where
    the next row begins.

    Attributes:
        columns: names of the columns, no two the same.
        delimiter: the character between the cells.
    """

    def __init__(self, lists: Iterator[list[str]], place: Place, *, delimiter: str, number_column: str) -> None:
        """Find the delimiter and read the header.

        Args:
            lists: the physical lines with their ends.
            place: what errors name.
            delimiter: "" to find it out.
            number_column: the column that helps to find it out.

        Raises:
            InputError: there is no header, or it breaks the rules of quoting.
            ConfigError: `delimiter` cannot be one.
        """
        self._place = place
        configured = configured_delimiter(delimiter) if delimiter else None
        first = _first_lines(lists)
        said = sep_line_delimiter(first[0]) if first else None
        self._before = 0 if said is None else 1
        del first[: self._before]
        self._line = self._before
        self.delimiter = configured or said or find_delimiter(first, number_column)
        rest = itertools.chain.from_iterable(self._bounded(lists))
        self._reader = csv.reader(itertools.chain(first, rest), delimiter=self.delimiter, strict=True)
        header = next(self._records(), None)
        if header is None:
            raise place.error("there is no header", "Give the names of the columns in the first line", line=0)
        self._header = read_header(header[1])
        self.columns = self._header.columns

    def __iter__(self) -> Iterator[InputRow]:
        """Yield the rows.

        Raises:
            InputError: quoting is broken; the line is the one on which the record starts.
        """
        columns = self.columns
        leading = self._header.leading
        width = len(columns)
        for row, (line, record) in enumerate(self._records(), start=1):
            cells = [as_before(cell) for cell in record[leading:]] if leading else record
            joined = "".join(cells)
            fault = None
            if len(cells) != width:
                fault = _fit(cells, width)
            if not joined or joined.isspace():
                fault = "empty row"
            elif "\0" in joined:
                fault = "a NUL character (U+0000) in the row"
            yield InputRow(row, line, dict(zip(columns, cells, strict=True)), fault)

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield every record that is not a blank line, with the line on which it starts."""
        try:
            for record in self._reader:
                start = self._line + 1
                self._line = self._before + self._reader.line_num
                if record:
                    yield start, record
        except csv.Error as error:
            raise self._quoting_error(str(error)) from None

    def _quoting_error(self, message: str) -> InputError:
        hint = 'Close every quote; inside a quoted cell, write a quote twice ("")'
        if message.startswith("field larger than"):
            cause = (
                f"the row that starts here has a cell of more than {csv.field_size_limit():,} characters;"
                " probably a quote in it is never closed"
            )
        elif message.startswith("unexpected end"):
            cause = "a quote that is opened in the row that starts here is never closed"
        elif "expected after" in message:
            cause = "in the row that starts here, a closing quote is followed by more text"
        else:
            cause = f"the row that starts here is not CSV ({message})"
        return self._place.error(cause, hint, line=self._line + 1)

    def _bounded(self, lists: Iterator[list[str]]) -> Iterator[list[str]]:
        """Pass the lines on, as long as records end; without this, odd quoting could fill the memory."""
        line = -1
        size = 0
        for lines in lists:
            if line != self._line:
                line, size = self._line, 0
            else:
                size += sum(map(len, lines))
            if size > _MAX_RECORD_CHARACTERS:
                raise self._place.error(
                    f"the row that starts here has more than {_MAX_RECORD_CHARACTERS:,} characters;"
                    " probably a quote in it is never closed",
                    'Close every quote; inside a quoted cell, write a quote twice ("")',
                    line=line + 1,
                )
            yield lines


def _first_lines(lists: Iterator[list[str]]) -> list[str]:
    first: list[str] = []
    size = 0
    while size < _HEADER_CHARACTERS and (lines := next(lists, None)):
        first += lines
        size += sum(map(len, lines))
    return first


def _fit(cells: list[str], width: int) -> str | None:
    """Make `cells` as many as the header has columns; return the fault if something is lost by that."""
    used = len(cells)
    while used > width and not cells[used - 1].strip():
        used -= 1
    cells[width:] = []
    cells += [""] * (width - len(cells))
    return f"{used} cells, but the header has {width}" if used > width else None
