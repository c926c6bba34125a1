"""`bulksend export` of a ledger whose rows were all sent, in every format."""

import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.bench_ledger import work
from benchmarks.campaigns import LEDGER, bulksend, write_campaign
from benchmarks.options import parser_of, publish
from benchmarks.tables import number, table

if TYPE_CHECKING:
    from benchmarks.process import Ran

ROWS = 100_000
FORMATS = {
    "CSV": ("--format", "csv"),
    "CSV, with deliveries": ("--format", "csv", "--deliveries"),
    "JSONL": ("--format", "jsonl"),
    "JSONL, with deliveries": ("--format", "jsonl", "--deliveries"),
    "Parquet": ("--format", "parquet"),
    "Parquet, with deliveries": ("--format", "parquet", "--deliveries"),
}


def main(arguments: Sequence[str]) -> int:
    """Measure every format, and print the table."""
    options = parser_of("export", __doc__).parse_args(arguments)
    rounds = 5 if options.full else 1
    results: dict[str, list[Ran]] = {name: [] for name in FORMATS}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_campaign(folder, ROWS)
        work("plan", folder, ROWS)
        work("all", folder, ROWS)
        for _ in range(rounds):
            for name, words in FORMATS.items():
                results[name].append(bulksend(folder, "export", LEDGER, *words, "--out", "results"))
                print(f"{name}: {results[name][-1].wall_s:.2f} s", file=sys.stderr)

    def median(name: str, what: str) -> float:
        return statistics.median(float(getattr(each, what)) for each in results[name])

    lines = table(
        ["format", "rows a second", "CPU µs a row", "peak memory, MiB"],
        [
            [
                name,
                number(ROWS / median(name, "wall_s"), digits=0),
                number(median(name, "cpu_s") / ROWS * 1e6),
                number(median(name, "peak_mib"), digits=0),
            ]
            for name in FORMATS
        ],
    )
    publish("export", options, results, [*lines, "", f"{ROWS:,} rows, the whole command; medians of {rounds} rounds."])
    return 0
