"""Which characters force messages into UCS-2, and what it would save to replace them."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bulksend.base.records import PlannedRow
from bulksend.message.gsm import BASIC, EXTENSION
from bulksend.message.parts import count_parts
from bulksend.message.suggest import MAX_LENGTH, replaced, replacement_of, suggested_template, template_characters

REGISTERED_COUNTRY = "IN"
"""Where a text has to match the template that was registered for it (AWS, "India sender ID registration process"): to
this country nothing is ever suggested."""

_IN_GSM = re.compile("[" + re.escape("".join(sorted(BASIC | EXTENSION))) + "]+")
_SURELY_ONE_PART = 160 // (2 * MAX_LENGTH)
"""A text of so few characters is one part, whatever is replaced: none becomes more than `MAX_LENGTH` of two septets."""

MOST_KINDS = 2048
"""So many kinds of texts are told apart before they are added up, so that memory stays flat."""


class Source(StrEnum):
    """Where the characters of a message that force UCS-2 come from."""

    TEMPLATE = "template"
    VALUES = "values"
    BOTH = "both"


@dataclass(slots=True)
class Forced:
    """One character that forces UCS-2.

    Attributes:
        messages: that have it.
        first_row: the first of them.
        registered: how many of them go to `REGISTERED_COUNTRY`.
    """

    messages: int
    first_row: int
    registered: int


@dataclass(slots=True)
class Saved:
    """What becomes of messages whose characters are all replaced.

    Attributes:
        messages: that would be GSM-7.
        parts: that they would be fewer.
    """

    messages: int = 0
    parts: int = 0


@dataclass(slots=True)
class _Kind:
    """Messages from one identity to one country that have the same characters outside GSM, in the same order."""

    first_row: int
    is_replaceable: bool
    messages: int = 0
    parts_saved: int = 0


class Forcing:
    """Counts the UCS-2 messages of a plan as they pass.

    A message to `REGISTERED_COUNTRY` is counted, and never among what could be saved.

    Args:
        template: of the campaign; "" where a column has the texts.
        most_kinds: so many kinds of texts are told apart before they are added up.
    """

    def __init__(self, template: str = "", *, most_kinds: int = MOST_KINDS) -> None:
        self._most_kinds = most_kinds
        self._template = template
        self._of_template = template_characters(template) if template else frozenset[str]()
        self._kinds: dict[tuple[str, str | None, str | None], _Kind] = {}
        self._characters: dict[str, Forced] = {}
        self._saved: defaultdict[tuple[Source, str | None, str | None], Saved] = defaultdict(Saved)
        self._messages = 0
        self._parts = 0
        self._registered = 0

    def add(self, row: PlannedRow) -> None:
        """Count a message in UCS-2."""
        text = row.text or ""
        found = _IN_GSM.sub("", text)
        key = (found, row.country, row.identity)
        kind = self._kinds.get(key)
        if kind is None:
            if len(self._kinds) == self._most_kinds:
                self._add_up()
            kind = self._kinds[key] = _Kind(row.row, _is_replaceable(found, row.country))
        kind.messages += 1
        self._parts += row.parts
        if kind.is_replaceable and (row.parts > 1 or len(text) > _SURELY_ONE_PART):
            kind.parts_saved += row.parts - count_parts(replaced(text, found)).parts

    @property
    def messages(self) -> int:
        """How many messages are in UCS-2."""
        self._add_up()
        return self._messages

    @property
    def parts(self) -> int:
        """Of all of them."""
        return self._parts

    @property
    def registered(self) -> int:
        """How many of them go to `REGISTERED_COUNTRY`."""
        self._add_up()
        return self._registered

    def characters(self) -> Mapping[str, Forced]:
        """Every character that forces UCS-2, those of most messages first."""
        self._add_up()
        return dict(sorted(self._characters.items(), key=lambda item: (-item[1].messages, item[1].first_row, item[0])))

    def source_of(self, character: str) -> Source:
        """TEMPLATE for what the template has, whether or not values have it too; else VALUES."""
        return Source.TEMPLATE if character in self._of_template else Source.VALUES

    def saved(self) -> Iterator[tuple[Source, str | None, str | None, Saved]]:
        """What would be saved, by where the characters come from, identity and country."""
        self._add_up()
        for (source, identity, country), saved in self._saved.items():
            yield source, identity, country, saved

    def suggested_template(self, *, registered: bool) -> str | None:
        """The template without what it forces UCS-2 by; None where nothing of it can be replaced.

        Args:
            registered: whether any message goes to `REGISTERED_COUNTRY`, for which the template stays as it is.
        """
        return suggested_template(self._template) if self._of_template and not registered else None

    def _add_up(self) -> None:
        for (found, country, identity), kind in self._kinds.items():
            some = frozenset(found)
            registered = kind.messages if country == REGISTERED_COUNTRY else 0
            self._messages += kind.messages
            self._registered += registered
            for character in some:
                forced = self._characters.setdefault(character, Forced(0, kind.first_row, 0))
                forced.messages += kind.messages
                forced.first_row = min(forced.first_row, kind.first_row)
                forced.registered += registered
            if kind.is_replaceable:
                saved = self._saved[self._source_of_all(some), identity, country]
                saved.messages += kind.messages
                saved.parts += kind.parts_saved
        self._kinds.clear()

    def _source_of_all(self, some: frozenset[str]) -> Source:
        if some <= self._of_template:
            return Source.TEMPLATE
        return Source.VALUES if some.isdisjoint(self._of_template) else Source.BOTH


def _is_replaceable(found: str, country: str | None) -> bool:
    return country != REGISTERED_COUNTRY and all(replacement_of(character) is not None for character in set(found))
