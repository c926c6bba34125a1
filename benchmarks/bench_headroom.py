"""How much of a limit has to stay unused so that jitter does not push it over: where `pacing.headroom` comes from.

With a headroom h the meter lets a part leave the second after 1 / (1 - h) seconds, so that two messages may come
h / (1 - h) seconds closer together than they left. Measured is how much closer they come on loopback, on a quiet
machine and with every core kept busy by another process, and what that does with each headroom; longer ways are
reckoned in virtual time.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from benchmarks import figures
from benchmarks.flows import MIXED, MIXES, SINGLE, Flow
from benchmarks.jitter import JITTERS, Jittered, jittered
from benchmarks.options import parser_of, publish
from benchmarks.pacers import BULKSEND
from benchmarks.rig import Identities, Sender, busy_cores, simulator
from benchmarks.tables import number, percent, table

HEADROOMS = (0.0, 0.005, 0.01, 0.015, 0.02, 0.05)
SLOW_RATES = (20, 100)
FAST_RATE = 1000
RATES = (*SLOW_RATES, FAST_RATE)
NEVER = 0.0001
"""A share of throttled messages below this counts as none when a headroom is recommended."""


class Delays(msgspec.Struct, frozen=True, kw_only=True):
    """How much longer than the fastest messages took from the client's write to the simulator's read, milliseconds."""

    mps: int
    busy: bool
    messages: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """One headroom at one limit; shares are of the limit, the worse of both mixes.

    Attributes:
        headroom: share of the limit left unused.
        mps: the limit.
        busy: whether the cores were kept busy.
        used: with single parts.
        fullest_release: most parts in a second, as they left.
        fullest_arrival: most parts in a second, as they arrived.
        throttled: messages throttled, by those that arrived.
    """

    headroom: float
    mps: int
    busy: bool
    used: float
    fullest_release: float
    fullest_arrival: float
    throttled: float


def delays(mps: int, *, busy: bool, seconds: float, seed: int) -> Delays:
    """Send single parts at `mps` to a simulator that throttles nothing, and compare both clocks (they are one)."""
    identities = Identities()
    identity = identities.new(10 * mps)
    flow = Flow(contender=BULKSEND, identity=identity, mps=mps, mix=SINGLE, seed=seed, spans=((0.0, seconds),))
    with simulator(identities, record=True) as at, busy_cores(busy=busy):
        sent = Sender(at.url, [flow]).done().flows[0]
        arrived = {each["context"]["row"]: each["arrived_at"] for each in at.messages()}
    took_ms = sorted(
        (arrived[f"row-{row:08d}"] - released) * 1000
        for row, released in zip(sent.rows, sent.released, strict=True)
        if f"row-{row:08d}" in arrived
    )
    longer = [each - took_ms[0] for each in took_ms]
    p50, p99, p999 = (figures.quantile(longer, share) for share in (0.5, 0.99, 0.999))
    return Delays(mps=mps, busy=busy, messages=len(longer), p50_ms=p50, p99_ms=p99, p999_ms=p999, max_ms=longer[-1])


def held(*, busy: bool, seconds: float, seed: int) -> Iterator[Held]:
    """Send with every headroom, at the slow rates side by side, at the fast one alone."""
    identities = Identities()

    def flow(headroom: float, mps: int, mix: str) -> Flow:
        identity = identities.new(mps)
        spans = ((0.0, seconds),)
        return Flow(contender=BULKSEND, identity=identity, mps=mps, mix=mix, seed=seed, spans=spans, headroom=headroom)

    groups = []
    for headroom in HEADROOMS:
        groups.append([flow(headroom, mps, mix) for mps in SLOW_RATES for mix in MIXES])
        groups += [[flow(headroom, FAST_RATE, mix)] for mix in (SINGLE, MIXED)]
    collected: dict[tuple[float, int], list[Held]] = {}
    with simulator(identities) as at, busy_cores(busy=busy):
        for group in groups:
            done = Sender(at.url, group).done()
            for each, sent in zip(group, done.flows, strict=True):
                stats = at.stats(each.identity)
                points = list(zip(sent.released, sent.parts, strict=True))
                result = Held(
                    headroom=each.headroom,
                    mps=each.mps,
                    busy=busy,
                    used=figures.parts_per_second(figures.steady(points)) / each.mps,
                    fullest_release=figures.fullest_second(points) / each.mps,
                    fullest_arrival=stats["fullest_offered"] / each.mps,
                    throttled=stats["throttled"] / max(1, stats["offered"]),
                )
                collected.setdefault((each.headroom, each.mps), []).append(result)
    for single, mixed in collected.values():
        yield msgspec.structs.replace(
            single,
            fullest_release=max(single.fullest_release, mixed.fullest_release),
            fullest_arrival=max(single.fullest_arrival, mixed.fullest_arrival),
            throttled=max(single.throttled, mixed.throttled),
        )


def recommendation(results: Sequence[Held], virtual: Sequence[Jittered]) -> Iterator[str]:
    """What the figures say, for each circumstance."""
    for busy, where in ((False, "On loopback, quiet"), (True, "On loopback, with every core kept busy")):
        yield f"- {where}: {_least((each.headroom, each.throttled) for each in results if each.busy is busy)}."
    for name in JITTERS:
        least = _least((each.headroom, each.throttled) for each in virtual if each.jitter == name)
        yield f"- Reckoned, jitter {name}: {least}."


def _least(shares: Iterable[tuple[float, float]]) -> str:
    """The least headroom from which on next to nothing is throttled, at any limit."""
    worst: dict[float, float] = {}
    for headroom, throttled in shares:
        worst[headroom] = max(throttled, worst.get(headroom, 0.0))
    enough: float | None = None
    for headroom, throttled in sorted(worst.items(), reverse=True):
        if throttled >= NEVER:
            break
        enough = headroom
    if enough is None:
        return f"no headroom up to {max(worst)} keeps everything from being throttled"
    return f"{enough} is the least that is enough ({enough / (1.0 - enough) * 1000:.1f} ms of jitter)"


def tables(measured: Sequence[Delays], results: Sequence[Held], virtual: Sequence[Jittered]) -> list[str]:
    """What the README shows."""
    delays_rows = [
        [
            "busy" if each.busy else "quiet",
            f"{each.mps:,}",
            f"{each.messages:,}",
            *(number(value, digits=2) for value in (each.p50_ms, each.p99_ms, each.p999_ms, each.max_ms)),
        ]
        for each in measured
    ]
    held_rows = [
        [
            "busy" if each.busy else "quiet",
            f"{each.mps:,}",
            percent(each.headroom),
            *(percent(value) for value in (each.used, each.fullest_release, each.fullest_arrival)),
            percent(each.throttled, digits=2),
        ]
        for each in sorted(results, key=lambda each: (each.busy, each.mps, each.headroom))
    ]
    jitter_rows = [
        [
            f"{mps:,}",
            percent(headroom),
            *(
                f"{percent(each.fullest_arrival, digits=0)}, {percent(each.throttled, digits=2)}"
                for each in virtual
                if (each.mps, each.headroom) == (mps, headroom)
            ),
        ]
        for mps in RATES
        for headroom in HEADROOMS
    ]
    return [
        "**Delay from the client's write to the simulator's read, beyond the shortest, ms**",
        "",
        *table(["cores", "limit", "messages", "p50", "p99", "p99.9", "max"], delays_rows),
        "",
        "**Each headroom on loopback**",
        "",
        *table(["cores", "limit", "headroom", "used", "fullest second, leaving", "arriving", "throttled"], held_rows),
        "",
        "**Fullest second and throttled messages under jitter, in virtual time**",
        "",
        *table(["limit", "headroom", *JITTERS], jitter_rows),
        "",
        *recommendation(results, virtual),
    ]


def main(arguments: Sequence[str]) -> int:
    """Measure and reckon, print the tables and what follows from them."""
    options = parser_of("headroom", __doc__).parse_args(arguments)
    seconds, jitter_s, messages = (4.0, 8.0, 10_000) if options.full else (2.0, 3.0, 3_000)
    seed = options.seed
    circumstances = [(busy, mps) for busy in (False, True) for mps in (100, FAST_RATE)]
    measured = [delays(mps, busy=busy, seconds=jitter_s, seed=seed) for busy, mps in circumstances]
    print("delays measured", file=sys.stderr)
    results = [each for busy in (False, True) for each in held(busy=busy, seconds=seconds, seed=seed)]
    print("headrooms measured", file=sys.stderr)
    pairs = [(mps, headroom) for mps in RATES for headroom in HEADROOMS]
    virtual = [each for mps, headroom in pairs for each in jittered(mps, headroom, seed=seed, messages=messages)]
    document = {"delays": measured, "headrooms": results, "virtual": virtual}
    publish("headroom", options, document, tables(measured, results, virtual))
    return 0
