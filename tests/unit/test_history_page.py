import html
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bulksend.base.records import Bucket, Origin
from bulksend.report.history_document import history_document
from bulksend.report.history_page import history_page
from bulksend.report.history_parts import MOST_ROWS, share
from bulksend.store.forget import forget_ledger
from bulksend.store.history import MOST_JOURNAL_ENTRIES, HistoryLedger
from bulksend.store.owner import OwnerLock
from bulksend.store.plan_writer import PlanWriter
from bulksend.store.schema import to_milliseconds
from tests.unit.store.helpers import START, StandingClock, pending, skipped, write_plan

START_MS = to_milliseconds(START)

COST: dict[str, object] = {
    "low_usd": "1234.5",
    "high_usd": "2000",
    "max_total_usd": None,
    "unpriced": {"IN": 3},
    "countries": [],
}
"""As the plan leaves it."""


def changed(path: Path, *statements: tuple[str, tuple[object, ...]]) -> Path:
    """The ledger at `path` after `statements`."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement, values in statements:
            connection.execute(statement, values)
    return path


def document(path: Path, *, ledger: str = "l.db") -> dict[str, Any]:
    """What the ledger at `path` tells."""
    with HistoryLedger.open_for_reading(path) as opened:
        found = history_document(opened.history(), ledger=ledger, now=START)
    assert json.loads(json.dumps(found)) == found
    return found


def page(path: Path, *, ledger: str = "l.db") -> str:
    """Its page."""
    return history_page(document(path, ledger=ledger), version="1")


def figure(page: str, name: str) -> str:
    """The one number of that name."""
    (found,) = set(re.findall(rf'data-figure="{re.escape(name)}">([^<]*)<', page))
    return str(found)


def test_a_plan_that_was_never_sent_has_a_page(tmp_path: Path) -> None:
    """It says so, has no chart, and counts what is to be sent."""
    shown = page(write_plan(tmp_path / "l.db", [pending(1, parts=2), skipped(2)]))
    assert "Not finished" in shown
    assert "Nothing has gone out yet." in shown
    assert "there was no run" in shown
    assert "<svg" not in shown
    assert (figure(shown, "pending"), figure(shown, "cost/parts"), figure(shown, "skipped/invalid_number")) == (
        *("1", "2"),
        "1",
    )


def test_a_list_without_rows_has_a_page(tmp_path: Path) -> None:
    """With zeros, and no share of nothing."""
    shown = page(write_plan(tmp_path / "l.db", []))
    assert "The list had no rows." in shown
    assert figure(shown, "rows") == "0"


def test_a_rehearsal_says_that_it_was_one(tmp_path: Path) -> None:
    """At the top and in the outcome."""
    with PlanWriter(tmp_path / "l.db", clock=StandingClock()) as writer:
        settings = {"campaign": {"name": "c", "dry_run": True}}
        writer.begin(campaign=settings, fingerprint={}, buckets=[], identities=[])
        writer.finish(input_name="list.csv", summary={}, fingerprint={})
    shown = page(tmp_path / "l.db")
    assert "a rehearsal (DryRun)" in shown
    assert "delivered none" in shown


def test_thirty_buckets_are_in_the_table_and_the_busiest_are_drawn(tmp_path: Path) -> None:
    """Six charts; without samples nobody knows what was kept to, and nothing is drawn of throttles."""
    names = [f"bucket-{number:02d}" for number in range(30)]
    with PlanWriter(tmp_path / "l.db", clock=StandingClock()) as writer:
        buckets, origins = [Bucket(name, 10) for name in names], [Origin(name, name) for name in names]
        writer.begin(campaign={}, fingerprint={}, buckets=buckets, identities=origins)
        rows = [pending(row) for row in range(1, 301)]
        writer.add([replace(row, identity=names[row.row % 30], bucket=names[row.row % 30]) for row in rows])
        writer.finish(input_name="list.csv", summary={}, fingerprint={})
    went = (
        "UPDATE states SET status = 'sent', attempts = 1, released_at = ?1 + 10 * row, finished_at = ?1 + 10 * row + 80"
    )
    shown = page(changed(tmp_path / "l.db", (went, (START_MS,))))
    assert len(re.findall(r'<svg[^>]*aria-labelledby="rate-', shown)) == 6
    assert "The 6 busiest buckets are drawn" in shown
    assert all(figure(shown, f"bucket/{name}/messages") == "10" for name in names)
    assert "least_allowed" not in shown
    assert "When it throttled" not in shown
    assert figure(shown, "answer/p99_ms") == "80 ms"


def test_a_forgotten_ledger_has_its_counts(tmp_path: Path) -> None:
    """And says since when it has nothing else."""
    clock = StandingClock()
    path = write_plan(tmp_path / "l.db", [skipped(1)], clock=clock)
    with OwnerLock(path, clock=clock) as owner:
        forget_ledger(path, bytes(32), keep_key=False, clock=clock, owner=owner)
    shown = page(path)
    assert "were removed from this ledger on 2026-01-01 12:00:00" in shown
    assert figure(shown, "skipped/invalid_number") == "1"


def test_what_is_refused_unknown_paused_and_billed_otherwise_is_told(tmp_path: Path) -> None:
    """With the commands that settle what is unknown, whose paths a shell takes as one word."""
    path = write_plan(tmp_path / "l.db", [pending(row) for row in range(1, 5)], summary={"cost": COST})
    changed(
        path,
        ("UPDATE states SET status = 'sent', message_id = 'm' || row, attempts = 1 WHERE row < 3", ()),
        ("UPDATE states SET status = 'unknown', reason = 'interrupted' WHERE row = 3", ()),
        ("UPDATE states SET reason = 'identity_inactive' WHERE row = 4", ()),
        ("INSERT INTO breakers VALUES ('+18885550100', '', 'identity_inactive', ?, 0, 1)", (START_MS,)),
        ("INSERT INTO deliveries VALUES ('m1', 1, 1, 'DELIVERED', NULL, 1, ?, NULL, 2, 0.0129)", (START_MS,)),
        ("INSERT INTO settled VALUES (2, 'unknown', NULL)", ()),
        ("INSERT INTO feedback VALUES ('m1', 'RECEIVED', ?)", (START_MS,)),
        ("INSERT INTO runs (pid, host, started_at) VALUES (1, 'h', ?)", (START_MS,)),
        (
            "INSERT INTO journal (at, event, detail) VALUES (?, 'run.paused', ?)",
            (START_MS, '{"by": "<me>", "n": 12000}'),
        ),
    )
    shown = page(path, ledger="my sale.db")
    for text in (
        "bulksend resume 'my sale.db' --resend-unknown",
        "bulksend reconcile 'my sale.db' EVENTS...",
        "bulksend export 'my sale.db' --format csv --status unknown --out unknown.csv",
    ):
        assert text in html.unescape(re.sub(r"<[^>]*>", "", shown))
    assert {
        name: figure(shown, name)
        for name in (
            *(
                "unknown/interrupted//US",
                "held/identity_inactive",
                "breaker/+18885550100//held",
                "settled/unknown/None",
            ),
            *(
                "delivery/DELIVERED/final",
                "delivery/without_event",
                "feedback/RECEIVED",
                "cost/price_usd",
                "cost/planned",
            ),
        )
    } == {
        "unknown/interrupted//US": "1",
        "held/identity_inactive": "1",
        "breaker/+18885550100//held": "1",
        "settled/unknown/None": "1",
        "delivery/DELIVERED/final": "1",
        "delivery/without_event": "1",
        "feedback/RECEIVED": "1",
        "cost/price_usd": "$0.01290",
        "cost/planned": "$1,234.50 to $2,000.00",
    }
    assert "1 parts were counted and 2 were billed" in shown
    assert "has no end yet" in shown
    assert "by: &lt;me&gt;, n: 12,000" in shown


def test_what_would_be_too_long_says_what_it_leaves_out(tmp_path: Path) -> None:
    """A journal of thousands of entries, and failures of hundreds of kinds; `--json` has all failures."""
    path = write_plan(tmp_path / "l.db", [pending(row) for row in range(1, MOST_ROWS + 2)])
    entries = [("INSERT INTO journal (at, event, detail) VALUES (?, 'x', '{}')", (START_MS,))] * (
        MOST_JOURNAL_ENTRIES + 7
    )
    changed(path, ("UPDATE states SET status = 'failed', reason = 'r' || row, attempts = 1", ()), *entries)
    shown = page(path)
    assert "7 earlier entries" in shown
    assert "And 1 more" in shown
    assert "193 other reasons" in shown
    assert len(document(path)["outcomes"]) == MOST_ROWS + 1


@pytest.mark.parametrize(
    ("of", "whole", "said"),
    [
        (0, 10, "0 %"),
        (10, 10, "100 %"),
        (1, 3, "33.3 %"),
        (1, 9999, "under 0.1 %"),
        (9999, 10_000, "over 99.9 %"),
        (0, 0, ""),
    ],
)
def test_no_share_is_rounded_to_all_or_nothing(of: int, whole: int, said: str) -> None:
    """One failure among a million is not 0 %."""
    assert share(of, whole) == said
