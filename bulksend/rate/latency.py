"""How long something takes, as TCP estimates its retransmission time-out (RFC 6298)."""


class LatencyEstimate:
    """A duration that is seldom exceeded: the smoothed mean plus four times the smoothed mean deviation.

    Args:
        first_guess_s: seconds, until something was measured.
    """

    __slots__ = ("_deviation_s", "_first_guess_s", "_mean_s")

    def __init__(self, *, first_guess_s: float) -> None:
        self._first_guess_s = first_guess_s
        self._mean_s: float | None = None
        self._deviation_s = 0.0

    @property
    def seconds(self) -> float:
        """The estimate."""
        return self._first_guess_s if self._mean_s is None else self._mean_s + 4.0 * self._deviation_s

    @property
    def mean_s(self) -> float:
        """The smoothed mean; 0 until something was measured."""
        return self._mean_s or 0.0

    def learn(self, seconds: float) -> None:
        """Take one measurement into account."""
        if self._mean_s is None:
            self._mean_s = seconds
            self._deviation_s = seconds / 2.0
            return
        self._deviation_s += (abs(seconds - self._mean_s) - self._deviation_s) / 4.0
        self._mean_s += (seconds - self._mean_s) / 8.0
