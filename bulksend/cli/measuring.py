"""What a rehearsal measures of a run, between the pipeline and the real parts: releases, answers, waits, processors."""

import math
import os
import resource
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from msgspec.structs import replace as changed

from bulksend.base.clock import Clock
from bulksend.base.ports import Gateway, Ledger, Release
from bulksend.base.records import Claim, Outcome, OutcomeKind
from bulksend.cli.running import Interpose
from bulksend.pipeline.rehearsal import BucketRun, Load
from bulksend.simulator.windows import WindowPeak, to_ns

_STEPS = 20
"""Of a latency, in an e-fold: it is told to 2.5 %."""

_UNANSWERED = frozenset({OutcomeKind.NOT_SENT, OutcomeKind.UNKNOWN})


class Latencies:
    """Quantiles of any number of latencies, in memory that does not grow with them."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Count one."""
        self._counts[round(math.log(max(seconds, 1e-6)) * _STEPS)] += 1

    def quantile(self, share: float) -> float:
        """Seconds that `share` (0 to 1) of them do not exceed, to 2.5 %; 0.0 without any."""
        left = share * self._counts.total()
        for step in sorted(self._counts):
            left -= self._counts[step]
            if left <= 0.0:
                return math.exp(step / _STEPS)
        return 0.0


@dataclass(slots=True)
class _Bucket:
    """One bucket so far. Times are seconds from the start."""

    messages: int = 0
    parts: int = 0
    largest: int = 0
    first_s: float | None = None
    last_s: float = 0.0
    first_parts: int = 0
    parts_before_last: int = 0
    throttled: int = 0
    claimed: int = 0
    at_gate: int = 0
    claiming: int = 0
    since_s: float = 0.0
    starved_s: float = 0.0
    window: WindowPeak = field(default_factory=WindowPeak)

    def pass_time(self, now: float) -> None:
        """Note, of the time since the last change, what was spent without a message at hand."""
        if self.first_s is not None and self.claiming and not (self.at_gate or self.claimed):
            self.starved_s += now - self.since_s
        self.since_s = now

    def release(self, parts: int, now: float) -> None:
        """Count a message that is let onto the wire."""
        if self.first_s is None:
            self.first_s, self.first_parts = now, parts
        self.parts_before_last, self.last_s = self.parts, now
        self.messages += 1
        self.parts += parts
        self.largest = max(self.largest, parts)
        self.window.add(to_ns(now), parts)


@dataclass(frozen=True, slots=True)
class Processors:
    """What was had of the processors: by this thread, by a simulator, and by this process in seconds."""

    loop: Load
    simulator: Load | None
    process_s: float

    @classmethod
    def until_now(cls, simulator_pid: int | None) -> "Processors":
        """So far."""
        own = _thread_load(os.getpid(), threading.get_native_id()) or Load(time.thread_time())
        other = None if simulator_pid is None else _thread_load(simulator_pid, simulator_pid)
        return cls(own, other, time.process_time())

    def since(self, earlier: "Processors") -> "Processors":
        """What came after `earlier`."""
        other = None
        if self.simulator is not None and earlier.simulator is not None:
            other = _difference(self.simulator, earlier.simulator)
        return Processors(_difference(self.loop, earlier.loop), other, self.process_s - earlier.process_s)


class Measures:
    """Everything that is measured of one run. For the thread of its event loop alone.

    Args:
        clock: of the run.
        simulator_pid: process of the simulator that is sent to; None: none is.
    """

    def __init__(self, clock: Clock, simulator_pid: int | None = None) -> None:
        self._clock = clock
        self._simulator_pid = simulator_pid
        self._start_s = clock.monotonic()
        self._processors = Processors.until_now(simulator_pid)
        self._buckets: dict[str, _Bucket] = {}
        self._in_flight = 0
        self.most_in_flight = 0
        self.recipient_waits = 0
        self.latencies = Latencies()

    def begin(self) -> None:
        """Measure from here: what came before was the SDK being loaded."""
        self._start_s = self._clock.monotonic()
        self._processors = Processors.until_now(self._simulator_pid)

    def processors(self) -> Processors:
        """What was had of them since `begin`."""
        return Processors.until_now(self._simulator_pid).since(self._processors)

    def now(self) -> float:
        """Seconds from the start."""
        return self._clock.monotonic() - self._start_s

    def bucket(self, name: str) -> _Bucket:
        """The bucket `name`, up to now."""
        found = self._buckets.setdefault(name, _Bucket())
        found.pass_time(self.now())
        return found

    def fly(self, by: int) -> None:
        """Count a message that goes onto the wire, or (-1) whose outcome is known."""
        self._in_flight += by
        self.most_in_flight = max(self.most_in_flight, self._in_flight)

    def runs(self, mps: Mapping[str, int], arrived: Mapping[str, int]) -> list[BucketRun]:
        """What was measured of every bucket that released something, in the order of `mps`.

        Args:
            mps: bucket -> its limit, as rehearsed.
            arrived: bucket -> the most parts that arrived at the simulator in a second; 0 where it is not there.
        """
        return [
            BucketRun(
                bucket=name,
                mps=mps[name],
                messages=found.messages,
                parts=found.parts,
                largest=found.largest,
                first_s=found.first_s,
                last_s=found.last_s,
                parts_between=min(found.parts_before_last, found.parts - found.first_parts),
                fullest_released=found.window.peak,
                fullest_arrived=arrived.get(name, 0),
                throttled=found.throttled,
                starved_s=found.starved_s,
            )
            for name in mps
            if (found := self._buckets.get(name)) is not None and found.first_s is not None
        ]


class MeasuredGateway:
    """The gateway, with the time taken of every message.

    Args:
        gateway: the real one.
        measures: what is noted there.
        names: (identity, bucket) -> what the identity is called in the request, where that differs.
    """

    def __init__(self, gateway: Gateway, measures: Measures, names: Mapping[tuple[str, str], str]) -> None:
        self._gateway = gateway
        self._measures = measures
        self._names = names

    async def send(self, claim: Claim, release: Release) -> Outcome:
        """As `Gateway.send`."""
        measures = self._measures
        released_s: float | None = None

        async def at_gate() -> None:
            nonlocal released_s
            bucket = measures.bucket(claim.bucket)
            bucket.at_gate += 1
            bucket.claimed = max(0, bucket.claimed - 1)  # one that is tried again was not claimed anew
            try:
                await release()
            finally:
                bucket = measures.bucket(claim.bucket)
                bucket.at_gate -= 1
            released_s = measures.now()
            bucket.release(claim.parts, released_s)
            measures.fly(1)

        name = self._names.get((claim.identity, claim.bucket), claim.identity)
        try:
            outcome = await self._gateway.send(changed(claim, identity=name), at_gate)
        finally:
            if released_s is not None:
                measures.fly(-1)
        if released_s is not None and outcome.kind not in _UNANSWERED:
            measures.latencies.add(measures.now() - released_s)
        if outcome.kind is OutcomeKind.THROTTLED:
            measures.bucket(claim.bucket).throttled += 1
        return outcome


class MeasuredLedger:
    """The ledger, with the time taken of every claim; all else is the real one's."""

    def __init__(self, ledger: Ledger, measures: Measures) -> None:
        self._ledger: Any = ledger
        self._measures = measures

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def claim(self, bucket: str, **keywords: Any) -> Sequence[Claim]:
        """As `Ledger.claim`."""
        self._measures.bucket(bucket).claiming += 1
        try:
            claims: Sequence[Claim] = await self._ledger.claim(bucket, **keywords)
        finally:
            self._measures.bucket(bucket).claiming -= 1
        self._measures.bucket(bucket).claimed += len(claims)
        return claims

    async def postpone(self, row: int, attempt: int, *, throttled: bool, tried: bool = True) -> None:
        """As `Ledger.postpone`."""
        # Not tried: its recipient had just been sent another message.
        self._measures.recipient_waits += not tried
        await self._ledger.postpone(row, attempt, throttled=throttled, tried=tried)


def measured_by(measures: Measures, names: Mapping[tuple[str, str], str]) -> Interpose:
    """What puts `MeasuredLedger` and `MeasuredGateway` into a run."""

    def interpose(ledger: Ledger, gateway: Gateway) -> tuple[Ledger, Gateway]:
        measures.begin()
        return cast("Ledger", MeasuredLedger(ledger, measures)), MeasuredGateway(gateway, measures, names)

    return interpose


def _thread_load(pid: int, thread: int) -> Load | None:
    """What a thread has had of the processors so far; None where the system does not tell."""
    try:
        # Linux: nanoseconds on a processor, and waiting for one (Documentation/scheduler/sched-stats.rst).
        ran, waited, _ = Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()
    except (OSError, ValueError):
        return None
    return Load(int(ran) / 1e9, int(waited) / 1e9)


def _difference(after: Load, before: Load) -> Load:
    return Load(after.ran_s - before.ran_s, after.waited_s - before.waited_s)


def peak_memory_bytes() -> int:
    """The most memory that this process has held so far."""
    try:
        # Linux: `ru_maxrss` begins with what the process had that started this one (execve keeps it); VmHWM does not.
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
