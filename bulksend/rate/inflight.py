"""How many messages may be in the air at once: sized from rate and latency, so that neither wastes the other."""

import math

from bulksend.rate.latency import LatencyEstimate

FIRST_GUESS_S = 1.0
"""Latency assumed until the first answer (RFC 6298 starts from the same second)."""

FLOOR_S = 0.25
"""Latencies below this are not worth adapting to: the messages in the air are few anyway."""


class InFlight:
    """The most messages of one bucket that may be in the air, by Little's law: rate times time in the air.

    If answers become slower the allowance grows with them; if answers stop coming it does not grow at all, and that
    bounds how many messages a dead connection can leave `unknown`.

    Args:
        rate: messages per second, at most.
        ceiling: messages, whatever the estimate says.
    """

    __slots__ = ("_ceiling", "_latency", "_rate")

    def __init__(self, rate: float, *, ceiling: int) -> None:
        self._rate = rate
        self._ceiling = ceiling
        self._latency = LatencyEstimate(first_guess_s=FIRST_GUESS_S)

    @property
    def limit(self) -> int:
        """Messages that may be in the air now; at least 2, unless the ceiling is lower."""
        by_law = math.ceil(self._rate * max(FLOOR_S, self._latency.seconds)) + 1
        return min(self._ceiling, max(2, by_law))

    def answered(self, latency_s: float) -> None:
        """Learn from one answer that took `latency_s` seconds from release."""
        self._latency.learn(latency_s)
