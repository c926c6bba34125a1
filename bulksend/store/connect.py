"""Connections to a ledger: what is checked, and how SQLite is set, before anything is read or written.

A ledger is in WAL mode: readers and the writer do not wait for one another, and a commit is one write and one flush of
the log. Only the writer ever merges the log into the file; readers open with `mode=ro` and cannot. (Two connections
that merge at once are what SQLite before 3.51.3 could damage a file with: "The WAL-reset bug", sqlite.org/wal.html.)
"""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from bulksend.base.errors import LedgerError
from bulksend.store.faults import primary_code, told_as_ledger_error
from bulksend.store.files import beside, real_path
from bulksend.store.schema import APPLICATION_ID, LOG_ELSEWHERE, LOG_KEY, SCHEMA_VERSION

MIN_SQLITE = (3, 33, 0)
"""For UPDATE ... FROM. JSON functions are needed as well: built in since 3.38, an option of the build before."""

BUSY_TIMEOUT_S = 5.0
"""How long a connection waits for a lock that a SQLite tool holds."""

_NO_PLACE_FOR_LOG = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY})

_GIVE_A_LEDGER = "Give the file that `bulksend send` wrote"

WRITER_CACHE_KIB = 4 * 1024
"""Pages kept in memory, and what a sort may take before it goes to a file: a check of a whole ledger takes both."""


def connect_for_writing(path: Path) -> sqlite3.Connection:
    """Open the ledger at `path` so that what a commit returned from survives a crash of process and machine.

    The caller holds the ledger's `OwnerLock`. Transactions are the caller's (`BEGIN` ... `COMMIT`).

    Raises:
        LedgerError: there is no ledger, it was made by a newer version, it is damaged, read-only, or locked.
    """

    def settle_in(connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
            raise LedgerError(f"the ledger {path} cannot be used in WAL mode", "Keep it on a local file system")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")  # macOS: a plain fsync leaves data in the drive's own cache
        connection.execute("PRAGMA checkpoint_fullfsync = ON")
        connection.execute("PRAGMA wal_autocheckpoint = 0").fetchone()  # `WritableLedger` merges, and says so before
        connection.execute(
            "PRAGMA journal_size_limit = 0"
        ).fetchone()  # after a merge the log is as long as what is in it
        connection.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")
        connection.execute("BEGIN IMMEDIATE")
        # SQLite opens a file that it may not write for reading only, and lets even BEGIN IMMEDIATE pass.
        connection.execute("UPDATE meta SET value = value")
        connection.execute("ROLLBACK")

    path = real_path(path)
    with told_as_ledger_error(path):
        return _open(path, "mode=rw", settle_in)


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """Open the ledger at `path` for reading only; also while a campaign is running on it.

    Where the directory can be written, SQLite may leave an empty `-wal` and a `-shm` file, both as private as the
    ledger. Where it cannot (a read-only file system, someone else's directory), a ledger with its `-wal` and `-shm`
    files can be read, and so can one that was closed in order and has neither; only a `-wal` file alone cannot: it
    may hold outcomes that the ledger does not have yet, and leaving it out would tell lies.

    Raises:
        LedgerError: there is no ledger, it was made by a newer version, it is damaged, or cannot be read here.
    """
    path = real_path(path)
    with told_as_ledger_error(path):
        try:
            return _open(path, "mode=ro", _leave_as_it_is)
        except sqlite3.OperationalError as error:
            if primary_code(error) not in _NO_PLACE_FOR_LOG or _can_write(path.parent):
                raise
        log = beside(path, "-wal")
        if log.exists() and log.stat().st_size > 0:
            raise LedgerError(
                f"the ledger {path} has a log ({log.name}) that cannot be read in a directory without write access",
                "Copy both files into a directory that can be written, and read the ledger there",
            )
        # Nobody can be writing to it: a writer makes a log before it does anything else, and could not make one here.
        return _open(path, "mode=ro&immutable=1", _leave_as_it_is)


def _open(path: Path, query: str, settle_in: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    if sqlite3.sqlite_version_info < MIN_SQLITE:
        raise LedgerError(
            f"this Python has SQLite {sqlite3.sqlite_version}, which is too old",
            "Use a Python with SQLite " + ".".join(map(str, MIN_SQLITE)) + " or newer",
        )
    if not path.exists():
        raise LedgerError(f"there is no ledger at {path}", "Make one with `bulksend send`, or correct the path")
    if not path.is_file():
        raise LedgerError(f"{path} is not a file", _GIVE_A_LEDGER)
    if path.stat().st_nlink > 1:
        # Lock and log go by the name: under two names the ledger would have two owners and two logs.
        raise LedgerError(f"the ledger {path} has another name (a hard link)", "Delete one of the names, or copy it")
    log = beside(path, "-wal")
    has_log = log.exists() and log.stat().st_size > 0  # before SQLite makes one
    connection = sqlite3.connect(f"{path.as_uri()}?{query}", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        _check_kind(path, connection)
        if not has_log:
            _require_no_log(path, connection)
        settle_in(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_kind(path: Path, connection: sqlite3.Connection) -> None:
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    if application_id != APPLICATION_ID:
        raise LedgerError(f"{path} is not a ledger of bulksend", _GIVE_A_LEDGER)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise LedgerError(
            f"the ledger {path} was made by a newer bulksend (format {version}, this one knows {SCHEMA_VERSION})",
            "Use that version",
        )
    if version < SCHEMA_VERSION:
        raise LedgerError(
            f"the ledger {path} was made by an older bulksend (format {version}, this one needs {SCHEMA_VERSION})",
            "Finish the campaign with that version",
        )


def _require_no_log(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse a file whose log has been lost: most of what was sent would look as if it had not been."""
    if connection.execute("SELECT value FROM meta WHERE key = ?", (LOG_KEY,)).fetchone() == (LOG_ELSEWHERE,):
        raise LedgerError(
            f"the ledger {path} is not whole: its log {path.name}-wal, with what was sent last, is missing",
            "Put the log beside it; copy and move both together, or when nothing runs",
        )


def _leave_as_it_is(connection: sqlite3.Connection) -> None:
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _can_write(directory: Path) -> bool:
    return os.access(directory, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
