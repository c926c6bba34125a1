"""What it costs to send a message: bulksend, which plans and records, beside clients that do nothing but send.

Every contender is a process of its own, one after the other, with the same messages, as many connections, and an
endpoint of its own in another process, which does next to nothing. README.md says what each column means.
"""

import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.certificates import make_certificate
from benchmarks.contenders import BASE, BULKSEND, NAMES, PEERS, Scenario, Sent, combined, measure, present, versions
from benchmarks.options import parser_of, publish
from benchmarks.process import can_be_held
from benchmarks.tables import number, table

FIRST = Scenario("No latency")
SCENARIOS = {
    "zero": FIRST,
    "far": Scenario("40 ms latency", latency_s=0.04, connections=200),
    "tls": Scenario("TLS, no latency", tls=True),
    "zero-pinned": Scenario("No latency, the client on one core", pinned=True),
    "far-pinned": Scenario("40 ms latency, the client on one core", latency_s=0.04, connections=200, pinned=True),
    "tls-pinned": Scenario("TLS, no latency, the client on one core", tls=True, pinned=True),
}
SHORT = ("zero", "far", "tls")

MANY = ("floor", "bulksend-express")
MANY_TIMES = 5
"""The fast ones send so many times as many: they would be done before anything is to be seen."""

VARIANTS = ("aiobotocore", "aiobotocore-gather")
"""Measured in the first scenario alone; elsewhere they differ from their like as they do there."""

NOT_PINNED = ("bulksend-sdk",)
"""Left out where the client has one core: it takes longest, and says nothing there that it does not elsewhere."""

Round = Mapping[str, Sent]
"""Contender -> what was measured, in one scenario."""


def run_round(scenario: Scenario, contenders: Sequence[str], messages: int) -> Iterator[Sent]:
    """Every contender once."""
    with tempfile.TemporaryDirectory() as folder:
        certificate = make_certificate(Path(folder)) if scenario.tls else None
        for contender in contenders:
            if (contender in VARIANTS and scenario is not FIRST) or (contender in NOT_PINNED and scenario.pinned):
                continue
            times = MANY_TIMES if contender in MANY else 1
            sent = measure(contender, scenario, times * messages, certificate)
            print(f"{scenario.title}: {NAMES[contender]}: {sent.counted_us:.0f} µs a message", file=sys.stderr)
            yield sent


def ratio(rounds: Sequence[Round], contender: str, base: str, *, alone: bool = False) -> float:
    """Median, over the rounds, of what a contender did for a message by what the base did; `alone`: sending alone."""
    return statistics.median(
        (each[contender].alone_us if alone else each[contender].counted_us) / each[base].counted_us for each in rounds
    )


HEAD = (
    "contender", "messages", "messages a second", "CPU µs a message: sending alone", "all of the process",
    "of aiobotocore's", "peak memory, MiB", "endpoint, CPU µs",
)  # fmt: skip


def lines_of(scenario: Scenario, rounds: Sequence[Round]) -> Iterator[str]:
    """The table of one scenario, and what follows from it."""
    rows = []
    for name in (name for name in NAMES if name in rounds[0]):
        median = combined([each[name] for each in rounds])
        rows.append([
            NAMES[name],
            f"{median.messages:,}",
            number(median.per_second, digits=0),
            number(median.alone_us),
            number(median.whole_us),
            number(ratio(rounds, name, BASE) if BASE in rounds[0] else None, digits=2),
            number(median.peak_mib, digits=0),
            number(median.endpoint_us, digits=0),
        ])  # fmt: skip
    yield f"**{scenario.title}, {scenario.connections} connections**"
    yield ""
    yield from table(HEAD, rows)
    yield ""
    peers = [name for name in NAMES if name in PEERS and name in rounds[0]]
    ours = [(name, alone) for name in BULKSEND if name in rounds[0] for alone in (False, True)]
    if peers and ours:
        yield from table(
            ["processor time by that of", *(NAMES[peer] for peer in peers)],
            [
                [
                    f"{NAMES[name]}, {'sending alone' if alone else 'all'}",
                    *(number(ratio(rounds, name, peer, alone=alone), digits=2) for peer in peers),
                ]
                for name, alone in ours
            ],
        )
        yield ""


def main(arguments: Sequence[str]) -> int:
    """Measure every contender in every scenario, and print the tables."""
    parser = parser_of("send", __doc__)
    parser.add_argument("--scenarios", nargs="+", choices=SCENARIOS, help="these alone")
    parser.add_argument("--contenders", nargs="+", choices=NAMES, help="these alone")
    parser.add_argument("--rounds", type=int, help="so many times")
    parser.add_argument("--messages", type=int, help="of each contender; the fastest two send five times as many")
    options = parser.parse_args(arguments)
    names = options.scenarios or (SCENARIOS if options.full else SHORT)
    scenarios = {name: SCENARIOS[name] for name in names if can_be_held() or not SCENARIOS[name].pinned}
    if len(scenarios) < len(names):
        print("left out: one core for the client, because this machine has no other for the endpoint", file=sys.stderr)
    contenders = list(present(options.contenders or NAMES))
    rounds = options.rounds or (3 if options.full else 1)
    messages = options.messages or (4_000 if options.full else 1_500)
    results: dict[str, list[Round]] = {name: [] for name in scenarios}
    for _ in range(rounds):
        for name, scenario in scenarios.items():
            results[name].append({sent.contender: sent for sent in run_round(scenario, contenders, messages)})
    lines = [line for name, scenario in scenarios.items() for line in lines_of(scenario, results[name])]
    publish("send", options, results, [*lines, f"Medians of {rounds} rounds; {versions(contenders)}."])
    return 0
