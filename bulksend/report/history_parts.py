"""What the sections of a report are put together from: numbers that can be found again, charts, tables under them."""

from collections.abc import Collection, Iterable, Sequence

from markupsafe import Markup

from bulksend.report.page import table, verbatim

_GRID = Markup('<div style="{}">{}</div>')
_GRID_STYLE = (
    "display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,{}rem),1fr));gap:1.25rem;margin:1rem 0"
)
_FIGURE = Markup(
    '<figure style="margin:0;max-width:34rem;min-width:0;break-inside:avoid"><figcaption>{}</figcaption>{}</figure>'
)
_DETAILS = Markup("<details><summary>{}</summary>{}</details>")
_KEY = Markup(
    '<span style="white-space:nowrap;margin-right:1.25rem"><span aria-hidden="true" style="{}"></span>{}</span>'
)
_KEY_STYLE = (
    "display:inline-block;width:1.6em;height:0;margin-right:.5em;vertical-align:middle;border-top:{} {};"
    "print-color-adjust:exact;-webkit-print-color-adjust:exact"
)

MOST_ROWS = 200
"""Rows of a table that may be as long as it likes; `--json` has all."""


def marked(name: str, text: str) -> Markup:
    """Return `text`, to be found again in the page by the name of the figure that it is."""
    return Markup('<span data-figure="{}">{}</span>').format(name, text)


def number(name: str, value: int) -> Markup:
    """Return a whole number, to be found again by `name`."""
    return marked(name, f"{value:,}")


def rate(name: str, value: float | None) -> Markup:
    """Return parts per second, to be found again by `name`; nothing where nobody knows them."""
    return Markup() if value is None else marked(name, f"{value:,.2f}")


def dollars(name: str, value: float | None) -> Markup:
    """Return a price, to be found again by `name`; nothing where nobody knows it. In cents where it is large."""
    return Markup() if value is None else marked(name, f"${value:,.2f}" if value >= 10 else f"${value:,.5f}")


def unbroken(text: str) -> Markup:
    """Return `text`, which is not to be broken into lines, such as a name in a table that scrolls."""
    return Markup('<span style="white-space:nowrap">{}</span>').format(text)


def command(text: str) -> Markup:
    """Return a command to be copied; lines end between its words alone."""
    return verbatim(Markup("<code>{}</code>").format(Markup(" ").join(map(unbroken, text.split(" ")))))


def share(of: int, all_of_them: int) -> str:
    """How much `of` is of `all_of_them`, in percent; never 0 % or 100 % of what is not."""
    if not all_of_them:
        return ""
    percent = 100 * of / all_of_them
    if 0 < percent < 0.1:
        return "under 0.1 %"
    if 99.9 < percent < 100:
        return "over 99.9 %"
    return f"{percent:.1f} %".replace(".0 %", " %")


def chart(caption: str | Markup, svg: Markup) -> Markup:
    """Return a chart with its caption."""
    return _FIGURE.format(caption, svg)


def side_by_side(some: Iterable[Markup], *, width_rem: int = 22) -> Markup:
    """Return `some` in as many columns as the page is wide enough for."""
    return _GRID.format(_GRID_STYLE.format(width_rem), Markup("\n").join(some))


def legend(*keys: tuple[str, str, str]) -> Markup:
    """Return what lines mean: (colour, as "3px solid", words) of each."""
    some = (_KEY.format(_KEY_STYLE.format(line, f"var(--{colour})"), words) for colour, line, words in keys)
    return Markup("<p>{}</p>").format(Markup(" ").join(some))


def behind(summary: str, content: Markup) -> Markup:
    """Return `content` folded away behind one line; it opens without a script."""
    return _DETAILS.format(summary, content)


def long_table(
    headers: Sequence[str], rows: Sequence[Sequence[object]], *, numeric: Collection[int] = (), caption: str = ""
) -> Markup:
    """Return a table of the first `MOST_ROWS` rows, and say how many there are beyond."""
    shown = table(headers, rows[:MOST_ROWS], numeric=numeric, caption=caption)
    if len(rows) <= MOST_ROWS:
        return shown
    return shown + Markup("<p>And {} more; <code>bulksend report --json</code> has all.</p>").format(
        f"{len(rows) - MOST_ROWS:,}"
    )
