"""Results as Parquet, in row groups, to anything that can be written to: nothing is ever sought.

Integers, times and texts have their own types. Texts that repeat are encoded by dictionaries of their row group. Needs
pyarrow, an extra of the package.
"""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow
from pyarrow.parquet import ParquetWriter

from bulksend.base.export_fields import SOURCE_FIELD, exported_name
from bulksend.base.records import Status
from bulksend.store.export import Written, as_cell, as_utf8, fields, slices, sources
from bulksend.store.reading import ReadableLedger

ROW_GROUP_ROWS = 50_000
ROW_GROUP_BYTES = 12 << 20
"""What is in memory, as columns, before it is written: so many rows, or so much of their content."""

_MOMENT = pyarrow.timestamp("ms", tz="UTC")
_TYPES = {
    "row": pyarrow.int64(),
    "line": pyarrow.int64(),
    "parts": pyarrow.int32(),
    "attempts": pyarrow.int32(),
    "billed_parts": pyarrow.int32(),
    "price_usd": pyarrow.float64(),
    "intent_at": _MOMENT,
    "finished_at": _MOMENT,
    "delivery_at": _MOMENT,
}
"""What is not a text."""

_REPEATING = (
    "country", "identity", "bucket", "encoding", "status", "reason", "error_code", "error_message", "delivery_status",
    "carrier",
)  # fmt: skip


def write_parquet(
    path: Path, out: BinaryIO, *, statuses: Collection[Status] | None = None, deliveries: bool = False
) -> Written:
    """Write the rows of `export_rows` to `out`, which is only ever written to, from its beginning to its end.

    Of an input with a header, its columns follow the fields as texts, as in a CSV and under the same names. Of one
    without (JSONL), whose rows have each their own, the column `source` follows: a JSON object.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    columns = _header(path)
    names = fields(deliveries=deliveries)
    own = [SOURCE_FIELD] if columns is None else [as_utf8(exported_name(column)) for column in columns]
    schema = pyarrow.schema(
        [(name, _TYPES.get(name, pyarrow.string())) for name in names] + [(name, pyarrow.string()) for name in own]
    )
    repeating = [name for name in names if name in _REPEATING]
    count = 0
    with ParquetWriter(_Forwards(out), schema, use_dictionary=repeating, compression="snappy") as writer:
        batches: list[Any] = []
        rows = size = 0
        for found in slices(path, (*names, SOURCE_FIELD), statuses):
            values = list(zip(*found, strict=True))
            arrays = [_array(name, values[place]) for place, name in enumerate(names)]
            arrays += [pyarrow.array(each, pyarrow.string()) for each in _own(path, found, columns)]
            batches.append(pyarrow.record_batch(arrays, schema=schema))
            count += len(found)
            rows += len(found)
            size += batches[-1].nbytes
            if rows >= ROW_GROUP_ROWS or size >= ROW_GROUP_BYTES:
                writer.write_table(pyarrow.Table.from_batches(batches))
                batches, rows, size = [], 0, 0
        if batches:
            writer.write_table(pyarrow.Table.from_batches(batches))
    return Written(count)


def _header(path: Path) -> list[str] | None:
    """The columns of an input that had a header."""
    with ReadableLedger.open_for_reading(path) as ledger:
        header = ledger.summary.get("source_columns")
    return [str(name) for name in header] if isinstance(header, list) else None


def _array(name: str, values: Sequence[Any]) -> Any:
    kind = _TYPES.get(name)
    if kind is None:
        return pyarrow.array(values, pyarrow.string())
    # Arrow reads the times of ISO 8601 itself, faster than Python.
    return pyarrow.array(values, pyarrow.string()).cast(kind) if kind == _MOMENT else pyarrow.array(values, kind)


def _own(path: Path, found: Sequence[tuple[Any, ...]], columns: Sequence[str] | None) -> Iterator[list[str | None]]:
    """The input's own columns, each as texts."""
    if columns is None:
        yield [values[-1] for values in found]
        return
    rows = sources(path, found)
    for column in columns:
        cells = (as_cell(row.get(column)) for row in rows)
        yield [cell if cell is None or isinstance(cell, str) else str(cell) for cell in cells]


class _Forwards:
    """A stream as pyarrow wants one, over one that knows neither where it stands nor how to go back, such as a pipe."""

    closed = False

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._written = 0

    def write(self, data: bytes) -> int:
        self._out.write(data)
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        self._out.flush()

    def close(self) -> None:
        """Nothing: the stream is its owner's."""
