"""Planning a list, beside a bare phonenumbers loop that only parses and validates its numbers.

Each runs in a process of its own, in turn, several times; medians of wall time, and the ratio of the two.
"""

import argparse
import csv
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.options import parser_of, publish
from benchmarks.tables import number, table

CONTENDERS = ("phonenumbers", "plan")
NAMES = {"phonenumbers": "bare `phonenumbers` loop", "plan": "`bulksend plan`"}


def write_list(file: Path, rows: int, *, seed: int) -> None:
    """A seeded list: US and German numbers in mixed notations, a name and a code."""
    dice = random.Random(seed)  # noqa: S311 - seeded dice
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["phone", "name", "code"])
        for row in range(rows):
            area, line = dice.choice(("425", "206", "312", "415")), dice.randrange(2_000_000, 9_999_999)
            number = f"+49171{line}" if row % 4 == 0 else f"+1{area}{line}" if row % 2 else f"({area}) {line}"
            writer.writerow([number, dice.choice(("Ann", "Ben", "Zoë")), f"{row:06d}"])


def run_phonenumbers(file: Path) -> None:
    """The yardstick."""
    import phonenumbers

    with file.open(newline="") as lines:
        for cells in csv.DictReader(lines):
            phonenumbers.is_valid_number(phonenumbers.parse(cells["phone"], "US"))


def run_plan(file: Path) -> None:
    """The whole plan, ledger included."""
    import msgspec

    from bulksend.base.clock import SystemClock
    from bulksend.config.load import load_settings
    from bulksend.pipeline.plan import make_plan

    identities = [{"id": "20440", "mps": 100, "countries": ["US"]}, {"id": "ACME", "mps": 10, "countries": ["DE"]}]
    environ = {
        "BULKSEND_CAMPAIGN_NAME": "benchmark",
        "BULKSEND_CAMPAIGN_TEMPLATE": "Hi {{ name }}, your code is {{ code }}",
        "BULKSEND_RECIPIENTS_DEFAULT_COUNTRY": "US",
        "BULKSEND_IDENTITIES": msgspec.json.encode(identities).decode(),
    }
    ledger = file.with_suffix(".db")
    ledger.unlink(missing_ok=True)
    make_plan(load_settings(None, environ=environ), str(file), ledger, clock=SystemClock())


def child(contender: str, file: Path) -> None:
    """Run one contender and print what it took."""
    started_s = time.perf_counter()
    {"phonenumbers": run_phonenumbers, "plan": run_plan}[contender](file)
    wall_s = time.perf_counter() - started_s
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = usage.ru_utime + usage.ru_stime
    print(json.dumps({"wall_s": wall_s, "cpu_s": cpu_s, "peak_mib": usage.ru_maxrss / 1024}))


def main(arguments: Sequence[str]) -> int:
    """Measure both and print a table."""
    parser = parser_of("plan", __doc__)
    parser.add_argument("--child", nargs=2, metavar=("CONTENDER", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        child(options.child[0], Path(options.child[1]))
        return 0
    rows, rounds = 50_000, 5 if options.full else 3
    runs: dict[str, list[dict[str, float]]] = {contender: [] for contender in CONTENDERS}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "list.csv"
        write_list(file, rows, seed=options.seed)
        for _ in range(rounds):
            for contender in CONTENDERS:
                command = [sys.executable, "-m", "benchmarks", "plan", "--child", contender, str(file)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ourselves
                runs[contender].append(json.loads(done.stdout))
    medians = {
        contender: {key: statistics.median(run[key] for run in measured) for key in measured[0]}
        for contender, measured in runs.items()
    }
    ratio = medians["plan"]["wall_s"] / medians["phonenumbers"]["wall_s"]
    lines = [
        *table(
            ["contender", "seconds", "µs a row", "peak memory, MiB"],
            [
                [
                    NAMES[contender],
                    number(median["wall_s"], digits=2),
                    number(median["wall_s"] / rows * 1e6),
                    number(median["peak_mib"], digits=0),
                ]
                for contender, median in medians.items()
            ],
        ),
        "",
        f"{rows:,} rows, medians of {rounds} rounds: planning takes {ratio:.2f} times as long as the bare loop.",
    ]
    publish("plan", options, {"rows": rows, "medians": medians, "ratio": ratio}, lines)
    return 0
