"""What is left to chance: how long a request takes, and which fault strikes it."""

import math
import random
from enum import StrEnum
from itertools import accumulate

import msgspec

from bulksend.simulator.settings import FaultSettings, LatencySettings

_NORMAL_P99 = 2.3263478740408408
"""99th percentile of the standard normal distribution."""


class Strike(StrEnum):
    """A fault of `[faults]`, under its key there."""

    THROTTLE = "throttle"
    INTERNAL_ERROR = "internal_error"
    INTERNAL_ERROR_AFTER = "internal_error_after"
    UNAVAILABLE = "unavailable"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    NO_REPLY = "no_reply"


class Disposition(msgspec.Struct, frozen=True, gc=False):
    """What chance has in store for one request.

    Attributes:
        latency_s: seconds from arrival to answer.
        strike: the fault that strikes it, or None.
    """

    latency_s: float
    strike: Strike | None


class Chance:
    """Draws dispositions; the same seed draws the same ones."""

    def __init__(self, latency: LatencySettings, faults: FaultSettings, rng: random.Random) -> None:
        self._random = rng
        self._median_s = latency.median_ms / 1000
        is_spread = latency.p99_ms > latency.median_ms > 0
        self._sigma = math.log(latency.p99_ms / latency.median_ms) / _NORMAL_P99 if is_spread else 0.0
        rates = [getattr(faults, strike.value) for strike in Strike]
        self._thresholds = list(zip(accumulate(rates), Strike, strict=True)) if any(rates) else []

    def draw(self, *, can_fail: bool) -> Disposition:
        """Draw the disposition of one request, without a strike where it cannot fail."""
        latency_s = self._median_s
        if self._sigma:
            latency_s *= math.exp(self._random.gauss(0.0, self._sigma))
        return Disposition(latency_s, self._strike() if can_fail and self._thresholds else None)

    def _strike(self) -> Strike | None:
        point = self._random.random()
        return next((strike for threshold, strike in self._thresholds if point < threshold), None)
