"""A run of `feedback`: the service is told what became of messages, at the rate that it allows."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from random import Random
from typing import Protocol

import structlog

from bulksend.base.clock import Clock
from bulksend.base.errors import BulksendError, ServiceStop, UsageError
from bulksend.base.ports import Release, Withheld
from bulksend.base.progress import RunEnd
from bulksend.base.records import Bucket
from bulksend.pipeline.breakers import UNREACHED_IN_A_ROW, UNREACHED_S
from bulksend.pipeline.refusals import refusal_hint
from bulksend.rate.inflight import InFlight
from bulksend.rate.meter import Meter
from bulksend.rate.pace import Released
from bulksend.send.backoff import Backoff
from bulksend.send.feedback import PutKind, PutOutcome
from bulksend.store.feedback import FeedbackLedger, Todo

log = structlog.get_logger("bulksend.pipeline")

REQUESTS = Bucket("PutMessageFeedback", 20)
"""Requests per second that an account may make by default (AWS: "Quotas")."""

MAX_IN_FLIGHT = 40
"""Requests at once, at most: the rate at answers that take two seconds."""

MAX_TASKS = 200
"""Messages in hand at once, at most, with those that wait before they are tried again."""

AHEAD = 2
"""Requests that are prepared while they wait for their turn."""

RECORD_EVERY_S = 1.0
"""What was put since then is put again after a crash, which does no harm."""

LATELY_S = 2.0
"""How far back to look for what an earlier run put: a second, and the time until it was recorded."""


Record = Callable[[Sequence[Todo]], Awaitable[None]]
"""Returns when it is on disk; raises `LedgerError` when it cannot be."""


class FeedbackService(Protocol):
    """Takes feedback; `send.feedback.FeedbackClient` has the contract."""

    async def put(self, message_id: str, feedback: str, release: Release) -> PutOutcome:
        """Tell the service once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackPolicy:
    """How a run goes: settings of [pacing], [retry] and [aws], in their units."""

    headroom: float
    base_s: float
    cap_s: float
    give_up_after_s: float
    stop_grace_s: float


@dataclass(frozen=True, slots=True)
class FeedbackResult:
    """How a run ended.

    Attributes:
        put: messages of which the service knows now.
        refused: reason -> messages of which it wants to hear nothing, or which it failed at for too long.
        left: messages of which it was not told.
        end: complete, interrupted or stopped.
        cause: the error that stopped it; None unless `end` is STOPPED.
    """

    put: int
    refused: Mapping[str, int]
    left: int
    end: RunEnd
    cause: BulksendError | None


class FeedbackSender:
    """Puts what is to do in the ledger, about in order, several requests at a time.

    Stop, on request or because the service refuses everything: nothing more is let onto the wire, answers are awaited
    (up to `stop_grace_s`), what was put is recorded. Putting the same twice does no harm, so whatever is not known to
    have been put is put again by the next run.

    Args:
        ledger: what is to do, after `feedback_input.match_file`.
        record: notes durably what the service was told; the event loop must not stand still meanwhile.
        service: who is told.
        todo: how many messages there are to do.
        clock: for everything that waits.
        random: for backoff.
        policy: how.

    Attributes:
        put: messages of which the service was told so far.
    """

    def __init__(
        self,
        ledger: FeedbackLedger,
        record: Record,
        service: FeedbackService,
        *,
        todo: int,
        clock: Clock,
        random: Random,
        policy: FeedbackPolicy,
    ) -> None:
        self._ledger = ledger
        self._keep = record
        self._service = service
        self._todo = todo
        self._clock = clock
        self._policy = policy
        self._backoff = Backoff(base_s=policy.base_s, cap_s=policy.cap_s, random=random)
        lately = ledger.told_since(clock.now() - timedelta(seconds=LATELY_S))
        self._meter = Meter(REQUESTS, headroom=policy.headroom, clock=clock, parts_lately=lately)
        self._in_flight = InFlight(REQUESTS.mps, ceiling=MAX_IN_FLIGHT)
        self._queue: list[Todo] = []
        self._last_number = 0
        self._resting = 0
        self._on_wire: dict[int, Released] = {}  # by number of the message
        self._unrecorded: list[Todo] = []
        self._recorded_s = 0.0
        self._reached = False
        self._unanswered = 0
        self._unanswered_since_s = 0.0
        self._halt = False
        self._changed = asyncio.Event()
        self._tasks: dict[asyncio.Task[None], int] = {}  # -> number of its message
        self._cause: BulksendError | None = None
        self.put = 0
        self._refused: Counter[str] = Counter()

    async def run(self, interrupted: asyncio.Event) -> FeedbackResult:
        """Put everything, or as much as can be before `interrupted` is set.

        Raises:
            LedgerError: the ledger cannot be read or written.
        """
        self._recorded_s = self._clock.monotonic()
        interruption = asyncio.create_task(interrupted.wait())
        interruption.add_done_callback(lambda _: self._changed.set())
        try:
            while not (interrupted.is_set() or self._halt):
                self._collect()
                if self._clock.monotonic() - self._recorded_s >= RECORD_EVERY_S:
                    await self._record()
                self._start()
                if not self._tasks:
                    break
                self._changed.clear()
                await self._changed.wait()
            await self._wait_for_answers()
        finally:
            for each in (*self._tasks, interruption):
                each.cancel()
            await asyncio.gather(*self._tasks, interruption, return_exceptions=True)
        await self._record()
        left = self._todo - self.put - self._refused.total()
        end = RunEnd.STOPPED if self._cause else RunEnd.INTERRUPTED if left else RunEnd.COMPLETE
        return FeedbackResult(self.put, dict(self._refused), left, end, self._cause)

    def _start(self) -> None:
        while len(self._tasks) < MAX_TASKS and len(self._tasks) - self._resting < self._in_flight.limit + AHEAD:
            if not self._queue:
                self._queue = self._ledger.todo(after=self._last_number, limit=MAX_TASKS)[::-1]
                if not self._queue:
                    return
                self._last_number = self._queue[0].number
            todo = self._queue.pop()
            task = asyncio.create_task(self._bring(todo))
            task.add_done_callback(lambda _: self._changed.set())
            self._tasks[task] = todo.number

    def _collect(self) -> None:
        """Forget the tasks that have ended; raise what they raised."""
        for task in [each for each in self._tasks if each.done()]:
            del self._tasks[task]
            if not task.cancelled():
                task.result()

    async def _wait_for_answers(self) -> None:
        self._halt = True
        for task, number in self._tasks.items():
            if number not in self._on_wire:
                task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._policy.stop_grace_s)
        self._collect()

    async def _bring(self, todo: Todo) -> None:
        """Tell the service of one message, as often as it takes."""
        give_up_s = self._clock.monotonic() + self._policy.give_up_after_s
        failures = 0
        while not self._halt:
            answered = False
            try:
                outcome = await self._service.put(todo.message_id, todo.feedback, partial(self._release, todo.number))
                answered = outcome.kind is not PutKind.NO_ANSWER
            except Withheld:
                return
            finally:
                message = self._on_wire.pop(todo.number, None)
                if message is not None:
                    self._in_flight.came_down(message, answered=answered, now=self._clock.monotonic())
            if self._learn(todo, outcome, message):
                return
            failures += 1
            # Where nobody answers it is not this message's fault, and the run as a whole gives up.
            if outcome.kind is not PutKind.NO_ANSWER and self._clock.monotonic() >= give_up_s:
                self._refuse(todo, outcome)
                return
            self._resting += 1
            self._changed.set()
            try:
                await self._clock.sleep(self._backoff.wait_s(failures))
            finally:
                self._resting -= 1

    async def _release(self, number: int) -> None:
        message = await self._meter.admit(1, order=number)
        if self._halt:
            raise Withheld
        self._on_wire[number] = message
        self._in_flight.took_off(message)
        self._reached = True

    def _learn(self, todo: Todo, outcome: PutOutcome, message: Released | None) -> bool:
        """Draw the consequences of one outcome; False when this message has to be tried again."""
        now = self._clock.monotonic()
        if outcome.kind is not PutKind.NO_ANSWER:
            self._unanswered = 0
        if message is not None and outcome.kind in (PutKind.PUT, PutKind.REFUSED):
            self._meter.accepted(message)
        match outcome.kind:
            case PutKind.PUT:
                self.put += 1
                self._unrecorded.append(todo)
                return True
            case PutKind.REFUSED:
                self._refuse(todo, outcome)
                return True
            case PutKind.STOP:
                self._stop(_refusal(outcome))
                return True
            case PutKind.THROTTLED:
                if message is not None and self._meter.throttled(message):
                    log.info("feedback.slowed", requests_per_second=round(self._meter.allowed, 1))
            case PutKind.NO_ANSWER:
                self._learn_unanswered(outcome, now)
        log.debug("feedback.retry", message_id=todo.message_id, reason=outcome.reason)
        return self._halt

    def _learn_unanswered(self, outcome: PutOutcome, now: float) -> None:
        if self._unanswered == 0:
            self._unanswered_since_s = now
        self._unanswered += 1
        elapsed_s = now - self._unanswered_since_s
        detail = f"{outcome.reason}: {outcome.error_message}" if outcome.error_message else str(outcome.reason)
        hint = "check the network, aws.region and aws.endpoint_url, then run the same command again"
        if not self._reached and self._unanswered >= UNREACHED_IN_A_ROW and elapsed_s >= UNREACHED_S:
            self._stop(UsageError(f"the service cannot be reached ({detail}); it was told nothing in this run", hint))
        elif elapsed_s >= self._policy.give_up_after_s:
            self._stop(ServiceStop(f"the service gave no usable answer for {elapsed_s:.0f} s ({detail})", hint))

    def _refuse(self, todo: Todo, outcome: PutOutcome) -> None:
        self._refused[outcome.reason or "refused"] += 1
        log.warning("feedback.refused", message_id=todo.message_id, reason=outcome.reason, error=outcome.error_code)

    def _stop(self, cause: BulksendError) -> None:
        if self._cause is None:
            self._cause = cause
            log.error("feedback.stopped", cause=cause.what)
            self._halt = True
            self._changed.set()

    async def _record(self) -> None:
        told, self._unrecorded = self._unrecorded, []
        self._recorded_s = self._clock.monotonic()
        if told:
            await self._keep(told)


def _refusal(outcome: PutOutcome) -> ServiceStop:
    told = f": {outcome.error_message}" if outcome.reason == "clock_skew" else ""
    what = f"the service refused to be told anything ({outcome.error_code}, {outcome.reason}){told}"
    hint = refusal_hint(outcome.reason, "sms-voice:PutMessageFeedback")
    return ServiceStop(what, f"{hint}, then run the same command again")
