"""Encoding and parts of one text, to people."""

from collections.abc import Iterator

from bulksend.base.records import Encoding
from bulksend.message.gsm import non_gsm_characters
from bulksend.message.parts import PartCount, too_long


def parts_lines(text: str, count: PartCount) -> Iterator[str]:
    """Encoding and parts of one text for people, and what forces UCS-2."""
    unit = "septets" if count.encoding is Encoding.GSM_7 else "UTF-16 units"
    yield f"{count.encoding.value}, {count.parts:,} {'part' if count.parts == 1 else 'parts'}, {count.units:,} {unit}"
    if sentence := too_long(count):
        yield f"Too long: {sentence}"
    forcing = non_gsm_characters(text)
    if forcing:
        yield "Characters that force UCS-2:"
        for each in forcing:
            times = "once" if each.count == 1 else f"{each.count:,} times, first"
            yield f"  {each.character!r} {each.code_point} {each.name}: {times} at character {each.first_index + 1:,}"
