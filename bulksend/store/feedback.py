"""What a file says of messages, beside what the ledger knows of them; and what of it the service was told."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Self

from bulksend.base.clock import Clock
from bulksend.store.faults import told_as_ledger_error
from bulksend.store.owner import OwnerLock
from bulksend.store.schema import to_milliseconds
from bulksend.store.writing import WritableLedger

# Temporary tables: they are SQLite's own private files, however long the input is, and gone with the connection.
_TABLES = """
CREATE TEMP TABLE said (
    id INTEGER PRIMARY KEY,
    line INTEGER NOT NULL,
    feedback TEXT NOT NULL,
    message_id TEXT,
    row INTEGER,
    destination TEXT
);
CREATE TEMP TABLE found (said INTEGER NOT NULL, message_id TEXT NOT NULL);
CREATE TEMP TABLE todo (id INTEGER PRIMARY KEY, message_id TEXT NOT NULL, feedback TEXT NOT NULL);
"""

_INDEXES = (
    "CREATE INDEX temp.said_message ON said (message_id) WHERE message_id IS NOT NULL",
    "CREATE INDEX temp.said_destination ON said (destination) WHERE destination IS NOT NULL",
)

# CROSS JOIN has SQLite go through its left side once and look the right one up.
_FIND = {
    "message_id": """
        INSERT INTO found SELECT said.id, states.message_id
        FROM states CROSS JOIN said ON said.message_id = states.message_id WHERE states.status = 'sent'
    """,
    "row": """
        INSERT INTO found SELECT said.id, states.message_id
        FROM said CROSS JOIN states ON states.row = said.row
        WHERE said.row IS NOT NULL AND states.status = 'sent'
    """,
    "destination": """
        INSERT INTO found SELECT said.id, states.message_id
        FROM rows CROSS JOIN said ON said.destination = rows.destination
        CROSS JOIN states ON states.row = rows.row WHERE states.status = 'sent'
    """,
}

_AMBIGUOUS = """
SELECT said.line, count(*) FROM found JOIN said ON said.id = found.said
GROUP BY said.id HAVING count(*) > 1 ORDER BY said.id LIMIT 1
"""

_MEANT = """
SELECT
    said.id, said.line, said.feedback,
    coalesce(found.message_id, said.message_id, 'row ' || said.row, said.destination) AS meant
FROM said LEFT JOIN found ON found.said = said.id
"""

_CONTRADICTION = f"""
WITH meant AS ({_MEANT}),
twice AS (SELECT meant, min(id) AS first FROM meant GROUP BY meant HAVING count(DISTINCT feedback) > 1)
SELECT one.line, min(other.line) FROM twice
JOIN meant AS one ON one.id = twice.first
JOIN meant AS other ON other.meant = twice.meant AND other.feedback <> one.feedback
GROUP BY one.id ORDER BY one.id LIMIT 1
"""  # noqa: S608 - put together from constants

_PLAN = """
INSERT INTO todo (id, message_id, feedback)
SELECT min(said.id), found.message_id, said.feedback
FROM found JOIN said ON said.id = found.said LEFT JOIN main.feedback AS told ON told.message_id = found.message_id
WHERE told.feedback IS NOT said.feedback GROUP BY found.message_id
"""

_FIGURES = """
SELECT
    (SELECT count(*) FROM said), (SELECT count(DISTINCT said) FROM found),
    (SELECT count(DISTINCT message_id) FROM found),
    (SELECT count(*) FROM todo),
    (SELECT line FROM said WHERE id NOT IN (SELECT said FROM found) ORDER BY id LIMIT 1)
"""

_RECORD = """
INSERT INTO main.feedback (message_id, feedback, put_at)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), :now FROM json_each(:batch) WHERE true
ON CONFLICT (message_id) DO UPDATE SET feedback = excluded.feedback, put_at = excluded.put_at
"""

_BATCH_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Said:
    """One row of a file with feedback; it names the message by exactly one of the last three.

    Attributes:
        line: of the file, from 1.
        feedback: "RECEIVED" or "FAILED".
        message_id: as the service gave it.
        row: number of the ledger's row.
        destination: E.164.
    """

    line: int
    feedback: str
    message_id: str | None = None
    row: int | None = None
    destination: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Match:
    """A file beside the ledger; `rows` is the sum of `not_sent`, `repeated`, `already` and `todo`.

    Where the last two are not None the file cannot be used: nothing is to do, and the sum means nothing.

    Attributes:
        rows: of the file.
        not_sent: rows of the file whose message is not `sent` in the ledger.
        first_not_sent_line: line of the first of them; None without any.
        repeated: rows that say what an earlier row of the file says of the same message.
        already: messages of which the service was told the same before.
        todo: messages of which it is to be told.
        ambiguous: (line, how many messages it could mean) of the first row that could mean several; None without any.
        contradiction: lines of the first two rows that say different things of one message; None without any.
    """

    rows: int
    not_sent: int
    first_not_sent_line: int | None
    repeated: int
    already: int
    todo: int
    ambiguous: tuple[int, int] | None
    contradiction: tuple[int, int] | None


class Todo(NamedTuple):
    """A message of which the service is to be told; in the order of `number`."""

    number: int
    message_id: str
    feedback: str


class FeedbackLedger(WritableLedger):
    """The ledger, for those who tell the service what became of its messages. Not to be shared between threads.

    `match` and `todo` do with one that was opened for reading.
    """

    def match(self, said: Iterable[Said]) -> Match:
        """Take in what a file says, once, and find the messages that it means. `said` may raise; nothing counts then.

        Raises:
            LedgerError: the ledger cannot be read, or there is no room for temporary files.
        """
        with told_as_ledger_error(self.path):
            self._connection.executescript(_TABLES)
        values = ((each.line, each.feedback, each.message_id, each.row, each.destination) for each in said)
        while batch := list(islice(values, _BATCH_ROWS)):
            with told_as_ledger_error(self.path), self._connection:
                self._connection.execute("BEGIN")
                self._connection.executemany(
                    "INSERT INTO said (line, feedback, message_id, row, destination) VALUES (?, ?, ?, ?, ?)", batch
                )
        for statement in _INDEXES:
            self._step(statement)
        for column, statement in _FIND.items():
            if self._read(f"SELECT 1 FROM said WHERE {column} IS NOT NULL LIMIT 1"):  # noqa: S608 - a constant
                self._step(statement)
        self._step("CREATE INDEX temp.found_said ON found (said)")
        ambiguous = self._read(_AMBIGUOUS)
        contradiction = self._read(_CONTRADICTION)
        if not (ambiguous or contradiction):
            self._step(_PLAN)
        ((rows, found, messages, todo, first_not_sent_line),) = self._read(_FIGURES)
        return Match(
            rows=rows,
            not_sent=rows - found,
            first_not_sent_line=first_not_sent_line,
            repeated=found - messages,
            already=messages - todo,
            todo=todo,
            ambiguous=ambiguous[0] if ambiguous else None,
            contradiction=contradiction[0] if contradiction else None,
        )

    def todo(self, *, after: int, limit: int) -> list[Todo]:
        """The next messages of which the service is to be told, at most `limit`, behind number `after`."""
        found = self._read("SELECT id, message_id, feedback FROM todo WHERE id > ? ORDER BY id LIMIT ?", (after, limit))
        return [Todo(*each) for each in found]

    def record(self, told: Sequence[Todo]) -> None:
        """Note on disk what the service was told, in place of what it was told of these messages before.

        Raises:
            LedgerError: it cannot be written.
        """
        batch = json.dumps([[each.message_id, each.feedback] for each in told])
        with self.transaction():
            self.write(_RECORD, {"batch": batch, "now": self.now_ms()})

    def told_since(self, moment: datetime) -> int:
        """Of how many messages the service was last told at or after `moment`."""
        ((count,),) = self._read("SELECT count(*) FROM main.feedback WHERE put_at >= ?", (to_milliseconds(moment),))
        return int(count)


class FeedbackRecorder:
    """Records in a thread of its own, so that the event loop never waits for the disk. An async context manager.

    Args:
        path: of the ledger.
        clock: for the times of the records.
        owner: the ledger's lock, which the caller holds.

    Raises (on entering):
        LedgerError: as `open_for_writing`.
    """

    def __init__(self, path: Path, *, clock: Clock, owner: OwnerLock) -> None:
        self._open = partial(FeedbackLedger.open_for_writing, path, clock=clock, owner=owner)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="feedback")
        try:
            self._ledger = await self._loop.run_in_executor(self._thread, self._open)
        except BaseException:
            self._thread.shutdown()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._loop.run_in_executor(self._thread, self._ledger.close)
        self._thread.shutdown()

    async def record(self, told: Sequence[Todo]) -> None:
        """As `FeedbackLedger.record`."""
        await self._loop.run_in_executor(self._thread, self._ledger.record, told)
