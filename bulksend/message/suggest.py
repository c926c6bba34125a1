"""What could stand for characters that force UCS-2: proposals for a person, never applied to a message.

The proposals are plainer characters of the GSM alphabet that mean the same to a reader: typewriter quotes for printed
ones, hyphens for dashes, letters without the accents that the alphabet lacks. What has no such stand-in (another
script, an emoji) gets none.
"""

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from jinja2 import Environment, TemplateError

from bulksend.message.gsm import BASIC, EXTENSION, OUTSIDE_GSM

MAX_LENGTH = 4
"""Characters that may stand for one; the longest are those of fractions and Roman numerals."""

_ALPHABET = BASIC | EXTENSION
_COMPARED = frozenset({"==", "!=", "<", ">", "<=", ">=", "in", "not", "is"})
_DEFAULTS = (["default", "("], ["d", "("])
_SYNTAX = frozenset("{}")  # in a template these could begin something that was text before

_CHOSEN: Mapping[str, str] = MappingProxyType(
    {character: plain for characters, plain in (
        ("\u2018\u2019\u201a\u201b\u2032\u02b9\u02bb\u02bc\u00b4`\u2039\u203a", "'"),
        ("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        ("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043", "-"),
        ("\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t", " "),
        ("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufe0e\ufe0f\ufeff", ""),
        ("\u2028\u2029\u0085", "\n"),
        ("\u2022\u2023\u00b7\u2219\u25cf\u25aa", "*"),
        ("\u00d7\u2715", "x"),
        ("\u00f7\u2044\u2215", "/"),
        ("\u00a9", "(c)"),
        ("\u00ae", "(R)"),
        ("\u2192", "->"),
        ("\u00b5\u03bc", "u"),
        ("\u00b8\u02db", ","),
        ("\u0142", "l"), ("\u0141", "L"), ("\u0111", "d"), ("\u0110\u00d0", "D"), ("\u00f0", "d"),
        ("\u0131", "i"), ("\u0127", "h"), ("\u0126", "H"), ("\u0153", "oe"), ("\u0152", "OE"),
        ("\u00fe", "th"), ("\u00de", "Th"), ("\u1e9e", "SS"),
    ) for character in characters}
)  # fmt: skip


@lru_cache(maxsize=4096)
def replacement_of(character: str) -> str | None:
    """Return what could stand for `character`, which is not in the GSM alphabet, or None.

    "" means that it can be left out: it shows nothing, or is an accent of its own behind a letter (which `replaced`
    joins with the letter where the alphabet has the two as one).
    """
    if character in _CHOSEN:
        return _CHOSEN[character]
    if unicodedata.combining(character):
        return "" if "\u0300" <= character <= "\u036f" else None
    plain = "".join(
        _CHOSEN.get(each, each) for each in unicodedata.normalize("NFKD", character) if not "\u0300" <= each <= "\u036f"
    )
    # A sign that stands alone decomposes into a space and an accent: the space means something else.
    if not plain.strip() or len(plain) > MAX_LENGTH or not _ALPHABET.issuperset(plain) or not _SYNTAX.isdisjoint(plain):
        return None
    return plain


def replaced(text: str, characters: str) -> str:
    """Return `text` with the stand-ins of `characters`; those that have none stay.

    Letters that are followed by accents of their own are made one character first, as "é" is in the alphabet.
    """
    table = _table(characters)
    if table is None:
        text = unicodedata.normalize("NFC", text)
        table = _table_of(characters + "".join(OUTSIDE_GSM.findall(text)))
    return text.translate(table)


@lru_cache(maxsize=1024)
def _table(characters: str) -> dict[int, str] | None:
    """What `str.translate` wants; None where there are accents of their own, which each text is looked at for."""
    return None if any(map(unicodedata.combining, characters)) else _table_of(characters)


def _table_of(characters: str) -> dict[int, str]:
    return {ord(each): plain for each in characters if (plain := replacement_of(each)) is not None}


def template_characters(source: str) -> frozenset[str]:
    """Return the characters that a template itself brings into messages and that force UCS-2."""
    return frozenset(
        character for piece in _pieces(source) if piece.is_text for character in OUTSIDE_GSM.findall(piece.value)
    )


def suggested_template(source: str) -> str | None:
    """Return the template with stand-ins wherever it has them; None where there is nothing to replace.

    Only what it brings into messages is touched: its own text, and strings that are printed. What a value is compared
    with stays as it is. A string whose quotes a stand-in would end is put between the other quotes, or left alone.
    """
    suggested = "".join(
        piece.value if not piece.is_text else _plain_string(piece.value) if piece.is_string else _plain(piece.value)
        for piece in _pieces(source)
    )
    return None if suggested == source or not suggested else suggested


def _plain(text: str) -> str:
    return replaced(text, "".join(OUTSIDE_GSM.findall(text)))


def _plain_string(literal: str) -> str:
    inner, quote = literal[1:-1], literal[0]
    plain = _plain(inner)
    if plain == inner:
        return literal
    if quote not in plain.replace(f"\\{quote}", ""):
        return f"{quote}{plain}{quote}"
    other = "'" if quote == '"' else '"'
    return literal if other in plain else f"{other}{plain}{other}"


class _Piece(NamedTuple):
    value: str
    is_text: bool
    is_string: bool


def _pieces(source: str) -> list[_Piece]:
    """A template in pieces that are together the template; nothing for one that cannot be read."""
    try:
        lexed = Environment(keep_trailing_newline=True).lex(source)  # noqa: S701 - read, never rendered
        tokens = [(kind, value) for _, kind, value in lexed]
    except TemplateError:
        return []
    pieces = []
    words = [value.strip() for kind, value in tokens if kind != "whitespace"] + ["", ""]
    at = 0  # in `words`: what stands before is at - 1, what follows at + 1
    for kind, value in tokens:
        is_printed = kind == "string" and _is_printed(words[max(0, at - 2) : at], words[at + 1])
        pieces.append(_Piece(value, kind == "data" or is_printed, is_printed))
        at += kind != "whitespace"
    return pieces


def _is_printed(before: list[str], after: str) -> bool:
    """Whether a string between these words stands in the message as it is, and is no name, key or comparison."""
    if after in _COMPARED:
        return False
    return before[-1].startswith("{{") or before[-1] == "else" or before in _DEFAULTS
