"""Planning into a ledger: all of it, or nothing under its name."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Self

from bulksend.base.clock import Clock
from bulksend.base.errors import LedgerError
from bulksend.base.records import Bucket, Encoding, Origin, PlannedRow, Status
from bulksend.store.faults import LedgerMisuse, told_as_ledger_error
from bulksend.store.files import beside, create_private, real_path, sync
from bulksend.store.owner import OwnerLock
from bulksend.store.schema import (
    AFTER_LOADING,
    APPLICATION_ID,
    LOG_HERE,
    LOG_KEY,
    SCHEMA_VERSION,
    TABLES,
    to_milliseconds,
)

CACHE_KIB = 2 * 1024
"""Pages kept in memory while loading; what is more goes to disk at once. Rows come in order: none is wanted again."""

_ADD_ROW = "INSERT INTO rows (row, line, destination, encoding, text, note, source) VALUES (?, ?, ?, ?, ?, ?, ?)"
_ADD_STATE = """
INSERT INTO states (row, bucket, identity, zone, country, parts, status, reason, pinned)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_TEXT_OF = {None: None, **{member: member.value for member in (*Status, *Encoding)}}
"""What is stored for a member; `member.value` would call Python code for every row."""


class PlanWriter:
    """Writes a new ledger, as a context manager: `begin`, any number of `add`, `finish`.

    Everything goes into `<ledger>.partial`, which gets the ledger's name in one step when it is complete and on disk.
    A crash leaves a `.partial` file at most; the next planning replaces it. An exception, or leaving without
    `finish`, removes it. A ledger that is there is never overwritten. Files are mode 0600 from the start.

    Args:
        path: where the ledger shall be.
        clock: for the time of creation.
        owner: the ledger's lock, if the caller holds it already; otherwise it is taken for the time of planning.

    Raises:
        LedgerError: (on entering) there is a ledger already, or another process plans or sends at this path; (later)
            the disk is full, cannot be written, or is broken.
    """

    def __init__(self, path: Path, *, clock: Clock, owner: OwnerLock | None = None) -> None:
        self._path = real_path(path)
        self._partial = beside(self._path, ".partial")
        self._clock = clock
        self._owner = owner
        self._cleanup = ExitStack()
        self._connection: sqlite3.Connection | None = None
        self._buckets: dict[str, int] = {}
        self._identities: dict[Origin, int] = {}
        self._ids: dict[tuple[str | None, str | None], tuple[int | None, int | None]] = {}  # of bucket and identity
        self._zones: dict[str | None, int] = {None: 0}
        self._fingerprint: dict[str, str] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack, told_as_ledger_error(self._path):
            if self._owner is None:
                stack.enter_context(OwnerLock(self._path, clock=self._clock))
            else:
                self._owner.require(self._path)
            self._refuse_to_overwrite()
            stack.callback(self._remove_partial)
            self._remove_partial()
            create_private(self._partial)
            self._connection = sqlite3.connect(self._partial, isolation_level=None)
            stack.callback(self._disconnect)
            self._connection.execute("PRAGMA journal_mode = OFF").fetchone()  # what fails is thrown away as a whole
            self._connection.execute("PRAGMA synchronous = OFF")
            self._connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            self._connection.executescript(f"BEGIN; {TABLES}")
            self._cleanup = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with told_as_ledger_error(self._path):
            self._cleanup.close()

    def begin(
        self,
        *,
        campaign: Mapping[str, object],
        fingerprint: Mapping[str, str],
        buckets: Sequence[Bucket],
        identities: Sequence[Origin],
    ) -> None:
        """Record what the campaign is.

        Args:
            campaign: its settings, as JSON can hold them.
            fingerprint: marks by which a later command knows that it means this very campaign; `finish` adds to it.
            buckets: all of the campaign's.
            identities: whom rows can be sent from; an identity once for every bucket that it is charged to.
        """
        self._fingerprint = dict(fingerprint)
        self._buckets = {bucket.name: number for number, bucket in enumerate(buckets, start=1)}
        self._identities = {origin: number for number, origin in enumerate(identities, start=1)}
        with told_as_ledger_error(self._path):
            connection = self._open_connection()
            connection.executemany(
                "INSERT INTO buckets (id, name, mps) VALUES (?, ?, ?)",
                [(self._buckets[bucket.name], bucket.name, bucket.mps) for bucket in buckets],
            )
            connection.executemany(
                "INSERT INTO identities (id, name, bucket) VALUES (?, ?, ?)",
                [(number, origin.identity, self._bucket(origin.bucket)) for origin, number in self._identities.items()],
            )
            self._set_meta("campaign", json.dumps(campaign))
            self._set_meta("created_at", str(to_milliseconds(self._clock.now())))

    def add(self, rows: Sequence[PlannedRow]) -> None:
        """Write rows, `PENDING` or `SKIPPED`; each row number once, best in ascending order."""
        with told_as_ledger_error(self._path):
            connection = self._open_connection()
            try:
                connection.executemany(_ADD_ROW, map(_row, rows))
                connection.executemany(_ADD_STATE, map(self._state, rows))
            except UnicodeEncodeError:
                # Its own words would quote the text.
                raise LedgerMisuse(f"one of {len(rows)} planned rows holds half of a surrogate pair") from None

    def finish(self, *, input_name: str, summary: Mapping[str, object], fingerprint: Mapping[str, str]) -> None:
        """Complete the ledger; when this returns it is on disk, under its name.

        Args:
            input_name: what the rows came from, for people.
            summary: what the plan adds up to, as JSON can hold it.
            fingerprint: added to the one given to `begin`, which could not know the input's digest yet.
        """
        with told_as_ledger_error(self._path):
            connection = self._open_connection()
            connection.executemany("INSERT INTO zones (name, id) VALUES (?, ?)", list(self._zones.items())[1:])
            self._set_meta("input_name", input_name)
            self._set_meta(LOG_KEY, LOG_HERE)
            self._set_meta("summary", json.dumps(summary))
            self._set_meta("fingerprint", json.dumps(self._fingerprint | dict(fingerprint)))
            connection.execute("COMMIT")  # executescript would do it as well, but without saying so
            connection.executescript(f"{AFTER_LOADING} PRAGMA user_version = {SCHEMA_VERSION};")
            self._disconnect()
            sync(self._partial)
            self._seal()
            self._refuse_to_overwrite()
            self._partial.rename(self._path)
            sync(self._path.parent)

    def _seal(self) -> None:
        """Mark the file as a ledger, now that all of it is on disk: what a crash leaves is never taken for one."""
        with closing(sqlite3.connect(self._partial, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        sync(self._partial)

    def _state(self, row: PlannedRow) -> tuple[object, ...]:
        if row.status is Status.PENDING:
            if None in (row.destination, row.identity, row.bucket, row.text) or row.parts < 1 or row.reason is not None:
                raise LedgerMisuse(f"row {row.row} was planned as pending, but lacks what sending needs")
        elif row.status is not Status.SKIPPED or row.reason is None:
            raise LedgerMisuse(f"row {row.row} was planned neither as pending nor as skipped with a reason")
        names = (row.bucket, row.identity)
        ids = self._ids.get(names)
        if ids is None:
            ids = self._ids[names] = self._look_up(*names)
        zone = self._zones.setdefault(row.zone, len(self._zones))
        return (row.row, *ids, zone, row.country, row.parts, _TEXT_OF[row.status], row.reason, row.pinned)

    def _look_up(self, bucket: str | None, identity: str | None) -> tuple[int | None, int | None]:
        return (
            None if bucket is None else self._bucket(bucket),
            None if identity is None or bucket is None else self._identity(Origin(identity, bucket)),
        )

    def _bucket(self, name: str) -> int:
        try:
            return self._buckets[name]
        except KeyError:
            raise LedgerMisuse(f"the bucket {name!r} is not one of the campaign's") from None

    def _identity(self, origin: Origin) -> int:
        try:
            return self._identities[origin]
        except KeyError:
            raise LedgerMisuse(f"{origin} is not one of the campaign's") from None

    def _set_meta(self, key: str, value: str) -> None:
        self._open_connection().execute("INSERT INTO meta (key, value) VALUES (?, ?)", (key, value))

    def _open_connection(self) -> sqlite3.Connection:
        if self._connection is None:
            raise LedgerMisuse("a plan is written inside the writer's `with` block, and finished once")
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _refuse_to_overwrite(self) -> None:
        if self._path.exists():
            raise LedgerError(f"there is a ledger at {self._path} already", "Choose another path, or resume that one")
        for suffix in ("-wal", "-shm", "-journal"):
            stray = beside(self._path, suffix)
            if suffix == "-shm" or (stray.exists() and stray.stat().st_size == 0):
                stray.unlink(missing_ok=True)  # an index, or an empty log: nothing is in it
            elif stray.exists():
                # SQLite would take it for the new ledger's own and play it back into it.
                raise LedgerError(f"{stray} is left of a ledger that is gone", "Move it away or delete it")

    def _remove_partial(self) -> None:
        for suffix in ("", "-wal", "-shm", "-journal"):
            beside(self._partial, suffix).unlink(missing_ok=True)


def _row(row: PlannedRow) -> tuple[object, ...]:
    return (row.row, row.line, row.destination, _TEXT_OF[row.encoding], row.text, row.note, row.source)
