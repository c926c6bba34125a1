"""Time zones of recipients, from a list to the ledger."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bulksend.base.errors import InputError
from bulksend.config.load import load_settings
from bulksend.pipeline.plan import make_plan
from bulksend.store.export import export_rows
from tests.support.command import ROOT
from tests.support.virtual import VirtualClock

LIST = """phone,text,Their Zone
+12125550100,one,
+14255550100,two,america/chicago
+13125550100,three,+14255550100
+34612345678,four,Europe/Madrid
+34612345679,five,
+14255550199,six,Pacific/Honolulu
12345,seven,nowhere
"""
ENVIRON = {
    "BULKSEND_CAMPAIGN_NAME": "zones",
    "BULKSEND_RECIPIENTS_BODY": "text",
    "BULKSEND_IDENTITIES": '[{"id": "+18885550100", "mps": 3}]',
}


def zones_of(folder: Path, **given: str) -> dict[int, str | None]:
    """Plan the list with these variables; the zones of the pending rows by row."""
    (folder / "list.csv").write_text(LIST)
    ledger = folder / f"{len(given)}.db"
    settings = load_settings(None, environ=ENVIRON | given)
    make_plan(settings, str(folder / "list.csv"), ledger, clock=VirtualClock())
    with closing(sqlite3.connect(ledger)) as connection:
        found = connection.execute(
            "SELECT row, zones.name FROM states LEFT JOIN zones ON zones.id = zone WHERE status = 'pending'"
        )
        return dict(found.fetchall())


def test_each_row_has_its_zones_where_something_depends_on_them(tmp_path: Path) -> None:
    """By its column, else by its number; and a cell that names no zone skips the row, with a note that hides it."""
    by_column = {"BULKSEND_RECIPIENTS_TIME_ZONE": "their_zone"}
    assert zones_of(tmp_path, **by_column) == {
        1: "America/New_York",
        2: "America/Chicago",
        4: "Europe/Madrid",
        5: "Atlantic/Canary+Europe/Madrid",
        6: "Pacific/Honolulu",
    }
    skipped = {row["row"]: row for row in export_rows(tmp_path / "1.db") if row["status"] == "skipped"}
    assert {number: row["reason"] for number, row in skipped.items()} == {3: "bad_row", 7: "invalid_number"}
    assert "its time zone is no name of IANA's, such as Europe/Berlin" in skipped[3].values()
    by_number = zones_of(
        tmp_path, BULKSEND_SCHEDULE_QUIET_HOURS="21:00-08:00", BULKSEND_SCHEDULE_TIME_ZONE="Asia/Tokyo"
    )
    assert by_number == {
        1: "America/New_York",
        2: "America/Los_Angeles",
        3: "America/Chicago",
        4: "Atlantic/Canary+Europe/Madrid",
        5: "Atlantic/Canary+Europe/Madrid",
        6: "America/Los_Angeles",
    }


def test_a_column_of_zones_has_to_be_there(tmp_path: Path) -> None:
    """Like every other column that a setting names."""
    with pytest.raises(InputError, match=r"no column 'zone' \(recipients.time_zone\)"):
        zones_of(tmp_path, BULKSEND_RECIPIENTS_TIME_ZONE="zone")


def test_without_windows_no_zone_is_looked_up(tmp_path: Path) -> None:
    """Rows have none, and the tables of the world's zones are not loaded."""
    assert set(zones_of(tmp_path).values()) == {None}
    program = (
        "import sys; from bulksend.pipeline.plan import make_plan; from bulksend.config.load import load_settings;"
        "load_settings(None, environ={}, complete=False);"
        "sys.exit(any(name in sys.modules for name in ('bulksend.schedule.zones', 'phonenumbers.tzdata', 'tzdata')))"
    )
    subprocess.run([sys.executable, "-P", "-c", program], env={"PYTHONPATH": str(ROOT)}, check=True, timeout=60)
