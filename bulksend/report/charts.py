"""Charts as SVG for the pages, drawn by matplotlib, with the colours of the page's style.

matplotlib knows no variables, so it draws with stand-ins, and these are replaced in the SVG. What it writes is meant to
be a file of its own: metadata and a style sheet go, and every id gets the chart's name, which is unique in a page.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from bulksend.report.clock_axis import TimeAxis

WIDTH_IN, HEIGHT_IN = 6.0, 2.7
"""Inches of 72 units. A chart is as wide as the column that it stands in; letters are 9 to 12 pixels high then."""

INK, QUIET, GRID, GOOD, WARNING, BAD = "#010100", "#020200", "#030300", "#040400", "#050500", "#060600"
FIRST, SECOND, GROUND = "#070700", "#080800", "#090900"

VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        INK: "var(--ink)",
        QUIET: "var(--quiet)",
        GRID: "var(--grid)",
        GOOD: "var(--good)",
        WARNING: "var(--warning)",
        BAD: "var(--bad)",
        FIRST: "var(--series-1)",
        SECOND: "var(--series-2)",
        GROUND: "var(--ground)",
    }
)
"""Stand-ins for colours: what the page has in their place."""

SERIES = (FIRST, SECOND, BAD, WARNING, GOOD, QUIET)

_SETTINGS: Mapping[str, object] = MappingProxyType(
    {
        "svg.fonttype": "none",  # letters stay letters: to be read aloud, searched, and shown in the page's font
        "text.parse_math": False,
        "text.color": INK,
        "font.family": ["DejaVu Sans"],  # comes with matplotlib: the same on every machine
        "font.size": 10,
        "axes.edgecolor": GRID,
        "axes.labelcolor": QUIET,
        "axes.facecolor": "none",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.linewidth": 0.6,
        "figure.facecolor": "none",
        "savefig.facecolor": "none",
        "xtick.color": GRID,
        "ytick.color": GRID,
        "xtick.labelcolor": QUIET,
        "ytick.labelcolor": QUIET,
    }
)


@dataclass(frozen=True, slots=True)
class Panel:
    """A stretch of time of a chart; values are those of its slots, in order.

    Attributes:
        axis: of time.
        values: parts per second that went out.
        allowed: parts per second that were kept to; None where nobody noted it.
    """

    axis: TimeAxis
    values: Sequence[float]
    allowed: Sequence[float | None] = ()


def rate_chart(name: str, title: str, description: str, panels: Sequence[Panel], *, limit: float) -> Markup:
    """Parts per second over time as an area, the limit dashed above it, and what was kept to as a line."""
    highest = max([limit, *(value for panel in panels for value in panel.values)])
    with _figure() as figure:
        axes = _time_axes(figure, [panel.axis for panel in panels])
        for one, panel in zip(axes, panels, strict=True):
            edges = panel.axis.edges
            one.stairs(panel.values, edges, fill=True, color=FIRST, alpha=0.3, linewidth=0)
            one.stairs(panel.values, edges, baseline=None, color=FIRST, linewidth=1.3)
            if any(each is not None for each in panel.allowed):
                kept = [float("nan") if each is None else each for each in panel.allowed]
                one.stairs(kept, edges, baseline=None, color=SECOND, linewidth=1.3)
            one.axhline(limit, color=INK, linewidth=1.1, linestyle=(0, (5, 3)))
            one.set_ylim(0, highest * 1.12)
        _number_axis(axes[0].yaxis)
        axes[0].set_ylabel("parts/s")
        return _svg(figure, name, title, description)


def count_chart(name: str, title: str, description: str, panels: Sequence[Panel], *, label: str, colour: str) -> Markup:
    """How many in each slot of time, as bars that touch."""
    highest = max(max(panel.values, default=0) for panel in panels)
    with _figure() as figure:
        axes = _time_axes(figure, [panel.axis for panel in panels])
        for one, panel in zip(axes, panels, strict=True):
            one.stairs(panel.values, panel.axis.edges, fill=True, color=colour, linewidth=0)
            one.set_ylim(0, max(1, highest) * 1.12)
        _number_axis(axes[0].yaxis, whole=True)
        axes[0].set_ylabel(label)
        return _svg(figure, name, title, description)


def column_chart(
    name: str,
    title: str,
    description: str,
    columns: Sequence[tuple[str, float]],
    *,
    labels: tuple[str, str],
    marks: Sequence[tuple[float, str]] = (),
) -> Markup:
    """Columns side by side.

    Args:
        name: of the chart, unique in the page: letters, digits and hyphens.
        title: what it shows.
        description: the same in a sentence, with the figures that matter.
        columns: what stands under each, and how high it is.
        labels: of the two axes.
        marks: where a line goes up between or in columns (1.5: in the middle of the second), and what it marks.
    """
    with _figure() as figure:
        axes = figure.subplots()
        axes.bar(range(len(columns)), [height for _, height in columns], width=0.86, color=FIRST)
        every = -(-len(columns) // 7)
        axes.set_xticks(range(0, len(columns), every), [_ascii(text) for text, _ in columns[::every]])
        places = max(len(columns), 5)
        # Room for what stands beside the last mark.
        axes.set_xlim(-0.6, places * (1.2 if marks else 1.0) - 0.4)
        highest = max((height for _, height in columns), default=0) or 1
        axes.set_ylim(0, highest * (1.28 if marks else 1.12))
        for level, (place, text) in enumerate(marks):
            axes.axvline(place - 0.5, color=SECOND, linewidth=1.1, linestyle=(0, (5, 3)))
            axes.annotate(
                _ascii(text),
                (place - 0.5, highest * (1.26 - 0.11 * level)),
                xytext=(4, 0),
                textcoords="offset points",
                va="top",
                fontsize=9,
                bbox={"facecolor": GROUND, "edgecolor": "none", "pad": 1},
            )
        _number_axis(axes.yaxis, whole=True)
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])
        return _svg(figure, name, title, description)


def bar_chart(
    name: str, title: str, description: str, bars: Sequence[tuple[str, Sequence[float]]], *, colours: Sequence[str]
) -> Markup:
    """Bars one under another, each with its label above it and its sum behind it, made of pieces in `colours`."""
    highest = max((sum(pieces) for _, pieces in bars), default=0) or 1
    with _figure(height_in=0.35 + 0.5 * len(bars)) as figure:
        axes = figure.subplots()
        for place, (text, pieces) in enumerate(bars):
            begin = 0.0
            for piece, colour in zip(pieces, colours, strict=True):
                if piece:
                    axes.barh(place, piece, left=begin, height=0.42, color=colour)
                begin += piece
            axes.annotate(_ascii(text), (0, place - 0.28), xytext=(1, 0), textcoords="offset points", va="bottom")
            axes.annotate(
                f"{begin:,.0f}", (begin, place), xytext=(4, 0), textcoords="offset points", va="center", color=QUIET
            )
        axes.set_ylim(len(bars) - 0.6, -0.85)
        axes.set_xlim(0, highest * 1.14)
        axes.set_yticks([])
        axes.set_xticks([])
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        return _svg(figure, name, title, description)


@contextmanager
def _figure(*, height_in: float = HEIGHT_IN) -> Iterator[Any]:
    # Not as the matplotlibrc of whoever runs this has it.
    settings: Any = {key: value for key, value in mpl.rcParamsDefault.items() if not key.startswith("backend")}
    with mpl.rc_context(settings | _SETTINGS):
        yield Figure(figsize=(WIDTH_IN, height_in), layout="constrained")


def _time_axes(figure: Any, times: Sequence[TimeAxis]) -> list[Any]:
    """Axes side by side, one for each stretch of time, as wide as it is long but never too narrow to be seen."""
    total = sum(time.length for time in times)
    widths = [max(time.length / total, 0.12) for time in times]
    axes = figure.subplots(1, len(times), sharey=True, squeeze=False, width_ratios=widths)[0]
    for one, time, width in zip(axes, times, widths, strict=True):
        one.set_xlim(time.edges[0], time.edges[-1])
        ticks = time.ticks(most=max(1, round(6 * width / sum(widths))))
        one.set_xticks([place for place, _ in ticks], [text for _, text in ticks])
        if one is not axes[0]:
            one.spines["left"].set_visible(False)
            one.tick_params(axis="y", length=0)
    return list(axes)


def _number_axis(axis: Any, *, whole: bool = False) -> None:
    axis.set_major_locator(MaxNLocator(nbins=5, integer=whole, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(StrMethodFormatter("{x:,.10g}"))


def _ascii(text: str) -> str:
    """`text` in letters that the font has for certain; the tables have it as it is."""
    return text.encode("ascii", "replace").decode()


def _svg(figure: Any, name: str, title: str, description: str) -> Markup:
    drawn = StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    body = drawn.getvalue()
    body = body[body.index("<svg") :]
    ((_, box),) = re.findall(r'(<svg[^>]*viewBox="([^"]+)"[^>]*>)', body)
    body = body[body.index(">", body.index("<svg")) + 1 : body.rindex("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r'(xlink:)?href="#', f'href="#{name}-', body)
    body = re.sub(r"url\(#", f"url(#{name}-", body)
    # A tenth of a unit is less than anybody sees.
    body = re.sub(r"-?\d+\.\d{2,}", lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), body)
    body = re.sub(r"font-family: [^;\"]+|(font: [\d.]+px) [^;\"]+", _font, body)
    for stand_in, variable in VARIABLES.items():
        body = body.replace(stand_in, variable)
    head = Markup(
        '<svg viewBox="{box}" role="img" aria-labelledby="{name}-title {name}-desc" stroke-linejoin="round"'
        ' style="display:block;width:100%"><title id="{name}-title">{title}</title>'
        '<desc id="{name}-desc">{description}</desc>'
    ).format(box=box, name=name, title=title, description=description)
    return head + Markup(body.strip()) + Markup("</svg>")  # noqa: S704 - matplotlib escapes what it writes


def _font(found: re.Match[str]) -> str:
    return f"{found[1]} inherit" if found[1] else "font-family: inherit"
