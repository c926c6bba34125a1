"""What anybody may know of a ledger, while it is being written as well as after."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bulksend.base.progress import Breaker, Counts, JournalEntry, Run
from bulksend.base.records import Bucket, Origin, Status
from bulksend.store import figures
from bulksend.store import statements as sql
from bulksend.store.connect import connect_for_reading
from bulksend.store.faults import damaged, told_as_damage, told_as_ledger_error

_IDENTITIES = """
SELECT identities.name, buckets.name FROM identities JOIN buckets ON buckets.id = identities.bucket
ORDER BY identities.id
"""


class ReadableLedger:
    """A ledger through one connection, which belongs to the thread that opened it. A context manager.

    Made by `open_for_reading`; takes over from `cleanup` what `close` has to undo. All methods raise `LedgerError`
    when the ledger cannot be read.

    Attributes:
        path: where it is.
        campaign: the settings it was planned with.
        fingerprint: marks by which a command knows that it means this very campaign.
        summary: what the plan added up to.
        input_name: what the rows came from, for people.
        identities: whom rows can be sent from, as listed.
        last_row: the highest row number; 0 without rows.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, cleanup: ExitStack) -> None:
        self.path = path
        self._connection = connection
        meta = dict(self._read("SELECT key, value FROM meta"))
        try:
            self.campaign: Mapping[str, object] = json.loads(meta["campaign"])
            self.fingerprint: Mapping[str, str] = json.loads(meta["fingerprint"])
            self.summary: Mapping[str, object] = json.loads(meta["summary"])
            self.input_name: str = meta["input_name"]
        except (KeyError, ValueError):
            raise damaged(path) from None
        self.identities = tuple(Origin(*each) for each in self._read(_IDENTITIES))
        ((self.last_row,),) = self._read("SELECT ifnull(max(row), 0) FROM states")
        self._cleanup = cleanup.pop_all()

    @classmethod
    def open_for_reading(cls, path: Path) -> Self:
        """Open the ledger at `path`, also while another process writes it.

        Raises:
            LedgerError: missing, not a ledger, of another version, damaged, or not readable here.
        """
        with ExitStack() as stack:
            connection = connect_for_reading(path)
            stack.callback(connection.close)
            return cls(path, connection, stack)

    def close(self) -> None:
        """Close the connection, and give the lock back where there is one."""
        with told_as_ledger_error(self.path):
            self._cleanup.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """The campaign's buckets, with the limits that hold now."""
        return tuple(Bucket(name, mps) for name, mps in self._read("SELECT name, mps FROM buckets ORDER BY id"))

    def counts(self) -> Counts:
        """The numbers of this moment, without `reasons`."""
        with told_as_damage(self.path):
            return figures.read_counts(self._connection)

    def reasons(self) -> Mapping[Status, Mapping[str, int]]:
        """How many rows have which reason, by status; of the pending ones, those that are held."""
        with told_as_damage(self.path):
            return figures.read_reasons(self._connection)

    def counts_and_reasons(self) -> Counts:
        """The numbers of this moment, reasons too."""
        return replace(self.counts(), reasons=self.reasons())

    def breakers(self) -> list[Breaker]:
        """What the service refuses since the latest run began, the oldest first."""
        with told_as_damage(self.path):
            return figures.read_breakers(self._connection)

    def runs(self) -> list[Run]:
        """All runs over this ledger, the oldest first."""
        with told_as_damage(self.path):
            return figures.read_runs(self._connection)

    def journal(self, *, last: int | None = None) -> list[JournalEntry]:
        """What happened to the campaign as a whole, the oldest first; `last`: only so many, the newest."""
        with told_as_damage(self.path):
            return figures.read_journal(self._connection, last=last)

    def zones(self) -> Mapping[int, str]:
        """The time zones of rows, as `Ledger.zones` says."""
        return dict(self._read("SELECT id, name FROM zones"))

    def pending_zones(self, rows: Sequence[int] | None = None) -> Mapping[str, Collection[int]]:
        """Where rows could be claimed, as `Ledger.pending_zones` says."""
        found: defaultdict[str, set[int]] = defaultdict(set)
        among = None if rows is None else json.dumps(list(rows))
        statement = sql.PENDING_ZONES if among is None else sql.PENDING_ZONES_OF
        for bucket, zone in self._read(statement, {"among": among}):
            found[bucket].add(zone)
        return found

    def last_sent_at(self) -> datetime | None:
        """When the last outcome `sent` was recorded; None before the first."""
        with told_as_damage(self.path):
            return figures.read_last_sent_at(self._connection)

    def released_since(self, moment: datetime) -> Mapping[str, int]:
        """Parts of rows whose outcome was recorded at or after `moment`, by bucket; every bucket is named."""
        with told_as_damage(self.path):
            return figures.read_parts_released(self._connection, since=moment)

    def oversized_since(self, moment: datetime) -> Mapping[str, Sequence[tuple[datetime, int]]]:
        """When and how large, by bucket: rows larger than its limit whose outcome was recorded at or after `moment`."""
        with told_as_damage(self.path):
            return figures.read_oversized(self._connection, since=moment)

    def recipients_since(self, moment: datetime) -> Collection[str]:
        """Destinations of rows whose outcome was recorded at or after `moment`."""
        with told_as_damage(self.path):
            return figures.read_recipients(self._connection, since=moment)

    def _read(self, statement: str, values: Mapping[str, object] | tuple[object, ...] = ()) -> list[Any]:
        with told_as_ledger_error(self.path):
            return self._connection.execute(statement, values).fetchall()
