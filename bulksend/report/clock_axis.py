"""A stretch of time as the axis of a chart, from twenty seconds to weeks, with ticks where a clock has them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_TICK_SECONDS = (
    *(1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10_800, 21_600, 43_200),
    *(86_400, 2 * 86_400, 7 * 86_400, 14 * 86_400),
)


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Slots of one length, one after another.

    Attributes:
        begin: of the first slot, UTC.
        slot_s: seconds of each.
        slots: how many; at least one.
    """

    begin: datetime
    slot_s: float
    slots: int

    @property
    def length(self) -> float:
        """Seconds from its begin to its end."""
        return self.slot_s * self.slots

    @property
    def edges(self) -> Sequence[float]:
        """Where slots begin and the last one ends, seconds after the first begins."""
        return [number * self.slot_s for number in range(self.slots + 1)]

    def ticks(self, *, most: int) -> Sequence[tuple[float, str]]:
        """Up to `most` round times of the clock (seconds after the begin, what to write), and at least the begin."""
        step = next((each for each in _TICK_SECONDS if self.length / each < most), None)
        if step is None:
            step = 86_400 * (int(self.length / 86_400 / most) + 1)
        form = "%d %b" if step >= 86_400 else "%H:%M" if step >= 60 else "%H:%M:%S"
        midnight = datetime(self.begin.year, self.begin.month, self.begin.day, tzinfo=UTC)
        grain = min(step, 86_400)
        first = -(-(self.begin - midnight).total_seconds() // grain) * grain
        moments = [midnight + timedelta(seconds=first + number * step) for number in range(most + 1)]
        found = [
            ((moment - self.begin).total_seconds(), moment.strftime(form))
            for moment in moments
            if moment - self.begin <= timedelta(seconds=self.length)
        ]
        return found[:most] or [(0.0, self.begin.strftime("%H:%M:%S" if self.length < 60 else "%H:%M"))]
