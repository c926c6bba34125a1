"""A process that paces and sends: `python -m benchmarks.sender` reads a `Task` and writes a `Done`."""

import asyncio
import gc
import sys
import time
from contextlib import suppress
from urllib.parse import urlsplit

import msgspec
import uvloop

from benchmarks.flows import Done, Flow, Sent, Task
from benchmarks.messages import Requests, part_counts
from benchmarks.pacers import PACERS, Admit
from benchmarks.usage import cpu_s
from benchmarks.wire import Wire

CALLERS = 20
"""Of each flow, asking all the time, so that everybody waits."""

HTTP_OK = 200

MAX_CONNECTIONS = 400
"""Open at once; enough for every answer that is on its way, at any rate."""

ANSWERS_S = 2.0
"""How long answers are awaited at the end."""


class Traffic:
    """One flow while it runs."""

    def __init__(self, flow: Flow, wire: Wire, *, host: str) -> None:
        self._flow = flow
        self._wire = wire
        self._requests = Requests(flow.identity, host=host)
        self._rows = enumerate(part_counts(flow.mix, flow.seed))
        self._offering = asyncio.Event()
        self._unanswered = 0
        self.answered = asyncio.Event()
        self.sent = Sent()

    async def run(self) -> None:
        """Offer messages in the spans of the flow, then drop those that still wait."""
        admit = PACERS[self._flow.contender](self._flow)
        loop = asyncio.get_running_loop()
        began = loop.time()
        callers = [asyncio.create_task(self._call(admit)) for _ in range(CALLERS)]
        for starts, ends in self._flow.spans:
            await asyncio.sleep(began + starts - loop.time())
            self._offering.set()
            await asyncio.sleep(began + ends - loop.time())
            self._offering.clear()
        for caller in callers:
            caller.cancel()
        outcomes = await asyncio.gather(*callers, return_exceptions=True)
        for failure in outcomes:
            if isinstance(failure, Exception):
                raise failure

    async def _call(self, admit: Admit) -> None:
        while True:
            await self._offering.wait()
            row, parts = next(self._rows)
            asked = time.monotonic()
            try:
                await admit(parts, row)
            except asyncio.CancelledError:
                self.sent.waiting.append((parts, time.monotonic() - asked))
                raise
            self._send(row, parts, asked)

    def _send(self, row: int, parts: int, asked: float) -> None:
        sent = self.sent
        self._unanswered += 1
        self.answered.clear()
        admitted = time.monotonic()
        place = -1

        def released(at: float) -> None:
            nonlocal place
            place = len(sent.rows)
            sent.rows.append(row)
            sent.parts.append(parts)
            sent.asked.append(asked)
            sent.admitted.append(admitted)
            sent.released.append(at)
            sent.accepted.append(False)

        def answered(status: int) -> None:
            sent.accepted[place] = status == HTTP_OK
            self._unanswered -= 1
            if not self._unanswered:
                self.answered.set()

        self._wire.send(self._requests.request(parts, row), released, answered)


async def run(task: Task) -> Done:
    """Do what `task` says."""
    address = urlsplit(task.url)
    host, port = address.hostname or "", address.port or 80
    wire = Wire(host, port, connections=min(MAX_CONNECTIONS, 16 + sum(flow.mps for flow in task.flows)))
    await wire.open()
    traffic = [Traffic(flow, wire, host=address.netloc) for flow in task.flows]
    await asyncio.sleep(task.starts_at - time.monotonic())
    # A full collection that goes through every imported module stops the loop for tens of milliseconds.
    gc.collect()
    gc.freeze()
    began = cpu_s()
    async with asyncio.TaskGroup() as group:
        for each in traffic:
            group.create_task(each.run())
    with suppress(TimeoutError):
        async with asyncio.timeout(ANSWERS_S):
            for each in traffic:
                await each.answered.wait()
    used = cpu_s() - began
    wire.close()
    return Done(flows=[each.sent for each in traffic], cpu_s=used)


def main() -> None:
    """Read the task from standard input, print what was done."""
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        done = runner.run(run(task))
    sys.stdout.buffer.write(msgspec.json.encode(done))


if __name__ == "__main__":
    main()
