"""A ledger that can be changed: one owner, one transaction at a time, and no further one after a failure."""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Self

from bulksend.base.clock import Clock
from bulksend.base.errors import LedgerError
from bulksend.store.connect import BUSY_TIMEOUT_S, connect_for_writing
from bulksend.store.faults import LedgerMisuse, told_as_ledger_error
from bulksend.store.files import beside, real_path
from bulksend.store.owner import OwnerLock
from bulksend.store.reading import ReadableLedger
from bulksend.store.schema import LOG_ELSEWHERE, LOG_HERE, LOG_KEY, to_milliseconds

MERGE_AT_BYTES = 16 * 2**20
"""Size of the log at which it is merged into the file: rarely enough to write a hot page once."""

_SET_LOG = "UPDATE meta SET value = ? WHERE key = ?"


class WritableLedger(ReadableLedger):
    """A ledger through its only writing connection, which belongs to the thread that opened it."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, cleanup: ExitStack, clock: Clock | None = None
    ) -> None:
        super().__init__(path, connection, cleanup)
        self._clock = clock
        self._failure: LedgerError | None = None
        # Whoever writes has a lock, and a log by now: opening for writing makes it.
        real = real_path(path)
        files = () if clock is None else (real, beside(real, "-wal"), beside(real, ".lock"))
        self._files = {file: file.stat() for file in files}
        self._log = beside(real, "-wal")
        self._merge_at_bytes = 0

    @classmethod
    def open_for_writing(cls, path: Path, *, clock: Clock, owner: OwnerLock | None = None) -> Self:
        """Open the ledger at `path` as its only writer.

        Args:
            path: of the ledger.
            clock: for the times of intents, outcomes and runs.
            owner: the ledger's lock, if the caller holds it already; otherwise it is taken here, until `close`.

        Raises:
            LedgerError: missing, in use by another process, not a ledger, of another version, damaged, read-only.
        """
        with ExitStack() as stack:
            if owner is not None:
                owner.require(path)
            elif path.exists():
                stack.enter_context(OwnerLock(path, clock=clock))
            connection = connect_for_writing(path)
            stack.callback(connection.close)
            return cls(path, connection, stack, clock)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is done inside becomes durable together when the block ends, or not at all when it raises.

        Raises:
            LedgerError: it could not be written (disk full, read-only, damaged, locked). Nothing of it counts. This
                ledger refuses every further transaction: nothing more may be sent, and `recover` by the next owner
                makes `unknown` what was in flight.
        """
        self._require_writing()
        if self._failure is not None:
            raise LedgerError(self._failure.what, self._failure.hint) from self._failure
        try:
            self._step("BEGIN IMMEDIATE")
            try:
                yield
                self._step("COMMIT")
                self._merge_log(self._require_in_place())
            except BaseException:
                if self._connection.in_transaction:
                    with suppress(LedgerError):  # what led here is what has to be told
                        self._step("ROLLBACK")
                raise
        except LedgerMisuse:
            raise
        except LedgerError as error:
            self._failure = error
            raise

    def write(self, statement: str, values: Mapping[str, object] | tuple[object, ...] = ()) -> int:
        """Run a statement that changes something, and return how many records it changed. For this package alone.

        Raises:
            LedgerError: it could not be written.
            LedgerMisuse: there is no transaction.
        """
        if not self._connection.in_transaction:
            raise LedgerMisuse("the ledger was changed outside a transaction")
        return self._step(statement, values)

    def now_ms(self) -> int:
        """The present, as the ledger stores it."""
        return to_milliseconds(self._require_writing().now())

    def _step(self, statement: str, values: Mapping[str, object] | tuple[object, ...] = ()) -> int:
        with told_as_ledger_error(self.path):
            return self._connection.execute(statement, values).rowcount

    def _merge_log(self, size: int) -> None:
        """Merge a log that has grown into the file, and let the file say that from then on it is not all there is.

        Done after the first commit too, before anybody is told of it: whoever finds the file without its log then
        knows that something is missing (`connect`). A reader that is in the way is not waited for; it is tried again.
        `size`: of the log, in bytes.
        """
        if size < self._merge_at_bytes:
            return
        self._step(_SET_LOG, (LOG_ELSEWHERE, LOG_KEY))
        self._step("PRAGMA busy_timeout = 0")
        with told_as_ledger_error(self.path):
            # The old log stays until the next commit begins it anew, so that at no moment there is none.
            ((busy, _, _),) = self._connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        self._step(f"PRAGMA busy_timeout = {round(BUSY_TIMEOUT_S * 1000)}")
        self._step(_SET_LOG, (LOG_HERE, LOG_KEY))
        if self._merge_at_bytes > 0 or not busy:
            self._merge_at_bytes = MERGE_AT_BYTES + (size if busy else 0)

    def _require_in_place(self) -> int:
        """Refuse to go on without the files that were opened; return how many bytes the log has.

        SQLite goes on writing into files that have been deleted; what it writes there is lost with the process. Without
        the lock's file another process would take itself for the only owner.
        """
        sizes: dict[Path, int] = {}
        for file, opened in self._files.items():
            try:
                found = file.stat()
            except FileNotFoundError:
                found = None
            if found is None or not os.path.samestat(found, opened):
                raise LedgerError(
                    f"the ledger {self.path} is not whole any more: {file.name} was deleted, moved or replaced"
                    " while it was in use",
                    "Put it back before you go on; what was sent last may be missing in it",
                )
            sizes[file] = found.st_size
        return sizes[self._log]

    def _require_writing(self) -> Clock:
        if self._clock is None:
            raise LedgerMisuse(f"the ledger {self.path} was opened for reading")
        return self._clock
