"""Phone numbers too many for memory, in private temporary files that vanish with the process."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

from bulksend.base.keyed import HASH_PREFIX
from bulksend.base.mask import mask_number

SET_CACHE_KIB = 16 * 1024
SEEN_CACHE_KIB = 2 * 1024
"""Memory that a set of numbers, or the numbers of a list, may take; what is more is in a temporary file. A set is asked
for one number at a time; the numbers of a list come sorted, which needs little."""

GROUP = 32
"""Numbers that are put in at once, and looked up one by one if any of them is there already."""

MAX_DIGITS = 19
"""What the service takes. E.164 has 15 at most, but libphonenumber has numbers of 17 in Germany and of 19 in Japan."""


class _Numbers:
    """A temporary database of numbers; a context manager. Belongs to the thread that made it."""

    def __init__(self, table: str, *, cache_kib: int) -> None:
        # An empty name: SQLite makes a file when the cache is full, and unlinks it as soon as it is open.
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = OFF").fetchone()
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(f"PRAGMA cache_size = -{cache_kib}")
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
        ValueError: something is not an E.164 number (`+` and up to `MAX_DIGITS` digits).
    """

    def __init__(self) -> None:
        super().__init__("CREATE TABLE numbers (number INTEGER PRIMARY KEY)", cache_kib=SET_CACHE_KIB)

    def add_all(self, numbers: Iterable[str]) -> None:
        """Add numbers; those that are in it already are no matter."""
        self._connection.executemany(
            "INSERT OR IGNORE INTO numbers (number) VALUES (?)", ((_to_integer(number),) for number in numbers)
        )

    def __contains__(self, number: str) -> bool:
        found = self._connection.execute("SELECT 1 FROM numbers WHERE number = ?", (_to_integer(number),))
        return found.fetchone() is not None

    def __iter__(self) -> Iterator[str]:
        """Every number once, always in the same order. Nothing is to be added meanwhile."""
        for (number,) in self._connection.execute("SELECT number FROM numbers ORDER BY number"):
            yield _to_text(number)


class MarkedNumbers(_Numbers):
    """E.164 numbers, or keyed hashes of such, any number of them in bounded memory; each with the mark it first had.

    Of hashes 60 bits are kept: a list of a million has one in common with another million by chance once in a million
    times.

    Raises:
        ValueError: something is neither an E.164 number (`+` and up to `MAX_DIGITS` digits) nor such a hash.
    """

    def __init__(self, *, hashed: bool = False) -> None:
        table = "CREATE TABLE numbers (number INTEGER PRIMARY KEY, mark INTEGER NOT NULL)"
        super().__init__(table, cache_kib=SET_CACHE_KIB)
        self._key_of = _hash_to_integer if hashed else _to_integer

    def add_all(self, numbers: Iterable[str], mark: int) -> None:
        """Add numbers with a mark; those that are there already keep theirs."""
        self._connection.executemany(
            "INSERT OR IGNORE INTO numbers (number, mark) VALUES (?, ?)",
            sorted([(self._key_of(number), mark) for number in numbers]),
        )

    def mark_of(self, number: str) -> int | None:
        """The mark of a number; None when it was never added."""
        find = "SELECT mark FROM numbers WHERE number = ?"
        found = self._connection.execute(find, (self._key_of(number),)).fetchone()
        return None if found is None else int(found[0])


class FirstSeen(_Numbers):
    """Remembers in which row each E.164 number came first, for any number of numbers in bounded memory.

    Raises:
        ValueError: something is not an E.164 number (`+` and up to `MAX_DIGITS` digits).
    """

    def __init__(self) -> None:
        table = "CREATE TABLE numbers (number INTEGER PRIMARY KEY, row INTEGER NOT NULL)"
        super().__init__(table, cache_kib=SEEN_CACHE_KIB)

    def repeated(self, rows: Sequence[tuple[str, int]]) -> dict[int, int]:
        """Note the numbers of rows; return the rows whose number came before, each with the row that had it first.

        Many rows at a time are cheaper: they come to the tree in its own order, and those of a group in which all are
        new, as most are, need not be looked up. That is 2 to 3 microseconds a row for a list of a million.

        Args:
            rows: numbers with their rows, which go up from call to call.
        """
        keys = sorted([(_to_integer(number), row) for number, row in rows])
        add = "INSERT OR IGNORE INTO numbers (number, row) VALUES (?, ?)"
        find = "SELECT row FROM numbers WHERE number = ?"
        repeated: dict[int, int] = {}
        for at in range(0, len(keys), GROUP):
            group = keys[at : at + GROUP]
            if self._connection.executemany(add, group).rowcount == len(group):
                continue
            for key, row in group:
                (first,) = self._connection.execute(find, (key,)).fetchone()
                if first != row:
                    repeated[row] = first
        return repeated


def _to_integer(number: str) -> int:
    digits = number[1:]
    if number[:1] != "+" or not digits.isdecimal() or not digits.isascii() or len(digits) > MAX_DIGITS:
        raise ValueError(f"{mask_number(number)} is not a number in E.164 form")
    value = int(digits)
    return value if value < 1 << 63 else value - (1 << 64)  # SQLite's integers have 64 bits with their sign


def _hash_to_integer(hashed: str) -> int:
    return int(hashed.removeprefix(HASH_PREFIX)[:15], 16)


def _to_text(value: int) -> str:
    """The number that `_to_integer` made `value` of."""
    return f"+{value if value >= 0 else value + (1 << 64)}"
