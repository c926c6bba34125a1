import re
import warnings
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.report.charts import SERIES, WARNING, Panel, bar_chart, column_chart, count_chart, rate_chart
from bulksend.report.clock_axis import TimeAxis
from bulksend.report.durations import durations
from bulksend.report.style import STYLE

BEGIN = datetime(2026, 11, 24, 21, 41, 3, 500_000, tzinfo=UTC)


def charts() -> list[str]:
    """One of each kind."""
    axis = TimeAxis(BEGIN, 1, 20)
    later = TimeAxis(BEGIN + timedelta(days=1), 1, 3)
    panels = [Panel(axis, [18.0] * 20, [20.0] * 10 + [None] * 10), Panel(later, [3.0] * 3)]
    return [
        rate_chart("rate-1", "A <b> & $x$", "d", panels, limit=20),
        rate_chart("rate-2", "Same", "d", panels, limit=20),
        count_chart("throttled", "T", "d", [Panel(axis, [0] * 20)], label="answers", colour=WARNING),
        column_chart("columns", "C", "d", [("5 ms", 3), ("7 ms", 0)], labels=("x", "y"), marks=[(1.5, "half")]),
        bar_chart("bars", "B", "d", [("opted_out_$1_$2_<i>_ä", [3, 2])], colours=SERIES[:2]),
    ]


def test_a_chart_has_no_colour_of_its_own() -> None:
    """Every colour is a variable of the style, so that one chart serves light, dark and paper."""
    known = set(re.findall(r"(--[a-z0-9-]+):", STYLE))
    for svg in charts():
        own = re.sub(r'href="#[^"]*"|url\(#[^)]*\)', "", svg)
        assert not re.search(r"#[0-9a-fA-F]{3}|rgb\(|black|white", own)
        used = set(re.findall(r"var\((--[a-z0-9-]+)\)", svg))
        assert used
        assert used <= known


def test_charts_stand_in_one_page_together() -> None:
    """No two ids are the same, every reference is to an id of the same chart, and nothing is fetched."""
    ids: Counter[str] = Counter()
    for svg in charts():
        own = re.findall(r'\bid="([^"]+)"', svg)
        ids.update(own)
        assert set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg)) <= {
            pair for each in own for pair in ((each, ""), ("", each))
        }
        assert not re.search(r'(href|src)="[^#]|url\((?!#)|<style|<script|<metadata|<!', svg)
    assert set(ids.values()) == {1}


def test_charts_are_said_as_well_as_seen() -> None:
    """Title and description are there, escaped, and referred to; letters are letters, in the font of the page."""
    first, *_, last = charts()
    svg = ElementTree.fromstring(first)  # noqa: S314 - ours
    assert svg.get("role") == "img"
    assert svg.get("aria-labelledby") == "rate-1-title rate-1-desc"
    assert (svg[0].tag, svg[0].text, svg[1].tag, svg[1].text) == ("title", "A <b> & $x$", "desc", "d")
    assert "opted_out_$1_$2_&lt;i&gt;_?" in last
    assert not re.findall(r"font-family: (?!inherit)", first + last)


def test_the_same_numbers_make_the_same_chart() -> None:
    """Byte for byte, whatever the reader's matplotlib is set to."""
    with warnings.catch_warnings(), mpl.rc_context({"font.size": 20, "axes.facecolor": "red", "svg.fonttype": "path"}):
        other = charts()
    assert other == charts()


@pytest.mark.parametrize(
    ("slot_s", "slots", "said"),
    [
        (1, 20, ["21:41:05", "21:41:10", "21:41:15", "21:41:20"]),
        (120, 240, ["22:00", "00:00", "02:00", "04:00"]),
        (3600, 300, ["25 Nov", "02 Dec"]),
        (1, 1, ["21:41:04"]),
    ],
)
def test_ticks_are_where_a_clock_has_them(slot_s: int, slots: int, said: list[str]) -> None:
    """Twenty seconds, eight hours, two weeks and one second."""
    assert [text for _, text in TimeAxis(BEGIN, slot_s, slots).ticks(most=6)][: len(said)] == said


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants them so
    st.sampled_from([1, 5, 120, 3600, 86_400]),
    st.integers(1, 300),
    st.integers(1, 6),
)
def test_there_are_always_some_ticks_and_never_too_many(begin: datetime, slot_s: int, slots: int, most: int) -> None:
    """They ascend, lie on the axis, and at least one of them says where on the clock one is."""
    axis = TimeAxis(begin, slot_s, slots)
    ticks = axis.ticks(most=most)
    assert 1 <= len(ticks) <= most
    assert all(0 <= place <= axis.length for place, _ in ticks)
    assert all(one < other for (one, _), (other, _) in pairwise(ticks))


def test_percentiles_are_durations_that_were_measured() -> None:
    """By the nearest rank; none without any."""
    found = durations({10: 90, 40: 5, 1000: 4, 7000: 1})
    assert found is not None
    assert (found.messages, found.p50_ms, found.p95_ms, found.p99_ms, found.longest_ms) == (100, 10, 40, 1000, 7000)
    assert durations({}) is None


@given(st.dictionaries(st.integers(0, 10**6), st.integers(1, 50), min_size=1, max_size=30))
def test_a_histogram_has_everything_once(by_ms: dict[int, int]) -> None:
    """Its bins touch, and add up to the messages; the first and the last have some."""
    found = durations(by_ms)
    assert found is not None
    assert sum(each.messages for each in found.bins) == found.messages == sum(by_ms.values())
    assert all(one.end_ms == other.begin_ms for one, other in pairwise(found.bins))
    assert found.bins[0].messages
    assert found.bins[-1].messages
    assert found.p50_ms <= found.p95_ms <= found.p99_ms <= found.longest_ms
