"""A campaign that is killed again and again, and gone on with, beside a simulator that remembers what it accepted.

A `Campaign` runs the real command once for each `Kill`, and checks everything after each run:

    simulator <-- HTTP -- launcher: the command, around whose ledger and gateway stand
                              - the journal: each note is with the system before the next step, and survives the kill
                              - a `Crash`, which ends the process by SIGKILL at its point
    harness: simulator's record + ledger + journal -> invariants

- `Point`: a step that the launcher comes by many times; `passing`: at which of these times it dies.
- `Moment`: from when on a kill from outside is timed, which may hit anything; it comes `delay_s` later.
- `Doings`: what one run did, by its journal. `Toll`: what its end left `unknown` in one bucket, and the most it may.

A failure ends with the campaign's seed, its run, and its last kills as they are written in a test. To see it again, set
`FIRST_SEED` in test_long.py to that seed (the same list, the same kills; their moments are the machine's), or put the
kill into a list of test_kills.py. The folder keeps list, settings, ledger and one journal for each run.
"""

import json
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from bulksend.base.records import Status
from bulksend.cli.demonstrating import RunningSimulator
from tests.crash.invariants import (
    Row,
    Toll,
    check_against_service,
    check_progress,
    check_promises,
    fullest_seconds,
    read_rows,
    toll,
)
from tests.crash.journal import Doings, doings, read_journal
from tests.crash.points import Point
from tests.crash.scene import HEADROOM, LENGTHS, buckets, campaign_settings, write_list
from tests.support.accepted import accepted_by
from tests.support.command import CREDENTIALS, ROOT, environment

A_STEP_S = 0.002
"""How often is looked whether a process has come as far as it is to come."""

RUN_S = 300.0
"""No run takes longer."""

Signature = tuple[int, int, int] | None
"""What tells a file from an earlier one of the same name."""


class Moment(StrEnum):
    """From when on a kill from outside is timed."""

    PLANNING = "planning"  # the first rows of a plan are being written
    START_UP = "start_up"  # the ledger is locked
    ARRIVAL = "arrival"  # the `passing`-th message, of all runs, is at the simulator
    ANY = "any"  # the process is there


@dataclass(frozen=True, slots=True)
class Kill:
    """How a run ends: at a point for the `passing`-th time, or `delay_s` after a moment; by itself without either."""

    point: Point = Point.NOWHERE
    passing: int = 1
    moment: Moment | None = None
    delay_s: float = 0.0

    @property
    def label(self) -> str:
        """Its row in the table of kills."""
        return self.point.value if self.moment is None else f"random: {self.moment.value}"

    @property
    def written(self) -> str:
        """As it is written in a test."""
        if self.moment is None:
            return f"Kill(Point.{self.point.name}, passing={self.passing})"
        return f"Kill(moment=Moment.{self.moment.name}, passing={self.passing}, delay_s={self.delay_s!r})"


IN_PEACE = Kill()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended, and what its end cost: bucket -> toll, when it was killed."""

    kill: Kill
    code: int
    out: str
    err: str
    tolls: Mapping[str, Toll]
    unknown: int

    @property
    def was_killed(self) -> bool:
        """Whether the kill came before the run's own end."""
        return self.code == -signal.SIGKILL


class Campaign:
    """One campaign in `folder`, to the simulator that is `running`; every run of it is followed by all checks.

    Args:
        folder: where list, settings, ledger and journals are.
        running: records its messages.
        mps: parts per second of each bucket, at most as many as there are `COUNTRIES`.
        seconds: that the whole list takes at the limits.
        seed: of list, kills and choices.
        extra: more settings, as TOML.
        lengths: of the texts, in characters, each as likely as it is often there.
    """

    def __init__(
        self,
        folder: Path,
        running: RunningSimulator,
        *,
        mps: tuple[int, ...],
        seconds: float,
        seed: int,
        extra: str = "",
        lengths: Sequence[int] = LENGTHS,
    ) -> None:
        self.folder = folder
        self.ledger = folder / "l.db"
        self.seed = seed
        self.dice = random.Random(seed)
        self.mps = buckets(mps)
        self.running = running
        self._rows: dict[int, Row] = {}
        self._kills: list[Kill] = []
        self.size = write_list(folder / "list.csv", self.mps, seconds=seconds, lengths=lengths, dice=self.dice)
        (folder / "campaign.toml").write_text(campaign_settings(self.mps, extra))

    def run(self, kill: Kill) -> Ended:
        """Send, or resume, until `kill` or the end, and check everything."""
        self._kills.append(kill)
        with self.naming_itself():
            return self._run(kill)

    @contextmanager
    def naming_itself(self) -> Iterator[None]:
        """Have failures say in which run of which campaign they were found, and after which kill."""
        try:
            yield
        except Exception as error:
            runs = ", after ".join(kill.written for kill in self._kills[:-3:-1])
            error.add_note(f"in {self.folder}: campaign of seed {self.seed}, run {len(self._kills)}: {runs}")
            raise

    def _run(self, kill: Kill) -> Ended:
        resume = self.ledger.exists() and (kill == IN_PEACE or self.dice.random() < 0.5)
        has_come = self._coming(kill)
        journal = self.folder / f"journal-{len(self._kills)}"
        launcher = (sys.executable, "-m", "tests.crash.launcher", kill.point, str(kill.passing), str(len(self._kills)))
        process = subprocess.Popen(
            [*launcher, journal, "--", *self._command(resume=resume)],
            cwd=self.folder,
            env={**environment(self.folder, CREDENTIALS), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            if kill.moment is not None:
                _kill_from_outside(process, has_come, kill.delay_s)
            out, err = process.communicate(timeout=RUN_S)
        finally:
            process.kill()
            process.wait()
        assert "Traceback" not in err, err
        tolls, unknown = self._check(doings(journal), was_killed=process.returncode == -signal.SIGKILL)
        return Ended(kill, process.returncode, out, err, tolls, unknown)

    def count(self, status: Status) -> int:
        """Rows that were found with `status` last."""
        return sum(row["status"] == status for row in self._rows.values())

    @property
    def open_rows(self) -> int:
        """Rows that may still be sent, as far as is known; before there is a ledger, all of them."""
        return self.count(Status.PENDING) if self._rows else self.size

    def fullest_seconds(self) -> dict[str, int]:
        """Most parts that any second let out, by bucket, over all runs so far: a restart is no new beginning."""
        journals = [read_journal(self.folder / f"journal-{run}") for run in range(1, len(self._kills) + 1)]
        return fullest_seconds(self._rows, chain.from_iterable(journals))

    def _coming(self, kill: Kill) -> Callable[[], bool]:
        """What tells, from before a run begins, whether it has come to the moment of `kill`."""
        match kill.moment:
            case Moment.ARRIVAL:
                return lambda: bool(self.running.stats()["messages"]["offered"] >= kill.passing)
            case Moment.PLANNING | Moment.START_UP:
                # A file that appears then, or is written anew: a run that was killed leaves such files.
                suffix = ".partial" if kill.moment is Moment.PLANNING else ".lock"
                sign = self.ledger.with_name(self.ledger.name + suffix)
                before = _signature(sign)
                return lambda: _signature(sign) not in (None, before)
        return lambda: True

    def _command(self, *, resume: bool) -> list[str]:
        if resume:
            return ["resume", "l.db", "--yes", "--json"]
        arguments = ["send", "list.csv", "--config", "campaign.toml", "--ledger", "l.db", "--yes", "--json"]
        return [*arguments, "--endpoint-url", self.running.url]

    def _check(self, run: Doings, *, was_killed: bool) -> tuple[Mapping[str, Toll], int]:
        accepted = accepted_by(self.running)
        if not self.ledger.exists():
            assert was_killed, "a run that ended by itself left no ledger"
            assert accepted == []
            return MappingProxyType({}), 0
        before, rows = self._rows, self._read()
        self._rows = rows
        check_against_service(rows, accepted, size=self.size)
        check_progress(before, rows)
        duplicates = self.running.stats()["duplicates"]
        assert duplicates["row"] == duplicates["attempt"] == 0, duplicates
        sending = {number for number, row in rows.items() if row["status"] == Status.SENDING}
        dead = sending - {number for number, row in before.items() if row["status"] == Status.SENDING}
        check_promises(rows, accepted, run, dead)
        if not was_killed:
            assert not sending, "a run that ended by itself left rows in sending"
        tolls = {
            name: toll(
                {number: row for number, row in rows.items() if row["bucket"] == name},
                mps=limit,
                headroom=HEADROOM,
                run=run,
                dead=dead,
            )
            for name, limit in self.mps.items()
        }
        assert all(each.is_within_bounds for each in tolls.values()), tolls
        return tolls, len(dead)

    def _read(self) -> dict[int, Row]:
        """The ledger's rows, read beside whatever the dead run left, or from a copy that leaves it untouched."""
        if self.dice.random() < 0.5:
            return read_rows(self.ledger)
        with TemporaryDirectory() as folder:
            for suffix in ("", "-wal"):
                if (file := self.ledger.with_name(self.ledger.name + suffix)).exists():
                    shutil.copy(file, folder)
            return read_rows(Path(folder) / self.ledger.name)


def finish(campaign: Campaign) -> Ended:
    """Resume to the end; exit code, summary and service agree, and a further resume sends nothing."""
    last = campaign.run(IN_PEACE)
    with campaign.naming_itself():
        summary = json.loads(last.out)
        found = {status.value: campaign.count(status) for status in Status}
        assert {status: summary[status] for status in found} == found
        assert summary["rows"] == campaign.size == found["sent"] + found["unknown"], last
        assert (summary["end"], last.code) == ("complete", 1 if found["unknown"] else 0), last
        assert found["sent"] <= len(accepted_by(campaign.running)) <= campaign.size
        offered = campaign.running.stats()["messages"]["offered"]
    again = campaign.run(IN_PEACE)
    with campaign.naming_itself():
        assert (again.code, campaign.running.stats()["messages"]["offered"]) == (last.code, offered)
    return last


def _kill_from_outside(process: subprocess.Popen[str], has_come: Callable[[], bool], delay_s: float) -> None:
    while not has_come():
        if _ended_within(process, A_STEP_S):
            return
    if not _ended_within(process, delay_s):
        process.kill()


def _signature(file: Path) -> Signature:
    try:
        state = file.stat()
    except FileNotFoundError:
        return None
    return state.st_ino, state.st_mtime_ns, state.st_size


def _ended_within(process: subprocess.Popen[str], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
