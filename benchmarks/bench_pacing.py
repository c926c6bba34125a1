"""How close to a limit one gets, and how far over it: the meter beside what people usually write.

Real time, one process, one event loop, no network: what is measured is when messages are released. Each contender runs
on its own in turn; a run takes `--seconds` for each rate and contender.
"""

import argparse
import asyncio
import json
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass

from aiolimiter import AsyncLimiter

from bulksend.base.clock import SystemClock
from bulksend.base.records import Bucket
from bulksend.rate.meter import Meter

Admit = Callable[[int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Result:
    """One contender at one rate.

    Attributes:
        used: share of the limit that was used, from the first release to the last.
        fullest: most parts in any half-open second, as a share of the limit.
        wait_ratio: how long a ten-part message waited, compared with a one-part message; 1 is fair.
    """

    contender: str
    mps: int
    used: float
    fullest: float
    wait_ratio: float | None


def with_meter(mps: int) -> Admit:
    """Ours."""
    return Meter(Bucket("b", mps), headroom=0.01, clock=SystemClock()).admit


def with_bare_limiter(mps: int) -> Admit:
    """`AsyncLimiter(mps, 1)`, as its documentation suggests; a message above its capacity takes it in pieces."""
    limiter = AsyncLimiter(mps, 1)

    async def admit(parts: int) -> None:
        for _ in range(parts // mps):
            await limiter.acquire(mps)
        await limiter.acquire(parts % mps)

    return admit


def with_sleep(mps: int) -> Admit:
    """A sleep for each message."""

    async def admit(parts: int) -> None:
        await asyncio.sleep(parts / mps)

    return admit


CONTENDERS: dict[str, Callable[[int], Admit]] = {
    "bulksend": with_meter,
    "AsyncLimiter(mps, 1)": with_bare_limiter,
    "sleep": with_sleep,
}


async def measure(name: str, mps: int, *, seconds: float, seed: int) -> Result:
    """Offer more than the limit for `seconds` from 20 callers, and look at what was released."""
    admit = CONTENDERS[name](mps)
    dice = random.Random(seed)  # noqa: S311 - seeded dice
    releases: list[tuple[float, int]] = []
    waits: dict[int, list[float]] = {1: [], 10: []}
    ends = time.monotonic() + seconds
    turn = asyncio.Lock()

    async def caller() -> None:
        while time.monotonic() < ends:
            parts = 10 if dice.random() < 0.1 else 1
            asked = time.monotonic()
            if name == "sleep":
                # One sleep at a time: twenty of them at once would be twenty times the rate.
                async with turn:
                    await admit(parts)
            else:
                await admit(parts)
            now = time.monotonic()
            releases.append((now, parts))
            waits[parts].append(now - asked)

    await asyncio.gather(*(caller() for _ in range(20)))
    releases.sort()
    elapsed_s = releases[-1][0] - releases[0][0]
    used = sum(parts for _, parts in releases[1:]) / elapsed_s / mps if elapsed_s else 0.0
    ratio = statistics.median(waits[10]) / statistics.median(waits[1]) if waits[10] and waits[1] else None
    return Result(name, mps, used, fullest_window(releases) / mps, ratio)


def fullest_window(releases: Sequence[tuple[float, int]]) -> int:
    """Most parts in any half-open second."""
    fullest = within = first = 0
    for when, parts in releases:
        within += parts
        while releases[first][0] <= when - 1.0:
            within -= releases[first][1]
            first += 1
        fullest = max(fullest, within)
    return fullest


def main(arguments: Sequence[str]) -> int:
    """Measure every contender at every rate and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks pacing", description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0, help="for each rate and contender")
    parser.add_argument("--rates", type=int, nargs="+", default=[20, 100, 1000], help="parts per second")
    parser.add_argument("--uvloop", action="store_true", help="on uvloop instead of asyncio's own loop")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    factory = None
    if options.uvloop:
        import uvloop

        factory = uvloop.new_event_loop
    results = []
    for mps in options.rates:
        for name in CONTENDERS:
            with asyncio.Runner(loop_factory=factory) as runner:
                results.append(runner.run(measure(name, mps, seconds=options.seconds, seed=42)))
    if options.json:
        print(json.dumps([asdict(result) for result in results]))
        return 0
    print(f"{'contender':<22} {'limit':>6} {'used':>7} {'fullest second':>15} {'10-part wait / 1-part':>22}")
    for result in results:
        ratio = "-" if result.wait_ratio is None else f"{result.wait_ratio:.2f}"
        print(f"{result.contender:<22} {result.mps:>6} {result.used:>7.1%} {result.fullest:>15.1%} {ratio:>22}")
    return 0
