"""Rows of one lane that wait to be tried again, by when they are due."""

import heapq
import math

from bulksend.pipeline.breakers import Breakers
from bulksend.pipeline.delivery import Delivery


class Waiting:
    """A queue of deliveries by `due_s`, and by row where that is the same."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Delivery]] = []

    def __bool__(self) -> bool:
        return bool(self._heap)

    def push(self, delivery: Delivery) -> None:
        """Put `delivery` in, due when it says."""
        heapq.heappush(self._heap, (delivery.due_s, delivery.claim.row, delivery))

    @property
    def next_due_s(self) -> float:
        """When the next one is due; infinity when none waits."""
        return self._heap[0][0] if self._heap else math.inf

    @property
    def first(self) -> Delivery:
        """The one that is due next."""
        return self._heap[0][2]

    def pop(self) -> Delivery:
        """Take that one out."""
        return heapq.heappop(self._heap)[2]

    def take_stopped(self, breakers: Breakers) -> list[Delivery]:
        """Take out all that a breaker has stopped meanwhile."""
        if not (self._heap and breakers.stopped):
            return []
        stopped: list[Delivery] = []
        going: list[tuple[float, int, Delivery]] = []
        for entry in self._heap:
            if breakers.reason(entry[2].claim) is None:
                going.append(entry)
            else:
                stopped.append(entry[2])
        if stopped:
            heapq.heapify(going)
            self._heap = going
        return stopped

    def take_all(self) -> list[Delivery]:
        """Take out all."""
        found = [delivery for _, _, delivery in self._heap]
        self._heap.clear()
        return found
