import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bulksend.base.errors import LedgerError
from bulksend.base.records import Status
from bulksend.store.connect import connect_for_reading, connect_for_writing
from bulksend.store.ledger import SqliteLedger
from bulksend.store.schema import SCHEMA_VERSION
from tests.unit.store.helpers import StandingClock, pending, write_plan

NOBODY = 65534

Connect = Callable[[Path], sqlite3.Connection]

both = pytest.mark.parametrize("connect", [connect_for_reading, connect_for_writing])


@contextmanager
def without_privileges(folder: Path, *, mode: int = 0o555) -> Iterator[None]:
    """Act as a user who owns the files in `folder`, but not the folder, which has `mode`."""
    as_root = os.geteuid() == 0
    if as_root:
        for file in folder.iterdir():
            os.chown(file, NOBODY, NOBODY)
    folder.chmod(mode)
    if as_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if as_root:
            os.seteuid(0)
        folder.chmod(0o755)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory that every user can reach (pytest's own are closed to others)."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def change_once(path: Path) -> None:
    """Commit something that stays in the log as long as a connection is open."""
    with SqliteLedger.open_for_writing(path, clock=StandingClock()) as ledger, ledger.transaction():
        ledger.set_mps({"short": 55})


@both
def test_a_missing_ledger_is_named(connect: Connect, path: Path) -> None:
    """A wrong path is said as such, and no file appears there."""
    with pytest.raises(LedgerError, match=r"there is no ledger at .*campaign\.db"):
        connect(path)
    assert not list(path.parent.iterdir())


@both
@pytest.mark.parametrize("content", [b"", b"row,phone\n1,+14255550100\n" * 50], ids=["empty", "text"])
def test_a_file_that_is_no_database_is_refused(connect: Connect, path: Path, content: bytes) -> None:
    """An empty file and a text are not ledgers, and stay as they are."""
    path.write_bytes(content)
    with pytest.raises(LedgerError, match="is not a ledger"):
        connect(path)
    assert path.read_bytes() == content


@both
def test_another_programs_database_is_refused(connect: Connect, path: Path) -> None:
    """A database without the ledger's mark is left alone."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (text)")
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="is not a ledger of bulksend"):
        connect(path)
    assert path.read_bytes() == before


@both
@pytest.mark.parametrize(("change", "words"), [(1, "a newer bulksend"), (-1, "an older bulksend")])
def test_another_version_is_refused(connect: Connect, planned: Path, change: int, words: str) -> None:
    """A ledger that this version would misread is not touched."""
    with closing(sqlite3.connect(planned)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + change}")
    with pytest.raises(LedgerError, match=words):
        connect(planned)


@both
def test_a_directory_is_refused(connect: Connect, tmp_path: Path) -> None:
    """A folder's name is not a ledger's."""
    with pytest.raises(LedgerError, match="is not a file"):
        connect(tmp_path)


def test_a_damaged_ledger_is_refused(planned: Path) -> None:
    """Pages of nonsense are found when they are read, and told as damage."""
    content = bytearray(planned.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    planned.write_bytes(content)
    with pytest.raises(LedgerError, match="is damaged"):
        SqliteLedger.open_for_reading(planned)


def test_commits_are_flushed(planned: Path) -> None:
    """The writer flushes its log at every commit (synchronous = FULL), in WAL mode."""
    with closing(connect_for_writing(planned)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (5000,)


def test_a_ledger_that_a_tool_took_out_of_wal_mode_is_put_back(planned: Path) -> None:
    """Whatever a SQLite tool did to the mode, the writer writes in WAL mode."""
    with closing(sqlite3.connect(planned)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    with closing(connect_for_writing(planned)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize(("directory_mode", "file_mode"), [(0o555, 0o600), (0o777, 0o400)], ids=["directory", "file"])
def test_what_cannot_be_written_is_refused_before_anything_is_sent(
    folder: Path, directory_mode: int, file_mode: int
) -> None:
    """That nothing can be written is found when the ledger is opened, not at the first outcome."""
    path = write_plan(folder / "campaign.db", [pending(1)])
    path.chmod(file_mode)
    with without_privileges(folder, mode=directory_mode), pytest.raises(LedgerError, match=r"read-only\. Make"):
        connect_for_writing(path)


def test_readers_cannot_write(planned: Path) -> None:
    """A connection for reading refuses to change anything."""
    with closing(connect_for_reading(planned)) as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("UPDATE buckets SET mps = 9")


def test_readers_see_a_running_campaign(planned: Path, clock: StandingClock) -> None:
    """A reader opened before or during a run sees each commit as soon as it is made."""
    with (
        SqliteLedger.open_for_reading(planned) as early,
        SqliteLedger.open_for_writing(planned, clock=clock) as writer,
    ):
        with writer.transaction():
            writer.claim("short", parts=1, rows=1)
        with SqliteLedger.open_for_reading(planned) as late:
            assert early.counts().of(Status.SENDING) == 1
            assert early.counts() == late.counts() == writer.counts()


def test_every_file_is_private(path: Path, clock: StandingClock) -> None:
    """Ledger, partial, log, index and lock are 0600 even under an umask that takes nothing away."""
    seen: dict[str, int] = {}

    def look() -> None:
        seen.update({file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()})

    def rows() -> Iterator[int]:
        look()
        yield 1

    before = os.umask(0)
    try:
        write_plan(path, (pending(row) for row in rows()), clock=clock)
        with SqliteLedger.open_for_writing(path, clock=clock) as ledger, ledger.transaction():
            ledger.start_run()
            look()
        with SqliteLedger.open_for_reading(path):
            look()
    finally:
        os.umask(before)
    names = {"campaign.db" + suffix for suffix in ("", ".partial", ".lock", "-wal", "-shm")}
    assert seen == dict.fromkeys(names, 0o600)


def test_a_closed_ledger_can_be_read_where_nothing_can_be_written(folder: Path) -> None:
    """A ledger on a read-only file system, closed in order, can be read."""
    path = write_plan(folder / "campaign.db", [pending(1)])
    change_once(path)
    assert not path.with_name("campaign.db-wal").exists()
    with without_privileges(folder), SqliteLedger.open_for_reading(path) as ledger:
        assert ledger.counts().rows == 1
        assert [bucket.mps for bucket in ledger.buckets] == [3, 55]


def test_a_running_ledger_can_be_read_where_nothing_can_be_written(folder: Path, clock: StandingClock) -> None:
    """With its log and index beside it, a ledger can be read from a directory that only others can write in."""
    path = write_plan(folder / "campaign.db", [pending(1)])
    with SqliteLedger.open_for_writing(path, clock=clock) as writer:
        with writer.transaction():
            writer.set_mps({"short": 55})
        with without_privileges(folder), SqliteLedger.open_for_reading(path) as ledger:
            assert [bucket.mps for bucket in ledger.buckets] == [3, 55]


def test_a_log_that_cannot_be_read_is_not_left_out(folder: Path, tmp_path: Path, clock: StandingClock) -> None:
    """A ledger whose log cannot be read here is refused: without the log it would show outcomes that are not so."""
    path = write_plan(tmp_path / "campaign.db", [pending(1)])
    with SqliteLedger.open_for_writing(path, clock=clock) as writer:
        with writer.transaction():
            writer.set_mps({"short": 55})
        for suffix in ("", "-wal"):
            shutil.copy(tmp_path / f"campaign.db{suffix}", folder)
    copy = folder / "campaign.db"
    with without_privileges(folder), pytest.raises(LedgerError, match=r"has a log .* Copy both files"):
        connect_for_reading(copy)
    with SqliteLedger.open_for_reading(copy) as ledger:
        assert [bucket.mps for bucket in ledger.buckets] == [3, 55]


def test_odd_names_are_no_matter(tmp_path: Path, clock: StandingClock) -> None:
    """A path is never taken for a URI's query or fragment."""
    path = write_plan(tmp_path / "50% off?mode=rw#1.db", [pending(1)])
    with SqliteLedger.open_for_writing(path, clock=clock) as ledger:
        assert ledger.counts().rows == 1
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
