"""The whole of bulksend: the real command with its ledger and the express line, against the simulator."""

import csv
import os
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.flows import Flow
from benchmarks.messages import part_counts
from benchmarks.rig import environment
from benchmarks.texts import TEXTS, number

COMPLETE = 0
INTERRUPTED = 3

SETTINGS = """
[campaign]
name = "benchmark"
[recipients]
body = "text"
[[identities]]
id = "{identity}"
mps = {mps}
"""


class Campaign:
    """A list, a settings file and a ledger in a folder that goes with the block.

    Args:
        flow: identity, limit, mix and seed.
        url: of the simulator.
        seconds: how long sending would take at the limit; decides how long the list is.
    """

    def __init__(self, flow: Flow, url: str, *, seconds: float) -> None:
        self.flow = flow
        self._url = url
        self._folder = TemporaryDirectory()
        folder = Path(self._folder.name)
        (folder / "bulksend.toml").write_text(SETTINGS.format(identity=flow.identity, mps=flow.mps))
        left = int(flow.mps * seconds)
        self.messages = 0
        with (folder / "list.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["phone", "text"])
            for row, parts in enumerate(islice(part_counts(flow.mix, flow.seed), left)):
                if left <= 0:
                    break
                rows.writerow([number(row), TEXTS[parts]])
                left -= parts
                self.messages += 1
        self._process: subprocess.Popen[bytes] | None = None

    def send(self) -> None:
        """Start `bulksend send`; it plans at the first call, and goes on at the next."""
        words = ("send", "list.csv", "--config", "bulksend.toml", "--ledger", "sale.db", "--yes")
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "bulksend", *words, "--endpoint-url", self._url],
            cwd=self._folder.name,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def stop(self) -> None:
        """Ask it to stop, as a service manager does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def ended(self) -> float:
        """Wait for its end; return the processor time that all of it took, planning and start included, in seconds.

        Raises:
            RuntimeError: it ended with anything but "complete" and "interrupted".
        """
        process = self._process
        assert process is not None  # noqa: S101 - it was started
        assert process.stderr is not None  # noqa: S101 - it is a pipe
        said = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stderr.close()
        if process.returncode not in (COMPLETE, INTERRUPTED):
            raise RuntimeError(f"bulksend send ended with {process.returncode}: {said}")
        return usage.ru_utime + usage.ru_stime

    def close(self) -> None:
        """Remove the folder."""
        self._folder.cleanup()
