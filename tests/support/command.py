"""The real command in a subprocess, kept away from this machine's AWS settings and from everything but loopback."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bulksend.cli.demonstrating import RunningSimulator, running_simulator

ROOT = Path(__file__).parents[2]

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "us-east-1"}
"""Made up; any do for the simulator."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output as the one JSON object that it has to be."""
        lines = self.out.splitlines()
        assert len(lines) == 1, self
        document = json.loads(lines[0])
        assert isinstance(document, dict)
        return document

    @property
    def error(self) -> str:
        """The one line that an error is."""
        lines = [line for line in self.err.splitlines() if line.startswith("bulksend: error: ")]
        assert len(lines) == 1, self
        assert "Traceback" not in self.err
        return lines[0]


def environment(folder: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment without anything of AWS or of ours, plus `extra`.

    Identities are not compared with the account, which takes a second for each kind of them: tests of that ask for it.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BULKSEND_"))}
    return {
        **kept,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "no-credentials"),
        "AWS_CONFIG_FILE": str(folder / "no-config"),
        "NO_PROXY": "*",
        "BULKSEND_AWS_CHECK_IDENTITIES": "false",
        **(extra or {}),
    }


def command_line(arguments: Sequence[str | Path]) -> list[str]:
    """How a subprocess runs `bulksend`."""
    return [sys.executable, "-m", "bulksend", *map(str, arguments)]


def bulksend(
    *arguments: str | Path,
    folder: Path,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    timeout_s: float = 90,
) -> Finished:
    """Run the command in `folder` and wait for its end."""
    done = subprocess.run(
        command_line(arguments),
        cwd=folder,
        env={**environment(folder, env), "PYTHONPATH": str(ROOT)},
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        timeout=timeout_s,
        check=False,
    )
    return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())


def started(*arguments: str | Path, folder: Path, env: Mapping[str, str] | None = CREDENTIALS) -> subprocess.Popen[str]:
    """The command in `folder`, still running; what it says is to be read."""
    return subprocess.Popen(
        command_line(arguments),
        cwd=folder,
        env={**environment(folder, env), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(is_so: Callable[[], bool], otherwise: str, *, timeout_s: float = 30) -> None:
    """Ask `is_so` again and again, every 20 ms. Raises `AssertionError` with `otherwise` when it never is."""
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)


@contextmanager
def simulator(folder: Path, settings: str) -> Iterator[RunningSimulator]:
    """A simulator with `settings` (TOML) in a process of its own."""
    file = folder / "simulator.toml"
    file.write_text(settings)
    with running_simulator(file) as running:
        yield running
