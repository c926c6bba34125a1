"""What each bucket allows at a moment: limits that change, and room that other applications of the account take up."""

import heapq
import random
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

from bulksend.simulator.settings import ChangeSettings, OtherTrafficSettings, SimulatorSettings
from bulksend.simulator.stats import OtherStats
from bulksend.simulator.windows import SECOND_NS, SlidingWindow, to_ns

DRY_RUN_MPS = 5
"""Most parts per second with DryRun, whatever the identity's limit (service model, DryRun)."""

_FELT_NS = 2 * SECOND_NS
"""What others sent longer ago has left every window."""


class BucketLimits:
    """Windows of every bucket, in which changes and others' messages have taken place up to the last `advance`.

    Args:
        settings: of the changes and the other traffic.
        mps: bucket -> its limit to begin with.
        started_at: the moment that their seconds are counted from, on the clock of arrivals.
        rng: decides when others send at random.
    """

    def __init__(
        self, settings: SimulatorSettings, mps: Mapping[str, int], *, started_at: float, rng: random.Random
    ) -> None:
        self.windows = {name: SlidingWindow(limit) for name, limit in mps.items()}
        self.dry_run_windows = {name: SlidingWindow(min(DRY_RUN_MPS, limit)) for name, limit in mps.items()}
        self._others = tuple(dict.fromkeys(each.bucket for each in settings.other_traffic))
        self.forget_others()
        start_ns = to_ns(started_at)
        order = count()
        self._due: list[tuple[int, int, ChangeSettings | _Sender]] = [
            (start_ns + to_ns(each.after_s), next(order), each) for each in settings.changes
        ]
        for each in settings.other_traffic:
            sender = _Sender.of(each, start_ns, rng)
            self._push(sender.next(start_ns), next(order), sender)
        heapq.heapify(self._due)

    def advance(self, at_ns: int) -> None:
        """Let everything take place that is due at `at_ns`, in the order of its moments; never goes back.

        What others sent in a spell without any call of this is passed over, but for its last two seconds: the rest
        can be felt no more.
        """
        due = self._due
        felt_ns = at_ns - _FELT_NS
        while due and due[0][0] <= at_ns:
            moment, order, source = heapq.heappop(due)
            if isinstance(source, ChangeSettings):
                self.windows[source.bucket].change_limit(moment, source.mps)
                self.dry_run_windows[source.bucket].change_limit(moment, min(DRY_RUN_MPS, source.mps))
            elif moment < felt_ns:
                self._push(source.next(felt_ns), order, source)
            else:
                self._take(source.bucket, moment)
                self._push(source.next(moment + 1), order, source)

    def other_traffic(self) -> dict[str, OtherStats]:
        """Return what others sent, by bucket."""
        return {name: OtherStats(parts=self._parts[name], throttled=self._throttled[name]) for name in self._others}

    def forget_others(self) -> None:
        """Count what others send from nothing again; what they sent in the last second still takes its room."""
        self._parts = dict.fromkeys(self._others, 0)
        self._throttled = dict.fromkeys(self._others, 0)

    def _take(self, bucket: str, at_ns: int) -> None:
        window = self.windows[bucket]
        if window.has_room(at_ns, 1):
            window.add(at_ns, 1)
            self._parts[bucket] += 1
        else:
            self._throttled[bucket] += 1

    def _push(self, moment_ns: int | None, order: int, sender: "_Sender") -> None:
        if moment_ns is not None:
            heapq.heappush(self._due, (moment_ns, order, sender))


@dataclass(slots=True)
class _Sender:
    """Another application: when it sends. Its luck is its own, so that it takes nothing from that of requests."""

    bucket: str
    rate: float
    from_ns: int
    until_ns: int | None
    rng: random.Random | None

    @classmethod
    def of(cls, settings: OtherTrafficSettings, start_ns: int, rng: random.Random) -> "_Sender":
        return cls(
            bucket=settings.bucket,
            rate=settings.parts_per_second,
            from_ns=start_ns + to_ns(settings.from_s),
            until_ns=start_ns + to_ns(settings.until_s) if settings.until_s else None,
            rng=random.Random(rng.getrandbits(64)) if settings.spacing == "poisson" else None,  # noqa: S311 - dice
        )

    def next(self, not_before_ns: int) -> int | None:
        """Return the first moment from `not_before_ns` on at which it sends; None: it sends no more.

        At random, the time that is left to wait does not depend on when it sent last.
        """
        earliest_ns = max(not_before_ns, self.from_ns)
        if self.rng is not None:
            moment_ns = earliest_ns + to_ns(self.rng.expovariate(self.rate))
        else:
            index = int((earliest_ns - self.from_ns) * self.rate / SECOND_NS)
            while (moment_ns := self._moment(index)) < earliest_ns:
                index += 1
        return moment_ns if self.until_ns is None or moment_ns < self.until_ns else None

    def _moment(self, index: int) -> int:
        return self.from_ns + round(index * SECOND_NS / self.rate)
