"""A ledger whose log did not come to the disk as it was written: what is shown is what some commit left, never less."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from bulksend.base.errors import ExitCode, LedgerError
from bulksend.base.records import Status
from bulksend.store.export import export_rows
from bulksend.store.ledger import SqliteLedger
from tests.unit.store.helpers import SHORT_CODE, StandingClock, failed, pending, sent, unknown, write_plan

Shown = tuple[tuple[object, ...], ...]
"""Every row of a ledger with where it stands."""

ROWS = 24


@dataclass(frozen=True)
class Commit:
    """What a ledger shows after a commit, and how many bytes its log has then."""

    log_bytes: int
    shown: Shown


@dataclass(frozen=True)
class History:
    """The files of a ledger in use, and every commit in its log.

    Attributes:
        ledger: the file, as it was when the log was merged into it last.
        log: what came after that.
        older_log: the log before that.
        merged: the file with all of it.
        commits: those in `log`, and what the file shows without it.
    """

    ledger: bytes
    log: bytes
    older_log: bytes
    merged: bytes
    commits: tuple[Commit, ...]

    def last_before(self, position: int) -> Commit:
        """The last commit whose bytes are all before `position`."""
        return max((commit for commit in self.commits if commit.log_bytes <= position), key=lambda each: each.log_bytes)


def show(path: Path) -> Shown:
    """Every row with where it stands, and then what each bucket was found to allow."""
    with SqliteLedger.open_for_reading(path) as ledger:
        allowed = tuple(str(bucket.allows) for bucket in ledger.counts().buckets)
    return (*(tuple(str(value) for value in row.values()) for row in export_rows(path)), allowed)


def statuses(path: Path) -> Counter[Status]:
    """How many rows have which status, counted row by row."""
    return Counter(Status(str(row["status"])) for row in export_rows(path))


def steps(ledger: SqliteLedger) -> Iterator[Callable[[], object]]:
    """Changes of every kind, each a commit of its own."""
    yield ledger.start_run
    for first in range(1, ROWS // 2, 4):
        yield lambda: ledger.claim("toll-free", parts=4, rows=4, oversized=True)
        yield lambda first=first: ledger.settle_all([sent(first), sent(first + 1)])  # type: ignore[misc]  # bound now
        yield lambda row=first + 2: ledger.settle(failed(row))  # type: ignore[misc]
        yield lambda row=first + 3: ledger.settle(unknown(row))  # type: ignore[misc]
    for row in range(ROWS // 2 + 1, ROWS - 3):
        yield lambda: ledger.claim("short", parts=1, rows=1, oversized=True)
        if row % 2:
            yield lambda row=row: ledger.postpone(row, 1, throttled=False, tried=False)  # type: ignore[misc]
            yield lambda row=row: ledger.note_allowed({"short": 80.0 - row})  # type: ignore[misc]
            yield lambda row=row: ledger.retry({row: 1})  # type: ignore[misc]
            yield lambda row=row: ledger.postpone(row, 1, throttled=True)  # type: ignore[misc]
            yield lambda row=row: ledger.retry({row: 2})  # type: ignore[misc]
            yield lambda row=row: ledger.settle(sent(row, 2))  # type: ignore[misc]
    yield lambda: ledger.give_back([ROWS - 4])


@cache
def history() -> History:
    """A campaign of 24 rows, 12 a bucket: a log that was merged, and one with all that came after it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "campaign.db"
        rows = [pending(row) for row in range(1, ROWS // 2 + 1)]
        rows += [pending(row, identity=SHORT_CODE) for row in range(ROWS // 2 + 1, ROWS + 1)]
        write_plan(path, rows)
        log = path.with_name("campaign.db-wal")
        with SqliteLedger.open_for_writing(path, clock=StandingClock()) as ledger:
            for mps in range(50, 90):  # changes that no row shows
                with ledger.transaction():
                    ledger.set_mps({"short": mps})
            older_log = log.read_bytes()
            ledger._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            commits = [Commit(0, show(path))]
            for step in steps(ledger):
                with ledger.transaction():
                    step()
                commits.append(Commit(log.stat().st_size, show(path)))
            file, newer_log = path.read_bytes(), log.read_bytes()
        return History(file, newer_log, older_log, merged=path.read_bytes(), commits=tuple(commits))


def recover_and_compare(log: bytes) -> None:
    """Open a ledger with `log`, find what the last commit before the damage left, and go on from there."""
    same = min(len(log), len(history().log))
    damaged_from = next((index for index in range(same) if log[index] != history().log[index]), same)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "campaign.db"
        path.write_bytes(history().ledger)
        path.with_name("campaign.db-wal").write_bytes(log)
        with SqliteLedger.open_for_writing(path, clock=StandingClock()) as ledger:
            assert show(path) == history().last_before(damaged_from).shown
            by_status = statuses(path)
            counts = ledger.counts()
            assert {status: number for status, number in counts.by_status.items() if number} == by_status
            assert counts.rows == ROWS
            with ledger.transaction():
                assert ledger.recover() == by_status[Status.SENDING]
            with ledger.transaction():
                ledger.claim("short", parts=ROWS, rows=ROWS, oversized=True)
            assert ledger.counts().of(Status.UNKNOWN) == by_status[Status.UNKNOWN] + by_status[Status.SENDING]
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


SECTOR = 512

PLACES = st.integers(0, 10**6) | st.tuples(st.integers(0, 10**6), st.integers(-30, 30))
"""A place in the log, or one so many bytes from the end of a commit; of those that there are, by remainder."""

EXAMPLES = settings(max_examples=100)


def position_in(place: int | tuple[int, int]) -> int:
    """Which byte of the log `place` is."""
    if isinstance(place, int):
        return place % (len(history().log) + 1)
    commit, off = place
    end = history().commits[commit % len(history().commits)].log_bytes + off
    return min(max(0, end), len(history().log))


def test_the_history_has_every_commit_in_its_log() -> None:
    """The tests below look at something: many commits, each in the log, hardly any like the one before."""
    assert len(history().commits) > 30
    assert all(later.log_bytes > commit.log_bytes for commit, later in pairwise(history().commits))
    assert len({commit.shown for commit in history().commits}) > 28
    assert history().commits[-1].log_bytes == len(history().log)
    recover_and_compare(history().log)


@EXAMPLES
@given(place=PLACES)
def test_a_log_that_ends_early_shows_the_last_whole_commit(place: int | tuple[int, int]) -> None:
    """Cut anywhere, the ledger is as the last commit left it that is there as a whole."""
    recover_and_compare(history().log[: position_in(place)])


@EXAMPLES
@given(place=PLACES, noise=st.binary(min_size=1, max_size=64), kind=st.integers(0, 3))
def test_a_tail_of_something_else_is_left_out(place: int | tuple[int, int], noise: bytes, kind: int) -> None:
    """What follows the last good byte may be anything: noise, zeros, or what an older log had in that place."""
    position = position_in(place)
    length = len(history().log) - position
    tails = (bytes(length), history().older_log[position:], history().log[:length], noise * (length // len(noise) + 1))
    recover_and_compare(history().log[:position] + tails[kind][:length])


@EXAMPLES
@given(place=PLACES, change=st.integers(1, 255))
def test_one_wrong_byte_costs_nothing_before_it(place: int | tuple[int, int], change: int) -> None:
    """A byte that was read back wrong, anywhere: what was committed before it is shown, and nothing half."""
    log = bytearray(history().log)
    log[position_in(place) % len(log)] ^= change
    recover_and_compare(bytes(log))


@EXAMPLES
@given(place=PLACES, seed=st.integers(0, 10**6))
def test_sectors_come_to_the_disk_in_any_order(place: int | tuple[int, int], seed: int) -> None:
    """Of the bytes after the last flush any sectors may be there and any may be missing."""
    dice = Random(seed)
    log = bytearray(history().log)
    for sector in range(-(-position_in(place) // SECTOR) * SECTOR, len(log), SECTOR):
        if dice.random() < 0.5:
            log[sector : sector + SECTOR] = bytes(len(log[sector : sector + SECTOR]))
    recover_and_compare(bytes(log))


def open_and_count(content: bytes) -> None:
    """Open a ledger with `content`: it is refused, or all that it counts is what is there."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "campaign.db"
        path.write_bytes(content)
        try:
            with SqliteLedger.open_for_writing(path, clock=StandingClock()) as ledger:
                with ledger.transaction():
                    ledger.recover()
                with ledger.transaction():
                    ledger.claim("short", parts=2, rows=2, oversized=True)
                counts = ledger.counts()
        except LedgerError as refusal:
            told = refusal
        else:
            with closing(sqlite3.connect(path)) as connection:
                found = dict(connection.execute("SELECT status, count(*) FROM states GROUP BY status"))
            assert {status.value: number for status, number in counts.by_status.items() if number} == found
            assert counts.rows == sum(found.values()) == ROWS
            return
        assert told.exit_code is ExitCode.USAGE, f"not a fault of ours: {told}"


@EXAMPLES
@given(place=st.integers(0, 10**6))
def test_a_ledger_that_ends_early_is_refused(place: int) -> None:
    """Cut anywhere, a ledger is never taken for a smaller one."""
    open_and_count(history().merged[: place % len(history().merged)])


@EXAMPLES
@given(place=st.integers(0, 10**6), seed=st.none() | st.integers(0, 10**6))
def test_sectors_of_something_else_make_no_wrong_counts(place: int, seed: int | None) -> None:
    """Wherever a file has noise or zeros in it: it is refused, or its counts are those of its rows."""
    sector = place % (len(history().merged) // SECTOR) * SECTOR
    noise = bytes(SECTOR) if seed is None else Random(seed).randbytes(SECTOR)
    open_and_count(history().merged[:sector] + noise + history().merged[sector + SECTOR :])


@EXAMPLES
@given(place=st.integers(0, 10**6), change=st.integers(1, 255))
def test_a_wrong_byte_in_the_file_makes_no_wrong_counts(place: int, change: int) -> None:
    """A byte that was read back wrong may be in a text, where nothing tells; in what is counted it is noticed."""
    content = bytearray(history().merged)
    content[place % len(content)] ^= change
    open_and_count(bytes(content))
