"""Planning a list, beside a bare phonenumbers loop that only parses and validates its numbers.

Each runs in a process of its own, in turn, several times; medians, and of wall time the ratio of the two.
"""

import csv
import json
import random
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.options import parser_of, publish
from benchmarks.process import run
from benchmarks.tables import number, table

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


def main(arguments: Sequence[str]) -> int:
    """Measure both and print a table."""
    options = parser_of("plan", __doc__).parse_args(arguments)
    rows, rounds = 50_000, 5 if options.full else 3
    runs: dict[str, list[dict[str, float]]] = {contender: [] for contender in NAMES}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "list.csv"
        write_list(file, rows, seed=options.seed)
        for _ in range(rounds):
            for contender in NAMES:
                done = run([sys.executable, "-m", "benchmarks.planners", contender, str(file)])
                runs[contender].append(json.loads(done.out) | {"peak_mib": done.peak_mib})
    medians = {
        contender: {key: statistics.median(each[key] for each in measured) for key in measured[0]}
        for contender, measured in runs.items()
    }
    ratio, cpu_ratio = (medians["plan"][what] / medians["phonenumbers"][what] for what in ("wall_s", "cpu_s"))
    lines = [
        *table(
            ["contender", "seconds", "rows a second", "CPU µs a row", "peak memory, MiB"],
            [
                [
                    NAMES[contender],
                    number(median["wall_s"], digits=2),
                    number(rows / median["wall_s"], digits=0),
                    number(median["cpu_s"] / rows * 1e6),
                    number(median["peak_mib"], digits=0),
                ]
                for contender, median in medians.items()
            ],
        ),
        "",
        f"{rows:,} rows, medians of {rounds} rounds: planning takes {ratio:.2f} times as long as the bare loop, and"
        f" {cpu_ratio:.2f} times the processor time.",
    ]
    publish("plan", options, {"rows": rows, "medians": medians, "ratio": ratio, "cpu_ratio": cpu_ratio}, lines)
    return 0
