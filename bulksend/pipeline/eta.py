"""How long a bucket takes for messages of given sizes in a given order: the meter's rules, without a clock."""

from collections import deque

from bulksend.rate.lateness import BURST_S, MAX_CREDIT_S, MIN_MAX_CREDIT

BATCH_MESSAGES = 1024
"""So many messages are worked out at once: one loop over local names costs a third of as many calls."""


class Forecast:
    """When the messages of one bucket can go, all of them waiting from the first moment on, in the order of the input.

    Parts per second alone do not tell: messages go as a whole and in order, so a ten-part message often waits for a
    window that single parts could have used. Twenty parts a second, one message in ten with ten parts: about 80 %.

    Takes well under a microsecond a message, and memory for the messages of one second.

    Args:
        limit: parts per second.
        headroom: share of the limit left unused, 0 <= headroom < 1.
    """

    __slots__ = ("_credit", "_held", "_limit", "_now_s", "_parts", "_rate", "_sizes", "_span_s", "_tokens", "_window")

    def __init__(self, limit: int, *, headroom: float) -> None:
        self._limit = limit
        self._rate = limit * (1.0 - headroom)
        self._span_s = 1.0 / (1.0 - headroom)
        self._sizes: list[int] = []  # not worked out yet
        self._parts = 0  # worked out
        self._now_s = 0.0  # when the last of them goes
        self._tokens = 1.0 + BURST_S * self._rate
        self._credit = 0.0
        self._window: deque[tuple[float, int]] = deque()  # (leaves at, parts), by time
        self._held = 0  # parts in the window

    def add(self, parts: int) -> None:
        """Append a message of `parts` parts."""
        self._sizes.append(parts)
        if len(self._sizes) == BATCH_MESSAGES:
            self._work_out()

    @property
    def released_s(self) -> float:
        """Seconds from the first message until the last one goes; 0.0 for none."""
        self._work_out()
        return self._now_s

    @property
    def seconds(self) -> float:
        """Seconds until all messages have gone and the last one's parts are paid for as well."""
        return max(self.released_s, self._parts / self._rate)

    def _work_out(self) -> None:
        limit, rate, span_s, window = self._limit, self._rate, self._span_s, self._window
        capacity, most_credit = 1.0 + BURST_S * rate, max(MIN_MAX_CREDIT, MAX_CREDIT_S * rate)
        now_s, tokens, credit, held = self._now_s, self._tokens, self._credit, self._held
        for parts in self._sizes:
            own = min(limit, parts)
            # The pace: credit first, then tokens, then time.
            if own <= credit:
                credit -= own
            else:
                due = own - credit
                credit = 0.0
                if due <= tokens:
                    tokens -= due
                else:
                    now_s += (due - tokens) / rate
                    tokens = 0.0
            # The window: until enough has left it. What has left it already is taken out on the way.
            room = limit - own
            began_s = now_s
            while held > room:
                leaves_s, leaving = window.popleft()
                if leaves_s > now_s:
                    now_s = leaves_s
                held -= leaving
            if now_s > began_s:
                missed = (now_s - began_s) * rate
                tokens = min(capacity, tokens + missed)
                credit = min(most_credit, credit + missed)
            window.append((now_s + (span_s if parts <= limit else span_s * parts / limit), parts))
            held += parts
        self._parts += sum(self._sizes)
        self._sizes.clear()
        self._now_s, self._tokens, self._credit, self._held = now_s, tokens, credit, held
