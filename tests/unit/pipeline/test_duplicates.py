import json
from pathlib import Path
from typing import Any

from bulksend.config.load import load_settings
from bulksend.pipeline.plan import BATCH_ROWS, make_plan
from bulksend.store.export import export_rows
from tests.support.virtual import VirtualClock


def planned(folder: Path, lines: str, **environ: str) -> tuple[int, list[dict[str, Any]]]:
    """Plan a list; return how many rows can be sent, and all rows as exported."""
    (folder / "list.csv").write_text(lines)
    given = {
        "BULKSEND_CAMPAIGN_NAME": "test",
        "BULKSEND_CAMPAIGN_TEMPLATE": "Hi {{ first_name }}",
        "BULKSEND_RECIPIENTS_DEFAULT_COUNTRY": "US",
        "BULKSEND_IDENTITIES": json.dumps([{"id": "ACME", "mps": 10}]),
        **environ,
    }
    ledger = folder / "plan.db"
    plan = make_plan(load_settings(None, environ=given), str(folder / "list.csv"), ledger, clock=VirtualClock())
    return plan.totals.sendable, list(export_rows(ledger))


def test_the_longest_numbers_are_planned_too(tmp_path: Path) -> None:
    """Germany has valid numbers of 17 digits: sent to once, and kept from it where they are suppressed."""
    (tmp_path / "stop.txt").write_text("+49301111111111112\n")
    lines = "phone,first_name\n+49301111111111111,Ann\n+49301111111111111,Ben\n+49301111111111112,Cy\n"
    _, rows = planned(tmp_path, lines, BULKSEND_RECIPIENTS_SUPPRESS=str(tmp_path / "stop.txt"))
    assert [row["reason"] for row in rows] == [None, "duplicate", "suppressed"]


def test_duplicates_are_found_across_batches(tmp_path: Path) -> None:
    """A number is a duplicate however far behind the first one it comes; each says which row that was."""
    numbers = [f"+1425{4_000_000 + number % 1500}" for number in range(2 * BATCH_ROWS + 10)]
    lines = "".join(f"{number},Ann\n" for number in numbers)
    sendable, rows = planned(tmp_path, f"phone,first_name\n{lines}")
    assert sendable == 1500
    assert [row["reason"] for row in rows] == [None] * 1500 + ["duplicate"] * (len(numbers) - 1500)
    assert [row["error_message"] for row in rows[1500:]] == [
        f"the same number as row {row - 1500}" for row in range(1501, len(numbers) + 1)
    ]
