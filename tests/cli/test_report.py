"""The page that explains a campaign afterwards: its numbers are those of the ledger, and a browser shows it."""

import csv
import json
import re
import sqlite3
import stat
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from html.parser import HTMLParser
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from bulksend.cli.app import run
from bulksend.report.history_charts import milliseconds
from bulksend.report.words import duration
from tests.support.browser import Browser, browser
from tests.support.command import Finished, bulksend, simulator, started, wait_until

ROWS = 240
OPTED_OUT = [f"+4917139200{row:02d}" for row in range(10, 70, 12)]

CAMPAIGN = """
[campaign]
name = "spring"
template = "{{ text }}"
configuration_set = "sms-events"
[recipients]
default_country = "DE"
[[identities]]
id = "ACME"
mps = 60
countries = ["DE"]
[[identities]]
id = "+18885550100"
mps = 20
countries = ["US"]
bucket = "toll-free"
[aws]
read_timeout_s = 1
"""

SERVICE = f"""
seed = 7
[events]
path = "events.jsonl"
delay_s = 0
failure_rate = 0.2
[faults]
throttle = 0.04
drop_after = 0.06
drop_before = 0.06
unavailable = 0.02
[[opt_out_lists]]
name = "Default"
numbers = {OPTED_OUT}
[[identities]]
id = "ACME"
type = "sender_id"
country = "DE"
mps = 60
[[identities]]
id = "+18885550100"
type = "toll_free"
country = "US"
mps = 20
bucket = "toll-free"
"""


def report(folder: Path, *arguments: str) -> Finished:
    """`bulksend report l.db ARGUMENTS`."""
    return bulksend("report", "l.db", *arguments, folder=folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign over two buckets with every kind of outcome, its events taken in, and its page, report.html.

    early.json is what `report --json` said while it was being sent.
    """
    folder = tmp_path_factory.mktemp("report")
    events = folder / "events.jsonl"
    with (folder / "list<&>.csv").open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["phone", "text"])
        for row in range(ROWS):
            number = (
                "123" if row % 40 == 0 else f"+120655501{row % 100:02d}" if row % 3 == 0 else f"+4917139{20000 + row}"
            )
            rows.writerow([number, f"Sesame {row} " + "x" * (200 if row % 7 == 0 else 20)])
    (folder / "campaign.toml").write_text(CAMPAIGN)
    with simulator(folder, SERVICE.replace("events.jsonl", str(events))) as running:
        arguments = ("--config", "campaign.toml", "--ledger", "l.db", "--endpoint-url", running.url, "--yes")
        sending = started("send", "list<&>.csv", *arguments, folder=folder)
        try:
            wait_until(lambda: sending.poll() is not None or events.stat().st_size > 0, "nothing was sent")
            (folder / "early.json").write_text(report(folder, "--json").out)
            assert sending.wait(60) in (0, 1), sending.communicate()
        finally:
            sending.kill()
            sending.communicate()
    (folder / "before.json").write_text(report(folder, "--json").out)
    assert bulksend("reconcile", "l.db", "events.jsonl", folder=folder).code == 0
    done = report(folder, "--out", "report.html")
    assert (done.code, done.out, done.err) == (0, "", "")
    return folder


class Figures(HTMLParser):
    """The numbers of a page by the names that they carry."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: defaultdict[str, set[str]] = defaultdict(set)
        self._name = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "script"
        self._name = dict(attrs).get("data-figure") or ""

    def handle_data(self, data: str) -> None:
        if self._name:
            self.found[self._name].add(data)

    def handle_endtag(self, tag: str) -> None:
        del tag
        self._name = ""


def query(folder: Path, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """What the ledger answers."""
    with closing(sqlite3.connect(folder / "l.db")) as connection:
        return connection.execute(statement, values).fetchall()


def exported(folder: Path) -> list[dict[str, Any]]:
    """All rows, as `bulksend export` has them."""
    done = bulksend("export", "l.db", "--format", "jsonl", "--deliveries", folder=folder)
    return [json.loads(line) for line in done.out.splitlines()]


def recomputed(folder: Path) -> dict[str, str]:
    """Every figure of the page, added up anew from the export and, for what that leaves out, from the tables."""
    rows = exported(folder)
    statuses = Counter(row["status"] for row in rows)
    sent = [row for row in rows if row["status"] == "sent"]
    found: dict[str, object] = {
        "rows": len(rows),
        **{status: statuses[status] for status in ("sent", "failed", "unknown", "skipped")},
        "unknown/all": statuses["unknown"],
        "parts_sent": sum(row["parts"] for row in sent),
        "cost/parts_sent": sum(row["parts"] for row in sent),
        "cost/parts": sum(row["parts"] for row in rows if row["status"] != "skipped"),
        "cost/billed_parts": sum(row["billed_parts"] or 0 for row in rows),
        "throttled": query(folder, "SELECT sum(throttled) FROM runs")[0][0],
        "delivery/without_event": sum(row["delivery_status"] is None for row in sent),
    }
    ((seconds,),) = query(folder, "SELECT sum(finished_at - started_at) / 1000.0 FROM runs")
    found |= {"duration": duration(seconds), "parts_per_second": f"{found['parts_sent'] / seconds:,.2f}".rstrip("0")}
    counted: Counter[str] = Counter()
    prices: defaultdict[str, float] = defaultdict(float)
    for row in rows:
        country = row["country"] or "unknown"
        counted[f"country/{country}/rows"] += 1
        for status in statuses:
            counted[f"country/{country}/{status}"] += row["status"] == status
        counted[f"country/{country}/parts_sent"] += row["parts"] if row["status"] == "sent" else 0
        if row["price_usd"] is not None:
            prices[f"country/{country}/price_usd"] += row["price_usd"]
            prices["cost/price_usd"] += row["price_usd"]
        if row["status"] in ("failed", "unknown"):
            counted[f"{row['status']}/{row['reason']}/{row['error_code']}/{row['country']}"] += 1
        if row["status"] == "skipped":
            counted[f"skipped/{row['reason']}"] += 1
        else:
            counted[f"attempts/{row['attempts']}"] += 1
            bucket = f"bucket/{row['bucket']}"
            counted[f"{bucket}/messages"] += 1
            counted[f"{bucket}/messages_done"] += 1
            counted[f"{bucket}/messages_held"] += 0
            counted[f"{bucket}/parts"] += row["parts"]
            counted[f"{bucket}/parts_sent"] += row["parts"] if row["status"] == "sent" else 0
        if row["delivery_status"]:
            counted[f"delivery/{row['delivery_status']}/final"] += 1
    for status, reason, settled in query(folder, "SELECT status, reason, count(*) FROM settled GROUP BY 1, 2"):
        counted[f"settled/{status}/{reason}"] = settled
    for place, (throttled,) in enumerate(query(folder, "SELECT throttled FROM runs ORDER BY id"), start=1):
        counted[f"run/{place}/throttled"] = throttled
    found |= {name: f"${price:,.2f}" if price >= 10 else f"${price:,.5f}" for name, price in prices.items()}
    return {
        name: f"{value:,}" if isinstance(value, int) else str(value) for name, value in (found | counted).items()
    } | (recomputed_speeds(folder))


def recomputed_speeds(folder: Path) -> dict[str, str]:
    """Those of throughput and of answer times; slots are of one second here."""
    found: dict[str, str] = {}
    ((origin, latest),) = query(folder, "SELECT min(released_at), max(released_at) FROM states")
    last = (latest - origin) // 1000
    for number, name, mps, allows in query(folder, "SELECT id, name, mps, allows FROM buckets"):
        slots: Counter[int] = Counter()
        released = "SELECT released_at, parts FROM states WHERE bucket = ? AND released_at IS NOT NULL"
        for at, parts in query(folder, released, number):
            slots[(at - origin) // 1000] += parts
        samples = query(folder, "SELECT at, throttled, allowed FROM samples WHERE bucket = ?", number)
        kept: defaultdict[int, list[float]] = defaultdict(list)
        for at, _, allowed in samples:
            kept[(at - origin) // 1000].append(allowed)
        found |= {
            f"bucket/{name}/mps": f"{mps}",
            f"bucket/{name}/mean": f"{slots.total() / len(slots):,.2f}",
            f"bucket/{name}/most": f"{max(slots.values()):,.2f}",
            f"bucket/{name}/throttled": f"{sum(throttled for _, throttled, _ in samples):,}",
        }
        if means := [sum(some) / len(some) for slot, some in kept.items() if 0 <= slot <= last]:
            found[f"bucket/{name}/least_allowed"] = f"{min(means):,.2f}"
        if allows is not None:
            found[f"bucket/{name}/allows"] = f"{allows:,.2f}"
    took = sorted(
        each
        for (each,) in query(
            folder,
            "SELECT finished_at - released_at FROM states WHERE status IN ('sent', 'failed')"
            " AND released_at IS NOT NULL AND row NOT IN (SELECT row FROM settled)",
        )
    )
    ranks = {"p50_ms": 50, "p95_ms": 95, "p99_ms": 99, "longest_ms": 100}
    found |= {f"answer/{name}": milliseconds(took[ceil(len(took) * rank / 100) - 1]) for name, rank in ranks.items()}
    return found | {"answer/messages": f"{len(took):,}"}


def test_every_number_of_the_page_is_the_ledger_s(folder: Path) -> None:
    """Those added up from the export and the tables are on the page, and no other; bins add up to the answers."""
    page = (folder / "report.html").read_text()
    shown = Figures(page).found
    assert all(len(values) == 1 for values in shown.values()), shown
    figures = {name: value for name, values in shown.items() for value in values}
    bins = [figures.pop(name) for name in list(figures) if re.fullmatch(r"answer/\d+", name)]
    assert figures == recomputed(folder)
    assert sum(int(each.replace(",", "")) for each in bins) == int(figures["answer/messages"].replace(",", ""))
    # The campaign had something of everything.
    assert all(
        int(figures[name])
        for name in ("sent", "failed", "skipped", "throttled", "unknown", "settled/unknown/connection_lost")
    )
    assert "of list&lt;&amp;&gt;.csv," in page


def test_the_page_has_no_number_and_no_text(folder: Path) -> None:
    """Of those that it was sent to."""
    page = (folder / "report.html").read_text()
    assert not [row["destination"] for row in exported(folder) if row["destination"] and row["destination"][1:] in page]
    assert "Sesame" not in page


def test_what_the_page_is_made_of_is_printed_as_json(folder: Path) -> None:
    """One object; while the campaign is sent it says so, and that rows are left; before the events, none was billed."""
    document = report(folder, "--json").json
    early, before = (json.loads((folder / name).read_text()) for name in ("early.json", "before.json"))
    assert (early["open_run"], early["end"]) == (True, "interrupted")
    assert early["pending"] + early["sending"]
    assert (before["open_run"], before["end"], before["deliveries"], before["cost"]["price_usd"]) == (
        *(False, "complete"),
        *(None, None),
    )
    assert before["unknown"] > document["unknown"]
    assert sum(each["messages"] for each in before["outcomes"]) == before["failed"] + before["unknown"]
    assert [run["end"] for run in document["runs"]] == ["complete"]
    throughput = document["throughput"]
    for bucket in throughput["buckets"]:
        slots = [slot for period in bucket["periods"] for slot in period]
        assert sum(slot["parts"] for slot in slots) == bucket["parts"]
        assert max(slot["parts_per_second"] for slot in slots) <= bucket["mps"]


def test_the_page_is_written_whole_and_for_its_owner_alone(folder: Path) -> None:
    """Never over a ledger; to standard output without --out; with --json too, beside the figures."""
    file = folder / "report.html"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    printed = report(folder)
    assert (printed.code, printed.out[:15], printed.out.count("</html>")) == (0, "<!DOCTYPE html>", 1)
    refused = report(folder, "--out", "l.db")
    assert (refused.code, refused.error) == (2, "bulksend: error: --out l.db: belongs to a ledger. Name another file.")
    both = report(folder, "--out", "again.html", "--json")
    assert both.json["rows"] == ROWS
    assert (folder / "again.html").read_text().endswith("</html>")


def test_without_matplotlib_it_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In one line, and nothing is written; the figures do not need it."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run(["report", str(folder / "l.db"), "--out", str(folder / "none.html")]) == 2
    assert capfd.readouterr().err == (
        'bulksend: error: the charts need matplotlib, which is not installed. Run: pip install "bulksend[report]".\n'
    )
    assert not (folder / "none.html").exists()
    assert run(["report", str(folder / "l.db"), "--json"]) == 0


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser."""
    with browser(tmp_path_factory.mktemp("chromium")) as one:
        yield one


COLOURS = """
['svg text', '.figure', 'body'].map(each => getComputedStyle(document.querySelector(each))).map(each =>
  each.fill + each.color + each.backgroundColor)
"""

WIDER_THAN_THE_PAGE = """
[...document.querySelectorAll('svg text, h1, h2, p, .figure, figure, summary')].filter(each => {
  const box = each.getBoundingClientRect();
  return box.width && (box.right > innerWidth + 1 || box.left < -1) && !each.closest('.scroll');
}).map(each => each.tagName + ' ' + each.textContent.slice(0, 40))
"""


@pytest.mark.parametrize("width", [400, 1280])
def test_the_page_fits_a_telephone_and_a_desk(folder: Path, shown: Browser, width: int) -> None:
    """It is never to be scrolled sideways, no letter of a chart is cut off, and charts are as wide as their column."""
    shown.open(folder / "report.html", width=width)
    assert shown.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [width, width]
    assert shown.evaluate(WIDER_THAN_THE_PAGE) == []
    sizes = shown.evaluate("[...document.querySelectorAll('svg')].map(svg => svg.getBoundingClientRect().width)")
    assert len(sizes) >= 6
    assert all(300 <= size <= width for size in sizes)
    letters = "[...document.querySelectorAll('svg text')].map(text => text.getBoundingClientRect().height)"
    assert min(shown.evaluate(letters)) > 8


def test_the_page_asks_for_nothing_but_itself(folder: Path, shown: Browser) -> None:
    """No request leaves for anything else, and no element names a place that is not in the page."""
    shown.requested.clear()
    shown.open(folder / "report.html", width=1280)
    assert shown.requested == [(folder / "report.html").as_uri()]
    named = "[...document.querySelectorAll('*')].flatMap(each => [...each.attributes]).filter(each =>"
    assert shown.evaluate(named + " /^(src|href|xlink:href|data|action)$/.test(each.name)).map(each => each.value)[0]")
    assert not shown.evaluate(
        named + " /^(src|href|xlink:href|data|action)$/.test(each.name) && each.value[0] !== '#').length"
    )
    ids = shown.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")
    assert len(ids) == len(set(ids))


def test_the_page_is_light_or_dark_as_its_reader_s_system_is(folder: Path, shown: Browser) -> None:
    """Ground and letters change places, in the charts too, and it looks the same with scripts disabled."""
    shown.open(folder / "report.html", width=1280, scripts=False)
    light = shown.picture()
    shown.open(folder / "report.html", width=1280)
    assert shown.picture().tobytes() == light.tobytes()
    inks = shown.evaluate(COLOURS)
    shown.open(folder / "report.html", width=1280, dark=True)
    dark = shown.picture()
    ground, other = (sum(picture.getpixel((2, 2))) for picture in (light, dark))  # type: ignore[arg-type]
    assert ground > 700
    assert other < 100
    assert all(one != two for one, two in zip(inks, shown.evaluate(COLOURS), strict=True))
    # Letters that are seen: the picture is far from being all of one colour.
    for picture, paper in ((light, 255), (dark, 23)):
        pixels = picture.convert("L").tobytes()
        assert sum(abs(pixel - paper) > 100 for pixel in pixels) > 5000


def test_the_page_can_be_printed(folder: Path, shown: Browser) -> None:
    """On paper it is light, whatever the system is, and no chart is left out."""
    shown.open(folder / "report.html", width=1280, dark=True)
    assert shown.pdf()[:5] == b"%PDF-"
    shown.call(
        "Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}]
    )
    assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert shown.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    shown.call("Emulation.setEmulatedMedia", media="")
