"""The files of a ledger: private from their first moment, durable under their names."""

import os
from pathlib import Path

PRIVATE = 0o600


def real_path(path: Path) -> Path:
    """`path` without symbolic links, so that all names of one ledger share its lock and its log."""
    return Path(os.path.realpath(path))


def beside(path: Path, suffix: str) -> Path:
    """The file next to `path` whose name is that of `path` with `suffix` put behind."""
    return path.with_name(path.name + suffix)


def create_private(path: Path) -> None:
    """Make an empty file that only its owner may read, whatever the umask. Raises `FileExistsError`."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, PRIVATE)
    try:
        os.fchmod(descriptor, PRIVATE)
    finally:
        os.close(descriptor)


def sync(path: Path) -> None:
    """Return when a file's content, or a directory's entries, are on disk.

    Never for a database that is open in this process: closing any descriptor of it drops SQLite's locks.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
