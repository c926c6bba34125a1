import csv
import io
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from msgspec.structs import replace
from pyarrow import parquet

from bulksend.base.errors import LedgerError
from bulksend.base.export_fields import DELIVERY_FIELDS, EXPORT_FIELDS
from bulksend.base.records import DeliveryEvent, Status
from bulksend.store.deliveries import DeliveryLedger
from bulksend.store.export import export_rows, write_csv
from bulksend.store.ledger import SqliteLedger
from bulksend.store.parquet import ROW_GROUP_BYTES, ROW_GROUP_ROWS, write_parquet
from tests.unit.store.helpers import START, StandingClock, failed, pending, sent, skipped, take, write_plan

HEADER = {"source_columns": ["phone", "name"]}


def read(content: bytes) -> Any:
    """The table that a file with `content` holds."""
    return parquet.read_table(io.BytesIO(content))


def written(path: Path, **how: Any) -> Any:
    """The ledger's rows as a table."""
    out = io.BytesIO()
    result = write_parquet(path, out, **how)
    table = read(out.getvalue())
    assert result.rows == table.num_rows
    return table


@pytest.fixture
def ended(path: Path, clock: StandingClock) -> Path:
    """Rows that were sent, refused and skipped, and one delivery."""
    write_plan(path, [*map(pending, range(1, 4)), skipped(4)], clock=clock, summary=HEADER)
    clock.advance(0.123)
    with SqliteLedger.open_for_writing(path, clock=clock) as ledger:
        take(ledger, parts=3)
        with ledger.transaction():
            ledger.settle_all([sent(1), failed(2), sent(3)])
    event = DeliveryEvent(
        message_id="m-1", status="DELIVERED", description=None, final=True, at=START + timedelta(milliseconds=456),
        requested_at=None, destination=None, carrier="T-Mobile", parts=2, price_usd=0.0125, campaign=None, row=None,
        attempt=None,
    )  # fmt: skip
    with DeliveryLedger.open_for_writing(path, clock=clock) as told, told.transaction():
        told.begin(campaign="c")
        told.add([event])
        told.finish()
    return path


def test_values_have_their_own_types(ended: Path) -> None:
    """Integers, times in UTC with milliseconds, texts; what is missing is null, and the rest is as in any export."""
    table = written(ended, deliveries=True)
    assert table.column_names == [*EXPORT_FIELDS, *DELIVERY_FIELDS, "phone", "name"]
    types = {field.name: str(field.type) for field in table.schema}
    assert {types.pop(name) for name in ("intent_at", "finished_at", "delivery_at")} == {"timestamp[ms, tz=UTC]"}
    assert {types.pop(name) for name in ("row", "line")} == {"int64"}
    assert {types.pop(name) for name in ("parts", "attempts", "billed_parts")} == {"int32"}
    assert types.pop("price_usd") == "double"
    assert set(types.values()) == {"string"}
    found = table.to_pylist()
    assert found[0]["intent_at"] == START + timedelta(milliseconds=123)
    assert found[0]["delivery_at"] == START + timedelta(milliseconds=456)
    for row, exported in zip(found, export_rows(ended, deliveries=True), strict=True):
        source = exported.pop("source")
        assert isinstance(source, dict)
        for name, value in {**exported, **source}.items():
            got = row[name]
            if isinstance(got, datetime):
                got = got.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            assert got == value, name


def test_texts_that_repeat_are_kept_once(ended: Path) -> None:
    """By dictionaries; what differs in every row has none."""
    out = io.BytesIO()
    write_parquet(ended, out)
    group = parquet.ParquetFile(io.BytesIO(out.getvalue())).metadata.row_group(0)
    encoded = {
        group.column(place).path_in_schema
        for place in range(group.num_columns)
        if "RLE_DICTIONARY" in group.column(place).encodings
    }
    assert {"country", "identity", "status", "reason"} <= encoded
    assert not encoded & {"destination", "message_id", "phone", "row"}


def test_own_columns_are_as_in_a_csv(path: Path) -> None:
    """The same names and the same texts, also where the input had names and values of every kind."""
    source = {"phone": "1", "status": "gold", "source.status": "x", "n": 5, "f": -0.5, "list": [1, "é"], "none": None}
    write_plan(path, [replace(pending(1), source=json.dumps(source))], summary={"source_columns": list(source)})
    table = written(path)
    text = io.StringIO(newline="")
    write_csv(path, text, raw=True)
    header, row = csv.reader(io.StringIO(text.getvalue(), newline=""))
    own = len(EXPORT_FIELDS)
    assert table.column_names == header
    (values,) = table.to_pylist()
    assert [values[name] or "" for name in header[own:]] == row[own:]
    assert values["none"] is None


def test_rows_with_columns_of_their_own_have_one_column(path: Path) -> None:
    """JSONL has no header: `source` is an object, as the input had it."""
    sources = [{"phone": "1", "tags": ["a"]}, {"number": 2, "name": "Zo\ud83c"}]
    rows = [replace(pending(row), source=json.dumps(each)) for row, each in enumerate(sources, start=1)]
    write_plan(path, rows, summary={"source_columns": None})
    table = written(path)
    assert table.column_names == [*EXPORT_FIELDS, "source"]
    assert [json.loads(each) for each in table["source"].to_pylist()] == sources


def test_statuses_choose_rows_and_none_are_a_table_too(ended: Path) -> None:
    """A reader always finds the columns."""
    assert written(ended, statuses=[Status.FAILED])["row"].to_pylist() == [2]
    assert written(ended, statuses=[]).num_rows == 0
    assert written(ended, statuses=[]).column_names == [*EXPORT_FIELDS, "phone", "name"]


def test_row_groups_are_bounded_by_rows_and_by_size(path: Path) -> None:
    """So that memory does not grow with the list, nor with what is in its cells."""
    big = json.dumps({"phone": "1", "name": "x" * 40_000})
    rows = [replace(pending(row), source=big) for row in range(1, 1201)]
    write_plan(path, rows, summary=HEADER)
    out = io.BytesIO()
    pool = pyarrow.default_memory_pool()
    before = pool.bytes_allocated()
    write_parquet(path, out)
    metadata = parquet.ParquetFile(io.BytesIO(out.getvalue())).metadata
    sizes = [metadata.row_group(place).num_rows for place in range(metadata.num_row_groups)]
    assert sizes == [500, 500, 200]
    assert 500 * 40_000 > ROW_GROUP_BYTES
    assert ROW_GROUP_ROWS == 50_000
    assert pool.bytes_allocated() - before < ROW_GROUP_BYTES


def test_it_goes_through_a_pipe(ended: Path) -> None:
    """Nothing is sought, and nobody is asked where the stream stands."""
    reading, writing = os.pipe()
    with open(reading, "rb") as tail:  # noqa: PTH123 - a descriptor
        with open(writing, "wb") as head:  # noqa: PTH123 - likewise
            write_parquet(ended, head)
            assert not head.closed
        assert read(tail.read())["row"].to_pylist() == [1, 2, 3, 4]


def test_a_missing_ledger_is_named(path: Path) -> None:
    """And nothing is written for it."""
    out = io.BytesIO()
    with pytest.raises(LedgerError, match="there is no ledger"):
        write_parquet(path, out)
    assert out.getvalue() == b""
