"""Who is where in one lane: every claimed row, by how far it is from the wire."""

import asyncio
from enum import IntEnum


class Stage(IntEnum):
    """How far a claimed row is."""

    QUEUED = 0  # claimed, nothing done yet
    PREPARED = 1  # on its way to the gate in front of the wire, or waiting at it
    FLYING = 2  # let onto the wire, no answer yet
    WAITING = 3  # waits before it is tried again; the ledger knows that it is not on the wire
    PUT_OFF = 4  # likewise, because its recipient was sent something just before
    RECORDING = 5  # the outcome is known and on its way to the disk
    GONE = 6  # settled, or back in the ledger


UNTRIED = (Stage.QUEUED, Stage.PREPARED)
"""Rows on their way to the wire: their intent is durable, so they would be `unknown` after a `kill -9`."""


class Roster:
    """Counts rows and parts by stage.

    Attributes:
        changed: set by whoever changes something that the lane has to look at: there may be room to start or to claim
            more, or something is to be given back. Not by every move, which would be several looks a message.
        landed: something that was in the air is not any more.
        awaits_landing: the lane found too many in the air, and has to look when that changes.
    """

    def __init__(self) -> None:
        self._messages = [0] * len(Stage)
        self._parts = [0] * len(Stage)
        self.changed = asyncio.Event()
        self.landed = asyncio.Event()
        self.awaits_landing = False

    def move(self, parts: int, old: Stage, new: Stage) -> None:
        """A row of `parts` parts goes from `old` to `new`; GONE is where rows come from and end."""
        messages, by_stage = self._messages, self._parts
        messages[old] -= 1
        messages[new] += 1
        by_stage[old] -= parts
        by_stage[new] += parts

    def messages(self, stage: Stage) -> int:
        """Rows in `stage`."""
        return self._messages[stage]

    def parts(self, stage: Stage) -> int:
        """Parts of the rows in `stage`."""
        return self._parts[stage]

    @property
    def untried_parts(self) -> int:
        """Parts of the rows in `UNTRIED`."""
        return self._parts[Stage.QUEUED] + self._parts[Stage.PREPARED]
