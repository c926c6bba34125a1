"""What a plan could propose to write otherwise. It proposes: nothing is ever changed by itself."""

import unicodedata
from dataclasses import dataclass

from bulksend.message.suggest import replacement_of
from bulksend.pipeline.forcing import REGISTERED_COUNTRY, Forced, Saved, Source
from bulksend.pipeline.totals import PlanTotals


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One character that forces messages into UCS-2.

    Attributes:
        character: the one character.
        source: where it comes from: the template, or the values of columns.
        forced: how many messages it forces, and which is the first.
        replacement: what could stand for it, "" for nothing at all; None where nothing is suggested.
    """

    character: str
    source: Source
    forced: Forced
    replacement: str | None

    @property
    def code_point(self) -> str:
        """As Unicode writes it: `U+2019`."""
        return f"U+{ord(self.character):04X}"

    @property
    def name(self) -> str:
        """Unicode's name in capitals; "" for characters that have none."""
        return unicodedata.name(self.character, "")


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What could be written otherwise, and what that would change.

    Attributes:
        characters: all that force UCS-2, those of most messages first.
        saved: by replacing all that have a stand-in.
        saved_by_template: by replacing those of the template alone.
        template: the template as suggested; None where nothing is suggested for it.
        is_registered: the template is left alone because messages go to `REGISTERED_COUNTRY`.
    """

    characters: tuple[Suggestion, ...]
    saved: Saved
    saved_by_template: Saved
    template: str | None
    is_registered: bool


def suggestions_of(totals: PlanTotals) -> Suggestions:
    """Work out what could be written otherwise in a plan."""
    forcing, sources = totals.forcing, open_sources(totals)
    characters = []
    for character, forced in forcing.characters().items():
        source = forcing.source_of(character)
        is_open = source in sources and forced.registered < forced.messages
        characters.append(
            Suggestion(character, source, forced, replacement_of(character) if is_open else None),
        )
    saved, by_template = Saved(), Saved()
    for source, _, _, each in forcing.saved():
        for total, wanted in ((saved, sources), (by_template, sources & {Source.TEMPLATE})):
            if source in wanted:
                total.messages += each.messages
                total.parts += each.parts
    registered = Source.TEMPLATE not in sources
    return Suggestions(
        characters=tuple(characters),
        saved=saved,
        saved_by_template=by_template,
        template=forcing.suggested_template(registered=registered),
        is_registered=registered and any(one.source is Source.TEMPLATE for one in characters),
    )


def open_sources(totals: PlanTotals) -> frozenset[Source]:
    """Where something may be suggested: not in a template by which messages go to `REGISTERED_COUNTRY`."""
    return frozenset({Source.VALUES}) if totals.countries[REGISTERED_COUNTRY] else frozenset(Source)
