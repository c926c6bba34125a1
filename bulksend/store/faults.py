"""What SQLite and the disk raise, as `LedgerError`s that say what to do."""

import errno
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from bulksend.base.errors import ExitCode, LedgerError

_GO_ON = "then run the command again; rows whose outcome was not recorded become unknown"

_BY_SQLITE_CODE: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        sqlite3.SQLITE_FULL: ("cannot grow: the disk or a quota is full", f"Free some space, {_GO_ON}"),
        sqlite3.SQLITE_READONLY: ("is read-only", "Make the file and its directory writable for this user"),
        sqlite3.SQLITE_PERM: ("may not be opened", "Use the user who made it, or change its owner"),
        sqlite3.SQLITE_IOERR: (
            "cannot be read or written: the disk reported an error",
            f"Look after the disk, {_GO_ON}",
        ),
        sqlite3.SQLITE_CORRUPT: ("is damaged", "Restore it from a copy, or save what `sqlite3 FILE .recover` can read"),
        sqlite3.SQLITE_NOTADB: ("is not a ledger", "Give the file that `bulksend send` wrote"),
        sqlite3.SQLITE_BUSY: ("is locked by another program", "Close SQLite tools that have a transaction open on it"),
        sqlite3.SQLITE_LOCKED: (
            "is locked by another program",
            "Close SQLite tools that have a transaction open on it",
        ),
        sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "Check that file and directory are there and may be used"),
    }
)

_BY_ERRNO: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        errno.ENOSPC: _BY_SQLITE_CODE[sqlite3.SQLITE_FULL],
        errno.EDQUOT: _BY_SQLITE_CODE[sqlite3.SQLITE_FULL],
        errno.EROFS: _BY_SQLITE_CODE[sqlite3.SQLITE_READONLY],
        errno.EACCES: _BY_SQLITE_CODE[sqlite3.SQLITE_PERM],
        errno.EPERM: _BY_SQLITE_CODE[sqlite3.SQLITE_PERM],
        errno.EIO: _BY_SQLITE_CODE[sqlite3.SQLITE_IOERR],
        errno.ENOENT: ("cannot be made: its directory does not exist", "Create the directory first"),
        errno.ENOTDIR: ("cannot be made: its directory does not exist", "Create the directory first"),
    }
)


class LedgerMisuse(LedgerError):
    """An operation that does not fit where its row stands, refused before anything of it was written.

    It is a fault of the caller, not of the disk: other operations go on.
    """

    exit_code = ExitCode.OUR_FAULT

    def __init__(self, what: str) -> None:
        super().__init__(what, "This is a fault in bulksend; please report it")


def primary_code(error: sqlite3.Error) -> int | None:
    """SQLite's primary result code; None when Python's module raised the error itself."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def ledger_error(path: Path, error: sqlite3.Error | OSError) -> LedgerError:
    """What `error` means for the ledger at `path`."""
    if isinstance(error, OSError):
        what, hint = _BY_ERRNO.get(error.errno or 0, (f"cannot be used ({error.strerror})", ""))
    else:
        code = primary_code(error)
        what, hint = _BY_SQLITE_CODE.get(-1 if code is None else code, (f"cannot be used ({error})", ""))
    return LedgerError(f"the ledger {path} {what}", hint)


@contextmanager
def told_as_ledger_error(path: Path) -> Iterator[None]:
    """Raise what SQLite and the operating system raise inside as `LedgerError`."""
    try:
        yield
    except UnicodeDecodeError as error:  # SQLite quotes what it stumbled over, and that may be no text
        raise damaged(path) from error
    except (sqlite3.Error, OSError) as error:
        raise ledger_error(path, error) from error


@contextmanager
def told_as_damage(path: Path) -> Iterator[None]:
    """Like `told_as_ledger_error`, where values of the ledger are taken for what they must be, and may not be."""
    try:
        with told_as_ledger_error(path):
            yield
    except (TypeError, ValueError) as error:
        raise damaged(path) from error


def damaged(path: Path) -> LedgerError:
    """The ledger at `path` contradicts itself."""
    what, hint = _BY_SQLITE_CODE[sqlite3.SQLITE_CORRUPT]
    return LedgerError(f"the ledger {path} {what}", hint)
