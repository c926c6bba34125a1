"""A run of `send` or `resume`: all lanes at once, from the first claim to the last outcome."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random

import structlog

from bulksend.base.clock import Clock
from bulksend.base.errors import BulksendError, LedgerError
from bulksend.base.ports import Gateway, Ledger
from bulksend.base.progress import Counts, RunEnd
from bulksend.base.records import Bucket, Status
from bulksend.origin.identity import Identity
from bulksend.pipeline.allowance import Allowance
from bulksend.pipeline.around import Surroundings
from bulksend.pipeline.before import look_back
from bulksend.pipeline.breakers import Breakers
from bulksend.pipeline.failover import Failover
from bulksend.pipeline.lane import Lane
from bulksend.pipeline.learnt import LearntLimits
from bulksend.pipeline.tally import Tally
from bulksend.rate.meter import Meter, SharedLimit
from bulksend.rate.recipients import Recipients
from bulksend.send.backoff import Backoff

log = structlog.get_logger("bulksend.pipeline")


@dataclass(frozen=True, slots=True, kw_only=True)
class SendPolicy:
    """How a run sends: the settings of [pacing] and [retry], and of the command line.

    Attributes:
        stop_grace_s: how long a stop waits for answers.
        requests_per_second: over all buckets; None: no such limit.
        parts_per_second: over all buckets; None: no such limit.
        recipient_interval_s: between two messages to one recipient, at least; 0: as they come.
        limit: rows in this run, at most.
    """

    headroom: float
    base_s: float
    cap_s: float
    give_up_after_s: float
    resend_unknown: bool
    max_in_flight: int
    stop_grace_s: float = 25.0
    requests_per_second: int | None = None
    parts_per_second: int | None = None
    recipient_interval_s: float = 1.0
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class SendResult:
    """How a run ended.

    Attributes:
        end: complete, interrupted or stopped.
        cause: the error that stopped it; None unless `end` is STOPPED.
        throttled: throttled answers in this run.
        seconds: from the first claim to the last outcome.
    """

    end: RunEnd
    cause: BulksendError | None
    throttled: int
    seconds: float


@dataclass(frozen=True, slots=True)
class LaneProgress:
    """One bucket at one moment of a run. Rates are parts per second."""

    bucket: str
    mps: int
    allowed: float
    rate: float
    messages: int
    messages_done: int
    parts: int
    parts_done: int
    throttled: int


class Sender:
    """Sends what the ledger holds as pending, through one lane a bucket.

    Start: counts are read, then the lanes start. Stop, on request or by a breaker: lanes let nothing more onto the
    wire (at once), answers are awaited (up to `stop_grace_s`), what has none by then is recorded as `unknown`, claimed
    rows go back to the ledger, the end of the run is recorded.

    Args:
        ledger: of the campaign.
        gateway: to the service.
        clock: for everything that waits.
        random: for backoff.
        policy: how.
        identities: all of the campaign's, for failover; none: there is no failover.
    """

    def __init__(
        self,
        ledger: Ledger,
        gateway: Gateway,
        *,
        clock: Clock,
        random: Random,
        policy: SendPolicy,
        identities: Sequence[Identity] = (),
    ) -> None:
        self._ledger = ledger
        self._gateway = gateway
        self._clock = clock
        self._random = random
        self._policy = policy
        self._lanes: dict[str, Lane] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._learnt = LearntLimits(ledger, clock=clock)
        self._group: asyncio.TaskGroup | None = None
        self._start: Counts | None = None
        self._started_s = 0.0
        self.tally: Tally | None = None
        self.breakers = Breakers(
            ledger,
            failover=Failover(identities),
            give_up_after_s=policy.give_up_after_s,
            on_moved=self._wake,
        )

    async def run(self, interrupted: asyncio.Event) -> SendResult:
        """Send until nothing is left, `interrupted` is set, or a breaker stops the campaign.

        Raises `LedgerError` when the ledger cannot be written; nothing was let onto the wire after that.
        """
        self._start = start = await self._ledger.counts()
        self._started_s = self._clock.monotonic()
        policy = self._policy
        before = await look_back(self._ledger, start, headroom=policy.headroom, clock=self._clock)
        self.tally = tally = Tally(start)
        around = Surroundings(
            ledger=self._ledger,
            gateway=self._gateway,
            clock=self._clock,
            backoff=Backoff(base_s=policy.base_s, cap_s=policy.cap_s, random=self._random),
            recipients=self._recipients(before.recipients),
            breakers=self.breakers,
            tally=tally,
            give_up_after_s=policy.give_up_after_s,
            resend_unknown=policy.resend_unknown,
        )
        allowance = Allowance(policy.limit)
        beyond = self._shared_limit(sum(before.parts.values()))
        self._lanes = {
            counts.bucket: Lane(
                Bucket(counts.bucket, counts.mps),
                around,
                allowance=allowance,
                headroom=policy.headroom,
                max_in_flight=policy.max_in_flight,
                parts_lately=before.parts.get(counts.bucket, 0),
                owed_s=before.owed_s.get(counts.bucket, 0.0),
                allows=self._learnt.before(counts),
                beyond=beyond,
                on_refund=self._wake_all,
            )
            for counts in start.buckets
        }
        busy = [counts.bucket for counts in start.buckets if counts.messages_done < counts.messages]
        log.info("send.started", pending=start.of(Status.PENDING), buckets=len(busy))
        await self._run_lanes(busy, interrupted)
        await self._learnt.note(self._meters())
        await self._rest(tally.refused_s)
        counts = await self._ledger.counts()
        end, cause = self._end(counts)
        await self._ledger.finish(end, cause.what if cause else None, throttled=tally.throttled)
        result = SendResult(end, cause, tally.throttled, self._clock.monotonic() - self._started_s)
        log.info("send.ended", end=end.value, sent=tally.sent_here, throttled=tally.throttled)
        return result

    def progress(self) -> list[LaneProgress]:
        """Where every lane is now."""
        if self._start is None:
            return []
        now = self._clock.monotonic()
        rows = []
        for counts in self._start.buckets:
            lane = self._lanes.get(counts.bucket)
            meter = lane.instruments.meter if lane else None
            rows.append(
                LaneProgress(
                    bucket=counts.bucket,
                    mps=counts.mps,
                    allowed=meter.allowed if meter else 0.0,
                    rate=lane.instruments.gauge.rate(now) if lane else 0.0,
                    messages=counts.messages,
                    messages_done=counts.messages_done + (lane.messages_settled if lane else 0),
                    parts=counts.parts,
                    parts_done=counts.parts_done + (lane.parts_settled if lane else 0),
                    throttled=meter.throttles if meter else 0,
                )
            )
        return rows

    async def _run_lanes(self, busy: Collection[str], interrupted: asyncio.Event) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                helpers = [group.create_task(self._stop_when(interrupted)), group.create_task(self._keep_noting())]
                self._wake(busy)
                while running := [task for task in self._running.values() if not task.done()]:
                    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for helper in helpers:
                    helper.cancel()
        except BaseExceptionGroup as errors:
            # The first failure cancelled all lanes; that it was the ledger is what people need to be told.
            raise _first(errors) from None

    def _recipients(self, lately: Collection[str]) -> Recipients:
        """Whom an earlier run has just sent something is left alone for as long as anybody else."""
        recipients = Recipients(interval_s=self._policy.recipient_interval_s / (1.0 - self._policy.headroom))
        for destination in lately:
            recipients.released(destination, now=self._clock.monotonic())
        return recipients

    def _shared_limit(self, parts_lately: int) -> SharedLimit | None:
        """What the lanes have in common. A message has a part at least, so parts are an upper bound of requests."""
        shared = None
        for name, limit in (("requests", self._policy.requests_per_second), ("parts", self._policy.parts_per_second)):
            if limit is not None:
                shared = SharedLimit(
                    name,
                    limit,
                    by_parts=name == "parts",
                    headroom=self._policy.headroom,
                    clock=self._clock,
                    lately=parts_lately,
                    beyond=shared,
                )
        return shared

    async def _keep_noting(self) -> None:
        try:
            await self._learnt.keep_noting(self._meters())
        except LedgerError as error:
            self.breakers.stop(error)  # in order: what is on the wire gets its outcome, as far as that can be recorded

    async def _rest(self, refused_s: float) -> None:
        """Wait until what was refused last is a second old: the ledger tells the next run only of what was not."""
        await self._clock.sleep(refused_s + 1.0 / (1.0 - self._policy.headroom) - self._clock.monotonic())

    def _meters(self) -> dict[str, Meter]:
        return {name: lane.instruments.meter for name, lane in self._lanes.items()}

    def _wake(self, buckets: Collection[str]) -> None:
        """Have the lanes of `buckets` look for rows, also those that had found no more."""
        for name in buckets:
            self._lanes[name].wake()
            if self._group is not None and (name not in self._running or self._running[name].done()):
                self._running[name] = self._group.create_task(self._keep_running(self._lanes[name]))

    def _wake_all(self) -> None:
        self._wake(list(self._lanes))

    async def _keep_running(self, lane: Lane) -> None:
        while lane.woken:
            await lane.run()

    async def _stop_when(self, interrupted: asyncio.Event) -> None:
        waits = [asyncio.ensure_future(event.wait()) for event in (interrupted, self.breakers.campaign_stopped)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        for lane in self._lanes.values():
            lane.halt()
        await self._clock.sleep(self._policy.stop_grace_s)
        for lane in self._lanes.values():
            lane.abandon()

    def _end(self, counts: Counts) -> tuple[RunEnd, BulksendError | None]:
        if self.breakers.cause is not None:
            return RunEnd.STOPPED, self.breakers.cause
        if counts.of(Status.PENDING) == 0:
            return RunEnd.COMPLETE, None
        if sum(bucket.messages_held for bucket in counts.buckets) == counts.of(Status.PENDING):
            return RunEnd.STOPPED, self.breakers.summary()
        return RunEnd.INTERRUPTED, None


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = next((each for each in error.exceptions if _is_ledger(each)), error.exceptions[0])
    return error


def _is_ledger(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(_is_ledger(each) for each in error.exceptions)
    return isinstance(error, LedgerError)
