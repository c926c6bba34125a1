"""How many messages may be in the air at once: sized from rate and latency, so that neither wastes the other."""

import math

FIRST_GUESS_S = 1.0
"""Latency assumed until the first answer (RFC 6298 starts from the same second)."""

FLOOR_S = 0.25
"""Latencies below this are not worth adapting to: the messages in the air are few anyway."""


class InFlight:
    """The most messages of one bucket that may be in the air, by Little's law: rate times time in the air.

    The time is estimated as TCP estimates its retransmission time-out (RFC 6298): the mean plus four times the mean
    deviation, both smoothed. If answers become slower the allowance grows with them; if answers stop coming it does
    not grow at all, and that bounds how many messages a dead connection can leave `unknown`.

    Args:
        rate: messages per second, at most.
        ceiling: messages, whatever the estimate says.
    """

    __slots__ = ("_ceiling", "_deviation_s", "_mean_s", "_rate")

    def __init__(self, rate: float, *, ceiling: int) -> None:
        self._rate = rate
        self._ceiling = ceiling
        self._mean_s: float | None = None
        self._deviation_s = 0.0

    @property
    def limit(self) -> int:
        """Messages that may be in the air now; at least 2, unless the ceiling is lower."""
        estimate_s = FIRST_GUESS_S if self._mean_s is None else self._mean_s + 4.0 * self._deviation_s
        return min(self._ceiling, max(2, math.ceil(self._rate * max(FLOOR_S, estimate_s)) + 1))

    def answered(self, latency_s: float) -> None:
        """Learn from one answer that took `latency_s` seconds from release."""
        if self._mean_s is None:
            self._mean_s = latency_s
            self._deviation_s = latency_s / 2.0
            return
        self._deviation_s += (abs(latency_s - self._mean_s) - self._deviation_s) / 4.0
        self._mean_s += (latency_s - self._mean_s) / 8.0
