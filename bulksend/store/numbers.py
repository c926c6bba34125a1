"""Phone numbers too many for memory, in private temporary files that vanish with the process."""

import sqlite3
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from bulksend.base.mask import mask_number

CACHE_KIB = 16 * 1024
"""Memory that one collection may take; what is more is in a temporary file."""


class _Numbers:
    """A temporary database of numbers; a context manager. Belongs to the thread that made it."""

    def __init__(self, table: str) -> None:
        # An empty name: SQLite makes a file when the cache is full, and unlinks it as soon as it is open.
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = OFF").fetchone()
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._connection.execute(table)
        self._connection.execute("BEGIN")

    def __len__(self) -> int:
        (count,) = self._connection.execute("SELECT count(*) FROM numbers").fetchone()
        return int(count)

    def close(self) -> None:
        """Forget all numbers."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class NumberSet(_Numbers):
    """A set of E.164 numbers, of any size in bounded memory.

    Raises:
        ValueError: something is not an E.164 number (`+` and up to 15 digits).
    """

    def __init__(self) -> None:
        super().__init__("CREATE TABLE numbers (number INTEGER PRIMARY KEY)")

    def add_all(self, numbers: Iterable[str]) -> None:
        """Add numbers; those that are in it already are no matter."""
        self._connection.executemany(
            "INSERT OR IGNORE INTO numbers (number) VALUES (?)", ((_to_integer(number),) for number in numbers)
        )

    def __contains__(self, number: str) -> bool:
        found = self._connection.execute("SELECT 1 FROM numbers WHERE number = ?", (_to_integer(number),))
        return found.fetchone() is not None


class FirstSeen(_Numbers):
    """Remembers in which row each E.164 number came first, for any number of numbers in bounded memory."""

    def __init__(self) -> None:
        super().__init__("CREATE TABLE numbers (number INTEGER PRIMARY KEY, row INTEGER NOT NULL)")

    def first_row(self, number: str, row: int) -> int:
        """Return the row that had `number` first: `row` itself when it is new.

        Raises:
            ValueError: `number` is not an E.164 number.
        """
        key = _to_integer(number)
        added = self._connection.execute("INSERT OR IGNORE INTO numbers (number, row) VALUES (?, ?)", (key, row))
        if added.rowcount:
            return row
        (first,) = self._connection.execute("SELECT row FROM numbers WHERE number = ?", (key,)).fetchone()
        return int(first)


def _to_integer(number: str) -> int:
    digits = number[1:]
    if number[:1] != "+" or not digits.isdecimal() or not digits.isascii() or len(digits) > 15:
        raise ValueError(f"{mask_number(number)} is not a number in E.164 form")
    return int(digits)
