"""What became of every row, in input order, from a ledger that may be in use."""

import csv
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from bulksend.base.export_fields import DELIVERY_FIELDS, EXPORT_FIELDS, SOURCE_FIELD, SOURCE_PREFIX
from bulksend.base.records import Status
from bulksend.store.connect import connect_for_reading
from bulksend.store.faults import told_as_damage, told_as_ledger_error
from bulksend.store.reading import ReadableLedger

SLICE_ROWS = 2000
"""Rows read at once. A read that lasted as long as the export would keep the writer's log from being emptied."""


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
    fields = (*EXPORT_FIELDS, *DELIVERY_FIELDS) if deliveries else EXPORT_FIELDS
    for values in _slices(path, ", ".join((*fields, SOURCE_FIELD)), statuses):
        row: dict[str, object] = dict(zip(fields, values, strict=False))
        with told_as_damage(path):
            row[SOURCE_FIELD] = json.loads(values[-1])
        yield row


def source_columns(path: Path, *, statuses: Collection[Status] | None = None) -> tuple[str, ...]:
    """Names of the input's own columns that the rows of `export_rows` have: a CSV header needs them all beforehand.

    The input's header, where it had one, comes first, in its order; then what else is found, as it is first seen.
    Reads all the rows once.
    """
    with ReadableLedger.open_for_reading(path) as ledger:
        header = ledger.summary.get("source_columns")
    columns = dict.fromkeys(header if isinstance(header, list) else ())
    for _, source in _slices(path, f"row, {SOURCE_FIELD}", statuses):
        columns.update(dict.fromkeys(json.loads(source)))
    return tuple(columns)


def write_csv(
    rows: Iterable[dict[str, object]], out: TextIO, *, source_columns: Sequence[str], deliveries: bool = False
) -> None:
    """Write rows of `export_rows` as CSV (RFC 4180) with a header, so that it can be an input again.

    `deliveries`: the rows have `DELIVERY_FIELDS` too.

    The input's own columns follow the fields; one that is named like a field gets `SOURCE_PREFIX`. What is missing is
    empty; numbers, true and false are written as in JSON, and so are nested values. `out` is to be opened with
    `newline=""`: lines end in CRLF, and a field may hold line ends of its own.
    """
    writer = csv.writer(out)
    all_fields = (*EXPORT_FIELDS, *DELIVERY_FIELDS)
    names = all_fields if deliveries else EXPORT_FIELDS
    own = [SOURCE_PREFIX + column if column in all_fields else column for column in source_columns]
    writer.writerow([*names, *own])
    for row in rows:
        source = cast("dict[str, object]", row[SOURCE_FIELD])
        fields = [_cell(row[name]) for name in names]
        writer.writerow([*fields, *(_cell(source.get(column)) for column in source_columns)])


def write_jsonl(rows: Iterable[dict[str, object]], out: BinaryIO) -> None:
    """Write rows of `export_rows` as one JSON object a line, in UTF-8."""
    # Halves of surrogate pairs are not UTF-8; as \\uXXXX they are JSON all the same.
    out.writelines(json.dumps(row, ensure_ascii=False).encode(errors="backslashreplace") + b"\n" for row in rows)


def _cell(value: object) -> object:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if text.isascii() else text.encode(errors="replace").decode()


def _slices(path: Path, columns: str, statuses: Collection[Status] | None) -> Iterator[tuple[Any, ...]]:
    """Rows of the view `results`, read slice by slice; `columns` begins with `row`."""
    chosen = [status.value for status in (Status if statuses is None else statuses)]
    marks = ", ".join("?" * len(chosen))
    statement = f"SELECT {columns} FROM results WHERE row > ? AND status IN ({marks}) ORDER BY row LIMIT ?"  # noqa: S608 - names of ours
    with closing(connect_for_reading(path)) as connection:
        last = 0
        while True:
            with told_as_ledger_error(path):
                found = connection.execute(statement, (last, *chosen, SLICE_ROWS)).fetchall()
            if not found:
                return
            yield from found
            last = found[-1][0]
