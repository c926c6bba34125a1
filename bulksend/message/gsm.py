"""The GSM 03.38 alphabet: which characters a text may have to be sent in seven bits each, and what each costs.

Sources: 3GPP TS 23.038, section 6.2.1 (default alphabet) and 6.2.1.1 (extension table); AWS, "SMS character limits".
AWS lists the whole default alphabet and nine characters of the extension table; the form feed is not among them, so
a text with a form feed is counted as UCS-2 here. National language tables are not used by the service.
"""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

_ESCAPE = "\x1b"

_DEFAULT_TABLE = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    f"Δ_ΦΓΛΩΠΨΣΘΞ{_ESCAPE}ÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)

BASIC = frozenset(_DEFAULT_TABLE) - {_ESCAPE}
"""Characters of one septet. The escape is not one of them: only the encoder writes it."""

EXTENSION = frozenset("^{}\\[~]|€")
"""Characters of two septets: the encoder puts an escape before each."""

OUTSIDE_BASIC = re.compile("[^" + re.escape("".join(sorted(BASIC))) + "]")
"""Finds the first character that is not one septet."""

OUTSIDE_GSM = re.compile("[^" + re.escape("".join(sorted(BASIC | EXTENSION))) + "]")
"""Finds the first character that forces UCS-2."""


def septets(char: str) -> int:
    """Return what the one character `char` costs in GSM-7: 1, or 2 with its escape; 0 when it cannot be written."""
    if char in BASIC:
        return 1
    return 2 if char in EXTENSION else 0


@dataclass(frozen=True, slots=True)
class ForcingCharacter:
    """A character that is not in the GSM alphabet, and where a text has it.

    Attributes:
        character: the one character.
        count: how often the text has it, at least 1.
        first_index: where it first stands, in characters from 0.
    """

    character: str
    count: int
    first_index: int

    @property
    def code_point(self) -> str:
        """As Unicode writes it: `U+2019`."""
        return f"U+{ord(self.character):04X}"

    @property
    def name(self) -> str:
        """Unicode's name in capitals, `RIGHT SINGLE QUOTATION MARK`; empty for characters that have none."""
        return unicodedata.name(self.character, "")


def non_gsm_characters(text: str) -> tuple[ForcingCharacter, ...]:
    """Return the distinct characters that force `text` into UCS-2, in order of first appearance; empty for GSM-7."""
    counts = Counter(OUTSIDE_GSM.findall(text))
    return tuple(ForcingCharacter(character, count, text.index(character)) for character, count in counts.items())
