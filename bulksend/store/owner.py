"""One writer for a ledger: a lock that dies with the process that holds it."""

import fcntl
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from bulksend.base.clock import Clock
from bulksend.base.errors import LedgerError
from bulksend.store.faults import LedgerMisuse, told_as_ledger_error
from bulksend.store.files import PRIVATE, beside, real_path


class OwnerLock:
    """Exclusive use of a ledger, as a context manager, through `flock` on `<ledger>.lock`.

    The kernel drops the lock when its holder ends, however it ends; nothing has to be cleaned up after a crash. The
    lock file says who holds it (JSON: pid, host, started_at) and is removed on release. Readers do not need it. It
    binds the processes of one machine (and of one network file system, where that supports `flock`; SQLite's WAL
    mode does not work on those).

    Args:
        ledger: path of the ledger; need not exist yet.
        clock: for `started_at`.

    Raises (on entering):
        LedgerError: another process, or another part of this one, holds it; names pid, host and start.
    """

    def __init__(self, ledger: Path, *, clock: Clock) -> None:
        self.ledger = real_path(ledger)
        self._path = beside(self.ledger, ".lock")
        self._clock = clock
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def require(self, ledger: Path) -> None:
        """Raise `LedgerMisuse` unless this object holds the lock of `ledger`."""
        if not self.held or self.ledger != real_path(ledger):
            raise LedgerMisuse(f"the lock of the ledger {ledger} is not held by the one who uses it")

    def acquire(self) -> None:
        """Take the lock, or raise `LedgerError` at once."""
        with told_as_ledger_error(self.ledger):
            while (descriptor := self._try_to_acquire()) is None:
                pass
            self._descriptor = descriptor
            holder = {"pid": os.getpid(), "host": socket.gethostname(), "started_at": self._clock.now().isoformat()}
            try:
                os.ftruncate(descriptor, 0)
                os.write(descriptor, json.dumps(holder).encode())
            except OSError:
                self.release()
                raise

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        if self._descriptor is not None:
            # While it is still held: whoever opened the file before it went finds it gone, and makes a new one.
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def _try_to_acquire(self) -> int | None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise _in_use(self.ledger, os.read(descriptor, 1000)) from None
            os.fchmod(descriptor, PRIVATE)
            if self._is_current(descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def _is_current(self, descriptor: int) -> bool:
        """Whether the file that was locked is still the one under the lock's name."""
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock of a ledger.

    Attributes:
        pid: of the process.
        host: it runs on.
        since: when it took the lock, ISO 8601.
    """

    pid: int
    host: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}"


def holder_of(ledger: Path) -> Holder | None:
    """Who holds the lock of `ledger`, for people; None: nobody, as far as that can be told without asking for it.

    To try the lock would have whoever wants it at that moment be refused.
    """
    try:
        holder = _holder(beside(real_path(ledger), ".lock").read_bytes())
    except OSError:
        return None
    if holder is not None and holder.host == socket.gethostname() and not _is_alive(holder.pid):
        return None
    return holder


def _holder(content: bytes) -> Holder | None:
    try:
        found = json.loads(content)
        return Holder(int(found["pid"]), str(found["host"]), str(found["started_at"]))
    except (ValueError, KeyError, TypeError):
        return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _in_use(ledger: Path, content: bytes) -> LedgerError:
    who = _holder(content) or "another process"  # it took the lock a moment ago and has not written its name yet
    return LedgerError(f"the ledger {ledger} is in use by {who}", "Wait until it has ended, or stop it")
