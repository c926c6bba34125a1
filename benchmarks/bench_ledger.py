"""How many intents and outcomes the ledger takes, and how long each waits for the disk, beside plain SQLite.

Each contender is a process of its own, one after the other. A message is an intent and an outcome, both on disk.
"""

import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.campaigns import LEDGER, write_campaign
from benchmarks.ledgers import BATCH, OFFERED, Wrote
from benchmarks.options import parser_of, publish
from benchmarks.process import run
from benchmarks.tables import number, table

NAMES = {
    "all": "bulksend's ledger, as fast as it goes",
    "offered": f"bulksend's ledger, {OFFERED:,} a second offered",
    "batches": f"plain SQLite, {BATCH:,} messages a commit",
    "each": "plain SQLite, a message a commit",
    "flushes": "4 KiB flushed, no database",
}
SLOW = ("each", "flushes")
SLOW_ROWS = 2_000


def work(how: str, folder: Path, rows: int) -> bytes:
    """Run one of them in a process of its own."""
    return run([sys.executable, "-m", "benchmarks.ledgers", how, str(folder), str(rows)]).out


def main(arguments: Sequence[str]) -> int:
    """Measure each, and print the table."""
    parser = parser_of("ledger", __doc__)
    parser.add_argument("--folder", type=Path, help="on the disk to measure (default: that of temporary files)")
    options = parser.parse_args(arguments)
    rows, rounds = (100_000, 3) if options.full else (20_000, 1)
    results: dict[str, list[Wrote]] = {how: [] for how in NAMES}
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        planned = Path(place)
        write_campaign(planned, rows)
        work("plan", planned, rows)
        for _ in range(rounds):
            for how, measured in results.items():
                with tempfile.TemporaryDirectory(dir=options.folder) as name:
                    folder = Path(name)
                    shutil.copy(planned / LEDGER, folder)
                    wrote = work(how, folder, SLOW_ROWS if how in SLOW else rows)
                measured.append(msgspec.json.decode(wrote, type=Wrote))
                print(f"{NAMES[how]}: {measured[-1]}", file=sys.stderr)
    lines = table(
        ["contender", "messages", "a second", "CPU µs a message", "on disk after, ms: p50", "p99", "max"],
        [
            [
                NAMES[how],
                f"{all_rounds[0].messages:,}",
                number(statistics.median(each.messages / each.wall_s for each in all_rounds), digits=0),
                number(statistics.median(each.cpu_s / each.messages * 1e6 for each in all_rounds)),
                *(
                    number(statistics.median(each.waits_ms[place] for each in all_rounds), digits=2)
                    for place in range(3)
                ),
            ]
            for how, all_rounds in results.items()
        ],
    )
    publish("ledger", options, results, [*lines, "", f"Medians of {rounds} rounds."])
    return 0
