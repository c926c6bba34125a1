"""Disks that are full, read-only, damaged or gone: nothing goes out that is not recorded, and one line says why."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bulksend.base.records import Status
from bulksend.cli.demonstrating import RunningSimulator
from bulksend.store.schema import SCHEMA_VERSION
from tests.crash.invariants import check_against_service, read_rows
from tests.crash.scene import GOOD_DAY, LENGTHS, buckets, campaign_settings, service_settings, write_list
from tests.support.accepted import accepted_by
from tests.support.command import (
    CREDENTIALS,
    Finished,
    bulksend,
    simulator,
    started,
    wait_until,
)
from tests.support.confined import can_confine, confined

MPS = (50, 100)

needs_modes = pytest.mark.skipif(not can_confine(), reason="root may write whatever the modes say")


@dataclass(frozen=True, slots=True)
class Scene:
    """A campaign that takes some seconds, its simulator, and where its ledger is to be."""

    folder: Path
    running: RunningSimulator
    size: int
    ledger: Path

    def begin(self) -> Finished:
        """Plan, and send one row."""
        done = self.send("--limit", "1")
        assert (done.code, done.json["sent"]) == (3, 1), done
        return done

    def send(self, *flags: str) -> Finished:
        """`bulksend send` to the end."""
        return bulksend(*self.send_arguments, *flags, folder=self.folder, env=CREDENTIALS)

    def resume(self) -> Finished:
        """`bulksend resume` to the end."""
        return bulksend("resume", self.ledger, "--yes", "--json", folder=self.folder, env=CREDENTIALS)

    @property
    def send_arguments(self) -> list[str | Path]:
        """What `send` is called with."""
        arguments: list[str | Path] = ["send", "list.csv", "-c", "campaign.toml", "--ledger", self.ledger]
        return [*arguments, "--yes", "--json", "--endpoint-url", self.running.url]

    @property
    def offered(self) -> int:
        """Messages that arrived at the simulator."""
        offered: int = self.running.stats()["messages"]["offered"]
        return offered

    def check(self) -> dict[Status, int]:
        """Check that ledger and simulator agree; return how many rows have which status."""
        rows = read_rows(self.ledger)
        check_against_service(rows, accepted_by(self.running), size=self.size)
        return {status: sum(row["status"] == status for row in rows.values()) for status in Status}


@contextmanager
def scene_in(folder: Path, *, ledger: Path, seconds: float = 2) -> Iterator[Scene]:
    """A scene whose list and settings are in `folder`; its campaign takes `seconds`."""
    from random import Random

    mps = buckets(MPS)
    (folder / "campaign.toml").write_text(campaign_settings(mps, ""))
    size = write_list(folder / "list.csv", mps, seconds=seconds, lengths=LENGTHS, dice=Random(1))
    with simulator(folder, service_settings(MPS, seed=1, extra=GOOD_DAY)) as running:
        yield Scene(folder, running, size, ledger)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A scene in a folder of its own."""
    with scene_in(tmp_path, ledger=tmp_path / "l.db") as prepared:
        yield prepared


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of eight megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can mount")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", place], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("mounting is not permitted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def fill(disk: Path, *, leave: int) -> Path:
    """Fill a file system but for `leave` bytes; the file that does it."""
    filler = disk / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(disk).free - leave))
    return filler


def assert_stopped_in_mid_run(scene: Scene, done: Finished) -> None:
    """It sent some, said why it stopped, and everything that was accepted is sent or about to be unknown."""
    assert done.code == 3, done
    assert scene.ledger.name in done.error
    counts = scene.check()
    assert 1 < counts[Status.SENT] < scene.size
    assert counts[Status.PENDING] > 0
    assert counts[Status.SENDING] <= sum(MPS) * 2


def assert_goes_on_to_the_end(scene: Scene) -> None:
    """The next resume brings every row to its end; what was on the wire is unknown, and nobody is texted twice."""
    done = scene.resume()
    assert done.code == 1, done
    counts = scene.check()
    assert counts[Status.SENT] + counts[Status.UNKNOWN] == scene.size
    assert counts[Status.SENT] <= len(accepted_by(scene.running)) <= scene.size


def test_a_file_that_may_not_grow_stops_the_run(scene: Scene) -> None:
    """A limit on file sizes is met in the middle: exit code 3; without it, resume finishes."""
    scene.begin()
    done = confined("resume", scene.ledger, "--yes", "--json", folder=scene.folder, file_bytes=200_000)
    assert_stopped_in_mid_run(scene, done)
    assert "disk" in done.error
    assert_goes_on_to_the_end(scene)


def test_few_open_files_cost_time_and_no_certainty(scene: Scene) -> None:
    """Where a process may open only so many files, fewer messages are in the air, and the ledger is written."""
    done = confined(*scene.send_arguments, folder=scene.folder, open_files=70)
    assert (done.code, done.json["sent"], done.json["unknown"]) == (0, scene.size, 0), done
    assert "send.few_open_files" in done.err
    assert scene.check()[Status.SENT] == scene.size


def test_a_disk_that_is_full_stops_the_run(small_disk: Path, tmp_path: Path) -> None:
    """The disk fills up in the middle: exit code 3, the same while it is full; when there is space, resume finishes."""
    with scene_in(tmp_path, ledger=small_disk / "l.db") as scene:
        scene.begin()
        filler = fill(small_disk, leave=200_000)
        done = scene.resume()
        assert_stopped_in_mid_run(scene, done)
        assert "is full. Free some space" in done.error
        for leave in (0, 40_000):  # nothing can be begun; something can, and is recorded
            filler.unlink()
            filler = fill(small_disk, leave=leave)
            still = scene.resume()
            assert still.code in (2, 3), still
            assert "is full" in still.error
            counts = scene.check()
            assert counts[Status.PENDING] > 0
        filler.unlink()
        assert_goes_on_to_the_end(scene)


@pytest.mark.parametrize("leave", [0, 8_192, 50_000])
def test_a_plan_that_finds_no_place_sends_nothing(leave: int, small_disk: Path, tmp_path: Path) -> None:
    """A disk that is full from the start: exit code 2, no ledger; with space the same command does it all."""
    with scene_in(tmp_path, ledger=small_disk / "l.db") as scene:
        filler = fill(small_disk, leave=leave)
        done = scene.send()
        assert (done.code, scene.ledger.name in done.error, scene.offered) == (2, True, 0), done
        assert [file.name for file in small_disk.iterdir()] == ["filler"]
        filler.unlink()
        assert scene.send().code == 0
        assert scene.check()[Status.SENT] == scene.size


@needs_modes
@pytest.mark.parametrize(("file_mode", "folder_mode"), [(0o400, 0o700), (0o600, 0o500)], ids=["file", "directory"])
def test_a_ledger_that_may_not_be_written_sends_nothing(file_mode: int, folder_mode: int, scene: Scene) -> None:
    """A read-only file or directory is found before the first message, also where it was writable at the start."""
    scene.begin()
    scene.ledger.chmod(file_mode)
    scene.folder.chmod(folder_mode)
    for command in (["resume", scene.ledger, "--yes"], scene.send_arguments):
        done = confined(*command, folder=scene.folder)
        assert (done.code, scene.ledger.name in done.error, scene.offered) == (2, True, 1), done
    scene.folder.chmod(0o700)
    scene.ledger.chmod(0o600)
    assert scene.resume().code == 0
    assert scene.check()[Status.SENT] == scene.size


@needs_modes
def test_a_directory_that_may_not_be_written_gets_no_plan(scene: Scene) -> None:
    """Nothing is read, planned or sent where no ledger can be made."""
    scene.folder.chmod(0o500)
    done = confined(*scene.send_arguments, folder=scene.folder)
    assert (done.code, scene.ledger.name in done.error, scene.offered) == (2, True, 0), done


def test_a_directory_that_is_not_there_is_named(scene: Scene) -> None:
    """A ledger below a missing directory is refused in one line."""
    missing = scene.folder / "no" / "such" / "l.db"
    done = bulksend(*[missing if each == scene.ledger else each for each in scene.send_arguments], folder=scene.folder)
    assert (done.code, "directory does not exist" in done.error, scene.offered) == (2, True, 0), done


def cut_in_half(ledger: Path) -> None:
    """As after a copy that ran out of space."""
    os.truncate(ledger, ledger.stat().st_size // 2)


def empty(ledger: Path) -> None:
    """As some file systems leave a new file after a power failure."""
    os.truncate(ledger, 0)


def zero_in_the_middle(ledger: Path) -> None:
    """As a disk that lost sectors."""
    spoil(ledger, bytes)


def noise_in_the_middle(ledger: Path) -> None:
    """As a disk that wrote something else there."""
    spoil(ledger, lambda size: b"\xa5\x5a\x01" * (size // 3))


def spoil(ledger: Path, content: Callable[[int], bytes]) -> None:
    """Overwrite the second and third quarter."""
    size = ledger.stat().st_size
    with ledger.open("r+b") as file:
        file.seek(size // 4)
        file.write(content(size // 2))


@pytest.mark.parametrize("damage", [cut_in_half, empty, zero_in_the_middle, noise_in_the_middle])
def test_a_damaged_ledger_sends_nothing(damage: Callable[[Path], None], scene: Scene) -> None:
    """Every command that would read or write it says in one line that it is damaged, or none; nothing goes out."""
    scene.begin()
    damage(scene.ledger)
    for command in (["resume", scene.ledger, "--yes"], scene.send_arguments):
        done = bulksend(*command, folder=scene.folder, env=CREDENTIALS)
        assert done.code == 2, done
        assert scene.ledger.name in done.error
        assert any(word in done.error for word in ("damaged", "not a ledger")), done
        assert scene.offered == 1


@pytest.mark.parametrize("command", ["resume", "send", "status", "export"])
def test_a_ledger_of_a_newer_version_is_left_alone(command: str, scene: Scene) -> None:
    """It names the version, sends nothing, and does not touch the file."""
    scene.begin()
    with closing(sqlite3.connect(scene.ledger)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = scene.ledger.read_bytes()
    more = {"resume": ["--yes"], "export": ["--format", "csv"]}.get(command, [])
    arguments = scene.send_arguments if command == "send" else [command, scene.ledger, *more]
    done = bulksend(*arguments, folder=scene.folder, env=CREDENTIALS)
    assert (done.code, "newer bulksend" in done.error, scene.offered) == (2, True, 1), done
    assert scene.ledger.read_bytes() == before


def delete(ledger: Path) -> None:
    """All files of a ledger."""
    for suffix in ("", "-wal", "-shm"):
        ledger.with_name(ledger.name + suffix).unlink(missing_ok=True)


def delete_log(ledger: Path) -> None:
    """The log alone, which holds the newest outcomes."""
    ledger.with_name(ledger.name + "-wal").unlink()


def move_away(ledger: Path) -> None:
    """The file under another name."""
    ledger.rename(ledger.with_name("moved.db"))


@pytest.mark.parametrize("remove", [delete, delete_log, move_away])
def test_a_ledger_that_goes_away_stops_the_run(remove: Callable[[Path], None], tmp_path: Path) -> None:
    """In mid-run: exit code 3 and one line, and what was let out after that is no more than what was on its way."""
    with scene_in(tmp_path, ledger=tmp_path / "l.db", seconds=10) as scene:
        process = started(*scene.send_arguments, folder=scene.folder)

        def has_begun() -> bool:
            assert process.poll() is None, "it ended before anything was sent"
            return scene.offered >= 10

        try:
            wait_until(has_begun, "nothing was sent")
            remove(scene.ledger)
            offered = scene.offered
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
            process.wait()
        done = Finished(process.returncode, out, err)
        assert done.code == 3, done
        assert scene.ledger.name in done.error
        assert scene.offered - offered <= sum(MPS) // 2 < scene.size - offered
