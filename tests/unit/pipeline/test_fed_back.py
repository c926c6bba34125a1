import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulksend.base.export_fields import EXPORT_FIELDS
from bulksend.config.load import load_settings
from bulksend.intake import open_recipients
from bulksend.pipeline.plan import make_plan
from bulksend.store.export import write_csv, write_jsonl
from tests.unit.store.helpers import StandingClock

CONFIG = """
[campaign]
name = "back"
template = "Hi"
[recipients]
default_country = "US"
[[identities]]
id = "+18885550100"
mps = 3
countries = ["US"]
"""

CELLS = st.text(
    st.sampled_from("=+-@'\t\r\n \uff1d\uff0ba1\",;é\ufeff\u2028")
    | st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    max_size=8,
)
NAMES = st.sampled_from(
    ["=name", "'=name", "status", "source.status", "row", "+1", "Name", "note", "source", "-", "@x"]
)


@settings(max_examples=40, deadline=None)
@given(
    names=st.lists(NAMES, min_size=1, max_size=4, unique=True),
    rows=st.lists(st.lists(CELLS, min_size=4, max_size=4), min_size=1, max_size=4),
    raw=st.booleans(),
)
def test_any_table_comes_back_cell_for_cell(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], rows: list[list[str]], *, raw: bool
) -> None:
    """A list, planned, exported and read as an input again, has the very columns and cells that it had."""
    folder = tmp_path_factory.mktemp("back")
    with (folder / "list.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["phone", *names])
        writer.writerows(["+14255550100", *cells[: len(names)]] for cells in rows)
    (folder / "c.toml").write_text(CONFIG)
    campaign = load_settings(folder / "c.toml", environ={}, overrides=[])
    ledger = folder / "x.db"
    make_plan(campaign, str(folder / "list.csv"), ledger, clock=StandingClock())
    with (folder / "out.csv").open("w", newline="", encoding="utf-8") as text:
        write_csv(ledger, text, raw=raw)
    with (folder / "out.jsonl").open("wb") as lines:
        write_jsonl(ledger, lines)
    first = table(folder / "list.csv")
    assert table(folder / "out.csv") == first
    assert [dict(cells) for _, cells in table(folder / "out.jsonl")] == [dict(cells) for _, cells in first]
    if not raw:
        header, *exported = csv.reader(io.StringIO((folder / "out.csv").read_bytes().decode(), newline=""))
        own = len(EXPORT_FIELDS) + 1
        for cell in (*header, *(cell for row in exported for cell in row[own:])):
            assert cell.lstrip()[:1] not in set("=@\uff1d\uff0b") - {""}, "a spreadsheet would run it"


def table(path: Path) -> list[tuple[int, list[tuple[str, object]]]]:
    """The rows of an input, each with its names and cells."""
    with open_recipients(str(path)) as recipients:
        return [(row.row, list(row.cells.items())) for row in recipients]
