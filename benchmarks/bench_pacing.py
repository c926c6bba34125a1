"""How close to a limit one gets, and how far over it: bulksend beside what people usually write.

Every contender is a process of its own that sends to the simulator, another process, over real HTTP on loopback.
Limits up to 20 parts a second need next to no processor and run side by side; the others run one after the other.
README.md says what each column means.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from benchmarks.flows import MIXES, Flow
from benchmarks.measuring import Measured, campaign_measured, combined, measured
from benchmarks.options import parser_of, publish
from benchmarks.pacers import BOTO3, PACERS, WHOLE
from benchmarks.rig import Identities, Sender, Simulator, simulator
from benchmarks.tables import number, percent, table
from benchmarks.whole import Campaign

START_UP_S = 4.0
"""How long processes that are measured together may take to start."""

SIDE_BY_SIDE = 20
"""Parts per second up to which contenders run at the same time."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured: rates of the pacers and of whole clients, seconds for each (slow, fast), rounds."""

    rates: tuple[int, ...]
    whole_rates: tuple[int, ...]
    paced_s: tuple[float, float]
    whole_s: tuple[float, float]
    rounds: int


SHORT = Plan(rates=(3, 20, 100, 1000), whole_rates=(20, 100), paced_s=(20, 3), whole_s=(15, 6), rounds=1)
FULL = Plan(
    rates=(1, 3, 5, 20, 100, 1000, 5000), whole_rates=(20, 100, 300), paced_s=(60, 4), whole_s=(30, 8), rounds=3
)


class Round:
    """Runs contenders against one simulator and keeps what was measured."""

    def __init__(self, plan: Plan, seeds: Sequence[int]) -> None:
        self._plan = plan
        self._identities = Identities()
        slow = [(rate, plan.paced_s[0]) for rate in plan.rates if rate <= SIDE_BY_SIDE]
        fast = [(rate, plan.paced_s[1]) for rate in plan.rates if rate > SIDE_BY_SIDE]
        self._slow = {
            name: [self._flow(name, *each, mix, seed) for each in slow for mix in MIXES for seed in seeds]
            for name in PACERS
        }
        self._fast = [
            self._flow(name, *each, mix, seed) for seed in seeds for each in fast for mix in MIXES for name in PACERS
        ]
        self._clients = [
            self._flow(name, rate, plan.whole_s[rate > SIDE_BY_SIDE], mix, seeds[0])
            for rate in plan.whole_rates
            for mix in MIXES
            for name in (BOTO3, WHOLE)
        ]

    def _flow(self, contender: str, mps: int, seconds: float, mix: str, seed: int) -> Flow:
        identity = self._identities.new(mps)
        return Flow(contender=contender, identity=identity, mps=mps, mix=mix, seed=seed, spans=((0.0, seconds),))

    def run(self) -> Iterator[Measured]:
        """Measure everything."""
        with simulator(self._identities, record=True) as at:
            yield from self._side_by_side(at)
            yield from self._clients_in_turn(at)
        with simulator(self._identities) as at:
            for flow in self._fast:
                yield _alone(flow, at)

    def _side_by_side(self, at: Simulator) -> Iterator[Measured]:
        clients = [flow for flow in self._clients if flow.mps <= SIDE_BY_SIDE]
        yield from _together([flows for flows in self._slow.values() if flows], at)
        yield from _together([[flow] for flow in clients if flow.contender == BOTO3], at)
        campaigns = [_campaign(flow, at) for flow in clients if flow.contender == WHOLE]
        for campaign in campaigns:
            yield campaign_measured(campaign, at)

    def _clients_in_turn(self, at: Simulator) -> Iterator[Measured]:
        for flow in self._clients:
            if flow.mps > SIDE_BY_SIDE:
                yield campaign_measured(_campaign(flow, at), at) if flow.contender == WHOLE else _alone(flow, at)


def _together(processes: Sequence[Sequence[Flow]], at: Simulator) -> Iterator[Measured]:
    """Measure several processes at the same time, from when all of them have started."""
    starts_at = time.monotonic() + START_UP_S
    senders = [Sender(at.url, flows, starts_at=starts_at) for flows in processes]
    for flows, sender in zip(processes, senders, strict=True):
        for flow, sent in zip(flows, sender.done().flows, strict=True):
            yield measured(flow, sent, at, cpu_us=None)


def _campaign(flow: Flow, at: Simulator) -> Campaign:
    """A command that has been started."""
    campaign = Campaign(flow, at.url, seconds=flow.spans[-1][1])
    campaign.send()
    return campaign


def _alone(flow: Flow, at: Simulator) -> Measured:
    """Measure one flow in a process of its own, while nothing else runs."""
    done = Sender(at.url, [flow]).done()
    messages = max(1, len(done.flows[0].rows))
    return measured(flow, done.flows[0], at, cpu_us=done.cpu_s / messages * 1e6)


OUTRUN = " (*)"
OUTRUN_SHARE = 0.01


def rows_of(results: Sequence[Measured]) -> list[list[str]]:
    """The lines of the table."""
    return [
        [
            each.contender,
            f"{each.mps:,}",
            percent(each.used) + (OUTRUN if each.outrun > OUTRUN_SHARE else ""),
            percent(each.used / each.best if each.best else None),
            percent(each.fullest_release, digits=0),
            percent(each.fullest_arrival, digits=0),
            percent(each.throttled),
            number(each.deviation.p50_ms),
            number(each.deviation.p99_ms),
            number(each.deviation.max_ms),
            number(each.wait_ratio),
            number(each.cpu_us, digits=0),
        ]
        for each in results
    ]


HEAD = (
    "contender", "limit", "used", "of what order allows", "fullest second, leaving", "arriving", "throttled",
    "off schedule, ms: p50", "p99", "max", "10-part wait / 1-part", "CPU µs a message",
)  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    """Measure every contender at every limit and print the tables."""
    parser = parser_of("pacing", __doc__)
    parser.add_argument("--rates", type=int, nargs="+", help="other limits, in parts per second")
    options = parser.parse_args(arguments)
    plan = FULL if options.full else SHORT
    if options.rates:
        whole_rates = tuple(rate for rate in plan.whole_rates if rate in options.rates)
        plan = replace(plan, rates=tuple(options.rates), whole_rates=whole_rates)
    rounds: dict[tuple[str, int, str], list[Measured]] = {}
    for each in Round(plan, [options.seed + each for each in range(plan.rounds)]).run():
        rounds.setdefault((each.mix, each.mps, each.contender), []).append(each)
        print(f"{each.contender}, {each.mps} MPS, {MIXES[each.mix]}: {each.used:.1%}", file=sys.stderr)
    order = [*PACERS, WHOLE, BOTO3]
    results = [combined(rounds[key]) for key in sorted(rounds, key=lambda key: (key[1], order.index(key[2])))]
    lines: list[str] = []
    for mix, title in MIXES.items():
        lines += [
            f"**Messages: {title}**",
            "",
            *table(HEAD, rows_of([each for each in results if each.mix == mix])),
            "",
        ]
    publish("pacing", options, results, lines)
    return 0
