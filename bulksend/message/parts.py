"""How many parts a text makes: what the meter charges and what is billed.

The text is walked, because dividing is wrong: a character of two septets or a surrogate pair never stands across two
parts, so a part can end one unit early (152 letters, "^", 152 letters are three parts, not two). Some encoders go
further and keep together what a reader sees as one character (Unicode's extended grapheme clusters, UAX 29); the
service does not say which it does. Keeping clusters whole can only end parts earlier, so that walk never gives the
smaller count, and it is the one made here: never fewer parts than the service makes.
"""

import re
from dataclasses import dataclass

import regex

from bulksend.base.records import Encoding
from bulksend.message.gsm import EXTENSION, OUTSIDE_BASIC, OUTSIDE_GSM

MAX_GSM_SEPTETS = 1530
"""The longest GSM-7 message that the service takes (AWS, "SMS character limits")."""

MAX_UCS2_UNITS = 630
"""The longest message in UCS-2, in UTF-16 units (same source)."""

_SINGLE_SEPTETS, _PART_SEPTETS = 160, 153
_SINGLE_UNITS, _PART_UNITS = 70, 67

_ESCAPE = "\x1b"

# UAX 29: a cluster of more than one character has one of these in it.
_CLUSTERING = regex.compile(
    r"\r\n|[\p{GCB=Extend}\p{GCB=ZWJ}\p{GCB=SpacingMark}\p{GCB=Prepend}\p{GCB=L}\p{GCB=V}\p{GCB=T}\p{GCB=RI}]"
)
_CLUSTER = regex.compile(r"\X")

# What most texts are written in, as far as no two of these characters in a row are ever one cluster. Ranges are some
# ten times as fast to search for as properties; a character that is missing here costs time, not correctness.
_APART = (
    "\n -~\u00a0-\u00ac\u00ae-\u02ff"
    "\u0370-\u03ff\u0400-\u0482\u048a-\u052f"  # Greek, Cyrillic
    "\u05d0-\u05ea\u060c-\u060f\u061b-\u064a\u0660-\u066f\u0671-\u06d5"  # Hebrew, Arabic
    "\u0904-\u0939\u0964-\u0980\u0985-\u09b9\u0e01-\u0e30\u0e3f-\u0e46"  # Devanagari, Bengali, Thai
    "\u1e00-\u1fff\u2010-\u2027\u202f-\u205f\u20a0-\u20cf\u2100-\u2bff"  # Latin, Greek, punctuation, symbols
    "\u3000-\u3029\u3031-\u3096\u309b-\u30ff\u3400-\u9fff\uac00-\ud7a3\uff01-\uff9d"  # Chinese, Japanese, Korean
    "\U0001f300-\U0001f3fa\U0001f400-\U0001faff"  # emoji without skin tones
)
_NOT_APART = re.compile(f"[^{_APART}]")
_LAST_APART_PAIR = regex.compile(f"(?r)[{_APART}][{_APART}]")


@dataclass(frozen=True, slots=True)
class PartCount:
    """What a text costs.

    Attributes:
        encoding: the one the service will choose.
        parts: at least 1; an SMS without characters is still one SMS.
        units: septets in GSM-7 (an extension character is two), UTF-16 code units in UCS-2.
    """

    encoding: Encoding
    parts: int
    units: int


_SINGLES = tuple(PartCount(Encoding.GSM_7, 1, units) for units in range(_SINGLE_SEPTETS + 1))
"""What most texts cost, by units: made once, as making one takes as long as looking through a short text."""


def count_parts(text: str) -> PartCount:
    """Count the parts of `text`. Takes any string, lone surrogates (one unit each) and the empty one included.

    One part holds 160 septets or 70 UTF-16 units; each part of several holds 153 or 67 (AWS, "SMS character limits").
    """
    if OUTSIDE_BASIC.search(text) is None:
        units = len(text)
        if units <= _SINGLE_SEPTETS:
            return _SINGLES[units]
        if "\r\n" not in text:
            return PartCount(Encoding.GSM_7, -(-units // _PART_SEPTETS), units)
        return PartCount(Encoding.GSM_7, _cut_septets(text), units)
    if OUTSIDE_GSM.search(text) is None:
        escaped = text
        for character in EXTENSION:
            escaped = escaped.replace(character, _ESCAPE + character)
        units = len(escaped)
        parts = 1 if units <= _SINGLE_SEPTETS else _cut_septets(escaped)
        return PartCount(Encoding.GSM_7, parts, units)
    units = _utf16_units(text)
    if units <= _SINGLE_UNITS:
        return PartCount(Encoding.UCS_2, 1, units)
    bmp_only = units == len(text)
    if _NOT_APART.search(text) is not None and _CLUSTERING.search(text) is not None:
        parts = _cut_between_clusters(text) if bmp_only else _pack_clusters(text)
    elif bmp_only:
        parts = -(-units // _PART_UNITS)
    else:
        parts = _cut_between_characters(text, units)
    return PartCount(Encoding.UCS_2, parts, units)


def too_long(count: PartCount) -> str | None:
    """Say by how much a text is too long for the service, with both numbers; None when it is not."""
    if count.encoding is Encoding.GSM_7:
        unit, limit = "septets", MAX_GSM_SEPTETS
    else:
        unit, limit = "UTF-16 units", MAX_UCS2_UNITS
    if count.units <= limit:
        return None
    return f"the text has {count.units} {unit} in {count.encoding}, more than the {limit} that the service takes"


def _utf16_units(text: str) -> int:
    # A lone surrogate is replaced by one unit, so that two of them in a row never count as a pair.
    return len(text.encode("utf-16-le", "replace")) // 2


def _cut_septets(escaped: str) -> int:
    """Count the parts of GSM text in which an escape stands before every extension character."""
    parts, start = 1, 0
    while len(escaped) - start > _PART_SEPTETS:
        start += _PART_SEPTETS
        if escaped[start - 1] == _ESCAPE or escaped[start - 1 : start + 1] == "\r\n":
            start -= 1
        parts += 1
    return parts


def _cut_between_characters(text: str, units: int) -> int:
    """Count the parts of UCS-2 text in which every character is a cluster."""
    data = text.encode("utf-16-be", "replace")
    parts, start = 1, 0
    while units - start > _PART_UNITS:
        start += _PART_UNITS
        if 0xD8 <= data[2 * start - 2] < 0xDC and 0xDC <= data[2 * start] < 0xE0:
            start -= 1
        parts += 1
    return parts


def _cut_between_clusters(text: str) -> int:
    """Count the parts of UCS-2 text without surrogate pairs.

    Only the neighbourhood of each cut is taken apart: from the last place before it where a cluster surely ends.
    """
    parts, start = 1, 0
    while len(text) - start > _PART_UNITS:
        cut = start + _PART_UNITS
        pair = _LAST_APART_PAIR.search(text, start, cut)
        end = start if pair is None else pair.start() + 1
        while (cluster := _CLUSTER.match(text, end)) is not None and cluster.end() <= cut:
            end = cluster.end()
        if end == start:
            return _pack_clusters(text)
        parts, start = parts + 1, end
    return parts


def _pack_clusters(text: str) -> int:
    """Count the parts of any UCS-2 text, cluster by cluster.

    A cluster longer than a part begins a part of its own and is cut between its characters.
    """
    clusters: list[str] = _CLUSTER.findall(text)
    parts, free = 0, 0
    for cluster in clusters:
        size = _utf16_units(cluster)
        if size <= _PART_UNITS:
            pieces = [size]
        else:
            pieces = [_utf16_units(character) for character in cluster]
            free = 0
        for piece in pieces:
            if piece > free:
                parts, free = parts + 1, _PART_UNITS
            free -= piece
    return parts
