"""Where a run can be killed, and what kills it there."""

import os
import random
import signal
from enum import StrEnum
from threading import Timer


class Point(StrEnum):
    """A place that a run passes, many times over. "Outcome" stands for a postponement too."""

    NOWHERE = "nowhere"
    BEFORE_INTENT = "before_intent"  # about to be handed to the ledger
    DURING_INTENT = "during_intent"  # handed on, not confirmed
    AFTER_INTENT = "after_intent"  # on disk, nothing done with it
    BEFORE_WIRE = "before_wire"  # let onto the wire, not a byte written
    AFTER_WIRE = "after_wire"  # written, not answered
    BEFORE_OUTCOME = "before_outcome"  # answered, not yet told to the ledger
    DURING_OUTCOME = "during_outcome"
    AFTER_OUTCOME = "after_outcome"
    BEFORE_RETURN = "before_return"  # stopping: claimed rows are about to go back
    DURING_RETURN = "during_return"
    AFTER_RETURN = "after_return"
    BEFORE_END = "before_end"  # stopping: the end of the run is about to be recorded
    DURING_END = "during_end"
    AFTER_END = "after_end"

    @property
    def is_in_the_stop(self) -> bool:
        """Whether a run has to be told to stop to come by here; its passings are the outcomes before it is told."""
        return self.value.endswith(("_return", "_end"))


A_COMMIT_S = 0.002
"""How long a group commit takes, about."""

A_SHARED_COMMIT_S = 0.012
"""The same where it waits for others to share it, as outcomes and claims do."""

AN_ANSWER_S = 0.015
"""How long an answer takes at least, most of the time."""


class Crash:
    """Ends this process by SIGKILL when it comes by `point` for the `passing`-th time.

    Args:
        point: where.
        passing: which time, from 1. For a point in the stop: SIGTERM after so many outcomes, SIGKILL at the point.
        seed: of the moment, where there is more than one.
    """

    def __init__(self, point: Point, passing: int, *, seed: int) -> None:
        self._point = point
        self._left = passing
        self._dice = random.Random(seed)
        self._stopping = False

    def at(self, point: Point) -> None:
        """Come by `point`: die here, if it is time."""
        if self._is_time(point):
            os.kill(os.getpid(), signal.SIGKILL)

    def within(self, point: Point, seconds: float) -> None:
        """Begin something that lasts about `seconds`: die in the course of it, if it is time."""
        if self._is_time(point):
            # A thread, because the event loop may be busy, and is late by a millisecond.
            timer = Timer(self._dice.uniform(0.0, seconds), os.kill, (os.getpid(), signal.SIGKILL))
            timer.daemon = True
            timer.start()

    def settled(self) -> None:
        """An outcome is on disk: stop now, if the point is in the stop."""
        if self._point.is_in_the_stop and not self._stopping:
            self._left -= 1
            if self._left <= 0:
                self._stopping = True
                os.kill(os.getpid(), signal.SIGTERM)

    def _is_time(self, point: Point) -> bool:
        if point is not self._point:
            return False
        if point.is_in_the_stop:
            return self._stopping
        self._left -= 1
        return self._left == 0
