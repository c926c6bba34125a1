"""Tables in Markdown, and where they stand in the README."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

README = Path(__file__).with_name("README.md")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table, aligned; everything but the first column to the right."""
    widths = [max(len(line[column]) for line in (head, *rows)) for column in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)]
        return f"| {' | '.join([cells[0].ljust(widths[0]), *padded[1:]])} |"

    rule = [f":{'-' * (widths[0] - 1)}", *(f"{'-' * (width - 1)}:" for width in widths[1:])]
    return [line(head), f"| {' | '.join(rule)} |", *map(line, rows)]


def machine() -> str:
    """Day, machine and versions, as they stand above the figures."""
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    processor = names[0] if names else platform.processor() or platform.machine()
    packages = ", ".join(f"{name} {version(name)}" for name in ("uvloop", "aiolimiter"))
    hardware = f"{os.cpu_count()} cores ({processor})"
    return f"{datetime.now(UTC):%d %B %Y}, {hardware}, Python {platform.python_version()}, {packages}"


def percent(share: float | None, *, digits: int = 1) -> str:
    """A share as people read it; a dash for what was not measured."""
    return "-" if share is None else f"{share * 100:.{digits}f} %"


def number(value: float | None, *, digits: int = 1) -> str:
    """A number; a dash for what was not measured."""
    return "-" if value is None else f"{value:,.{digits}f}"


def put_into_readme(name: str, lines: Sequence[str]) -> None:
    """Replace what stands between the marks of `name` in the README.

    Raises:
        ValueError: the README has no such marks.
    """
    begins, ends = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    text = README.read_text(encoding="utf-8")
    before, begin, rest = text.partition(begins)
    _, end, after = rest.partition(ends)
    if not begin or not end:
        raise ValueError(f"{README.name} has no {begins.strip()} ... {ends.strip()}")
    README.write_text("".join((before, begins, *(f"{line}\n" for line in lines), ends, after)), encoding="utf-8")


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
