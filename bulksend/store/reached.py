"""Whom a campaign reached, or may have reached, and who had opted out; from a ledger that may be in use."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from bulksend.store.connect import connect_for_reading
from bulksend.store.faults import told_as_ledger_error

SLICE_ROWS = 5000
"""Rows read at once. A read that lasted as long as the whole would keep the writer's log from being emptied."""

OPTED_OUT = "destination_phone_number_opted_out"
"""Reason of a row whose recipient is on the opt-out list of the identity that it was sent from."""

# What was sent again on somebody's word stands where its last attempt left it; nobody knows what the one before did.
_REACHED = """
SELECT states.row, rows.destination FROM states JOIN rows ON rows.row = states.row
WHERE states.row > :after AND (status IN ('sending', 'sent', 'unknown') OR lost IS NOT NULL)
ORDER BY states.row LIMIT :rows
"""

_COUNT_OPTED_OUT = "SELECT ifnull(sum(messages), 0) FROM tallies WHERE status = 'failed' AND reason = ?"

_OPTED_OUT = """
SELECT DISTINCT rows.destination FROM states JOIN rows ON rows.row = states.row
WHERE states.status = 'failed' AND states.reason = ? AND rows.destination LIKE '+%'
"""


def reached(ledger: Path) -> Iterator[list[str]]:
    """Yield the destinations, some at a time, of rows whose message was sent or may have been; in input order.

    Rows are as they stand when their slice is read. Of a ledger that was forgotten they are keyed hashes.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    with told_as_ledger_error(ledger), closing(connect_for_reading(ledger)) as connection:
        after = 0
        while found := _slice(connection, after):
            after = found[-1][0]
            yield [destination for _, destination in found if destination is not None]


def opted_out(ledger: Path) -> tuple[str, ...]:
    """The destinations of rows that failed because the recipient had opted out, each once.

    Where there are none that costs no more than opening the ledger: it keeps count of its reasons.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    with told_as_ledger_error(ledger), closing(connect_for_reading(ledger)) as connection:
        (count,) = connection.execute(_COUNT_OPTED_OUT, (OPTED_OUT,)).fetchone()
        return tuple(number for (number,) in connection.execute(_OPTED_OUT, (OPTED_OUT,))) if count else ()


def _slice(connection: sqlite3.Connection, after: int) -> list[tuple[int, str | None]]:
    return connection.execute(_REACHED, {"after": after, "rows": SLICE_ROWS}).fetchall()
