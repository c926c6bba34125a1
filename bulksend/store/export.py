"""What became of every row, in input order, from a ledger that may be in use."""

import csv
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TextIO, TypeGuard

import msgspec

from bulksend.base.export_fields import DELIVERY_FIELDS, EXPORT_FIELDS, SOURCE_FIELD, exported_name
from bulksend.base.formulas import HARMLESS, left_alone, made_safe
from bulksend.base.records import Status
from bulksend.store.connect import connect_for_reading
from bulksend.store.faults import told_as_damage, told_as_ledger_error
from bulksend.store.reading import ReadableLedger

SLICE_ROWS = 500
"""Rows read at once. A read that lasted as long as the export would keep the writer's log from being emptied."""

_ANY_TEXT = ("identity", "bucket", "reason", "message_id", "error_code", "error_message", "delivery_status", "carrier")
"""Fields whose words are not ours."""

# Reading and writing JSON by msgspec takes 0.7 microseconds a row, by the standard library 5.9.
_decode = msgspec.json.Decoder(dict[str, object]).decode
_encode_lines = msgspec.json.Encoder().encode_lines


def export_rows(
    path: Path, *, statuses: Collection[Status] | None = None, deliveries: bool = False
) -> Iterator[dict[str, object]]:
    """Yield each row of the ledger at `path` (of `statuses` only, if given): `EXPORT_FIELDS`, then `source` as a dict.

    With `deliveries`, `DELIVERY_FIELDS` come before `source`.
    Every row comes once, in input order, as it stands when its slice is read; while a campaign is running, rows far
    apart are not of the same moment. Memory does not grow with the ledger.

    Raises:
        LedgerError: (at the first row) the ledger cannot be read.
    """
    for rows in _rows(path, statuses, deliveries=deliveries):
        yield from rows


def source_columns(path: Path, *, statuses: Collection[Status] | None = None) -> tuple[str, ...]:
    """Names of the input's own columns that the rows of `export_rows` have: a CSV header needs them all beforehand.

    The input's header, where it had one, comes first, in its order; then what else is found, as it is first seen.
    Reads all the rows once.
    """
    with ReadableLedger.open_for_reading(path) as ledger:
        header = ledger.summary.get("source_columns")
    columns = dict.fromkeys(header if isinstance(header, list) else ())
    for found in slices(path, ("row", SOURCE_FIELD), statuses):
        for source in sources(path, found):
            if not source.keys() <= columns.keys():
                columns.update(dict.fromkeys(source))
    return tuple(columns)


@dataclass(frozen=True, slots=True)
class Written:
    """What an export holds.

    Attributes:
        rows: how many.
        made_safe: column -> cells before which an apostrophe was put, since a spreadsheet would run them.
    """

    rows: int
    made_safe: Mapping[str, int] = field(default_factory=dict)


def write_csv(
    path: Path, out: TextIO, *, statuses: Collection[Status] | None = None, deliveries: bool = False, raw: bool = False
) -> Written:
    """Write what `export_rows` yields as CSV (RFC 4180) with a header, so that it can be an input again.

    The input's own columns follow the fields, under `exported_name`. What is missing is empty; numbers, true and false
    are written as in JSON, and so are nested values. Cells that a spreadsheet would run are made safe
    (`base.formulas`), unless `raw`. `out` is to be opened with `newline=""`: lines end in CRLF, and a field may hold
    line ends of its own.
    """
    columns = source_columns(path, statuses=statuses)
    names = fields(deliveries=deliveries)
    header = (*names, *map(exported_name, columns))
    safe = left_alone if raw else made_safe
    texts = tuple(names.index(name) for name in _ANY_TEXT if name in names)
    count = 0
    marked: dict[int, int] = {}
    writer = csv.writer(out)
    writer.writerow(map(safe, map(as_utf8, header)))
    for found in slices(path, (*names, SOURCE_FIELD), statuses):
        count += len(found)
        lines = [
            [*values[:-1], *[as_cell(source.get(column)) for column in columns]]
            for values, source in zip(found, sources(path, found), strict=True)
        ]
        # What the fields hold repeats: most of these sets have one member.
        suspect = [place for place in texts if any(map(_is_suspect, {values[place] for values in found}))]
        for place in (*suspect, *range(len(names), len(header))):
            for cells in lines:
                cell = cells[place]
                if _is_suspect(cell) and (changed := safe(cell)) is not cell:
                    cells[place] = changed
                    marked[place] = marked.get(place, 0) + 1
        writer.writerows(lines)
    return Written(count, {} if raw else {header[place]: marked[place] for place in sorted(marked)})


def write_jsonl(
    path: Path, out: BinaryIO, *, statuses: Collection[Status] | None = None, deliveries: bool = False
) -> Written:
    """Write what `export_rows` yields as one JSON object a line, in UTF-8."""
    count = 0
    for rows in _rows(path, statuses, deliveries=deliveries):
        count += len(rows)
        try:
            lines = _encode_lines(rows)
        except UnicodeEncodeError:
            # Halves of surrogate pairs are not UTF-8; as \\uXXXX they are JSON all the same.
            lines = b"".join(
                json.dumps(row, ensure_ascii=False).encode(errors="backslashreplace") + b"\n" for row in rows
            )
        out.write(lines)
    return Written(count)


def _is_suspect(cell: object) -> TypeGuard[str]:
    return cell.__class__ is str and cell[:1] not in HARMLESS


def as_utf8(text: str) -> str:
    """`text` with a question mark for what UTF-8 cannot say: halves of surrogate pairs."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def as_cell(value: object) -> object:
    """A value of an input's own column as a cell: a text, or a whole number; None for nothing."""
    if isinstance(value, str):
        return as_utf8(value)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    return as_utf8(json.dumps(value, ensure_ascii=False))


def fields(*, deliveries: bool) -> tuple[str, ...]:
    """The fields of an exported row, in order."""
    return (*EXPORT_FIELDS, *DELIVERY_FIELDS) if deliveries else EXPORT_FIELDS


def _rows(path: Path, statuses: Collection[Status] | None, *, deliveries: bool) -> Iterator[list[dict[str, object]]]:
    """The rows of `export_rows`, slice by slice."""
    names = fields(deliveries=deliveries)
    for found in slices(path, (*names, SOURCE_FIELD), statuses):
        rows: list[dict[str, object]] = [dict(zip(names, values, strict=False)) for values in found]
        for row, source in zip(rows, sources(path, found), strict=True):
            row[SOURCE_FIELD] = source
        yield rows


def sources(path: Path, found: Sequence[tuple[Any, ...]]) -> list[dict[str, object]]:
    """The input's own columns of records that end with them, as JSON."""
    with told_as_damage(path):
        return [_source(values[-1]) for values in found]


def _source(text: str) -> dict[str, object]:
    try:
        return _decode(text)
    except msgspec.DecodeError:
        # Halves of surrogate pairs: JSON has words for them, and msgspec has none.
        source = json.loads(text)
    if not isinstance(source, dict):
        raise TypeError("a row's own columns are not an object")
    return source


def slices(path: Path, names: Sequence[str], statuses: Collection[Status] | None) -> Iterator[list[tuple[Any, ...]]]:
    """Rows of the view `results`, `SLICE_ROWS` at a time; `names` begin with `row`."""
    chosen = [status.value for status in (Status if statuses is None else statuses)]
    marks = ", ".join("?" * len(chosen))
    statement = (
        f"SELECT {', '.join(names)} FROM results"  # noqa: S608 - names of ours
        f" WHERE row > ? AND status IN ({marks}) ORDER BY row LIMIT ?"
    )
    with closing(connect_for_reading(path)) as connection:
        last = 0
        while True:
            with told_as_ledger_error(path):
                found = connection.execute(statement, (last, *chosen, SLICE_ROWS)).fetchall()
            if not found:
                return
            yield found
            last = found[-1][0]
