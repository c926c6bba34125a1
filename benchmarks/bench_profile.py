"""Where the processor time of `bulksend send` goes, by part: samples of its stacks, planning and start included."""

import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.campaigns import LEDGER, LIST, write_campaign
from benchmarks.endpoint import endpoint
from benchmarks.options import parser_of, publish
from benchmarks.process import Ran, run
from benchmarks.stacks import Place, place_of, stacks_of
from benchmarks.tables import number, percent, table

CONNECTIONS = 32
TRIES = 5
FILES = 15
"""How many files are told."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """What several rounds showed.

    Attributes:
        places: samples of all rounds.
        cpu_s: processor time of a round without the sampler, median.
        every_ms: processor time from one sample to the next.
    """

    places: Counter[Place]
    cpu_s: float
    every_ms: float


def sampled(messages: int, rounds: int, transport: str) -> Sampled:
    """Send so many messages, in every round with the sampler and without."""
    places: Counter[Place] = Counter()
    cpu_s: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(rounds):
        for profiled in (True, False):
            with tempfile.TemporaryDirectory() as name, endpoint() as at:
                folder = Path(name)
                settings = f'transport = "{transport}"\nmax_concurrency = {CONNECTIONS}\nendpoint_url = "{at.url}"'
                write_campaign(folder, messages, settings=settings)
                words = ["send", LIST, "--config", "bulksend.toml", "--ledger", LEDGER, "--yes"]
                start = ["-m", "benchmarks.profiled", "stacks"] if profiled else ["-m", "bulksend"]
                ran = _again_if_it_fell([sys.executable, *start, *words], folder)
                cpu_s[profiled].append(ran.cpu_s)
                if profiled:
                    stacks = (folder / "stacks").read_text(errors="replace")
                    places.update(place_of(stack) for stack in stacks_of(stacks))
    return Sampled(places, statistics.median(cpu_s[False]), sum(cpu_s[True]) / places.total() * 1000)


def _again_if_it_fell(words: Sequence[str], folder: Path) -> Ran:
    """Run the command; once more, in an emptied folder, where the sampler met a stack that was just being changed.

    It reads stacks from a signal's handler, without asking anybody to stand still: now and then that ends a process.
    """
    for _ in range(TRIES - 1):
        with suppress(RuntimeError):
            return run(words, folder=folder)
        for left in folder.glob(f"{LEDGER}*"):
            left.unlink()
    return run(words, folder=folder)


def main(arguments: Sequence[str]) -> int:
    """Sample, and print the tables."""
    parser = parser_of("profile", __doc__)
    parser.add_argument("--transport", choices=("express", "sdk"), default="express", help="`aws.transport`")
    options = parser.parse_args(arguments)
    messages, rounds = (20_000, 5) if options.full else (10_000, 1)
    seen = sampled(messages, rounds, options.transport)
    places = seen.places
    total, cpu_us = places.total(), seen.cpu_s / messages * 1e6
    by_part: Counter[tuple[str, str]] = Counter()
    by_phase: Counter[str] = Counter()
    by_file: Counter[str] = Counter()
    for place, samples in places.items():
        by_part[place.phase, place.part] += samples
        by_phase[place.phase] += samples
        by_file[place.file or place.part or place.phase] += samples

    def cells(samples: int) -> list[str]:
        return [percent(samples / total), number(samples / total * cpu_us)]

    phases = [phase for phase, _ in by_phase.most_common()]
    parts = []
    for phase in phases:
        parts.append([f"**{phase}**", "", *cells(by_phase[phase])])
        inner = [(part, samples) for (where, part), samples in by_part.most_common() if where == phase and part]
        parts += [["", part, *cells(samples)] for part, samples in inner]
    lines = [
        *table(["phase", "part", "of the time", "CPU µs a message"], parts),
        "",
        *table(
            ["file", "of the time", "CPU µs a message"], [[file, *cells(n)] for file, n in by_file.most_common(FILES)]
        ),
        "",
        f"{messages:,} messages, no latency, {options.transport}: {cpu_us:.1f} µs a message without the sampler;"
        f" {total:,} samples of {rounds} rounds, one in {seen.every_ms:.1f} ms of processor time.",
    ]
    publish("profile", options, {"cpu_us": cpu_us, "samples": [[*place, n] for place, n in places.items()]}, lines)
    return 0
