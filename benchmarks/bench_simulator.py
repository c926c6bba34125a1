"""How many requests a second the simulator answers on one core, and the endpoint that benchmarks use beside it."""

import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import msgspec

from benchmarks.campaigns import IDENTITIES, MPS
from benchmarks.endpoint import Endpoint, endpoint
from benchmarks.jobs import Job, Result
from benchmarks.options import parser_of, publish
from benchmarks.process import can_be_held, held_to, run
from benchmarks.rig import Identities, Simulator, simulator
from benchmarks.tables import number, table
from benchmarks.usage import cpu_of

SIMULATOR = "`bulksend simulate`"
ENDPOINT = "the benchmarks' endpoint"
CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Answered:
    """What a server did: requests a second while one client asked, and its processor time for each."""

    per_second: float
    cpu_us: float


@contextmanager
def server(name: str, cores: Sequence[int]) -> Iterator[Simulator | Endpoint]:
    """Run it, held to `cores`."""
    identities = Identities()
    for _ in range(IDENTITIES):
        identities.new(MPS)
    with ExitStack() as stack:
        with held_to(cores):
            if name == ENDPOINT:
                running: Simulator | Endpoint = stack.enter_context(endpoint())
            else:
                running = stack.enter_context(simulator(identities))
        yield running


def measure(name: str, messages: int) -> Answered:
    """Ask it as fast as the barest client can, from another core."""
    ours, its = ((0,), (1,)) if can_be_held() else ((), ())
    with server(name, its) as at:
        job = Job(
            contender="floor", url=at.url, authority="", messages=messages, connections=CONNECTIONS, first=CONNECTIONS
        )
        before_s = cpu_of(at.pid)
        ran = run([sys.executable, "-m", "benchmarks.clients"], stdin=msgspec.json.encode(job), cores=ours)
        used_s = cpu_of(at.pid) - before_s
    result = msgspec.json.decode(ran.out, type=Result)
    return Answered(messages / result.wall_s, used_s / (messages + CONNECTIONS) * 1e6)


def main(arguments: Sequence[str]) -> int:
    """Measure both, and print the table."""
    options = parser_of("simulator", __doc__).parse_args(arguments)
    messages, rounds = (100_000, 3) if options.full else (20_000, 1)
    results: dict[str, list[Answered]] = {SIMULATOR: [], ENDPOINT: []}
    for _ in range(rounds):
        for name, measured in results.items():
            measured.append(measure(name, messages))
            print(f"{name}: {measured[-1]}", file=sys.stderr)
    rows = []
    for name, measured in results.items():
        cpu_us = statistics.median(each.cpu_us for each in measured)
        per_second = statistics.median(each.per_second for each in measured)
        rows.append([name, number(per_second, digits=0), number(cpu_us), number(1e6 / cpu_us, digits=0)])
    head = [
        "server",
        "requests a second, one client",
        "CPU µs a request",
        "requests that a core has time for, a second",
    ]
    publish("simulator", options, results, [*table(head, rows), "", f"Medians of {rounds} rounds."])
    return 0
