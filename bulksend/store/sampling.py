"""A rehearsal's sample in its ledger: what is chosen from, what becomes of the other rows, what was refused."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from bulksend.base.records import Status
from bulksend.store.connect import connect_for_reading
from bulksend.store.faults import told_as_damage, told_as_ledger_error
from bulksend.store.schema import RETRY
from bulksend.store.writing import WritableLedger

NOT_SAMPLED = "not_sampled"
"""Reason of a skipped row that the plan would send, and that the rehearsal leaves out."""

SLICE_ROWS = 2000
"""Rows read at once, as for an export: a long read would keep the writer's log from being emptied."""

_SAMPLE_KEY = "sample"

_KINDS = """
SELECT states.row, ifnull(states.country, ''), identities.name, states.parts
FROM states JOIN identities ON identities.id = states.identity
WHERE states.row > :last AND states.status = 'pending' ORDER BY states.row LIMIT :size
"""

_LEAVE_OUT = """
UPDATE states SET status = 'skipped', reason = :reason
WHERE status = 'pending' AND row NOT IN (SELECT value FROM json_each(:rows))
"""

_REFUSED = """
SELECT states.row, ifnull(states.country, ''), identities.name, states.parts, states.status, ifnull(states.reason, '')
FROM states JOIN identities ON identities.id = states.identity
WHERE states.row > :last
    AND (states.status = 'failed' OR states.status = 'pending' AND ifnull(states.reason, :retry) <> :retry)
ORDER BY states.row LIMIT :size
"""


_ROUTES = """
SELECT
    identities.name, ifnull(states.country, ''),
    count(*), sum(states.status <> 'skipped'), sum(states.status = 'sent')
FROM states JOIN identities ON identities.id = states.identity
GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
"""


class Kind(NamedTuple):
    """What tells rows apart that the service may judge differently.

    `country`: ISO 3166 alpha-2, "" where it is not known. `identity`: its id. `parts`: of the message.
    """

    country: str
    identity: str
    parts: int


class Asked(NamedTuple):
    """How many rows somebody wanted in a sample; None: all."""

    rows: int | None


class Refused(NamedTuple):
    """A row that the service refused, or that is behind a breaker that another row has tripped.

    `held`: it was not asked about itself, or not finally: it waits, pending, until the account has been put right.
    """

    row: int
    kind: Kind
    reason: str
    held: bool


def pending_kinds(path: Path) -> Iterator[tuple[int, Kind]]:
    """Yield number and kind of every pending row of the ledger at `path`, ascending; memory does not grow with it.

    Raises:
        LedgerError: (at the first row) the ledger cannot be read.
    """
    for row, country, identity, parts in _slices(path, _KINDS):
        yield row, Kind(country, identity, parts)


def refused_rows(path: Path) -> Iterator[Refused]:
    """Yield the rows of the ledger at `path` that failed or are held, ascending. Raises as `pending_kinds` does."""
    for row, country, identity, parts, status, reason in _slices(path, _REFUSED):
        yield Refused(row, Kind(country, identity, parts), reason, status == Status.PENDING)


def route_counts(path: Path) -> list[tuple[str, str, int, int, int]]:
    """Return every route of the ledger at `path`, the one with most rows first. Raises `LedgerError`.

    Of each: identity, country ("" where it is not known), rows that the plan would send, those of them that were kept
    (`keep_only`), and those that have been sent.
    """
    with told_as_ledger_error(path), closing(connect_for_reading(path)) as connection:
        return connection.execute(_ROUTES).fetchall()


def keep_only(ledger: WritableLedger, rows: Sequence[int] | None, *, asked: Asked) -> int:
    """Leave all pending rows but `rows` out, and note what the sample was; return how many are left out.

    They become `skipped` with the reason `NOT_SAMPLED`. Takes part in the caller's `transaction()`.

    Args:
        ledger: nothing of it has been sent.
        rows: numbers of those that stay pending; None: all of them do.
        asked: what the sample was to be; `noted_sample` gives it back.
    """
    ledger.write("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (_SAMPLE_KEY, json.dumps(asked.rows)))
    return 0 if rows is None else ledger.write(_LEAVE_OUT, {"reason": NOT_SAMPLED, "rows": json.dumps(list(rows))})


def noted_sample(path: Path) -> Asked | None:
    """The sample that `keep_only` noted in the ledger at `path`; None: none. Raises `LedgerError`."""
    with told_as_ledger_error(path), closing(connect_for_reading(path)) as connection:
        found = connection.execute("SELECT value FROM meta WHERE key = ?", (_SAMPLE_KEY,)).fetchall()
    with told_as_damage(path):
        return Asked(json.loads(found[0][0])) if found else None


def _slices(path: Path, statement: str) -> Iterator[tuple[Any, ...]]:
    """The records of `statement`, whose values are the row to go on after, and how many to read."""
    with closing(connect_for_reading(path)) as connection:
        last = 0
        while True:
            with told_as_ledger_error(path):
                found = connection.execute(statement, {"last": last, "size": SLICE_ROWS, "retry": RETRY}).fetchall()
            if not found:
                return
            yield from found
            last = found[-1][0]
