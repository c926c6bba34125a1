"""The pages that bulksend writes: one self-contained HTML file, read without network and without scripts.

Whoever writes one makes its sections of the helpers here, which escape whatever they are given, and `page` puts them
together. Colours follow the reader's light or dark setting, and are light on paper. A chart is an SVG in a section's
`html`; it takes its colours from the variables of style.py (`fill="var(--series-1)"`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from bulksend.report.style import STYLE

Tone = Literal["", "good", "warning", "bad"]
"""What something means to the reader; "" for nothing in particular."""

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{{ title }}</title>
<style>
{{ css }}</style>
</head>
<body>
<header>
<h1>{{ title }}</h1>
{% if subtitle %}<p class="subtitle">{{ subtitle }}</p>
{% endif %}
{%- if sections | length > 2 %}<nav aria-label="Sections">
{% for section in sections %}<a href="#{{ section.id }}">{{ section.title }}</a>
{% endfor %}</nav>
{% endif %}</header>
<main>
{% for section in sections %}<section id="{{ section.id }}">
<h2>{{ section.title }}</h2>
{{ section.html }}
</section>
{% endfor %}</main>
{% if footer %}<footer><p>{{ footer }}</p></footer>
{% endif %}</body>
</html>
"""

_TABLE = """\
<div class="scroll" role="region" tabindex="0" aria-label="{{ caption or headers | join(', ') }}"><table>
{% if caption %}<caption>{{ caption }}</caption>
{% endif %}<thead><tr>
{% for cell in headers %}<th scope="col"{% if loop.index0 in numeric %} class="number"{% endif %}>{{ cell }}</th>
{% endfor %}</tr></thead>
<tbody>
{% for row in rows %}<tr>
{% for cell in row %}<td{% if loop.index0 in numeric %} class="number"{% endif %}>{{ cell }}</td>
{% endfor %}</tr>
{% endfor %}</tbody>
</table></div>"""

_FIGURES = """\
<div class="figures">
{% for one in figures %}<div class="figure {{ one.tone }}"><span class="label">{{ one.label }}</span> \
<span class="value">{{ one.value }}</span>{% if one.more %} <span class="more">{{ one.more }}</span>{% endif %}</div>
{% endfor %}</div>"""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a page.

    Attributes:
        title: its heading; plain text.
        html: what stands under it, made by the helpers of this module or escaped otherwise.
        id: of the heading, for links: letters, digits and hyphens, once in a page.
    """

    title: str
    html: Markup
    id: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that is to be seen first.

    Attributes:
        label: what it is.
        value: as people read it, with its unit.
        more: a few words under it.
        tone: what it means to the reader.
    """

    label: str
    value: str
    more: str = ""
    tone: Tone = ""


def page(title: str, subtitle: str, sections: Sequence[Section], *, footer: str = "") -> str:
    """Return the whole page; everything but the sections' `html` is escaped here."""
    css = Markup(STYLE)  # noqa: S704 - our own
    return _template(_PAGE).render(title=title, subtitle=subtitle, sections=sections, footer=footer, css=css)


def table(
    headers: Sequence[str], rows: Sequence[Sequence[object]], *, numeric: Collection[int] = (), caption: str = ""
) -> Markup:
    """Return a table, which scrolls by itself where it is wider than the page.

    Args:
        headers: of the columns.
        rows: their cells; what is no `Markup` is escaped.
        numeric: indexes of the columns that are set to the right, for figures.
        caption: above the table; "" for none.
    """
    return Markup(_template(_TABLE).render(headers=headers, rows=rows, numeric=numeric, caption=caption))  # noqa: S704 - escaped by its template


def figures(some: Sequence[Figure]) -> Markup:
    """Return `some` side by side, as many as fit into a line."""
    return Markup(_template(_FIGURES).render(figures=some))  # noqa: S704 - escaped by its template


def paragraph(text: str | Markup) -> Markup:
    """Return `text` as a paragraph."""
    return Markup("<p>{}</p>").format(text)


def note(text: str | Markup, tone: Tone = "") -> Markup:
    """Return `text` in a box of its own, with the colour of `tone` at its side."""
    return Markup('<div class="note {}" role="note">{}</div>').format(tone, text)


def verbatim(text: str) -> Markup:
    """Return `text` as it is, line ends and runs of spaces too, such as a message."""
    return Markup('<div class="text">{}</div>').format(text)


def bar(share: float) -> Markup:
    """Return a bar for the cell of a table, as long as `share` of its width; 0 to 1."""
    width = f"{100 * min(1.0, max(0.0, share)):.1f}%"
    return Markup('<span class="bar" aria-hidden="true"><span style="width:{}"></span></span>').format(width)


def together(*some: Markup) -> Markup:
    """Return `some`, one under another."""
    return Markup("\n").join(some)


@cache
def _template(source: str) -> Template:
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
