"""What a bucket's limit turns out to be in practice, learnt from the service's answers."""

import math
from bisect import bisect_right
from collections import deque
from operator import attrgetter

EVIDENCE_S = 3.0
"""For how long what was released is remembered: a second before the message that was throttled, and its way back."""

NEGLIGIBLE = 0.01
"""Share of the latest attempts that may be throttled without a reason to slow down: what is left is what others use,
and that goes up and down."""

PRIOR_MESSAGES = 50
"""The share of few messages says little: so many that were not throttled are added to them."""

LEAST_CUT = 0.05
"""A cut takes away this share of the pace, or half the share that is throttled where that is more."""

HEAVY = 0.1
HEAVY_PAUSE_S = 0.25
LIGHT_PAUSE_S = 1.0
"""One overload brings several throttled answers; they are one reason to slow down, not many. The next cut comes after
a pause in which the last one can show, and sooner where a large share (`HEAVY`) is throttled."""

ENOUGH_OFFERED = 0.9
"""What was accepted in a second says what is allowed only if more was offered, and not where we paused ourselves."""

FUTILE_SHARE = 0.8
FUTILE_MESSAGES = 50
FUTILE_PAUSE_S = 10.0
"""If this share of a former pace brings at least half as many throttled answers as that did, over so many messages,
they do not come from our pace. It is restored, and the bucket is not slowed for a while (twice as long each time).
Only where few are throttled (less than `HEAVY`): otherwise it is over some limit, whoever uses that up."""

DOUBT_S = 2.0
HOLD_MESSAGES = 100
MIN_HOLD_S = 14.0
MAX_HOLD_S = 100.0
"""How long a limit that was learnt is kept to before more is tried: shortly after a cut, which may have gone too far,
and longer once trying more has confirmed it. Each try costs a throttled answer or two, which are to be one message in a
hundred at most."""

PROBED = 0.005
PROBE_RELATIVE = 0.01
PROBE_ABSOLUTE = 0.0005
PROBE_DOUBTED = 0.002
"""How more is tried: gently first, to confirm what was learnt at the price of one throttled answer, then ever faster,
to find a limit that has been raised. Shares of what was learnt, and of the configured limit (more of that where what
was learnt has not been confirmed), per second squared. `PROBED`: what goes as more."""

FLOOR_PARTS_PER_S = 1.0
FLOOR_SHARE = 0.05
"""A bucket never goes slower than one part a second, or this share of a limit below 20, so that it always finds out
when it may go on."""


class Released:
    """A message that was let onto the wire.

    Attributes:
        at_s: when, in seconds of the monotonic clock.
        parts: its size.
        taken: whether the service accepted it; None as long as nobody knows.
    """

    __slots__ = ("at_s", "number", "parts", "parts_before", "taken")

    def __init__(self, at_s: float, parts: int) -> None:
        self.at_s = at_s
        self.parts = parts
        self.taken: bool | None = None
        self.number = self.parts_before = 0


_at_s = attrgetter("at_s")


class Pace:
    """The parts per second at which a bucket goes: its configured limit, or what the service seems to allow.

    The service accepts exactly what it allows in the second before it throttles, so the parts that it accepted in
    that second are the best estimate there is. It is kept to for a while, then the pace climbs (a plateau, then ever
    steeper, as TCP CUBIC does: RFC 9438) until something is throttled again, or the configured limit is reached.

    Pure: the caller brings the time, which must not go backwards.

    Args:
        limit: the configured limit, in parts per second.
        allows: what an earlier run found that the service allows; None: nothing.
        now: the present time.
    """

    __slots__ = (
        "_blind_until_s",
        "_cut_s",
        "_estimate",
        "_floor",
        "_futile_pause_s",
        "_hold_s",
        "_is_confirmed",
        "_limit",
        "_mean_parts",
        "_messages",
        "_parts",
        "_refused",
        "_released",
        "_series",
    )

    def __init__(self, limit: int, *, allows: float | None = None, now: float = 0.0) -> None:
        self._limit = limit
        self._floor = min(FLOOR_PARTS_PER_S, FLOOR_SHARE * limit)
        self._estimate: float | None = None if allows is None or allows >= limit else max(self._floor, allows)
        self._cut_s = now if self._estimate is not None else -math.inf
        self._is_confirmed = False
        self._hold_s = 0.0  # what an earlier run found is doubted at once
        self._blind_until_s = -math.inf
        self._futile_pause_s = FUTILE_PAUSE_S
        # Before the first cut of a series: the estimate, the share that was throttled, the pace.
        self._series: tuple[float | None, float, float] | None = None
        self._mean_parts = 1.0
        self._released: deque[Released] = deque()
        self._refused: deque[Released] = deque()  # in the order in which that was learnt
        self._messages = self._parts = 0

    @property
    def allows(self) -> float | None:
        """What the service seems to allow, in parts per second; None when nothing speaks against the limit."""
        return self._estimate

    def parts_per_second(self, now: float) -> float:
        """The pace at `now`, headroom not taken off."""
        if self._estimate is None:
            return float(self._limit)
        probing_s = max(0.0, now - self._cut_s - self._hold_s)
        absolute = PROBE_ABSOLUTE if self._is_confirmed else PROBE_DOUBTED
        climb = (PROBE_RELATIVE * self._estimate + absolute * self._limit) * probing_s * probing_s
        return min(float(self._limit), self._estimate + climb)

    def released(self, message: Released) -> None:
        """A message was let onto the wire, now."""
        self._mean_parts += (message.parts - self._mean_parts) / 16.0
        message.number, message.parts_before = self._messages, self._parts
        self._messages += 1
        self._parts += message.parts
        self._released.append(message)
        while self._released[0].at_s < message.at_s - EVIDENCE_S:
            self._released.popleft()
        if self._estimate is not None and self.parts_per_second(message.at_s) >= self._limit:
            self._estimate = None

    def throttled(self, message: Released, *, now: float) -> bool:
        """The service throttled `message`; True when this slowed the bucket down."""
        message.taken = False
        self._refused.append(message)
        while self._refused and self._refused[0].at_s < self._released[0].at_s:
            self._refused.popleft()
        if message.at_s <= self._cut_s or now < self._cut_s + HEAVY_PAUSE_S:
            return False
        messages, throttled, offered, accepted = self._lately(message)
        share = throttled / (messages + PRIOR_MESSAGES)
        if share <= (HEAVY if now < self._blind_until_s else NEGLIGIBLE):
            return False
        if share < HEAVY and now < self._cut_s + LIGHT_PAUSE_S:
            return False
        pace = self.parts_per_second(message.at_s)
        if self._estimate is not None and pace > (1.0 + PROBED) * self._estimate:
            # More was tried than was known to be allowed: now that is known again, and better.
            self._futile_pause_s = FUTILE_PAUSE_S
            self._learn(min(pace, max(accepted, (1.0 - LEAST_CUT) * self._estimate)), confirmed=True, now=now)
            return self._estimate < pace
        if self._estimate is None and throttled < 2:
            return False  # at the configured limit, once is a coincidence
        if self._is_futile(pace, share, messages):
            self._blind_until_s = now + self._futile_pause_s
            self._futile_pause_s *= 2.0
            return False
        cut = pace * (1.0 - max(LEAST_CUT, share / 2.0))
        if offered >= ENOUGH_OFFERED * pace:
            cut = max(min(cut, accepted), 0.9 * min(accepted, pace))
        self._learn(max(cut, pace / 4.0), confirmed=False, now=now)
        return self._estimate is not None and self._estimate < pace

    def _learn(self, estimate: float, *, confirmed: bool, now: float) -> None:
        self._estimate = max(self._floor, min(estimate, float(self._limit)))
        self._is_confirmed = confirmed
        self._cut_s = now
        known_s = HOLD_MESSAGES * self._mean_parts / self._estimate
        self._hold_s = min(MAX_HOLD_S, max(MIN_HOLD_S, known_s)) if confirmed else DOUBT_S

    def _lately(self, message: Released) -> tuple[int, int, int, int]:
        """What went before `message`, which was throttled.

        Returns the messages since the last cut, how many of them were throttled, the parts that left in the second
        before `message`, and how many of those were accepted. What is not answered yet counts as accepted: answers
        come in about the order of the messages, so most of it is.
        """
        released, last = self._released, message.number - self._released[0].number
        since_s = message.at_s - EVIDENCE_S
        first = bisect_right(released, max(self._cut_s, since_s), hi=max(0, last), key=_at_s)
        start = bisect_right(released, message.at_s - 1.0, hi=max(0, last), key=_at_s)
        if last <= 0:
            return 1, 1, 0, 0
        offered = message.parts_before - released[start].parts_before
        throttled, refused_parts = 1, 0
        for other in reversed(self._refused):
            if since_s < other.at_s and released[0].number <= other.number < message.number:
                throttled += other.at_s > self._cut_s
                refused_parts += other.parts if other.at_s > message.at_s - 1.0 else 0
        return 1 + last - first, throttled, offered, offered - refused_parts

    def _is_futile(self, pace: float, share: float, messages: int) -> bool:
        """Whether slowing down to `pace` changed nothing since the series of cuts began; then the pace is restored."""
        if self._series is None or share < self._series[1] / 2.0 or share >= HEAVY:
            self._series = (self._estimate, share, pace)
            return False
        before, _, pace_before = self._series
        if pace > FUTILE_SHARE * pace_before or messages < FUTILE_MESSAGES:
            return False
        self._estimate = before
        self._series = None
        return True
