"""Which characters of a plan force UCS-2, what could be written instead, and a few messages, to people."""

import unicodedata
from collections.abc import Iterator
from textwrap import wrap

from bulksend.base.mask import mask_number
from bulksend.pipeline.examples import Shown
from bulksend.pipeline.plan import Plan
from bulksend.pipeline.pricing import dollars
from bulksend.pipeline.suggestions import Suggestion, Suggestions
from bulksend.report.wrapped import WIDTH, folded, one_line

SHOWN_CHARACTERS = 10
"""So many characters are shown to people; a page and JSON have more."""


def character_lines(suggestions: Suggestions, *, suggest: bool) -> Iterator[str]:
    """The characters that force UCS-2, those of most messages first."""
    if not suggestions.characters:
        return
    yield ""
    yield "Characters that force UCS-2, and how many messages each is in"
    for one in suggestions.characters[:SHOWN_CHARACTERS]:
        instead = f"; {instead_of(one)}" if suggest else ""
        yield from folded(
            f"{described(one)}, {where(one)}{instead}", first=f"{one.forced.messages:>10,}  ", others=" " * 12
        )
    if (more := len(suggestions.characters) - SHOWN_CHARACTERS) > 0:
        yield f"{'':>12}and {more:,} more"


def saving_lines(plan: Plan, suggestions: Suggestions, *, suggest: bool) -> Iterator[str]:
    """What replacing them would change, and the template as suggested."""
    if not suggestions.characters:
        return
    for number, sentence in enumerate(saving_sentences(plan, suggestions, suggest=suggest)):
        yield from folded(sentence, first=f"{'' if number else 'Saving':<9}", others=" " * 9)
    if suggest and suggestions.template is not None:
        yield ""
        yield "The template as it could be; nothing is changed by itself"
        yield from text_lines(suggestions.template)


def saving_sentences(plan: Plan, suggestions: Suggestions, *, suggest: bool) -> Iterator[str]:
    """What replacing characters would change, and to whom nothing is suggested."""
    saved, by_template = suggestions.saved, suggestions.saved_by_template
    if saved.messages:
        parts = f"{saved.parts:,} of {plan.totals.parts:,} parts" if saved.parts else "no part"
        money = ""
        if saved.parts and plan.cost is not None and plan.cost.saved is not None:
            money = f", {dollars(plan.cost.saved)}"
        sentence = f"with plain characters instead, {saved.messages:,} messages would be GSM-7; saves {parts}{money}"
        if by_template.messages and by_template.messages < saved.messages:
            alone = f"{by_template.messages:,} messages and {by_template.parts:,} parts"
            sentence += f"; the template's alone: {alone}"
        yield sentence + ("" if suggest else ". What instead: bulksend plan --suggest")
    else:
        yield "no message can be made GSM-7 by plain characters instead"
    if plan.totals.forcing.registered or suggestions.is_registered:
        also = ", and neither is the template" if suggestions.is_registered else ""
        yield (
            f"messages to India are left as they are{also}: there, a text has to match its registered template"
            f" ({plan.totals.forcing.registered:,} of them are in UCS-2)"
        )


def described(one: Suggestion) -> str:
    """A character by code point and name, and itself where it can be seen alone: `U+00E7 ... (ç)`."""
    itself = f" ({one.character})" if is_visible(one.character) else ""
    return f"{one.code_point} {one.name or 'without a name'}{itself}"


def where(one: Suggestion) -> str:
    """Where it comes from, with the first row."""
    place = "in the template" if one.source == "template" else "in column values"
    return f"{place}, first in row {one.forced.first_row:,}"


def instead_of(one: Suggestion) -> str:
    """What could be written for it."""
    match one.replacement:
        case None:
            return "no suggestion"
        case "":
            return "leave it out"
        case " ":
            return "a plain space"
        case "\n":
            return "a line feed"
        case _:
            return f"write {one.replacement}"


def is_visible(character: str) -> bool:
    """Whether it shows by itself: neither white space nor a control, nor an accent that wants a letter."""
    return character.isprintable() and not character.isspace() and not unicodedata.combining(character)


def sample_lines(shown: list[Shown]) -> Iterator[str]:
    """Some messages as they would go out; numbers are masked, texts are not."""
    if not shown:
        return
    yield ""
    yield "Messages as they would go out"
    for one in shown:
        yield from folded(heading(one), first="  ", others="    ")
        yield from text_lines(one.row.text or "")


def heading(one: Shown) -> str:
    """Which message it is, and why it is shown."""
    row = one.row
    size = f"{row.encoding.value if row.encoding else '-'}, {row.parts:,} {'part' if row.parts == 1 else 'parts'}"
    return f"Row {row.row:,}, {one.why}: to {mask_number(row.destination)} ({row.country or '-'}), {size}"


def text_lines(text: str) -> Iterator[str]:
    """A text in lines that fit, behind a bar; what would steer a terminal is a space."""
    for line in text.splitlines() or [""]:
        pieces = wrap(one_line(line), WIDTH - 6, drop_whitespace=False, break_on_hyphens=False) or [""]
        yield from (f"    | {piece}".rstrip() for piece in pieces)
