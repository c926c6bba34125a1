import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bulksend.base.errors import LedgerError
from bulksend.base.export_fields import EXPORT_FIELDS
from bulksend.base.records import Status
from bulksend.store.export import SLICE_ROWS, export_rows, source_columns, write_csv, write_jsonl
from bulksend.store.ledger import SqliteLedger
from tests.unit.store.helpers import StandingClock, failed, pending, sent, skipped, write_plan

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=4,
)


def as_csv(path: Path, *, raw: bool = True) -> list[list[str]]:
    """The ledger's rows as CSV, read back by Python's own reader."""
    out = io.StringIO(newline="")
    write_csv(path, out, raw=raw)
    return list(csv.reader(io.StringIO(out.getvalue(), newline="")))


def test_every_row_has_every_field_in_order(planned: Path, clock: StandingClock) -> None:
    """The sixteen fields, then the input's own columns, as the contract names them."""
    with SqliteLedger.open_for_writing(planned, clock=clock) as ledger, ledger.transaction():
        ledger.claim("toll-free", parts=3, rows=2)
        ledger.settle(sent(1))
        ledger.settle(failed(2))
    first, second, *_, seventh, eighth, _, _ = export_rows(planned)
    assert list(first) == [*EXPORT_FIELDS, "source"]
    assert first == {
        "row": 1,
        "line": 2,
        "destination": "+14255550001",
        "country": "US",
        "identity": "+18885550100",
        "bucket": "toll-free",
        "encoding": "GSM-7",
        "parts": 1,
        "status": "sent",
        "reason": None,
        "message_id": "m-1",
        "attempts": 1,
        "error_code": None,
        "error_message": None,
        "intent_at": "2026-01-01T12:00:00.000Z",
        "finished_at": "2026-01-01T12:00:00.000Z",
        "source": {"phone": "+14255550001", "name": "N1"},
    }
    assert [second[name] for name in ("status", "reason", "error_code", "error_message")] == [
        "failed", "opted_out", "ConflictException", "no",
    ]  # fmt: skip
    assert [seventh[name] for name in ("status", "reason", "error_message", "bucket", "parts", "attempts")] == [
        "skipped", "invalid_number", "too short", None, 0, 0,
    ]  # fmt: skip
    assert [eighth[name] for name in ("status", "intent_at", "finished_at")] == ["pending", None, None]


def test_all_rows_come_in_input_order(path: Path) -> None:
    """Slices join without a gap or a repetition, however many there are."""
    rows = [row * 2 for row in range(1, 2 * SLICE_ROWS + 2)]
    write_plan(path, [pending(row) if row % 6 else skipped(row) for row in rows])
    assert [row["row"] for row in export_rows(path)] == rows
    assert [row["row"] for row in export_rows(path, statuses=[Status.SKIPPED])] == [row for row in rows if row % 6 == 0]


def test_statuses_choose_rows(planned: Path) -> None:
    """Only rows with one of the statuses; of none, if none is asked for."""
    assert [row["row"] for row in export_rows(planned, statuses={Status.SKIPPED, Status.SENT})] == [7]
    assert list(export_rows(planned, statuses=[])) == []


def test_a_ledger_can_be_exported_while_it_is_written(path: Path, clock: StandingClock) -> None:
    """A slow reader does not hold the writer up, and sees in later slices what was written meanwhile."""
    write_plan(path, [pending(row) for row in range(1, SLICE_ROWS + 11)], clock=clock)
    with SqliteLedger.open_for_writing(path, clock=clock) as ledger:
        rows = export_rows(path)
        seen = [next(rows)]
        with ledger.transaction():
            claims = ledger.claim("toll-free", parts=10**6, rows=10**6)
            ledger.settle_all([sent(claim.row) for claim in claims])
        ledger._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert path.with_name(path.name + "-wal").stat().st_size == 0
        seen += list(rows)
    assert [row["row"] for row in seen] == list(range(1, SLICE_ROWS + 11))
    assert (seen[0]["status"], seen[-1]["status"]) == ("pending", "sent")


def test_a_missing_ledger_is_named(path: Path) -> None:
    """Nothing is exported from nowhere."""
    with pytest.raises(LedgerError, match="there is no ledger"):
        next(export_rows(path))
    with pytest.raises(LedgerError, match="there is no ledger"):
        source_columns(path)


def test_columns_come_in_the_inputs_order(path: Path) -> None:
    """The header's columns first, also those that no row has; then others as they are first seen."""
    write_plan(
        path,
        [replace(pending(1), source='{"b": 1, "z": 1}'), replace(skipped(2), source='{"y": 1, "b": 2}')],
        summary={"source_columns": ["phone", "b"]},
    )
    assert source_columns(path) == ("phone", "b", "z", "y")
    assert source_columns(path, statuses=[Status.SKIPPED]) == ("phone", "b", "y")


@pytest.mark.parametrize("summary", [{}, {"source_columns": None}, {"source_columns": []}])
def test_columns_of_an_input_without_a_header_are_collected(path: Path, summary: dict[str, object]) -> None:
    """JSONL has no header; what its records have is found in the ledger."""
    write_plan(path, [replace(pending(1), source='{"b": 1, "a": {"x": 1}}')], summary=summary)
    assert source_columns(path) == ("b", "a")


def test_csv_has_a_header_and_a_line_for_each_row(planned: Path) -> None:
    """Fields, then the input's own columns; what is missing is empty."""
    header, first, *rest = as_csv(planned)
    assert header == [*EXPORT_FIELDS, "phone", "name"]
    assert first[:3] == ["1", "2", "+14255550001"]
    assert first[-3:] == ["", "+14255550001", "N1"]
    assert len(rest) == 9


def test_csv_of_nothing_is_a_header(path: Path) -> None:
    """A reader always finds the columns."""
    write_plan(path, [], summary={"source_columns": ["phone"]})
    assert as_csv(path) == [[*EXPORT_FIELDS, "phone"]]


def test_columns_named_like_fields_are_told_apart(path: Path) -> None:
    """The input's own `status` is not the ledger's."""
    write_plan(path, [replace(pending(1), source='{"status": "gold", "Status": "x", "phone": "1"}')])
    header, row = as_csv(path)
    assert header[len(EXPORT_FIELDS) :] == ["source.status", "Status", "phone"]
    assert row[len(EXPORT_FIELDS) :] == ["gold", "x", "1"]
    assert row[EXPORT_FIELDS.index("status")] == "pending"


@settings(max_examples=40)
@given(
    sources=st.lists(
        st.dictionaries(TEXT.filter(lambda name: name not in EXPORT_FIELDS), VALUES, max_size=4), max_size=4
    )
)
def test_the_inputs_own_columns_survive(
    tmp_path_factory: pytest.TempPathFactory, sources: list[dict[str, object]]
) -> None:
    """JSONL gives every value back as it was; CSV every text, and every other value as JSON."""
    path = tmp_path_factory.mktemp("export") / "x.db"
    write_plan(path, [replace(pending(row), source=json.dumps(each)) for row, each in enumerate(sources, start=1)])
    out = io.BytesIO()
    write_jsonl(path, out)
    assert [json.loads(line)["source"] for line in out.getvalue().splitlines()] == sources
    header, *rows = as_csv(path)
    columns = header[len(EXPORT_FIELDS) :]
    for source, row in zip(sources, rows, strict=True):
        cells = dict(zip(columns, row[len(EXPORT_FIELDS) :], strict=True))
        for name in columns:
            value = source.get(name)
            if value is None:
                assert cells[name] == ""
            elif isinstance(value, str):
                assert cells[name] == value
            else:
                assert json.loads(cells[name]) == value


def test_jsonl_is_one_utf8_object_a_line(path: Path) -> None:
    """Fields in order, `source` as an object, text as it is."""
    write_plan(path, [replace(pending(1), source='{"name": "Zo\\u00eb\\n", "tags": ["a"]}')])
    out = io.BytesIO()
    write_jsonl(path, out)
    (line,) = out.getvalue().splitlines()
    assert '"Zoë\\n"'.encode() in line
    assert list(json.loads(line)) == [*EXPORT_FIELDS, "source"]


def test_halves_of_surrogate_pairs_do_not_end_an_export(path: Path) -> None:
    """JSON may hold what UTF-8 cannot: JSONL keeps it, CSV shows a question mark, and other rows are as ever."""
    sources = ['{"name": "Zo\\u00eb"}', '{"name": "x\\ud83c"}', '{"name": "Ann"}']
    write_plan(path, [replace(pending(row), source=source) for row, source in enumerate(sources, start=1)])
    out = io.BytesIO()
    assert write_jsonl(path, out).rows == 3
    found = [json.loads(line)["source"]["name"] for line in out.getvalue().decode().splitlines()]
    assert found == ["Zo\u00eb", "x\ud83c", "Ann"]
    assert [row[-1] for row in as_csv(path)] == ["name", "Zo\u00eb", "x?", "Ann"]


@pytest.mark.parametrize("source", ["[1]", "{", "null", '{"name": "\\ud83c"} x'])
def test_a_row_whose_own_columns_are_no_object_is_damage(path: Path, source: str) -> None:
    """What the plan cannot have written is told as a damaged ledger, whatever is asked for."""
    write_plan(path, [replace(pending(1), source=source)])
    with pytest.raises(LedgerError, match="is damaged"):
        list(export_rows(path))
    with pytest.raises(LedgerError, match="is damaged"):
        write_csv(path, io.StringIO(newline=""))
    with pytest.raises(LedgerError, match="is damaged"):
        write_jsonl(path, io.BytesIO())


@pytest.mark.parametrize("statuses", [None, [Status.SKIPPED], []])
def test_writers_say_how_many_rows_they_wrote(planned: Path, statuses: list[Status] | None) -> None:
    """As many as `export_rows` yields."""
    rows = len(list(export_rows(planned, statuses=statuses)))
    out = io.BytesIO()
    assert write_jsonl(planned, out, statuses=statuses).rows == len(out.getvalue().splitlines()) == rows
    text = io.StringIO(newline="")
    assert write_csv(planned, text, statuses=statuses).rows == len(text.getvalue().splitlines()) - 1 == rows


def test_cells_that_a_spreadsheet_would_run_are_made_safe_and_counted(path: Path) -> None:
    """In the input's own columns, their names, and the words of others; not with `raw`, and not in JSONL."""
    source = {"=name": "=1+1", "note": "\t@x", "phone": "+14255550001", "n": -5, "t": "-5.2", "q": "'=1"}
    write_plan(path, [replace(pending(row), source=json.dumps(source)) for row in (1, 2)])
    text = io.StringIO(newline="")
    written = write_csv(path, text)
    assert written.made_safe == {"=name": 2, "note": 2, "q": 2}
    header, row, _ = as_csv(path, raw=False)
    own = len(EXPORT_FIELDS)
    assert header[own:] == ["'=name", "note", "phone", "n", "t", "q"]
    assert row[own:] == ["'=1+1", "'\t@x", "+14255550001", "-5", "-5.2", "''=1"]
    assert row[EXPORT_FIELDS.index("identity")] == "+18885550100"
    plain = io.StringIO(newline="")
    assert write_csv(path, plain, raw=True).made_safe == {}
    assert as_csv(path)[1][own:] == ["=1+1", "\t@x", "+14255550001", "-5", "-5.2", "''=1"]
    out = io.BytesIO()
    assert write_jsonl(path, out).made_safe == {}
    assert json.loads(out.getvalue().splitlines()[0])["source"] == source


def test_words_of_the_service_are_made_safe_too(planned: Path, clock: StandingClock) -> None:
    """Whatever an error says is not run either."""
    with SqliteLedger.open_for_writing(planned, clock=clock) as ledger, ledger.transaction():
        ledger.claim("toll-free", parts=3, rows=2)
        refused = failed(2)
        ledger.settle(sent(1))
        ledger.settle(replace(refused, outcome=replace(refused.outcome, error_message="=cmd()")))
    assert as_csv(planned, raw=False)[2][EXPORT_FIELDS.index("error_message")] == "'=cmd()"
