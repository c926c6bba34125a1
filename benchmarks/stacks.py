"""What stacks of `profiled` say: which part of the program each sample belongs to. Pure."""

import re
from collections.abc import Iterator
from typing import NamedTuple

HEAD = "Stack (most recent call first):"
_FRAME = re.compile(r'^  File "(?P<file>[^"]+)", line \d+ in (?P<function>.+)$', re.MULTILINE)
_OURS = re.compile(r"/bulksend/(?P<folder>[a-z_]+)/(?P<file>[a-z_0-9]+)\.py$")
_PACKAGE = re.compile(r"/site-packages/(?P<package>[^/.]+)")

SENDING = "sending"
LEDGER_THREAD = "ledger thread"
PLANNING = "planning"
START_UP = "imports"
START_AND_END = "start and end"
LOOP = "event loop"
OTHER = "interpreter"


class Frame(NamedTuple):
    """A function that was running, and its file."""

    file: str
    function: str


class Place(NamedTuple):
    """Where a sample belongs.

    Attributes:
        phase: `SENDING` (the event loop's thread, from its start to its end), `LEDGER_THREAD`, `PLANNING`, `START_UP`,
            or `START_AND_END` for what is left.
        part: the folder of ours whose code was running, or had called what was; else a package, `LOOP` or `OTHER`; ""
            of imports.
        file: that folder's file; "" outside ours.
    """

    phase: str
    part: str
    file: str


def stacks_of(text: str) -> Iterator[list[Frame]]:
    """Every stack, innermost frame first."""
    for stack in text.split(HEAD)[1:]:
        yield [Frame(found["file"], found["function"]) for found in _FRAME.finditer(stack)]


def place_of(stack: list[Frame]) -> Place:
    """Where one sample belongs."""
    phase = _phase(stack)
    if phase == START_UP:
        return Place(phase, "", "")
    for frame in stack:
        if (ours := _OURS.search(frame.file)) is not None:
            if ours["folder"] == "cli":  # it runs the loop, and the loop ran what has no frame of ours
                break
            return Place(phase, f"{ours['folder']}/", f"{ours['folder']}/{ours['file']}.py")
    else:
        return Place(phase, OTHER, "")
    inner = stack[: stack.index(frame)]
    packages = [found["package"] for each in inner if (found := _PACKAGE.search(each.file))]
    if packages:
        return Place(phase, packages[0], "")
    looping = any(each.file.endswith("asyncio/runners.py") for each in inner)
    return Place(phase, LOOP if looping else "cli/", "")


def _phase(stack: list[Frame]) -> str:
    if any("importlib" in frame.file for frame in stack):
        return START_UP
    if any(frame.function == "_bootstrap" for frame in stack):
        return LEDGER_THREAD
    if any(frame.file.endswith("/pipeline/plan.py") for frame in stack):
        return PLANNING
    return SENDING if any(frame.file.endswith("/asyncio/runners.py") for frame in stack) else START_AND_END
