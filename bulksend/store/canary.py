"""A canary in its ledger: which rows it is, what has come of them, and whether the others may go."""

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bulksend.store.connect import connect_for_reading
from bulksend.store.faults import told_as_damage, told_as_ledger_error
from bulksend.store.reached import OPTED_OUT
from bulksend.store.writing import WritableLedger

_KEY = "canary"

_FIGURES = """
SELECT
    count(*), total(states.status IN ('pending', 'sending')), total(states.status = 'sent'),
    total(states.status = 'failed'), total(states.status = 'unknown'),
    total(states.status = 'failed' AND states.reason = :opted_out),
    total(states.status = 'sent' AND deliveries.final AND deliveries.status IN ('DELIVERED', 'SUCCESSFUL')),
    total(states.status = 'sent' AND deliveries.final AND deliveries.status NOT IN ('DELIVERED', 'SUCCESSFUL'))
FROM states LEFT JOIN deliveries ON deliveries.message_id = states.message_id
WHERE states.row IN (SELECT value FROM json_each(:rows))
"""
"""AWS: "SMS events", messageStatus; DELIVERED where the carrier tells, SUCCESSFUL where it only took the message."""


@dataclass(frozen=True, slots=True)
class Canary:
    """What a ledger knows of its canary.

    Attributes:
        rows: its rows, ascending.
        passed: whether the others may go; None: that has not been decided.
    """

    rows: tuple[int, ...]
    passed: bool | None


def note_canary(ledger: WritableLedger, canary: Canary) -> None:
    """Keep `canary` in place of what was kept. Takes part in the caller's `transaction()`."""
    value = json.dumps({"rows": canary.rows, "passed": canary.passed})
    ledger.write("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (_KEY, value))


def noted_canary(path: Path) -> Canary | None:
    """What `note_canary` kept in the ledger at `path`; None: nothing. Raises `LedgerError`."""
    with told_as_ledger_error(path), closing(connect_for_reading(path)) as connection:
        found = connection.execute("SELECT value FROM meta WHERE key = ?", (_KEY,)).fetchall()
    if not found:
        return None
    with told_as_damage(path):
        value = json.loads(found[0][0])
        return Canary(tuple(value["rows"]), value["passed"])


def canary_counts(path: Path, rows: Sequence[int]) -> tuple[int, ...]:
    """What has come of `rows` of the ledger at `path`, in the order of the members of `CanaryFigures`."""
    values = {"rows": json.dumps(list(rows)), "opted_out": OPTED_OUT}
    with told_as_ledger_error(path), closing(connect_for_reading(path)) as connection:
        (found,) = connection.execute(_FIGURES, values).fetchall()
    return tuple(int(count) for count in found)
