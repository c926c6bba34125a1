"""What every benchmark can be told, and where its results go."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.tables import machine, put_into_readme

SEED = 42

WHERE_TO = ("--json", "--plot")
"""Options with a file."""


def parser_of(name: str, description: str | None) -> argparse.ArgumentParser:
    """A parser with the common options."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks {name}", description=description)
    parser.add_argument("--full", action="store_true", help="the run that the README documents; some minutes longer")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the messages (default: {SEED})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to FILE as JSON too")
    parser.add_argument("--readme", action="store_true", help="put the tables into benchmarks/README.md")
    return parser


def command_of(name: str) -> str:
    """The command that repeats this run: its words, but those that only say where the results go."""
    words = iter(sys.argv[2:])
    kept = [f"python -m benchmarks {name}"]
    for word in words:
        if word in WHERE_TO:
            next(words)
        elif word != "--readme":
            kept.append(word)
    return " ".join(kept).replace(f" --seed {SEED}", "")


def publish(name: str, options: argparse.Namespace, results: object, tables: Sequence[str]) -> None:
    """Print the tables, under what was run where; write JSON and README if that was asked for."""
    where = f"`{command_of(name)}`, {machine()}:"
    lines = [where, "", *tables]
    print("\n".join(lines))
    if options.json is not None:
        document = {"benchmark": name, "command": command_of(name), "machine": machine(), "results": results}
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(document)))
    if options.readme:
        put_into_readme(name, lines)
