"""Tracebacks that can be shown to anybody: where something went wrong, and nothing of whose data it was about."""

import traceback
from collections.abc import Iterator

from bulksend.base.errors import BulksendError


def anonymous_traceback(error: BaseException) -> list[str]:
    """The lines of a traceback without what errors that are not ours say: they may quote a number or a text.

    Lines of code, names of errors and our own sentences, which quote neither, are there; of what led to what, all.
    """
    chain: list[list[str]] = []
    link: str | None = None
    for each, leads_by in _chain(error):
        name = f"{type(each).__module__}.{type(each).__qualname__}".removeprefix("builtins.")
        said = f"{name}: {each.what}" if isinstance(each, BulksendError) else name
        lines = ["Traceback (most recent call last):", *_frames(each), said]
        chain.insert(0, lines if link is None else [*lines, "", link, ""])
        link = leads_by
    return [line for lines in chain for line in lines]


def _chain(error: BaseException) -> Iterator[tuple[BaseException, str]]:
    """The error, what it came from, and so on, each with how the one before it in the traceback is told."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        if each.__cause__ is not None:
            yield each, "The above exception was the direct cause of the following exception:"
            each = each.__cause__
        else:
            yield each, "During handling of the above exception, another exception occurred:"
            each = None if each.__suppress_context__ else each.__context__


def _frames(error: BaseException) -> Iterator[str]:
    for frame in traceback.format_tb(error.__traceback__):
        yield from frame.rstrip("\n").splitlines()
