"""An endpoint that does as little as it can, so that it is not what is measured: `python -m benchmarks.endpoint`.

It takes every request for a SendTextMessage and answers with a message id; it looks at nothing but lengths.
"""

import argparse
import asyncio
import json
import ssl
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import msgspec
import uvloop

from benchmarks.certificates import Certificate
from benchmarks.process import held_to
from benchmarks.rig import LISTENING, ROOT, environment
from benchmarks.usage import cpu_s

ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nx-amzn-RequestId: %032x\r\n"
    b'Content-Length: 55\r\n\r\n{"MessageId":"00000000-0000-0000-%020d"}'
)
"""Gets a number twice: no two messages have the same id, as at the service."""


class Served(msgspec.Struct, frozen=True):
    """What the endpoint did until it was stopped.

    Attributes:
        requests: that it answered.
        cpu_s: processor time of all of its process, start included.
    """

    requests: int
    cpu_s: float


class _Connection(asyncio.Protocol):
    def __init__(self, counts: list[int], latency_s: float) -> None:
        self._counts = counts
        self._latency_s = latency_s
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # of TCP; uvloop's own class is no subclass

    def data_received(self, data: bytes) -> None:
        self._received += data
        while True:
            head = self._received.find(b"\r\n\r\n")
            if head < 0:
                return
            name = self._received.lower().find(b"content-length:", 0, head)
            ends = head + 4 + (int(self._received[name + 15 : self._received.index(b"\r\n", name)]) if name > 0 else 0)
            if len(self._received) < ends:
                return
            self._received = self._received[ends:]
            self._counts[0] += 1
            answer = ANSWER % (self._counts[0], self._counts[0])
            if self._latency_s:
                self._loop.call_later(self._latency_s, self._write, answer)
            else:
                self._write(answer)

    def _write(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


async def serve(latency_s: float, tls: ssl.SSLContext | None) -> None:
    """Serve on a free port until standard input ends, then print a `Served`."""
    counts = [0]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(counts, latency_s), "127.0.0.1", 0, ssl=tls, backlog=2048)
    print(f"{LISTENING}{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(msgspec.json.encode(Served(counts[0], cpu_s())).decode(), flush=True)


class Endpoint:
    """The endpoint while it runs, in a process of its own.

    Attributes:
        url: where.
        pid: its process id.
        served: what it did, once the block is left.
    """

    def __init__(self, url: str, pid: int) -> None:
        self.url, self.pid = url, pid
        self.served = Served(0, 0.0)


@contextmanager
def endpoint(
    *, latency_s: float = 0.0, certificate: Certificate | None = None, cores: Collection[int] = ()
) -> Iterator[Endpoint]:
    """Run it for as long as the block lasts; `cores`: those that it is held to."""
    words = [sys.executable, "-m", "benchmarks.endpoint", "--latency", str(latency_s)]
    if certificate is not None:
        words += ["--certificate", str(certificate.chain), str(certificate.key)]
    pipe = subprocess.PIPE
    with held_to(cores):
        process = subprocess.Popen(  # noqa: S603 - ourselves
            words, cwd=ROOT, env=environment(), stdin=pipe, stdout=pipe, text=True
        )
    with process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        line = process.stdout.readline().strip()
        if not line.startswith(LISTENING):
            raise RuntimeError("the endpoint did not start")
        running = Endpoint(line.removeprefix(LISTENING), process.pid)
        try:
            yield running
        finally:
            said, _ = process.communicate()
        running.served = Served(**json.loads(said))


def main() -> None:
    """Serve as the options say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endpoint", description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds from a request to its answer")
    parser.add_argument("--certificate", type=Path, nargs=2, metavar=("CHAIN", "KEY"), help="for TLS; PEM")
    options = parser.parse_args()
    tls = None
    if options.certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(*options.certificate)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(options.latency, tls))


if __name__ == "__main__":
    main()
