"""Forgetting whom a finished campaign was sent to, and what they were told.

A new ledger is written with what may stay, and takes the place of the old one in one step, so that whenever the process
or the machine dies, the ledger is wholly the old one or wholly the new. Nothing that is to be forgotten is ever in the
new file, which therefore has no page, free or not, that it could be found on. What the old file had is overwritten
before its space is given back; what the medium itself keeps of overwritten blocks, and copies, are beyond our reach.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from bulksend.base.clock import Clock
from bulksend.base.errors import UsageError
from bulksend.base.keyed import hashed_number, key_id
from bulksend.base.records import Status
from bulksend.store.connect import connect_for_reading, connect_for_writing
from bulksend.store.faults import told_as_damage, told_as_ledger_error
from bulksend.store.files import beside, create_private, real_path, sync
from bulksend.store.owner import OwnerLock
from bulksend.store.schema import (
    AFTER_LOADING,
    APPLICATION_ID,
    LOG_HERE,
    LOG_KEY,
    SCHEMA_VERSION,
    TABLES,
    from_milliseconds,
    to_milliseconds,
)

FORGOTTEN_KEY = "forgotten"
"""In `meta` of a ledger that has been forgotten: JSON, `at` (milliseconds) and `key` (`key_id`; null: thrown away)."""

KEPT: Mapping[str, tuple[str, ...]] = {
    "buckets": ("id", "name", "mps", "allows", "allows_at"),
    "identities": ("id", "name", "bucket"),
    "rows": ("row", "line", "encoding"),
    "states": (
        "row", "bucket", "identity", "country", "parts", "status", "attempts", "intent_at", "released_at",
        "finished_at", "reason", "message_id", "error_code", "pinned", "lost",
    ),
    "runs": ("id", "pid", "host", "started_at", "finished_at", "end", "cause", "throttled"),
    "breakers": ("identity", "country", "reason", "tripped_at", "moved", "held"),
    "deliveries": ("message_id", "row", "attempt", "status", "final", "at", "parts", "price_usd"),
    "settled": ("row", "status", "reason"),
    "samples": ("at", "bucket", "messages", "parts", "throttled", "allowed", "in_flight"),
    "journal": ("id", "at", "event", "detail"),
    "feedback": ("message_id", "feedback", "put_at"),
}  # fmt: skip
"""What stays as it is, by table. What is not named here is forgotten, a column that is added to the schema too."""

FORGOTTEN: Mapping[str, tuple[str, ...]] = {
    "rows": ("destination", "text", "note", "source"),
    "states": ("error_message", "zone"),
    "deliveries": ("description", "carrier"),
    "zones": ("id", "name"),
    "tallies": ("bucket", "status", "reason", "messages", "parts"),
    "meta": ("key", "value"),
}
"""What does not: of `rows.destination` there is a hash; `tallies` are counted anew; of `meta` see `_meta`."""

_GUARDS = """
CREATE TRIGGER forgotten_rows BEFORE UPDATE OF status ON states WHEN new.status = 'pending' OR new.status = 'sending'
BEGIN
    SELECT raise(ABORT, 'the ledger was forgotten: it does not know whom to send to');
END;

CREATE TRIGGER forgotten_new_deliveries AFTER INSERT ON deliveries
BEGIN
    UPDATE deliveries SET description = NULL, carrier = NULL WHERE message_id = new.message_id;
END;

CREATE TRIGGER forgotten_deliveries AFTER UPDATE OF description, carrier ON deliveries
WHEN new.description IS NOT NULL OR new.carrier IS NOT NULL
BEGIN
    UPDATE deliveries SET description = NULL, carrier = NULL WHERE message_id = new.message_id;
END;
"""
"""What keeps a forgotten ledger forgotten, whoever writes to it."""

_SUMMARY = ("rows", "sendable", "parts", "encodings", "skipped", "countries", "parts_per_message")
"""Of what the plan added up to: counts, and counts by words of ours."""

_WIPE_BYTES = 1 << 20


class Step(StrEnum):
    """What has been done; a person may be told, and a test may have the process die there."""

    WRITTEN = "written"
    REPLACED = "replaced"
    WIPED = "wiped"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """That a ledger was forgotten.

    Attributes:
        at: when, in UTC.
        key_id: of the key that numbers were hashed with; None where it was thrown away.
    """

    at: datetime
    key_id: str | None


def forgotten(path: Path) -> Forgotten | None:
    """When and with what key the ledger at `path` was forgotten; None: it was not. Raises `LedgerError`."""
    with closing(connect_for_reading(path)) as connection, told_as_damage(path):
        return _forgotten(connection)


def refuse_forgotten(path: Path) -> None:
    """Raise `UsageError` if the ledger at `path` was forgotten: nothing can be sent by it."""
    found = forgotten(path)
    if found is not None:
        raise UsageError(
            f"the ledger {path} was forgotten on {found.at:%Y-%m-%d}: it does not know whom to send to, nor what",
            "Name another ledger for a new campaign",
        )


def forget_ledger(
    path: Path,
    key: bytes,
    *,
    keep_key: bool,
    clock: Clock,
    owner: OwnerLock,
    told: Callable[[Step], None] | None = None,
) -> Forgotten:
    """Forget texts, notes, source columns and numbers in the ledger at `path`; of numbers a hash under `key` stays.

    What is left: counts, row and line numbers, message ids, statuses, reasons, error codes, countries, identities,
    times, the settings without the text. What is already forgotten stays as it is.

    Args:
        path: of the ledger.
        key: for the hashes; see `base.keyed`.
        keep_key: whether somebody keeps it, so that its id is worth noting.
        clock: for when it was.
        owner: of the ledger's lock.
        told: called after each step.

    Raises:
        UsageError: rows are pending or sending.
        LedgerError: it cannot be read, or there is no room for the new one; or another program reads it. It is then as
            it was.
    """
    owner.require(path)
    path = real_path(path)
    found = forgotten(path)
    if found is not None:
        return found
    tell = told or (lambda _: None)
    partial = beside(path, ".partial")
    made = Forgotten(from_milliseconds(to_milliseconds(clock.now())), key_id(key) if keep_key else None)
    with told_as_ledger_error(path), path.open("rb+", buffering=0) as file:  # closed last: that drops SQLite's locks
        with closing(connect_for_writing(path)) as old, _alone(path, old), _removed_on_failure(partial):
            _write(old, path, partial, key, made)
            beside(path, ".orders").unlink(missing_ok=True)  # people write notes into it; nothing is left to order
            tell(Step.WRITTEN)
            partial.rename(path)
            sync(path.parent)
            tell(Step.REPLACED)
            _wipe(file)
        tell(Step.WIPED)
    return made


def _forgotten(connection: sqlite3.Connection) -> Forgotten | None:
    found = connection.execute("SELECT value FROM meta WHERE key = ?", (FORGOTTEN_KEY,)).fetchone()
    if found is None:
        return None
    known = json.loads(found[0])
    return Forgotten(from_milliseconds(known["at"]), known["key"])


@contextmanager
def _alone(path: Path, old: sqlite3.Connection) -> Iterator[None]:
    """Merge the log into the file, and let nobody else read or write it as long as the block lasts.

    The file stays out of WAL mode until its next writer, so that it never has a log or a journal under names that may
    be the new ledger's by then. Raises `UsageError` where rows are left, `LedgerError` where somebody else has it open.
    """
    old.execute("PRAGMA journal_mode = DELETE").fetchone()
    old.execute("BEGIN EXCLUSIVE")
    try:
        _require_finished(path, old)
        yield
    finally:
        old.execute("ROLLBACK")


def _require_finished(path: Path, old: sqlite3.Connection) -> None:
    left = dict(old.execute("SELECT status, count(*) FROM states GROUP BY status").fetchall())
    if pending := left.get(Status.PENDING, 0):
        hint = "finish the campaign with `bulksend resume` first; a forgotten one cannot go on"
        raise UsageError(f"the ledger {path} is not finished: {pending:,} rows are pending", hint)
    if sending := left.get(Status.SENDING, 0):
        hint = "run `bulksend resume` first, which makes them unknown"
        raise UsageError(f"the ledger {path} is not finished: a run died with {sending:,} rows on the wire", hint)


@contextmanager
def _removed_on_failure(partial: Path) -> Iterator[None]:
    partial.unlink(missing_ok=True)
    try:
        yield
    finally:
        partial.unlink(missing_ok=True)


def _write(old: sqlite3.Connection, path: Path, partial: Path, key: bytes, made: Forgotten) -> None:
    """Write the new ledger into `partial`, on disk when this returns."""
    create_private(partial)
    with closing(sqlite3.connect(partial, isolation_level=None)) as new:
        new.execute("PRAGMA journal_mode = OFF").fetchone()  # what fails is thrown away as a whole
        new.execute("PRAGMA synchronous = OFF")
        new.executescript(f"BEGIN; {TABLES}")
        for table, columns in KEPT.items():
            names = ", ".join(f'"{column}"' for column in columns)
            more, values = ("", "") if table != "rows" else (", destination, source", ", ?, '{}'")
            marks = ", ".join("?" * len(columns))
            read = f"SELECT {names}{', destination' if more else ''} FROM {table}"  # noqa: S608 - names of ours
            write = f"INSERT INTO {table} ({names}{more}) VALUES ({marks}{values})"  # noqa: S608 - likewise
            found: Iterator[tuple[Any, ...]] = iter(old.execute(read))
            new.executemany(write, _hashed(found, key) if more else found)
        with told_as_damage(path):
            meta = _meta(dict(old.execute("SELECT key, value FROM meta").fetchall()), made)
        new.executemany("INSERT INTO meta (key, value) VALUES (?, ?)", meta.items())
        new.execute("COMMIT")
        new.executescript(f"{AFTER_LOADING} {_GUARDS} PRAGMA user_version = {SCHEMA_VERSION};")
        new.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        new.execute("PRAGMA journal_mode = WAL").fetchone()
    sync(partial)


def _hashed(rows: Iterator[tuple[Any, ...]], key: bytes) -> Iterator[tuple[Any, ...]]:
    for *kept, number in rows:
        yield (*kept, None if number is None else hashed_number(key, number))


def _meta(old: Mapping[str, str], made: Forgotten) -> dict[str, str]:
    """What the new ledger says of itself.

    Settings without the text; of the plan's summary the counts; no fingerprint, since a short list can be guessed by
    its hash.
    """
    campaign = json.loads(old["campaign"])
    if isinstance(sent := campaign.get("campaign"), dict):
        campaign["campaign"] = sent | {"template": None, "template_file": None}
    summary = json.loads(old["summary"])
    return {
        "campaign": json.dumps(campaign),
        "created_at": old["created_at"],
        "fingerprint": "{}",
        FORGOTTEN_KEY: json.dumps({"at": to_milliseconds(made.at), "key": made.key_id}),
        "input_name": old["input_name"],
        LOG_KEY: LOG_HERE,
        "summary": json.dumps({name: summary[name] for name in _SUMMARY if name in summary}),
    }


def _wipe(file: BinaryIO) -> None:
    """Overwrite all of a file that has no name any more."""
    left = file.seek(0, os.SEEK_END)
    file.seek(0)
    while left > 0:
        left -= file.write(bytes(min(left, _WIPE_BYTES)))
    os.fsync(file.fileno())
