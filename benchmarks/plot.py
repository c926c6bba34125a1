"""The plot of `bench_idle`: parts in the trailing second over time, a panel for each contender, as SVG."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from io import StringIO
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.bench_idle import PHASES, Idle

if TYPE_CHECKING:
    from benchmarks.figures import Point

WITHIN = "#0072B2"
OVER = "#D55E00"
"""Blue and vermilion of Okabe and Ito's palette: they differ for every kind of colour vision."""

GREY = "#666666"
STEP_S = 0.1
"""Of the horizontal axis; each step shows the fullest trailing second that ended in it."""

TOP_SHARE = 2.2


def draw(results: Sequence[Idle], *, limit: int, file: Path) -> None:
    """Write the plot to `file`. The same results give the same bytes."""
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "bulksend", "font.size": 9}):
        figure = Figure(figsize=(10, 7.2), facecolor="white", layout="constrained")
        panels = figure.subplots(-(-len(results) // 2), 2, sharex=True, sharey=True)
        last = max(result.points[-1][0] for result in results) + 1.0
        for panel, result in zip(panels.flat, results, strict=False):
            times, parts = trailing(result.points, until=last)
            panel.fill([*times, last, 0], [*(min(limit, each) for each in parts), 0, 0], color=WITHIN, alpha=0.25, lw=0)
            panel.fill([*times, last, 0], [*(max(limit, each) for each in parts), limit, limit], color=OVER, lw=0)
            panel.plot(times, parts, color=WITHIN, linewidth=0.9)
            panel.axhline(limit, color="black", linewidth=0.8, linestyle=(0, (4, 2)))
            for begin, phase in zip(result.begins[1:], PHASES[1:], strict=True):
                panel.axvline(begin, color=GREY, linewidth=0.7, linestyle=":")
                panel.text(begin + 0.15, limit * TOP_SHARE * 0.98, phase, color=GREY, fontsize=7, va="top")
            fullest = round(max(result.fullest) * 100)
            panel.set_title(f"{result.contender.replace('`', '')}: fullest second {fullest} %", fontsize=10, loc="left")
            panel.set_xlim(0, last)
            panel.set_ylim(0, limit * TOP_SHARE)
            panel.spines[["top", "right"]].set_visible(False)
        figure.supxlabel("seconds", fontsize=9)
        figure.supylabel("parts in the second before", fontsize=9)
        figure.suptitle(
            f"Limit {limit} parts a second (dashed). Blue: within it; orange: over it.", fontsize=10, ha="left", x=0.01
        )
        drawn = StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    # A hundredth of a point is more than anybody sees, and half the bytes.
    short = re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", drawn.getvalue())
    file.write_text(short, encoding="utf-8")


def trailing(points: "Sequence[Point]", *, until: float) -> tuple[list[float], list[int]]:
    """The fullest trailing second that ends in each step of the axis."""
    whens = [when for when, _ in points]
    sums = [0, *accumulate(parts for _, parts in points)]
    times = [number * STEP_S for number in range(int(until / STEP_S) + 1)]
    fullest = []
    for begin in times:
        ends = [begin, *whens[bisect_right(whens, begin) : bisect_right(whens, begin + STEP_S)]]
        fullest.append(max(sums[bisect_right(whens, end)] - sums[bisect_right(whens, end - 1.0)] for end in ends))
    return times, fullest
