"""How long commands take that do next to nothing, beside Python itself."""

import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bench_ledger import work
from benchmarks.campaigns import LEDGER, write_campaign
from benchmarks.options import parser_of, publish
from benchmarks.process import Ran, run
from benchmarks.tables import number, table

PYTHON = "`python -c pass`"
OURS = ("--version", "--help", "status sale.db")


def commands() -> dict[str, list[str]]:
    """What is compared: how the table calls it -> its words."""
    script = Path(sys.executable).with_name("bulksend")
    start = [str(script)] if script.exists() else [sys.executable, "-m", "bulksend"]
    found = {PYTHON: [sys.executable, "-c", "pass"]}
    found |= {f"`bulksend {words}`": [*start, *words.split()] for words in OURS}
    if aws := shutil.which("aws"):
        found["`aws --version`"] = [aws, "--version"]
    return found


def main(arguments: Sequence[str]) -> int:
    """Measure every command, and print the table."""
    options = parser_of("startup", __doc__).parse_args(arguments)
    rounds = 15 if options.full else 5
    results: dict[str, list[Ran]] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_campaign(folder, 1_000)
        work("plan", folder, 1_000)
        assert (folder / LEDGER).exists()  # noqa: S101 - what `status` is about
        for _ in range(rounds):
            for name, words in commands().items():
                try:
                    results.setdefault(name, []).append(run(words, folder=folder))
                except RuntimeError as error:
                    if not name.startswith("`aws"):
                        raise
                    print(f"left out: {error}", file=sys.stderr)

    def median_ms(name: str, what: str) -> float:
        return statistics.median(float(getattr(each, what)) for each in results[name]) * 1000

    lines = table(
        ["command", "ms", "more than Python's", "CPU ms"],
        [
            [
                name,
                number(median_ms(name, "wall_s"), digits=0),
                number(median_ms(name, "wall_s") - median_ms(PYTHON, "wall_s"), digits=0),
                number(median_ms(name, "cpu_s"), digits=0),
            ]
            for name, measured in results.items()
            if measured
        ],
    )
    publish("startup", options, results, [*lines, "", f"Medians of {rounds} rounds."])
    return 0
