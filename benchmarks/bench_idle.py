"""What comes after nothing was sent: a start, a pause, a restart. Fullest seconds, and a plot of them.

Every contender sends at 100 parts a second, one message in ten with ten parts, in turn: for some seconds, then after a
pause of three seconds, then from a new process that is started at once, then from another one that is started after an
idle spell, as a cron job is.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks import figures
from benchmarks.flows import MIXED, Flow
from benchmarks.options import parser_of, publish
from benchmarks.pacers import BOTO3, PACERS, WHOLE
from benchmarks.rig import Identities, Sender, Simulator, simulator
from benchmarks.tables import percent, table
from benchmarks.whole import Campaign

MPS = 100
SEND_S = 4.0
PAUSE_S = 3.0
START_UP_S = 1.5
"""About what the command needs before its first message; the raw client needs less."""

PHASES = ("start", "after a pause", "restart at once", "restart after a pause")


class Idle(msgspec.Struct, frozen=True, kw_only=True):
    """One contender in one round.

    Attributes:
        contender: who paced.
        fullest: for each of `PHASES`, most parts in a second that ended in it, by the limit; as released, of the
            command as accepted by the simulator.
        arrived: most parts in a second that reached the simulator, by the limit.
        throttled: messages throttled, by those that reached the simulator.
        points: (seconds since the first, parts) of every release, or arrival.
        begins: when each phase began, in seconds since the first release.
    """

    contender: str
    fullest: tuple[float, ...]
    arrived: float
    throttled: float
    points: list[figures.Point]
    begins: tuple[float, ...]


def run_paced(contender: str, identity: str, at: Simulator, *, seed: int) -> tuple[list[figures.Point], list[float]]:
    """Send by one of the pacers, or by boto3; return releases and when the phases began."""
    pause = (SEND_S + PAUSE_S, SEND_S + PAUSE_S + SEND_S)
    points: list[figures.Point] = []
    begins: list[float] = []
    for process, spans in enumerate((((0.0, SEND_S), pause), ((0.0, SEND_S),), ((0.0, SEND_S),))):
        now = time.monotonic()
        lately = sum(parts for when, parts in points if when > now - 1.0)
        flow = Flow(
            contender=contender,
            identity=identity,
            mps=MPS,
            mix=MIXED,
            seed=seed + process,
            spans=spans,
            parts_lately=lately,
        )
        sent = Sender(at.url, [flow]).done().flows[0]
        if not begins:
            begins = [sent.released[0], sent.released[0] + SEND_S + PAUSE_S - 0.5]
        else:
            begins.append(now)
        points += zip(sent.released, sent.parts, strict=True)
        if process == 1:
            time.sleep(PAUSE_S)
    return points, begins


def run_command(identity: str, at: Simulator, *, seed: int) -> tuple[list[figures.Point], list[float]]:
    """Send by `bulksend send`, which is stopped by SIGTERM and started again; return arrivals and starts."""
    flow = Flow(contender=WHOLE, identity=identity, mps=MPS, mix=MIXED, seed=seed, spans=())
    campaign = Campaign(flow, at.url, seconds=10 * SEND_S)
    begins = []
    for pause_s in (PAUSE_S, 0.0, PAUSE_S, 0.0):
        begins.append(time.monotonic())
        campaign.send()
        time.sleep(START_UP_S + SEND_S)
        campaign.stop()
        campaign.ended()
        time.sleep(pause_s)
    campaign.close()
    return [(each["arrived_at"], each["parts"]) for each in at.messages() if each["identity"] == identity], begins


def run(contender: str, identity: str, at: Simulator, *, seed: int) -> Idle:
    """One contender, once."""
    if contender == WHOLE:
        points, begins = run_command(identity, at, seed=seed)
    else:
        points, begins = run_paced(contender, identity, at, seed=seed)
    stats = at.stats(identity)
    first = min(when for when, _ in points)
    since = sorted((when - first, parts) for when, parts in points)
    starts = [0.0, *(each - first for each in begins[1:])]
    ends = [*starts[1:], since[-1][0] + 1.0]
    return Idle(
        contender=contender,
        fullest=tuple(
            figures.fullest_second(point for point in since if begin - 1.0 < point[0] < end) / MPS
            for begin, end in zip(starts, ends, strict=True)
        ),
        arrived=stats["fullest_offered"] / MPS,
        throttled=stats["throttled"] / max(1, stats["offered"]),
        points=since,
        begins=tuple(starts),
    )


def main(arguments: Sequence[str]) -> int:
    """Measure every contender, print the table, draw the plot."""
    parser = parser_of("idle", __doc__)
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the first round as SVG (extra `bench`)")
    parser.add_argument("--rounds", type=int, default=1, help="so many times, 75 seconds each (default: 1)")
    options = parser.parse_args(arguments)
    contenders = [*PACERS, WHOLE, BOTO3]
    results: dict[str, list[Idle]] = {}
    for number in range(options.rounds):
        identities = Identities()
        names = {contender: identities.new(MPS) for contender in contenders}
        with simulator(identities, record=True) as at:
            for contender in contenders:
                result = run(contender, names[contender], at, seed=options.seed + 10 * number)
                results.setdefault(contender, []).append(result)
                print(f"{contender}: {', '.join(percent(each, digits=0) for each in result.fullest)}", file=sys.stderr)
    rows = [
        [
            contender,
            *(percent(max(each), digits=0) for each in zip(*(each.fullest for each in rounds), strict=True)),
            percent(max(each.arrived for each in rounds), digits=0),
            percent(sum(each.throttled for each in rounds) / len(rounds)),
        ]
        for contender, rounds in results.items()
    ]
    lines = table(["fullest second", *PHASES, "arriving, of all", "throttled"], rows)
    publish("idle", options, results, lines)
    if options.plot is not None:
        from benchmarks.plot import draw

        draw([results[contender][0] for contender in contenders], limit=MPS, file=options.plot)
    return 0
