"""Copies of a ledger for another place: what each of them permits its run to claim, and how one is gone on from.

A copy is older than its ledger. So that nobody is texted twice by who goes on from it, it says itself which of its
pending rows may have been sent since it was made: those are `unknown` for him. A run claims no others until the next
copy is in its place.

What a copy permits is under the key "copied" of `meta`, in the ledger too, so that a ledger knows its own copies.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from bulksend.base.errors import LedgerError
from bulksend.store.connect import connect_for_reading, connect_for_writing
from bulksend.store.faults import damaged, told_as_ledger_error
from bulksend.store.files import beside, create_private, real_path, sync
from bulksend.store.group_commit import GroupCommitLedger
from bulksend.store.ledger import SqliteLedger
from bulksend.store.schema import LOG_HERE, LOG_KEY, RETRY

COPIED_KEY = "copied"

LOST_MACHINE = "lost_machine"
"""Reason of a row that may have been sent after the copy was made that a campaign goes on from."""

_LOSE = """
UPDATE states SET status = 'unknown', reason = :reason, finished_at = :at
WHERE status = 'sending' OR (status = 'pending' AND (reason = :retry OR row IN (SELECT value FROM json_each(:rows))))
"""
_LOSE_GRANTED = """
UPDATE states SET status = 'unknown', reason = :reason, finished_at = :at
WHERE status = 'pending' AND row <= :last AND bucket = (SELECT id FROM buckets WHERE name = :bucket)
    AND zone IN (SELECT value FROM json_each(:zones))
"""
_CLAIMABLE = "FROM states INDEXED BY states_claimable WHERE status = 'pending' AND reason IS NULL AND bucket = ?"
_SAVE = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"


class Grant(Struct, frozen=True):
    """Rows of one bucket that may be claimed: those of `zones` (numbers of time zones) with numbers up to `last`."""

    bucket: str
    zones: tuple[int, ...]
    last: int


class CopyRecord(Struct, frozen=True, kw_only=True):
    """What a copy says of itself.

    Attributes:
        id: no other copy has it.
        before: ids of copies that this one may replace: the last one known to be in its place, and later attempts.
        at_ms: when it was made, milliseconds since 1970.
        final: its run had ended, or not begun: what is pending in it was not sent.
        grants: what the run may claim until the next copy.
        rows: as well.
    """

    id: str
    at_ms: int
    before: tuple[str, ...] = ()
    final: bool = False
    grants: tuple[Grant, ...] = ()
    rows: tuple[int, ...] = ()

    @property
    def known(self) -> frozenset[str]:
        """Ids of copies that are this ledger's own."""
        return frozenset({self.id, *self.before})


@dataclass(frozen=True, slots=True)
class Planned:
    """What the next copy permits in one bucket; `has_more`: rows are left that it does not permit."""

    grant: Grant
    has_more: bool


def plan_grants(path: Path, zones: Mapping[str, Sequence[int]], seconds: float) -> dict[str, Planned]:
    """Return for each bucket what to permit: in each zone up to as many rows as can go out in `seconds`, or the rest.

    Args:
        path: of the ledger.
        zones: bucket -> numbers of the zones in which it is the time of day; of buckets not in it: (0,).
        seconds: at the buckets' limits. A row has a part at least, so there are never fewer rows.

    Raises `LedgerError` when it cannot be read.
    """
    with told_as_ledger_error(path), closing(connect_for_reading(path)) as connection:
        (last_row,) = connection.execute("SELECT ifnull(max(row), 0) FROM states").fetchone()
        planned = {}
        for number, name, mps in connection.execute("SELECT id, name, mps FROM buckets").fetchall():
            allowed = tuple(zones.get(name, (0,)))
            ends = []
            for zone in allowed:
                # The last one that fits, and whether there is another.
                query = f"SELECT row {_CLAIMABLE} AND zone = ? ORDER BY row LIMIT 2 OFFSET ?"
                found = connection.execute(query, (number, zone, max(1, int(mps * seconds)) - 1)).fetchall()
                if len(found) > 1:
                    ends.append(found[0][0])
            last = min(ends, default=last_row)
            pending = connection.execute(
                f"SELECT DISTINCT zone {_CLAIMABLE}",
                (number,),
            ).fetchall()
            has_more = bool(ends) or any(zone not in allowed for (zone,) in pending)
            planned[name] = Planned(Grant(name, allowed, last), has_more)
        return planned


def read_record(path: Path) -> CopyRecord | None:
    """What the ledger, or a copy of one, at `path` says of copies; None: it was never copied. Raises `LedgerError`."""
    with told_as_ledger_error(path), closing(connect_for_reading(path)) as connection:
        return _record(path, connection)


async def note_record(ledger: GroupCommitLedger, record: CopyRecord) -> None:
    """Write `record` into the ledger; it is in every copy that is made from then on. Raises `LedgerError`."""

    def note(written: SqliteLedger) -> None:
        written.write(_SAVE, (COPIED_KEY, msgspec.json.encode(record).decode()))

    await ledger.submit(note)


def snapshot(path: Path, copy: Path) -> None:
    """Write the ledger at `path`, as of one moment, into the new file `copy`, mode 0600, while it is being written.

    The writer does not wait; its log cannot be merged meanwhile, and grows. Raises `LedgerError`.
    """
    with told_as_ledger_error(copy), closing(connect_for_reading(path)) as source:
        create_private(copy)
        with closing(sqlite3.connect(copy, isolation_level=None)) as target:
            target.execute("PRAGMA synchronous = OFF")  # it is needed until it has been uploaded, and no longer
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE").fetchone()
            # While the writer merges its log the ledger says that it is not whole without it. The copy is.
            target.execute("UPDATE meta SET value = ? WHERE key = ?", (LOG_HERE, LOG_KEY))


def discard(path: Path) -> None:
    """Delete a database and what SQLite has made beside it; not there: nothing happens."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        beside(path, suffix).unlink(missing_ok=True)


def go_on_from(copy: Path, path: Path) -> int:
    """Make the file `copy`, which was fetched, the ledger at `path`; return how many of its rows may have been sent.

    Those are `unknown` then, with reason "lost_machine". The ledger gets its name when all of that is on disk.

    Raises:
        LedgerError: it is no ledger, is of another version or damaged, or there is a ledger at `path`.
    """
    path = real_path(path)
    with told_as_ledger_error(path):
        with closing(connect_for_writing(copy)) as connection:
            record = _record(copy, connection)
            if record is None:
                raise LedgerError(f"the ledger {copy} is not one that a run has copied", "Name another object")
            connection.execute("BEGIN IMMEDIATE")
            lost = 0 if record.final else _lose(connection, record)
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        sync(copy)
        if path.exists():
            raise LedgerError(f"there is a ledger at {path} already", "Start again")
        copy.rename(path)
        sync(path.parent)
    return lost


def _lose(connection: sqlite3.Connection, record: CopyRecord) -> int:
    # Not as of now: what was let out before the machine was lost does not count against the limits of this second.
    what = {"reason": LOST_MACHINE, "at": record.at_ms}
    rows = msgspec.json.encode(record.rows).decode()
    lost = connection.execute(_LOSE, what | {"retry": RETRY, "rows": rows}).rowcount
    for grant in record.grants:
        zones = msgspec.json.encode(grant.zones).decode()
        scope = {"bucket": grant.bucket, "last": grant.last, "zones": zones}
        lost += connection.execute(_LOSE_GRANTED, what | scope).rowcount
    return lost


def _record(path: Path, connection: sqlite3.Connection) -> CopyRecord | None:
    found = connection.execute("SELECT value FROM meta WHERE key = ?", (COPIED_KEY,)).fetchone()
    if found is None:
        return None
    try:
        return msgspec.json.decode(found[0], type=CopyRecord)
    except (msgspec.DecodeError, TypeError):
        raise damaged(path) from None
