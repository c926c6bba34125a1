"""The demo's simulator, in a process of its own, and what it saw beside what the ledger says."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import IO, Any
from urllib.request import ProxyHandler, build_opener

from bulksend.base.errors import UsageError
from bulksend.base.records import Status
from bulksend.cli.simulating import LISTENING
from bulksend.report.simulated import simulator_lines
from bulksend.report.summary import next_steps
from bulksend.store.reading import ReadableLedger

TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class RunningSimulator:
    """A simulator that can be sent to, at `url`, and the number of its process."""

    url: str
    pid: int

    def stats(self) -> dict[str, Any]:
        """What it has seen so far."""
        try:
            with build_opener(ProxyHandler({})).open(f"{self.url}/_simulator/stats", timeout=TIMEOUT_S) as answer:
                stats: dict[str, Any] = json.load(answer)
                return stats
        except (OSError, ValueError):
            raise UsageError("the simulator ended before it was told to", "run the same command again") from None


@contextmanager
def running_simulator(settings: Path) -> Iterator[RunningSimulator]:
    """A simulator in a process of its own; it ends with the block, and when this process dies, however it dies."""
    # It has a socket for every message in the air, as we have, and inherits how many files may be open.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # -P: a file of the working folder must not stand in for a module.
    python = [sys.executable, "-P", "-m", "bulksend"]
    command = [*python, "simulate", "--port", "0", "--until-eof", "--settings", str(settings)]
    process = subprocess.Popen(  # noqa: S603 - our own command with our own arguments
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the campaign; the simulator has to answer until that has stopped
    )
    done = Event()
    assert process.stdin is not None  # noqa: S101 - both are pipes
    assert process.stderr is not None  # noqa: S101
    try:
        line = process.stderr.readline().strip()
        if not line.startswith(LISTENING):
            raise UsageError(f"the simulator did not start: {line}", "run `bulksend simulate` to see more")
        # A full pipe must not stop it; the end of it, while it is needed, is that of the run.
        Thread(target=_watch, args=(process.stderr, done), daemon=True).start()
        yield RunningSimulator(line.removeprefix(LISTENING), process.pid)
    finally:
        done.set()
        process.stdin.close()
        try:
            process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stderr.close()


def _watch(stream: IO[str], done: Event) -> None:
    stream.read()
    if not done.is_set():
        signal.raise_signal(signal.SIGTERM)


def free_name(path: Path) -> Path:
    """`path`, or the first of `path` with -2, -3, ... before its suffix that does not exist yet."""
    if not os.access(path.absolute().parent, os.W_OK):
        raise UsageError(f"{path.absolute().parent}: cannot be written", "Name a ledger elsewhere with --ledger")
    if not path.exists():
        return path
    return next(candidate for number in count(2) if not (candidate := path.with_stem(f"{path.stem}-{number}")).exists())


def compare(stats: dict[str, Any], path: Path) -> Iterator[str]:
    """What the simulator saw, whether the ledger agrees, and where to look further."""
    yield from simulator_lines(stats)
    with ReadableLedger.open_for_reading(path) as ledger:
        counts = ledger.counts()
    accepted = stats["messages"]["accepted"]
    agreement = "the same number" if accepted == counts.of(Status.SENT) else f"{accepted:,}"
    yield f"The ledger has {counts.of(Status.SENT):,} rows as sent; the simulator accepted {agreement}."
    yield ""
    # Without what is pending: the simulator that it could be resumed at ends with the demo.
    looks = {status.value: counts.of(status) for status in Status if status is not Status.PENDING}
    yield from next_steps({"ledger": path, **looks})
