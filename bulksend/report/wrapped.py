"""Sentences behind a title, in lines that fit a terminal."""

from collections.abc import Iterator

WIDTH = 80
TITLE_WIDTH = 9


def wrapped(title: str, text: str) -> Iterator[str]:
    """Yield `text` behind `title`, which the first line alone has, in lines of `WIDTH` columns at most.

    A single word that is longer has a line of its own. Columns of titles are `TITLE_WIDTH` wide, or as `title` is.
    """
    margin = max(TITLE_WIDTH, len(title))
    line = f"{title:<{margin}}"
    for word in text.split():
        if len(line) + 1 + len(word) > WIDTH and line.strip() != title.strip():
            yield line
            line = " " * margin
        line += f" {word}"
    yield line
