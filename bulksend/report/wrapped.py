"""Sentences in lines that fit a terminal, whoever wrote what is in them."""

import re
from collections.abc import Iterator
from textwrap import wrap

WIDTH = 80
TITLE_WIDTH = 9

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DURATION = re.compile(r"[0-9]+ (s|min|h|d)\b( [0-9]+ (s|min|h)\b)?")


def one_line(text: str) -> str:
    """`text` without what begins another line or steers a terminal: names come from the account."""
    return _CONTROLS.sub(" ", text)


def folded(text: str, *, first: str, others: str) -> Iterator[str]:
    """Yield `text` behind `first` and then `others`, in lines that are only longer than `WIDTH` where one word is.

    Ids are to be copied, so no word is broken. A duration stays on one line.
    """
    # No-break spaces while the lines are made.
    text = _DURATION.sub(lambda found: found[0].replace(" ", "\u00a0"), one_line(text))
    for line in wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=others, break_long_words=False, break_on_hyphens=False
    ):
        yield line.replace("\u00a0", " ")


def wrapped(title: str, text: str) -> Iterator[str]:
    """Yield `text` behind `title`, which the first line alone has; columns of titles are `TITLE_WIDTH` wide."""
    margin = max(TITLE_WIDTH, len(title))
    return folded(text, first=f"{title:<{margin}} ", others=" " * (margin + 1))
