"""What a ledger adds up to: from a few rows of `tallies`, or the end of an index, however long the list is."""

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from bulksend.base.progress import Breaker, BucketCounts, Counts, JournalEntry, Run, RunEnd
from bulksend.base.records import Status
from bulksend.store.schema import RETRY, from_milliseconds, to_milliseconds

NO_REASON = "unspecified"
"""Stands for a missing reason of a row that should have one, so that reasons add up to the rows of their status."""

_DONE = frozenset({Status.SENT, Status.FAILED, Status.UNKNOWN})


class _Tally(NamedTuple):
    bucket: int
    status: str
    reason: str
    messages: int
    parts: int


def read_counts(connection: sqlite3.Connection) -> Counts:
    """The numbers of this moment, from one consistent read; without reasons."""
    buckets = connection.execute("SELECT id, name, mps, allows, allows_at FROM buckets ORDER BY id").fetchall()
    found = connection.execute("SELECT bucket, status, reason, messages, parts FROM tallies").fetchall()
    tallies = [_Tally(*each) for each in found]
    by_status = {status: sum(each.messages for each in tallies if each.status == status) for status in Status}
    return Counts(
        rows=sum(each.messages for each in tallies),
        by_status=by_status,
        parts_sent=sum(each.parts for each in tallies if each.status == Status.SENT),
        buckets=tuple(
            replace(
                _bucket_counts(name, mps, [each for each in tallies if each.bucket == number]),
                allows=allows,
                allows_at=None if allows_at is None else from_milliseconds(allows_at),
            )
            for number, name, mps, allows, allows_at in buckets
        ),
    )


def _bucket_counts(name: str, mps: int, tallies: Sequence[_Tally]) -> BucketCounts:
    counted = [each for each in tallies if each.status != Status.SKIPPED]
    done = [each for each in counted if each.status in _DONE]
    return BucketCounts(
        bucket=name,
        mps=mps,
        messages=sum(each.messages for each in counted),
        parts=sum(each.parts for each in counted),
        messages_done=sum(each.messages for each in done),
        parts_done=sum(each.parts for each in done),
        parts_sent=sum(each.parts for each in done if each.status == Status.SENT),
        messages_held=sum(
            each.messages for each in counted if each.status == Status.PENDING and each.reason not in ("", RETRY)
        ),
    )


def read_reasons(connection: sqlite3.Connection) -> Mapping[Status, Mapping[str, int]]:
    """How many rows have which reason, by status; of the pending ones, those that are held."""
    reasons: dict[Status, dict[str, int]] = {}
    found = connection.execute(
        "SELECT status, reason, sum(messages) FROM tallies GROUP BY status, reason HAVING sum(messages) > 0"
        " ORDER BY sum(messages) DESC, reason"
    )
    for stored, reason, messages in found.fetchall():
        status = Status(stored)
        if (status, reason) == (Status.PENDING, RETRY):
            continue
        if reason or status in {Status.FAILED, Status.UNKNOWN, Status.SKIPPED}:
            reasons.setdefault(status, {})[reason or NO_REASON] = messages
    return reasons


def read_breakers(connection: sqlite3.Connection) -> list[Breaker]:
    """What the service refuses since the latest run began, the oldest first."""
    found = connection.execute(
        "SELECT identity, country, reason, tripped_at, moved, held FROM breakers ORDER BY tripped_at, identity, country"
    )
    return [
        Breaker(identity, country or None, reason, from_milliseconds(tripped_at), moved, held)
        for identity, country, reason, tripped_at, moved, held in found.fetchall()
    ]


def read_runs(connection: sqlite3.Connection) -> list[Run]:
    """All runs, the oldest first."""
    found = connection.execute('SELECT started_at, finished_at, "end", cause, throttled FROM runs ORDER BY id')
    return [
        Run(
            started_at=from_milliseconds(started_at),
            finished_at=None if finished_at is None else from_milliseconds(finished_at),
            end=None if end is None else RunEnd(end),
            cause=cause,
            throttled=throttled,
        )
        for started_at, finished_at, end, cause, throttled in found.fetchall()
    ]


def read_last_sent_at(connection: sqlite3.Connection) -> datetime | None:
    """When the last outcome `sent` was recorded; None before the first."""
    found = connection.execute(
        "SELECT finished_at FROM states INDEXED BY states_finished WHERE finished_at IS NOT NULL AND status = 'sent'"
        " ORDER BY finished_at DESC LIMIT 1"
    ).fetchall()
    return from_milliseconds(found[0][0]) if found else None


def read_parts_released(connection: sqlite3.Connection, *, since: datetime) -> Mapping[str, int]:
    """Parts of rows whose outcome, whatever it is, was recorded at or after `since`, by bucket; all are named."""
    found = connection.execute(
        "SELECT bucket, sum(parts) FROM states INDEXED BY states_finished WHERE finished_at >= ? GROUP BY bucket",
        (to_milliseconds(since),),
    )
    parts = dict(found.fetchall())
    return {name: parts.get(number, 0) for number, name in connection.execute("SELECT id, name FROM buckets")}


def read_oversized(connection: sqlite3.Connection, *, since: datetime) -> Mapping[str, Sequence[tuple[datetime, int]]]:
    """Rows of more parts than their bucket's limit whose outcome was recorded at or after `since`: when, and parts."""
    found = connection.execute(
        "SELECT buckets.name, finished_at, parts FROM states INDEXED BY states_finished"
        " JOIN buckets ON buckets.id = states.bucket WHERE finished_at >= ? AND parts > buckets.mps",
        (to_milliseconds(since),),
    )
    oversized: dict[str, list[tuple[datetime, int]]] = {}
    for name, finished_at, parts in found.fetchall():
        oversized.setdefault(name, []).append((from_milliseconds(finished_at), parts))
    return oversized


def read_recipients(connection: sqlite3.Connection, *, since: datetime) -> Collection[str]:
    """Destinations of rows whose outcome, whatever it is, was recorded at or after `since`."""
    found = connection.execute(
        "SELECT DISTINCT rows.destination FROM states INDEXED BY states_finished JOIN rows ON rows.row = states.row"
        " WHERE states.finished_at >= ?",
        (to_milliseconds(since),),
    )
    return frozenset(destination for (destination,) in found)


def read_journal(connection: sqlite3.Connection, *, last: int | None) -> list[JournalEntry]:
    """The newest `last` entries of the journal, or all, the oldest first."""
    statement = "SELECT at, event, detail FROM journal ORDER BY id DESC LIMIT ?"
    found = connection.execute(statement, (-1 if last is None else last,)).fetchall()
    return [JournalEntry(from_milliseconds(at), event, json.loads(detail)) for at, event, detail in reversed(found)]
