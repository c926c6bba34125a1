import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markupsafe import Markup

from bulksend.config.load import load_settings
from bulksend.config.model import Settings
from bulksend.pipeline.plan import Plan, make_plan
from bulksend.report.page import Figure, Section, bar, figures, note, page, paragraph, table, together, verbatim
from bulksend.report.planned import plan_document, plan_lines
from bulksend.report.planned_page import plan_page
from tests.support.virtual import VirtualClock

NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)
NASTY = "<script>alert('x')</script>&\"\x1b[31m"


@pytest.fixture(autouse=True)
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's clock is that of Berlin."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def made(tmp_path: Path) -> tuple[Settings, Plan]:
    """A plan with everything in it that can be told, and with values that would be markup."""
    (tmp_path / "prices.toml").write_text("[US]\nprice = [0.01, 0.02]\n")
    identities = [{"id": "20440", "mps": 10, "countries": ["US"]}, {"id": "ACME", "mps": 1, "countries": ["DE"]}]
    environ = {
        "BULKSEND_CAMPAIGN_NAME": "test",
        "BULKSEND_CAMPAIGN_TEMPLATE": "Hi {{ name }} \u2013 welcome",
        "BULKSEND_IDENTITIES": json.dumps(identities),
        "BULKSEND_PRICING_FILE": str(tmp_path / "prices.toml"),
        "BULKSEND_RECIPIENTS_DEFAULT_COUNTRY": "US",
    }
    rows = [f"+1425200{n:04},Ann" for n in range(100)] + [f"+49171{2000000 + n},Zoë" for n in range(300)]
    rows += ['+14252001000,"' + NASTY.replace('"', '""') + ("x" * 90) + '"', "12345,Ann", "(425) 200-0001,Ann"]
    (tmp_path / "list.csv").write_text("\n".join(["phone,name", *rows]))
    settings = load_settings(None, environ=environ)
    return settings, make_plan(settings, str(tmp_path / "list.csv"), tmp_path / "plan.db", clock=VirtualClock())


class _Tags(HTMLParser):
    """Checks that every tag is closed, and collects tags, attributes and ids."""

    void = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes += attrs
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def checked(html: str) -> _Tags:
    """The tags of a page that is whole, has no script and asks the network for nothing."""
    tags = _Tags()
    tags.feed(html)
    assert tags.open == []
    assert tags.seen.isdisjoint({"script", "link", "img", "iframe", "object", "embed"})
    assert not [one for one in tags.attributes if one[0] in ("src", "srcset") or one[0].startswith("on")]
    assert "url(" not in html
    assert "@import" not in html
    links = [value or "" for name, value in tags.attributes if name == "href"]
    assert {link.removeprefix("#") for link in links} <= {value for name, value in tags.attributes if name == "id"}
    return tags


def test_a_page_escapes_whatever_it_is_given() -> None:
    """In titles, cells, figures, notes and texts."""
    nasty = "<b onclick=x>\"'&"
    html = together(
        table((nasty,), [(nasty,), (Markup("<i>kept</i>"),)], numeric=(0,), caption=nasty),
        figures([Figure(nasty, nasty, nasty)]),
        note(nasty, "bad"),
        paragraph(nasty),
        verbatim(nasty),
        bar(2.0),
    )
    whole = page(nasty, nasty, [Section(nasty, html, "one")], footer=nasty)
    tags = checked(whole)
    assert "b" not in tags.seen
    assert "i" in tags.seen
    assert "width:100.0%" in whole
    # Title, heading, subtitle, section; caption twice, header, cell; a figure's three; note, paragraph, text; footer.
    assert whole.count("onclick=x&gt;") == 15


def test_a_plan_as_a_page(made: tuple[Settings, Plan]) -> None:
    """The same figures as the JSON has; values of the list are text, and numbers are masked."""
    settings, plan = made
    html = plan_page(settings, plan, now=NOW, suggest=True)
    checked(html)
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html.partition("<body>")[2]))
    for words in (
        "Rows 403",
        "To send 401",
        "Skipped 2",
        "No price for DE: 300 messages",
        "$1.03 to $2.06 for 403 parts",  # the long message has three
        "U+2013 EN DASH",
        "Hi {{ name }} - welcome",
        "the same number as row 2",
        "24 Nov 02:07",
        "&lt;script&gt;",
    ):
        assert words in text
    assert "+1425200" not in html
    assert "+49171" not in html


def test_a_plan_for_people(made: tuple[Settings, Plan]) -> None:
    """At most 80 columns, local times with their zone, nothing that steers a terminal, texts only when wanted."""
    settings, plan = made
    lines = list(plan_lines(settings, plan, now=NOW, suggest=True, samples=True))
    assert max(len(line) for line in lines if "prices.toml" not in line and "list.csv" not in line) <= 80
    text = "\n".join(lines)
    assert re.search(r"Finish +begun now, the last message goes out at Tue 24 Nov 2026, 02:07:\d\d CET", text)
    assert "finish (CET)" in text
    assert "\x1b" not in text
    assert "invalid_number (row 402)" in text
    assert "Hi Zoë \u2013 welcome" in text
    assert "+1425200" not in text
    assert "welcome" not in "\n".join(plan_lines(settings, plan, now=NOW))


def test_a_plan_for_programs(made: tuple[Settings, Plan]) -> None:
    """Times in UTC; replacements and texts only when they are asked for."""
    settings, plan = made
    document = plan_document(settings, plan, now=NOW)
    assert document["begins_at"] == "2026-11-24T01:02:03+00:00"
    by_bucket = document["finish_at_by_bucket"]
    assert isinstance(by_bucket, dict)
    assert document["finish_at"] == by_bucket["ACME"]
    assert document["skipped_rows"] == {"invalid_number": [402], "duplicate": [403]}
    assert "welcome" not in json.dumps(document)
    assert "replacement" not in json.dumps(document)
    full = plan_document(settings, plan, now=NOW, suggest=True, samples=True)
    ucs2, samples = full["ucs2"], full["samples"]
    assert isinstance(ucs2, dict)
    assert isinstance(samples, list)
    assert ucs2["suggested_template"] == "Hi {{ name }} - welcome"
    assert (ucs2["messages"], ucs2["characters"][0]["replacement"], ucs2["characters"][0]["in"]) == (
        401,
        "-",
        "template",
    )
    assert sum(each["parts"] for each in full["cost"]["countries"]) == full["parts"]  # type: ignore[index]
    assert len(samples) == 3
    assert json.loads(json.dumps(full)) == full
