import errno
import os
import sqlite3
from pathlib import Path

import pytest

from bulksend.base.errors import ExitCode, LedgerError
from bulksend.store.faults import LedgerMisuse, ledger_error, told_as_ledger_error

PATH = Path("sale.db")


def sqlite_error(code: int, text: str = "something") -> sqlite3.Error:
    """An error as SQLite raises it."""
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (sqlite3.SQLITE_FULL, "the disk or a quota is full. Free some space"),
        (sqlite3.SQLITE_READONLY, "is read-only. Make the file"),
        (sqlite3.SQLITE_IOERR_FSYNC, "the disk reported an error. Look after the disk"),
        (sqlite3.SQLITE_CORRUPT_INDEX, "is damaged. Restore it"),
        (sqlite3.SQLITE_NOTADB, "is not a ledger. Give the file"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "is locked by another program. Close"),
        (sqlite3.SQLITE_CANTOPEN_ISDIR, "cannot be opened. Check"),
    ],
)
def test_what_sqlite_says_becomes_what_to_do(code: int, words: str) -> None:
    """Each of SQLite's troubles, extended codes included, has one line with the file and what to do."""
    error = ledger_error(PATH, sqlite_error(code))
    assert str(error).startswith("the ledger sale.db ")
    assert words in str(error)
    assert "\n" not in str(error)
    assert error.exit_code is ExitCode.USAGE


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "is full"),
        (errno.EDQUOT, "is full"),
        (errno.EROFS, "is read-only"),
        (errno.EACCES, "may not be opened"),
        (errno.EIO, "the disk reported an error"),
        (errno.ENOENT, "its directory does not exist"),
        (errno.EMFILE, "Too many open files"),
    ],
)
def test_what_the_system_says_becomes_what_to_do(code: int, words: str) -> None:
    """So has each of the operating system's."""
    assert words in str(ledger_error(PATH, OSError(code, os.strerror(code))))


@pytest.mark.parametrize("error", [sqlite_error(sqlite3.SQLITE_MISUSE, "odd"), sqlite3.ProgrammingError("odd")])
def test_what_is_not_in_the_table_is_passed_on(error: sqlite3.Error) -> None:
    """An error that nobody thought of is a ledger error all the same, in SQLite's words."""
    assert str(ledger_error(PATH, error)) == "the ledger sale.db cannot be used (odd)"


def test_the_cause_is_kept() -> None:
    """Whoever debugs it finds what was raised first."""
    cause = sqlite_error(sqlite3.SQLITE_FULL)
    with pytest.raises(LedgerError) as raised, told_as_ledger_error(PATH):
        raise cause
    assert raised.value.__cause__ is cause


def test_misuse_is_a_fault_of_ours() -> None:
    """An operation that does not fit is not the user's error, and its exit code says so."""
    assert LedgerMisuse("row 1 is settled").exit_code is ExitCode.OUR_FAULT
