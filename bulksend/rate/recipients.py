"""One message a second to one recipient, whichever bucket it comes from."""

import math
from collections import deque

SLACK_S = 0.02
"""Between the slots of two messages, so that the second need not be put off because the first was a moment late."""


class Recipients:
    """Who was sent something within the last `interval_s` seconds, or is about to be.

    AWS ("Quotas"): one SMS message per second to a single recipient; it cannot be raised. A request that was refused
    counts too, because nobody says that it does not.

    Pure: the caller brings the time, which must not go backwards. Holds no more than an interval's recipients.

    Args:
        interval_s: seconds between two messages to one recipient, at least; 0: as they come.
    """

    __slots__ = ("_free_at", "_interval_s", "_leaving", "_slots")

    def __init__(self, *, interval_s: float) -> None:
        self._interval_s = interval_s
        self._free_at: dict[str, float] = {}  # infinity: on its way
        self._slots: dict[str, float] = {}  # the latest time that was promised to a message that waits
        self._leaving: deque[tuple[float, str]] = deque()

    def take(self, destination: str, *, has_slot: bool, now: float) -> bool:
        """Whether a message to `destination` may get on its way; then no other may, until `released` or `dropped`.

        `has_slot`: it was told a `next_slot_s`, and that has come. Others do not go before it.
        """
        if not self._interval_s:
            return True
        self._forget(now)
        is_promised = self._slots.get(destination, -math.inf) > now - self._interval_s
        if destination in self._free_at or (is_promised and not has_slot):
            return False
        self._free_at[destination] = math.inf
        return True

    def released(self, destination: str, *, now: float) -> None:
        """A message to `destination` was let onto the wire."""
        if self._interval_s:
            self._free_at[destination] = free_at = now + self._interval_s
            self._leaving.append((free_at, destination))

    def dropped(self, destination: str) -> None:
        """A message that was on its way to `destination`, and was not released, is not any more."""
        if self._interval_s:
            self._free_at.pop(destination, None)

    def next_slot_s(self, destination: str, *, has_slot: bool, now: float) -> float:
        """When a message to `destination` may try again: a little more than an interval after the latest slot.

        It is an estimate, as others may be late: `take` decides. One that had a slot and came too early for it all
        the same (`has_slot`) does not go behind those that got theirs later.
        """
        free_at = self._free_at.get(destination, now)
        free_at = now + self._interval_s if free_at == math.inf else free_at
        if has_slot:
            return free_at
        slot = max(free_at, self._slots.get(destination, -math.inf) + self._interval_s + SLACK_S)
        self._slots[destination] = slot
        return slot

    def _forget(self, now: float) -> None:
        while self._leaving and self._leaving[0][0] <= now:
            free_at, destination = self._leaving.popleft()
            if self._free_at.get(destination) == free_at:
                del self._free_at[destination]
                if self._slots.get(destination, math.inf) <= now - self._interval_s:
                    del self._slots[destination]
