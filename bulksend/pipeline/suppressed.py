"""Files of numbers never to text: one number a line, or CSV with a column of them."""

import itertools
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from bulksend.base.errors import ConfigError, InputError
from bulksend.config.model import Settings
from bulksend.intake.columns import find_column, missing_column
from bulksend.intake.csv_records import CsvRecords
from bulksend.intake.excel import repair_number_cell
from bulksend.intake.lines import universal_lines
from bulksend.intake.place import Place
from bulksend.intake.source import open_source
from bulksend.intake.text import TextBlocks
from bulksend.message.phone import InvalidNumber, NumberReader
from bulksend.store.number_files import OURS
from bulksend.store.numbers import NumberSet

SUPPRESS = "recipients.suppress"
OPTED_OUT_FILE = "recipients.opted_out_file"

COLUMNS = ("OptedOutNumber", "phone number", "phone", "number", "mobile", "msisdn", "destination")
"""Names that the column of the numbers may have in a CSV, besides `recipients.phone`."""

_CANONICAL = re.compile(r"\+[1-9][0-9]{0,18}")
_SEPARATORS = ",;\t "
_HINT = "Correct or remove it"


def read_suppressed(settings: Settings, numbers: NumberSet) -> str:
    """Read the numbers that a campaign must not text into `numbers`; return the SHA-256 of those that decide.

    They stand in the files of `recipients.suppress`, and in `recipients.opted_out_file` as far as it has been written.
    What is in that one alone is left out of the hash: the campaign itself adds to it, and goes on all the same.

    Raises:
        ConfigError: a file cannot be read, or something in it is no number: a number that cannot be read cannot be
            kept from being texted. Names the file and the line.
    """
    reader = SuppressionReader(settings)
    learnt = settings.recipients.opted_out_file
    total = 0
    for name in settings.recipients.suppress:
        if learnt and Path(name).exists() and Path(learnt).exists() and Path(name).samefile(learnt):
            continue
        for e164 in reader.read(SUPPRESS, Path(name)):
            if e164 not in numbers:
                numbers.add_all([e164])
                # A sum does not depend on the order of the lines, nor on which file holds which.
                total += int.from_bytes(sha256(e164.encode()).digest())
    if learnt and Path(learnt).exists():
        numbers.add_all(reader.read(OPTED_OUT_FILE, Path(learnt)))
    return f"{total % 2**256:064x}"


class SuppressionReader:
    """Reads files of numbers, in whatever notation the campaign's input may be."""

    def __init__(self, settings: Settings) -> None:
        self._reader = NumberReader(default_country=settings.recipients.default_country or None, validity="possible")
        self._columns = (settings.recipients.phone, *COLUMNS)

    def read(self, key: str, path: Path) -> Iterator[str]:
        """Yield the number of every line that says something, as E.164.

        A file has one number a line, or is CSV with a header; blank lines, and lines before the header or among the
        numbers that start with #, are passed over. It may be compressed, and in any encoding that an input may have.

        Args:
            key: the setting that names the file, for errors.
            path: of the file.

        Raises:
            ConfigError: as `read_suppressed` says.
        """
        place = Place(str(path))
        try:
            with closing(open_source(place, may_be_empty=True)) as source:
                lists = universal_lines(TextBlocks(source, place), place)
                before: list[list[str]] = []
                first = next(_said(_kept(lists, before)), None)
                if first is None:
                    return
                lists = itertools.chain(before, lists)
                is_ours = before[0][0].startswith(OURS)
                if self._is_header(first):
                    yield from self._read_csv(lists, place)
                    return
                for line, text in _lines(lists):
                    yield self._number(text, place, line, as_it_is=is_ours)
        except InputError as error:
            raise ConfigError(f"{key}: {error.what}", error.hint) from None

    def number_of(self, line: str) -> str | None:
        """The number in one line of a file that has a number a line; None where it says something else."""
        if not (text := _bare(line)) or text.startswith("#"):
            return None
        try:
            return self._reader.read(repair_number_cell(text).text).e164
        except InvalidNumber:
            return text if _CANONICAL.fullmatch(text) else None

    def _is_header(self, line: str) -> bool:
        """Whether `line`, the first that says something, names columns. It has letters, and no number has."""
        text = _bare(line)
        if not any(char.isalpha() for char in text) or repair_number_cell(text).damage is not None:
            return False
        try:
            self._reader.read(repair_number_cell(text).text)
        except InvalidNumber:
            return True
        return False

    def _read_csv(self, lists: Iterator[list[str]], place: Place) -> Iterator[str]:
        records = CsvRecords(_without_comments(lists), place, delimiter="", number_column=self._columns[0])
        column = self._column(records.columns, place)
        for row in records:
            if row.fault == "empty row":
                continue
            if row.fault is not None:
                raise place.error(row.fault, _HINT, line=row.line)
            yield self._number(str(row.cells[column]).strip(), place, row.line, as_it_is=False)

    def _column(self, columns: Sequence[str], place: Place) -> str:
        for name in self._columns:
            if (found := find_column(columns, name)) is not None:
                return found
        hint = f"leave nothing but numbers in it, one a line, or name their column {self._columns[0]}"
        raise missing_column(f"{place.name}: there is no column of phone numbers in it", columns, hint)

    def _number(self, text: str, place: Place, line: int, *, as_it_is: bool) -> str:
        cell = repair_number_cell(text)
        if cell.damage is not None:
            raise place.error(cell.damage, _HINT, line=line)
        try:
            return self._reader.read(cell.text).e164
        except InvalidNumber as error:
            # The service lists numbers that the numbering data has not heard of.
            if as_it_is and _CANONICAL.fullmatch(text):
                return text
            raise place.error(str(error), _HINT, line=line) from None


def _kept(lists: Iterator[list[str]], kept: list[list[str]]) -> Iterator[list[str]]:
    """`lists`, each of which is put into `kept` too."""
    for lines in lists:
        kept.append(lines)
        yield lines


def _said(lists: Iterator[list[str]]) -> Iterator[str]:
    """The lines that are neither blank nor comments."""
    return (text for _, text in _lines(lists))


def _lines(lists: Iterator[list[str]]) -> Iterator[tuple[int, str]]:
    """The lines that say something, without what is around a number in a list of one column; each with its number."""
    for number, line in enumerate(itertools.chain.from_iterable(lists), start=1):
        if (text := _bare(line)) and not text.startswith("#"):
            yield number, text


def _bare(line: str) -> str:
    text = line.strip().rstrip(_SEPARATORS)
    return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] == '"' else text


def _without_comments(lists: Iterator[list[str]]) -> Iterator[list[str]]:
    """`lists` with blank lines for the comments before the header, so that lines keep their numbers."""
    for lines in lists:
        header = next((at for at, line in enumerate(lines) if line.strip() and not line.startswith("#")), None)
        if header is None:
            yield ["\n"] * len(lines)
            continue
        yield ["\n"] * header + lines[header:]
        break
    yield from lists
