"""Recipients as a stream of rows: one pass over the input, in memory that does not grow with it."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Self

from bulksend.base.records import InputRow
from bulksend.intake.columns import column_key
from bulksend.intake.csv_records import CsvRecords
from bulksend.intake.json_records import JsonRecords
from bulksend.intake.lines import MAX_LINE_CHARACTERS, newline_lines, universal_lines
from bulksend.intake.place import Place
from bulksend.intake.source import ByteSource, open_source
from bulksend.intake.text import TextBlocks

_KIND_BY_SUFFIX = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_LOOKS_LIKE_JSON = re.compile(r'\s*(?:\{\s*["}]|\[\s*[\[{"])')
_DIGEST_BLOCK_BYTES = 262_144


@dataclass(frozen=True, slots=True)
class InputFormat:
    """How an input is read, for people and for `--json`.

    Attributes:
        kind: "csv" or "jsonl".
        encoding: "UTF-8", "UTF-8 with BOM", "UTF-16LE", "UTF-16BE", "cp1252", or the codec that was asked for.
        delimiter: the character between cells; None for JSONL.
        compression: "gzip", "zstd" or None.
    """

    kind: str
    encoding: str
    delimiter: str | None
    compression: str | None


class Recipients:
    """An open input: a context manager, and an iterable that can be iterated once.

    Iterating yields every row in the order of the input, numbered from 1. A row that cannot be used comes with its
    `fault`; InputError is raised when the input cannot be read on as what it is.

    Attributes:
        name: of the input, as the user gave it; "standard input" for "-".
        columns: the header of a CSV as it is spelt, made unique; None for JSONL.
    """

    def __init__(self, name: str, source: ByteSource, text: TextBlocks, records: CsvRecords | JsonRecords) -> None:
        self.name = name
        self._source = source
        self._text = text
        self._records = records
        self._iterated = False
        self.columns = records.columns if isinstance(records, CsvRecords) else None

    @property
    def format(self) -> InputFormat:
        """What is known at present: an encoding found as UTF-8 at first may turn out to be cp1252 further on.

        That happens when the first 64 KiB hold nothing but ASCII, which is the same in both.
        """
        csv = self._records if isinstance(self._records, CsvRecords) else None
        return InputFormat(
            kind="jsonl" if csv is None else "csv",
            encoding=self._text.encoding,
            delimiter=None if csv is None else csv.delimiter,
            compression=self._source.compression,
        )

    @property
    def sha256(self) -> str:
        """Hex digest of the decompressed bytes. A RuntimeError before the iteration has reached the end."""
        return self._source.sha256

    def __iter__(self) -> Iterator[InputRow]:
        if self._iterated:
            raise RuntimeError("an input can be read only once")
        self._iterated = True
        return iter(self._records)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; standard input stays open."""
        self._source.close()


def open_recipients(
    name: str,
    *,
    stdin: BinaryIO | None = None,
    encoding: str = "",
    delimiter: str = "",
    number_column: str = "phone",
) -> Recipients:
    r"""Open an input, look at its first block, and say what it is.

    The kind follows from the name (`.csv`, `.tsv`, `.txt`; `.jsonl`, `.ndjson`; each also `.gz`, `.zst`), else from
    the first character that is not white space. Compression follows from the content.

    Args:
        name: a path, or "-" for standard input.
        stdin: what "-" means; None for the process's own.
        encoding: name of a Python text codec; "" to find it out.
        delimiter: one character, or "tab" or "\t"; "" to find it out.
        number_column: the column of the phone numbers; helps to find out the delimiter.

    Raises:
        InputError: the input cannot be read as what it claims to be; names it, the line and the cause.
        ConfigError: `encoding` or `delimiter` is none.
    """
    place = Place(name)
    source = open_source(place, stdin=stdin)
    try:
        text = TextBlocks(source, place, encoding)
        records = _records(iter(text), place, suffix=source.suffix, delimiter=delimiter, number_column=number_column)
        return Recipients(place.name, source, text, records)
    except BaseException:
        source.close()
        raise


def digest_recipients(name: str, *, stdin: BinaryIO | None = None) -> str:
    """Return what `Recipients.sha256` would be after reading, without parsing anything.

    Raises:
        InputError: the input cannot be read or decompressed, or is known not to be text.
    """
    source = open_source(Place(name), stdin=stdin, block_bytes=_DIGEST_BLOCK_BYTES)
    try:
        for _ in source:
            pass
        return source.sha256
    finally:
        source.close()


def _records(
    blocks: Iterator[str], place: Place, *, suffix: str, delimiter: str, number_column: str
) -> CsvRecords | JsonRecords:
    start = _start(blocks, place)
    blocks = itertools.chain([start], blocks)
    first = start.lstrip()[0]
    looks_like_json = _LOOKS_LIKE_JSON.match(start) is not None
    kind = _KIND_BY_SUFFIX.get(suffix) or ("jsonl" if first == "{" or looks_like_json else "csv")
    if kind == "jsonl":
        if first == "[":
            raise place.error("this is a JSON array", "Write one JSON object a line (JSONL)", line=0)
        return JsonRecords(newline_lines(blocks, place), place)
    lists = universal_lines(blocks, place)
    records = CsvRecords(lists, place, delimiter=delimiter, number_column=number_column)
    key = column_key(number_column)
    if looks_like_json and all(column_key(column) != key for column in records.columns):
        hint = "If it has one JSON object a line, give it a name that ends in .jsonl"
        raise place.error("this is JSON, not CSV", hint, line=0)
    return records


def _start(blocks: Iterator[str], place: Place) -> str:
    """Return the text up to a block with something in it."""
    start = ""
    while not start.strip() and len(start) <= MAX_LINE_CHARACTERS:
        place.line = 1 + start.count("\n")
        block = next(blocks, None)
        if block is None:
            break
        start += block
    if not start.strip():
        raise place.error("the input is empty", "Give a file with at least one recipient", line=0)
    return start
