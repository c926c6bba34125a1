"""What a benchmark runs: the simulator, senders, and processes that only keep the machine busy."""

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any
from urllib.request import ProxyHandler, build_opener

import msgspec

from benchmarks.flows import Done, Flow, Task
from benchmarks.pacers import BOTO3
from benchmarks.texts import CREDENTIALS

ROOT = Path(__file__).parents[1]
LISTENING = "listening on "
TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Simulator:
    """A simulator that runs in a process of its own."""

    url: str
    pid: int

    def stats(self, identity: str) -> dict[str, Any]:
        """What it saw of one identity (`BucketStats`)."""
        bucket: dict[str, Any] = self._get("stats")["buckets"][identity]
        return bucket

    def messages(self) -> list[dict[str, Any]]:
        """Every message it accepted (`AcceptedMessage`), where it was told to keep them."""
        messages: list[dict[str, Any]] = self._get("messages")["messages"]
        return messages

    def _get(self, what: str) -> dict[str, Any]:
        with build_opener(ProxyHandler({})).open(f"{self.url}/_simulator/{what}", timeout=TIMEOUT_S) as answer:
            document: dict[str, Any] = json.load(answer)
            return document


class Identities:
    """Makes up an identity for each flow, so that the simulator counts each by itself."""

    def __init__(self) -> None:
        self.mps: dict[str, int] = {}

    def new(self, mps: int) -> str:
        """One that has no limit in common with another."""
        identity = f"+1425{5_550_000 + len(self.mps):07d}"
        self.mps[identity] = mps
        return identity

    def settings(self, *, record: bool) -> str:
        """The `simulator.toml` that knows them."""
        # Contenders that run at the same time write to the same people.
        lines = [f"record_messages = {str(record).lower()}", "[account]", "messages_per_recipient_per_second = 0"]
        for identity, mps in self.mps.items():
            lines += ["[[identities]]", f'id = "{identity}"', 'type = "long_code"', 'country = "US"', f"mps = {mps}"]
        return "\n".join(lines)


def environment() -> dict[str, str]:
    """This process's environment with made-up credentials, and no other setting of AWS or of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BULKSEND_"))}
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    # The SDKs for Python read AWS_DEFAULT_REGION, all others AWS_REGION.
    ours = {**CREDENTIALS, **nowhere, "AWS_DEFAULT_REGION": CREDENTIALS["AWS_REGION"]}
    return {**kept, **ours, "AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "*", "PYTHONPATH": path}


@contextmanager
def simulator(identities: Identities, *, record: bool = False) -> Iterator[Simulator]:
    """Run the simulator, in a process of its own, for as long as the block lasts."""
    with TemporaryDirectory() as folder:
        settings = Path(folder) / "simulator.toml"
        settings.write_text(identities.settings(record=record))
        words = ("simulate", "--port", "0", "--until-eof", "--settings", str(settings))
        with subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "bulksend", *words],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None  # noqa: S101 - it is a pipe
            line = process.stderr.readline().strip()
            if not line.startswith(LISTENING):
                raise RuntimeError(f"the simulator did not start: {line}{process.stderr.read()}")
            yield Simulator(line.removeprefix(LISTENING), process.pid)
            process.communicate()


class Sender:
    """A process that sends `flows`; all of them are of one contender, or are paced by the raw client.

    Args:
        url: of the simulator.
        flows: what is sent, all at once.
        starts_at: when, on the monotonic clock, so that no other process still starts then; 0: at once.
    """

    def __init__(self, url: str, flows: Sequence[Flow], *, starts_at: float = 0.0) -> None:
        module = "boto_sender" if flows[0].contender == BOTO3 else "sender"
        self._out = TemporaryFile()  # noqa: SIM115 - closed by `done`; a pipe would have to be read all the while
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", f"benchmarks.{module}"],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=self._out,
        )
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.write(msgspec.json.encode(Task(url=url, flows=tuple(flows), starts_at=starts_at)))
        self._process.stdin.close()

    def done(self) -> Done:
        """Wait for its end."""
        code = self._process.wait()
        if code:
            raise RuntimeError(f"a sender ended with {code}")
        with self._out as out:
            out.seek(0)
            return msgspec.json.decode(out.read(), type=Done)


def _spin() -> None:
    while True:
        pass


@contextmanager
def busy_cores(*, busy: bool) -> Iterator[None]:
    """Keep every core busy, by one process each that does nothing but count, for as long as the block lasts."""
    fresh = multiprocessing.get_context("spawn")
    spinning = [fresh.Process(target=_spin, daemon=True) for _ in range(os.cpu_count() or 1)] if busy else []
    for process in spinning:
        process.start()
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.join()
