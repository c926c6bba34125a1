import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bulksend.base.errors import LedgerError
from bulksend.store.faults import LedgerMisuse
from bulksend.store.owner import OwnerLock
from tests.unit.store.helpers import START, StandingClock

HOLDER = """
import sys, time
from pathlib import Path
from bulksend.base.clock import SystemClock
from bulksend.store.owner import OwnerLock

with OwnerLock(Path(sys.argv[1]), clock=SystemClock()):
    print("held", flush=True)
    sys.stdin.read()
"""


def lock_file(path: Path) -> Path:
    """Where the lock of a ledger is."""
    return path.with_name(path.name + ".lock")


def test_the_second_is_told_who_the_first_is(path: Path, clock: StandingClock) -> None:
    """Whoever comes second learns pid, host and start of the first, in one line."""
    with OwnerLock(path, clock=clock), pytest.raises(LedgerError) as raised:
        OwnerLock(path, clock=clock).acquire()
    who = f"process {os.getpid()} on {socket.gethostname()} since {START.isoformat()}"
    assert str(raised.value) == f"the ledger {path} is in use by {who}. Wait until it has ended, or stop it."


def test_the_lock_is_free_again_after_release(path: Path, clock: StandingClock) -> None:
    """After the block the lock can be taken again, and no file is left."""
    for _ in range(2):
        with OwnerLock(path, clock=clock) as lock:
            assert lock.held
            assert json.loads(lock_file(path).read_bytes())["pid"] == os.getpid()
        assert not lock.held
        assert not lock_file(path).exists()


def test_a_lock_dies_with_its_owner(path: Path, clock: StandingClock) -> None:
    """Killed with SIGKILL, the owner leaves a file but no lock; nobody has to clean up."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(LedgerError, match=f"in use by process {holder.pid} on "):
            OwnerLock(path, clock=clock).acquire()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert lock_file(path).exists()
    with OwnerLock(path, clock=clock) as lock:
        assert lock.held


def test_a_name_in_the_lock_file_is_no_lock(path: Path, clock: StandingClock) -> None:
    """In a container the next process mostly has the same pid: what a dead one wrote must not look like its owner."""
    left_behind = path.with_name(path.name + ".lock")
    left_behind.write_text(f'{{"pid": {os.getpid()}, "host": "{socket.gethostname()}", "started_at": "yesterday"}}')
    with OwnerLock(path, clock=clock) as owner:
        assert owner.held
        assert "yesterday" not in left_behind.read_text()


def test_all_names_of_a_ledger_share_its_lock(tmp_path: Path, path: Path, clock: StandingClock) -> None:
    """A symbolic link is no way around the lock."""
    path.touch()
    other = tmp_path / "other.db"
    other.symlink_to(path)
    with OwnerLock(other, clock=clock), pytest.raises(LedgerError, match="in use"):
        OwnerLock(path, clock=clock).acquire()


def test_a_lock_that_is_removed_on_release_is_never_held_by_two(path: Path, clock: StandingClock) -> None:
    """Who opened the file before its removal, and locks it after, does not take it for the lock."""
    inside = 0

    def own_in_turns() -> int:
        nonlocal inside
        turns = 0
        while turns < 200:
            try:
                with OwnerLock(path, clock=clock):
                    inside += 1
                    assert inside == 1
                    os.sched_yield()
                    inside -= 1
                    turns += 1
            except LedgerError:
                continue
        return turns

    with ThreadPoolExecutor(4) as pool:
        assert [turn.result() for turn in [pool.submit(own_in_turns) for _ in range(4)]] == [200] * 4


def test_a_lock_without_a_name_yet_is_respected(path: Path, clock: StandingClock) -> None:
    """Whoever locked the file a moment ago holds it, even if its name is not written yet."""
    descriptor = os.open(lock_file(path), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        with pytest.raises(LedgerError, match="in use by another process"):
            OwnerLock(path, clock=clock).acquire()
    finally:
        os.close(descriptor)


def test_the_lock_file_is_private(path: Path, clock: StandingClock) -> None:
    """Mode 0600, whatever the umask, and also when an older file was more open."""
    lock_file(path).touch()
    lock_file(path).chmod(0o666)
    before = os.umask(0)
    try:
        for _ in range(2):
            with OwnerLock(path, clock=clock):
                assert lock_file(path).stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


def test_a_missing_directory_is_named(tmp_path: Path, clock: StandingClock) -> None:
    """The error says what is wrong, not what the system call was."""
    with pytest.raises(LedgerError, match="its directory does not exist"):
        OwnerLock(tmp_path / "nowhere" / "x.db", clock=clock).acquire()


def test_a_lock_stands_for_its_own_ledger_only(path: Path, clock: StandingClock) -> None:
    """Who says that it holds the lock must hold this one."""
    lock = OwnerLock(path, clock=clock)
    with pytest.raises(LedgerMisuse):
        lock.require(path)
    with lock:
        lock.require(path)
        with pytest.raises(LedgerMisuse):
            lock.require(path.with_name("other.db"))
