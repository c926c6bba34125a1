from itertools import pairwise

import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bulksend.base.records import Encoding
from bulksend.message import parts as parts_module
from bulksend.message.gsm import septets
from bulksend.message.parts import MAX_GSM_SEPTETS, MAX_UCS2_UNITS, PartCount, count_parts, too_long

FAMILY = "👨\u200d👩\u200d👧\u200d👦"

# Characters that meet in clusters, cost two units, or decide the encoding, often enough to stand at every cut.
PIECES = st.sampled_from(
    [
        *("a", "b ", "^", "€", "\r\n", "\r", "\n", "\f", "ж", "\u2019", "😀", "👍", "\U0001f3fd", FAMILY, "❤\ufe0f"),
        *("\u200d", "e\u0301", "\U0001f1e9", "\U0001f1ea", "क्षि", "क", "\u094d", "\u0600", "กำ"),
        *("\u1100", "\u1161", "\u11a8", "한", "\ud83d", "\ude00"),
    ]
)
TEXTS = st.one_of(
    st.text(),
    st.lists(PIECES, max_size=60).map("".join),
    st.lists(PIECES, min_size=30, max_size=90).map("".join),
    st.builds(lambda piece, count, tail: piece * count + tail, PIECES, st.integers(0, 330), st.text(max_size=4)),
    st.builds(
        lambda letters, pieces: "a" * letters + "".join(pieces), st.integers(0, 160), st.lists(PIECES, max_size=40)
    ),
)


def cost(text: str, *, gsm: bool) -> int:
    """Units of `text`, one character after the other."""
    return sum(septets(char) if gsm else (2 if ord(char) > 0xFFFF else 1) for char in text)


def split(text: str, *, keep_clusters: bool) -> list[str]:
    """The reference: put one piece after the other into the current part while there is room."""
    gsm = all(septets(char) for char in text)
    if cost(text, gsm=gsm) <= (160 if gsm else 70):
        return [text]
    room = 153 if gsm else 67
    parts = [""]
    for cluster in regex.findall(r"\X", text) if keep_clusters else list(text):
        if cost(cluster, gsm=gsm) <= room:
            pieces = [cluster]
        else:
            pieces = list(cluster)
            parts.append("")
        for piece in pieces:
            if cost(parts[-1] + piece, gsm=gsm) > room:
                parts.append("")
            parts[-1] += piece
    return [part for part in parts if part]


def test_the_reference_splitter_rebuilds_and_fits() -> None:
    """The yardstick of the properties below is itself right about a text with everything in it."""
    text = ("ab^" + FAMILY + "\r\n" + "e\u0301" * 9 + "क्षि") * 20
    for keep_clusters in (False, True):
        found = split(text, keep_clusters=keep_clusters)
        assert "".join(found) == text
        assert max(cost(part, gsm=False) for part in found) <= 67


@given(TEXTS)
@settings(max_examples=600)
@example("a" * 152 + "^" + "a" * 152)
@example("ж" * 66 + "😀" + "ж" * 66)
@example("\U0001f1e9" * 200)
@example("e" + "\u0301" * 500)
def test_parts_are_those_of_the_larger_way_to_split(text: str) -> None:
    """Exactly as many as splitting by characters or by clusters makes, whichever makes more."""
    expected = max(len(split(text, keep_clusters=keep)) for keep in (False, True))
    assert count_parts(text).parts == expected


@given(TEXTS)
@settings(max_examples=300)
def test_splitting_rebuilds_the_text_and_every_part_fits(text: str) -> None:
    """There is a way to send the text in as many parts as are counted, with nothing lost and nothing split in two."""
    gsm = all(septets(char) for char in text)
    found = split(text, keep_clusters=True)
    assert "".join(found) == text
    assert len(found) == count_parts(text).parts
    if len(found) > 1:
        assert max(cost(part, gsm=gsm) for part in found) <= (153 if gsm else 67)


@given(TEXTS)
@settings(max_examples=300)
def test_units_are_exact_and_parts_hold_them(text: str) -> None:
    """Septets or UTF-16 units as counted one by one, the encoding they force, and no more than the parts can hold."""
    gsm = all(septets(char) for char in text)
    counted = count_parts(text)
    assert counted.encoding is (Encoding.GSM_7 if gsm else Encoding.UCS_2)
    assert counted.units == cost(text, gsm=gsm)
    assert counted.parts >= 1
    if counted.parts > 1:
        assert counted.units <= counted.parts * (153 if gsm else 67)
        assert counted.parts >= -(-counted.units // (153 if gsm else 67))


@given(TEXTS, st.lists(PIECES, min_size=1, max_size=12))
@settings(max_examples=300)
def test_appending_never_takes_parts_away(text: str, appended: list[str]) -> None:
    """More text is never fewer parts, not even where it changes the encoding or grows the last cluster."""
    counts = [count_parts(text + "".join(appended[:length])).parts for length in range(len(appended) + 1)]
    assert all(before <= after for before, after in pairwise(counts))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", PartCount(Encoding.GSM_7, 1, 0)),
        ("a" * 160, PartCount(Encoding.GSM_7, 1, 160)),
        ("a" * 161, PartCount(Encoding.GSM_7, 2, 161)),
        ("a" * 306, PartCount(Encoding.GSM_7, 2, 306)),
        ("a" * 307, PartCount(Encoding.GSM_7, 3, 307)),
        ("€" * 80, PartCount(Encoding.GSM_7, 1, 160)),
        ("€" * 81, PartCount(Encoding.GSM_7, 2, 162)),
        ("]" * 153, PartCount(Encoding.GSM_7, 3, 306)),
        ("a" * 152 + "^" + "a" * 152, PartCount(Encoding.GSM_7, 3, 306)),
        ("a" * 151 + "^" + "a" * 153, PartCount(Encoding.GSM_7, 2, 306)),
        ("a" * 152 + "\r\n" + "a" * 152, PartCount(Encoding.GSM_7, 3, 306)),
        ("a" * 151 + "\f", PartCount(Encoding.UCS_2, 3, 152)),
        ("ж" * 70, PartCount(Encoding.UCS_2, 1, 70)),
        ("ж" * 71, PartCount(Encoding.UCS_2, 2, 71)),
        ("ж" * 134, PartCount(Encoding.UCS_2, 2, 134)),
        ("ж" * 135, PartCount(Encoding.UCS_2, 3, 135)),
        ("😀" * 35, PartCount(Encoding.UCS_2, 1, 70)),
        ("😀" * 67, PartCount(Encoding.UCS_2, 3, 134)),
        ("ж" * 66 + "\r\n" + "ж" * 66, PartCount(Encoding.UCS_2, 3, 134)),
        ("ж" * 66 + "e\u0301" + "ж" * 66, PartCount(Encoding.UCS_2, 3, 134)),
        (FAMILY * 12 + "жж", PartCount(Encoding.UCS_2, 3, 134)),
        ("e" + "\u0301" * 133, PartCount(Encoding.UCS_2, 2, 134)),
        ("ж" + "e" + "\u0301" * 133, PartCount(Encoding.UCS_2, 3, 135)),
        ("\ud800" * 71, PartCount(Encoding.UCS_2, 2, 71)),
        ("\udc00\ud800", PartCount(Encoding.UCS_2, 1, 2)),
    ],
)
def test_boundaries(text: str, expected: PartCount) -> None:
    """The last text that fits and the first that does not, in each encoding and for each thing that stays whole."""
    assert count_parts(text) == expected


@pytest.mark.parametrize(
    ("text", "encoding", "parts"),
    [
        ("x" * 481, Encoding.GSM_7, 4),
        (
            "Hello Carlos. Your Example Corp. bill of $100 is now available.\n Autopay is scheduled for next Thursday,"
            " April 9. To view the details of your bill, go to\n https://example.com/bill1.",
            Encoding.GSM_7,
            2,
        ),
        (
            "亚马逊公司是一家总部位于美国西雅图的跨国电子商务企业，业务起始于线上书店，"  # noqa: RUF001 - AWS's example
            "不久之后商品走向多元化。杰夫·贝佐斯于1994年7月创建了这家公司。",
            Encoding.UCS_2,
            2,
        ),
        (
            "John: Your appointment with Dr. Salazar\u2019s office is scheduled\n for next Thursday at 4:30pm."
            " Reply YES to confirm, NO to reschedule.",
            Encoding.UCS_2,
            2,
        ),
        (
            "John: Your appointment with Dr. Salazar's office is scheduled\n for next Thursday at 4:30pm."
            " Reply YES to confirm, NO to reschedule.",
            Encoding.GSM_7,
            1,
        ),
        ("Your Widget®" + " is on its way" * 7 + " ok", Encoding.UCS_2, 2),
        ("Your Widget(R)" + " is on its way" * 7 + " ok", Encoding.GSM_7, 1),
    ],
)
def test_examples_of_the_service(text: str, encoding: Encoding, parts: int) -> None:
    """What AWS's own pages say of their example messages."""
    counted = count_parts(text)
    assert (counted.encoding, counted.parts) == (encoding, parts)


def test_fast_character_ranges_hold_nothing_that_clusters() -> None:
    """No two characters of the ranges that are searched for first ever make one cluster."""
    apart = regex.compile(f"[{parts_module._APART}]")
    chars = [chr(code) for code in range(0x11_0000) if not 0xD800 <= code < 0xE000 and apart.match(chr(code))]
    assert len(chars) > 40_000
    assert not parts_module._CLUSTERING.search("".join(chars))
    assert "\r" not in chars


@given(st.text(min_size=1))
@settings(max_examples=300)
def test_texts_without_clustering_characters_are_one_cluster_a_character(text: str) -> None:
    """What lets such texts be divided instead of walked."""
    if not parts_module._CLUSTERING.search(text):
        assert regex.findall(r"\X", text) == list(text)


@pytest.mark.parametrize("unit", ["a", "^", "ж", "😀", "e\u0301", FAMILY, "\u0301", "\r\n"])
def test_long_texts_are_counted_in_linear_time(unit: str) -> None:
    """A cell of a million characters is counted, not hung on."""
    assert count_parts(unit * (300_000 // len(unit))).parts > 1_500


@pytest.mark.parametrize(
    ("units", "encoding", "message"),
    [
        (MAX_GSM_SEPTETS, Encoding.GSM_7, None),
        (1531, Encoding.GSM_7, "the text has 1531 septets in GSM-7, more than the 1530 that the service takes"),
        (MAX_UCS2_UNITS, Encoding.UCS_2, None),
        (631, Encoding.UCS_2, "the text has 631 UTF-16 units in UCS-2, more than the 630 that the service takes"),
    ],
)
def test_too_long_says_by_how_much(units: int, encoding: Encoding, message: str | None) -> None:
    """One unit more than the service takes is too long, and the sentence has both numbers."""
    assert too_long(PartCount(encoding, 9, units)) == message


def test_limits_are_counted_in_units_of_the_encoding() -> None:
    """Extension characters count twice towards 1530, characters outside the BMP twice towards 630."""
    assert too_long(count_parts("€" * 765)) is None
    assert too_long(count_parts("€" * 766)) is not None
    assert too_long(count_parts("😀" * 315)) is None
    assert too_long(count_parts("😀" * 316)) is not None
