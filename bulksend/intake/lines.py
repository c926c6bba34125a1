"""From blocks of text to physical lines, a list at a time: per line, nothing here runs in Python."""

import io
from collections.abc import Iterable, Iterator

from bulksend.base.errors import InputError
from bulksend.intake.place import Place

MAX_LINE_CHARACTERS = 1_048_576
"""No line of recipients is longer; what is has lost its line ends, or never had any."""


def universal_lines(blocks: Iterable[str], place: Place) -> Iterator[list[str]]:
    r"""Yield the lines of CSV, each with its own end: `\n`, `\r\n` or a lone `\r`, mixed if they come mixed.

    Keeps `place.line` at the first line of the list that was handed out, and, while `blocks` is read, at the line
    that the next character belongs to, so that an error from below names it.

    Raises:
        InputError: a line is longer than `MAX_LINE_CHARACTERS`.
    """
    place.line = 1
    done = 0
    rest = ""
    for block in blocks:
        lines = io.StringIO(rest + block, newline="").readlines()
        # A "\r" at the very end stays with the rest: the next block may begin with its "\n".
        rest = "" if not lines or lines[-1].endswith("\n") else lines.pop()
        if len(rest) > MAX_LINE_CHARACTERS:
            raise _too_long(place, done + len(lines) + 1)
        if lines:
            place.line = done + 1
            yield lines
            done += len(lines)
        place.line = done + 1 + rest.endswith("\r")
    if rest:
        place.line = done + 1
        yield [rest]


def newline_lines(blocks: Iterable[str], place: Place) -> Iterator[list[str]]:
    r"""Yield the lines of JSONL without the `\n` that ends them; a `\r` before it stays, which JSON does not mind.

    Keeps `place.line`, and raises, as `universal_lines` does.
    """
    place.line = 1
    rest = ""
    for block in blocks:
        *lines, rest = (rest + block).split("\n")
        if len(rest) > MAX_LINE_CHARACTERS:
            raise _too_long(place, place.line + len(lines))
        if lines:
            yield lines
            place.line += len(lines)
    if rest:
        yield [rest]


def _too_long(place: Place, line: int) -> InputError:
    return place.error(
        f"the line is longer than {MAX_LINE_CHARACTERS:,} characters", "Write one recipient a line", line=line
    )
