"""Children whose processor time and memory are measured, on all cores or on those that they are held to."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rig import ROOT, environment

TIMEOUT_S = 900.0
"""A child that takes longer is killed: it hangs."""

LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command took, all of it: start, work and end.

    Attributes:
        wall_s: from its start to its end.
        cpu_s: processor time of all its threads, user and system.
        peak_mib: most memory that was resident, of any of its processes.
        out: what it wrote to standard output.
    """

    wall_s: float
    cpu_s: float
    peak_mib: float
    out: bytes


def run(
    words: Sequence[str | Path],
    *,
    folder: Path = ROOT,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    cores: Collection[int] = (),
    codes: Collection[int] = (0,),
) -> Ran:
    """Run a command and measure it; `cores`: those that it may use, none for any.

    Raises:
        RuntimeError: it ended with another exit code than `codes`; with what it wrote to standard error.
    """
    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryFile() as given:
        out, said, taken = (Path(place) / name for name in ("out", "said", "taken"))
        given.write(stdin)
        given.seek(0)
        launcher = [sys.executable, "-I", "-S", str(LAUNCHER), str(taken)]
        with out.open("wb") as to, said.open("wb") as talk, held_to(cores):
            process = subprocess.Popen(  # noqa: S603 - our own commands
                [*launcher, *words],
                cwd=folder,
                env=env or environment(),
                stdin=given,
                stdout=to,
                stderr=talk,
                start_new_session=True,
            )
        try:
            process.wait(TIMEOUT_S)
        finally:
            if process.poll() is None:  # it hangs, or somebody wants to stop
                os.killpg(process.pid, signal.SIGKILL)
        wall_s, used_s, peak_kib, code = map(float, taken.read_text().split())
        if code not in codes:
            line = " ".join(map(str, words))
            raise RuntimeError(f"`{line}` ended with {code:.0f}: {said.read_text(errors='replace')}")
        return Ran(wall_s, used_s, peak_kib / 1024, out.read_bytes())


@contextmanager
def held_to(cores: Collection[int]) -> Iterator[None]:
    """Hold processes that are started in the block to `cores`, from their first instruction on; none: to none."""
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def can_be_held() -> bool:
    """Whether this machine has two cores for us, and lets processes be held to them."""
    return hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1
