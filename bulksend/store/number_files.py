"""Files with a phone number a line that others may read or add to at the same moment: replaced whole, never edited."""

import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from bulksend.store.files import PRIVATE, real_path, sync

OURS = "# bulksend"
"""How the first line of a file begins that a command of ours wrote."""


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` when the block has ended well: private, and on disk by then.

    Where the block fails nothing has changed. Raises `OSError`.
    """
    path = real_path(path)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
        sync(path.parent)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def locked(path: Path) -> Iterator[BinaryIO]:
    """The file at `path` for reading, made empty if it is not there, while nobody else holds it so.

    Waits for whoever holds it. It may be replaced meanwhile (`replaced`): who waits gets the new one. The kernel drops
    the lock with the process. Raises `OSError`, also where the file may be read and not written.
    """
    path = real_path(path)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "it is not a regular file")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_current(descriptor, path):
                yield file
                return


def write_lines(stream: BinaryIO, lines: Iterable[str]) -> None:
    """Write lines, each with its end."""
    stream.writelines(f"{line}\n".encode(errors="backslashreplace") for line in lines)


def _is_current(descriptor: int, path: Path) -> bool:
    """Whether the file that was locked is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
