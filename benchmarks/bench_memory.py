"""Most memory that each command has resident, for short and for long lists."""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.campaigns import LEDGER, LIST, bulksend, write_campaign
from benchmarks.endpoint import endpoint
from benchmarks.options import parser_of, publish
from benchmarks.process import Ran
from benchmarks.tables import number, table

SIZES = (10_000, 100_000)
FULL_SIZES = (*SIZES, 1_000_000)
MPS = 1_000
"""Of each of the four identities. A second's parts are claimed ahead, so memory is of the limit; it has to be filled by
the shortest list too."""

COMMANDS = ("plan", "send", "status", "export")


def measure(rows: int) -> dict[str, Ran]:
    """Run every command for a list of so many rows; `send` plans and sends all of them."""
    with tempfile.TemporaryDirectory() as place, endpoint() as at:
        folder = Path(place)
        write_campaign(folder, rows, settings=f'endpoint_url = "{at.url}"', mps=MPS)
        return {
            "plan": bulksend(folder, "plan", LIST),
            "send": bulksend(folder, "send", LIST, "--ledger", LEDGER, "--yes"),
            "status": bulksend(folder, "status", LEDGER),
            "export": bulksend(folder, "export", LEDGER, "--format", "csv", "--out", "results.csv"),
        }


def main(arguments: Sequence[str]) -> int:
    """Measure every command at every size, and print the table."""
    parser = parser_of("memory", __doc__)
    parser.add_argument("--rows", type=int, nargs="+", help="other sizes")
    options = parser.parse_args(arguments)
    sizes = options.rows or (FULL_SIZES if options.full else SIZES)
    results: dict[int, dict[str, Ran]] = {}
    for rows in sizes:
        results[rows] = measure(rows)
        for command, ran in results[rows].items():
            print(f"{rows:,} rows: {command}: {ran.peak_mib:.0f} MiB, {ran.wall_s:.1f} s", file=sys.stderr)
    least, most = min(sizes), max(sizes)
    lines = table(
        ["command", *(f"MiB, {rows:,} rows" for rows in sizes), "longest by shortest", "CPU µs a row, longest"],
        [
            [
                f"`bulksend {command}`",
                *(number(results[rows][command].peak_mib) for rows in sizes),
                number(results[most][command].peak_mib / results[least][command].peak_mib, digits=2),
                number(results[most][command].cpu_s / most * 1e6),
            ]
            for command in COMMANDS
        ],
    )
    publish("memory", options, results, lines)
    return 0
