"""Who is where in one lane: every claimed row, by how far it is from the wire."""

import asyncio
from enum import Enum, auto


class Stage(Enum):
    """How far a claimed row is."""

    QUEUED = auto()  # claimed, nothing done yet
    PREPARED = auto()  # on its way to the gate in front of the wire, or waiting at it
    FLYING = auto()  # let onto the wire, no answer yet
    WAITING = auto()  # waits before it is tried again; the ledger knows that it is not on the wire
    PUT_OFF = auto()  # likewise, because its recipient was sent something just before
    RECORDING = auto()  # the outcome is known and on its way to the disk
    GONE = auto()  # settled, or back in the ledger


UNTRIED = (Stage.QUEUED, Stage.PREPARED)
"""Rows on their way to the wire: their intent is durable, so they would be `unknown` after a `kill -9`."""


class Roster:
    """Counts rows and parts by stage, and tells when anything changed."""

    def __init__(self) -> None:
        self._messages = dict.fromkeys(Stage, 0)
        self._parts = dict.fromkeys(Stage, 0)
        self.changed = asyncio.Event()
        self.landed = asyncio.Event()

    def move(self, parts: int, *, old: Stage, new: Stage) -> None:
        """A row of `parts` parts goes from `old` to `new`; GONE is where rows come from and end."""
        self._messages[old] -= 1
        self._messages[new] += 1
        self._parts[old] -= parts
        self._parts[new] += parts
        self.changed.set()

    def messages(self, *stages: Stage) -> int:
        """Rows in any of `stages`."""
        return sum(self._messages[stage] for stage in stages)

    def parts(self, *stages: Stage) -> int:
        """Parts of the rows in any of `stages`."""
        return sum(self._parts[stage] for stage in stages)
