"""How many messages may be in the air at once: sized from rate and latency, so that neither wastes the other."""

import math

from bulksend.rate.latency import LatencyEstimate
from bulksend.rate.pace import Released

FIRST_GUESS_S = 1.0
"""Latency assumed until the first answer (RFC 6298 starts from the same second)."""

FLOOR_S = 0.25
"""Latencies below this are not worth adapting to: the messages in the air are few anyway."""


LEAST = 4
"""At a few messages a second the law gives two, and two lost answers in a row would hold up all until they time out."""


class InFlight:
    """The messages of one bucket that are in the air, and how many may be, by Little's law: rate times time in the air.

    If answers become slower the allowance grows with them; if answers stop coming it does not grow at all, and that
    bounds how many messages a dead connection can leave `unknown`. A message whose answer is overtaken by that of a
    later one is a straggler: it takes no room any more, because it says nothing of how many the service can take.
    A few answers that never come would otherwise fill all of it with messages that wait for their time-out.

    Attributes:
        limit: messages that may be in the air now, but for stragglers; at least `LEAST`, unless the ceiling is lower.

    Args:
        rate: messages per second, at most.
        ceiling: messages, stragglers among them, whatever the estimate says.
    """

    __slots__ = ("_ceiling", "_flying", "_latency", "_least", "_rate", "_stragglers", "limit")

    def __init__(self, rate: float, *, ceiling: int) -> None:
        self._rate = rate
        self._ceiling = ceiling
        self._latency = LatencyEstimate(first_guess_s=FIRST_GUESS_S)
        self._flying: dict[Released, None] = {}  # in the order of release
        self._stragglers: set[Released] = set()
        self._least = min(ceiling, max(LEAST, math.ceil(rate * FLOOR_S) + 1))
        self.limit = self._by_law()

    @property
    def is_full(self) -> bool:
        """Whether no other message may go now."""
        flying = len(self._flying)
        return flying >= self.limit or flying + len(self._stragglers) >= self._ceiling

    def _by_law(self) -> int:
        latency_s = self._latency.seconds
        if latency_s <= FLOOR_S:
            return self._least
        return min(self._ceiling, max(LEAST, math.ceil(self._rate * latency_s) + 1))

    def took_off(self, message: Released) -> None:
        """`message` was let onto the wire, after all those before."""
        self._flying[message] = None

    def came_down(self, message: Released, *, answered: bool, now: float) -> None:
        """`message`, which had taken off, is in the air no longer; `answered`: because the service answered."""
        if answered:
            self._latency.learn(now - message.at_s)
            self.limit = self._by_law()
        if message in self._stragglers:
            self._stragglers.remove(message)
        elif answered:
            while (first := next(iter(self._flying))) is not message:
                del self._flying[first]
                self._stragglers.add(first)
            del self._flying[message]
        else:
            del self._flying[message]
