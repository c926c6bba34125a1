"""A run of `feedback` on a virtual clock, with a real ledger and a service that does as it is told."""

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bulksend.base.errors import ServiceStop, UsageError
from bulksend.base.ports import Release
from bulksend.base.progress import RunEnd
from bulksend.pipeline.feedback import FeedbackPolicy, FeedbackResult, FeedbackSender
from bulksend.pipeline.refusals import refusal_hint
from bulksend.send.feedback import PutKind, PutOutcome
from bulksend.store.feedback import FeedbackLedger, Said, Todo
from bulksend.store.ledger import SqliteLedger
from tests.support.virtual import VirtualClock, run_virtual
from tests.unit.store.helpers import StandingClock, pending, sent, write_plan

PUT = PutOutcome(PutKind.PUT)
POLICY = FeedbackPolicy(headroom=0.01, base_s=0.25, cap_s=20.0, give_up_after_s=900.0, stop_grace_s=25.0)


@dataclass
class ScriptedService:
    """Answers what `answer` says of (message id, which attempt at it), `latency_s` after the release."""

    answer: Callable[[str, int], PutOutcome] = lambda _id, _attempt: PUT
    latency_s: float = 0.05
    attempts: dict[str, int] = field(default_factory=dict)
    released: list[tuple[float, str, str]] = field(default_factory=list)
    in_air: int = 0
    most_in_air: int = 0

    async def put(self, message_id: str, feedback: str, release: Release) -> PutOutcome:
        clock = VirtualClock()
        self.attempts[message_id] = attempt = self.attempts.get(message_id, 0) + 1
        await clock.sleep(0.001)
        planned = self.answer(message_id, attempt)
        if planned.error_code == "connection_failed":
            return planned
        await release()
        self.released.append((clock.monotonic(), message_id, feedback))
        self.in_air += 1
        self.most_in_air = max(self.most_in_air, self.in_air)
        try:
            await clock.sleep(self.latency_s)
        finally:
            self.in_air -= 1
        return planned

    def fullest_second(self) -> int:
        """Most requests within one second."""
        times = [at for at, _, _ in self.released]
        return max(sum(end - 1.0 < at <= end for at in times) for end in times)


def unreachable(_id: str, _attempt: int) -> PutOutcome:
    """What happens where nothing listens."""
    return PutOutcome(PutKind.NO_ANSWER, "connection_failed", "connection_failed", "Connection refused")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger with 100 messages that are sent, m-1 to m-100."""
    clock = StandingClock()
    path = write_plan(tmp_path / "c.db", [pending(row) for row in range(1, 101)], clock=clock)
    with SqliteLedger.open_for_writing(path, clock=clock) as ledger, ledger.transaction():
        for claim in ledger.claim("toll-free", parts=100, rows=100):
            ledger.settle(sent(claim.row))
    return path


@pytest.fixture
def book(path: Path) -> Iterator[FeedbackLedger]:
    """That ledger, on the virtual clock."""
    with FeedbackLedger.open_for_writing(path, clock=VirtualClock()) as opened:
        yield opened


def run(
    book: FeedbackLedger,
    service: ScriptedService,
    *,
    count: int = 100,
    feedback: str = "RECEIVED",
    interrupt_after_s: float | None = None,
    policy: FeedbackPolicy = POLICY,
) -> tuple[FeedbackResult, float]:
    """Put feedback on the first `count` messages; return the result and how many seconds it took."""
    match = book.match(Said(row, feedback, row=row) for row in range(1, count + 1))

    async def record(told: Sequence[Todo]) -> None:
        # What a flush to disk takes.
        await VirtualClock().sleep(0.03)
        book.record(told)

    async def main() -> tuple[FeedbackResult, float]:
        clock = VirtualClock()
        interrupted = asyncio.Event()
        if interrupt_after_s is not None:
            asyncio.get_running_loop().call_later(interrupt_after_s, interrupted.set)
        sender = FeedbackSender(
            book, record, service, todo=match.todo, clock=clock, random=random.Random(1), policy=policy
        )
        result = await sender.run(interrupted)
        assert sender.put == result.put
        assert result.put + sum(result.refused.values()) + result.left == match.todo
        return result, clock.monotonic()

    return run_virtual(main())


def recorded(path: Path) -> dict[str, str]:
    """What the ledger says the service was told."""
    with SqliteLedger.open_for_reading(path) as ledger:
        return dict(ledger._read("SELECT message_id, feedback FROM feedback"))


@pytest.mark.parametrize("latency_s", [0.01, 0.2, 1.5])
def test_twenty_requests_a_second_and_no_more(book: FeedbackLedger, path: Path, latency_s: float) -> None:
    """All of them once, at 98 % of the rate, however long answers take."""
    service = ScriptedService(latency_s=latency_s)
    result, seconds = run(book, service)
    assert result == FeedbackResult(100, {}, 0, RunEnd.COMPLETE, None)
    assert sorted(int(message_id[2:]) for _, message_id, _ in service.released) == list(range(1, 101))
    assert service.fullest_second() <= 20
    # Answers are taken to come within a second until the first one has come.
    assert seconds - latency_s - max(0.0, latency_s - 1.0) <= 99 / (20 * 0.98)
    assert recorded(path) == {f"m-{row}": "RECEIVED" for row in range(1, 101)}


def test_throttled_and_lost_answers_are_tried_again(book: FeedbackLedger) -> None:
    """Repeating does no harm; every message is put in the end, and the rate holds for repetitions too."""

    def answer(message_id: str, attempt: int) -> PutOutcome:
        if attempt == 1 and message_id.endswith("3"):
            return PutOutcome(PutKind.THROTTLED, "throttled", "ThrottlingException")
        if attempt <= 2 and message_id.endswith("7"):
            return PutOutcome(PutKind.NO_ANSWER, "read_timeout", "read_timeout")
        return PUT

    service = ScriptedService(answer)
    result, _ = run(book, service)
    assert (result.put, result.end) == (100, RunEnd.COMPLETE)
    assert sum(service.attempts.values()) == 100 + 10 + 2 * 10
    assert service.fullest_second() <= 20


def test_a_bucket_that_is_throttled_slows_down(book: FeedbackLedger) -> None:
    """A service that allows ten a second gets little more, once that is known."""
    times: list[float] = []

    def answer(_id: str, _attempt: int) -> PutOutcome:
        now = asyncio.get_running_loop().time()
        if sum(at > now - 1.0 for at in times) >= 10:
            return PutOutcome(PutKind.THROTTLED, "throttled", "ThrottlingException")
        times.append(now)
        return PUT

    service = ScriptedService(answer)
    result, _ = run(book, service)
    assert (result.put, result.end) == (100, RunEnd.COMPLETE)
    assert sum(service.attempts.values()) < 200


def test_what_is_refused_is_counted_and_not_recorded(book: FeedbackLedger, path: Path) -> None:
    """The others go on."""

    def answer(message_id: str, _attempt: int) -> PutOutcome:
        if message_id in ("m-5", "m-6"):
            return PutOutcome(PutKind.REFUSED, "message_not_found", "ResourceNotFoundException")
        return PUT

    result, _ = run(book, ScriptedService(answer))
    assert result == FeedbackResult(98, {"message_not_found": 2}, 0, RunEnd.COMPLETE, None)
    assert {"m-5", "m-6"}.isdisjoint(recorded(path))


def test_a_message_that_always_fails_does_not_hold_the_others_up(book: FeedbackLedger) -> None:
    """It is given up after its time, with its reason; the others were put long before."""

    def answer(message_id: str, _attempt: int) -> PutOutcome:
        return PutOutcome(PutKind.TRY_AGAIN, "internal_server", "X") if int(message_id[2:]) <= 30 else PUT

    service = ScriptedService(answer)
    result, seconds = run(book, service)
    assert result == FeedbackResult(70, {"internal_server": 30}, 0, RunEnd.COMPLETE, None)
    assert 900 <= seconds < 1000
    assert max(at for at, message_id, _ in service.released if message_id == "m-100") < 30


@pytest.mark.parametrize("reason", ["access_denied", "clock_skew", "expired_token"])
def test_a_refusal_of_everything_stops_at_once(book: FeedbackLedger, path: Path, reason: str) -> None:
    """What is on the wire then is awaited and recorded; the rest is left, and the cause says what to do."""

    def answer(message_id: str, _attempt: int) -> PutOutcome:
        if message_id == "m-11":
            return PutOutcome(PutKind.STOP, reason, "SomeException", "this machine's clock is 3,600 s behind")
        return PUT

    service = ScriptedService(answer, latency_s=0.5)
    result, _ = run(book, service)
    assert result.end is RunEnd.STOPPED
    assert isinstance(result.cause, ServiceStop)
    assert reason in result.cause.what
    hint = refusal_hint(reason, "sms-voice:PutMessageFeedback")
    assert result.cause.hint == f"{hint}, then run the same command again"
    assert len(service.released) < 25
    assert result.put == len(recorded(path)) == len(service.released) - 1


def test_an_interruption_keeps_what_was_put(book: FeedbackLedger, path: Path) -> None:
    """Nothing more goes out, answers are awaited, and the next run goes on behind."""
    service = ScriptedService(latency_s=0.3)
    result, seconds = run(book, service, interrupt_after_s=2.0)
    assert (result.end, result.cause) == (RunEnd.INTERRUPTED, None)
    assert all(at <= 2.0 for at, _, _ in service.released)
    assert seconds < 2.4
    assert result.put == len(service.released) == len(recorded(path))
    book.close()
    with FeedbackLedger.open_for_writing(path, clock=VirtualClock()) as again:
        rest = ScriptedService()
        result, _ = run(again, rest)
    assert result.end is RunEnd.COMPLETE
    assert len(rest.released) + len(service.released) == 100
    assert {row for _, row, _ in rest.released}.isdisjoint(row for _, row, _ in service.released)


def test_an_answer_that_does_not_come_is_not_awaited_for_ever(book: FeedbackLedger) -> None:
    """After the grace of a stop the message counts as left."""
    service = ScriptedService(latency_s=1000.0)
    result, seconds = run(book, service, interrupt_after_s=1.0)
    assert (result.put, result.left, result.end) == (0, 100, RunEnd.INTERRUPTED)
    assert 26.0 <= seconds < 27.0


def test_messages_that_wait_do_not_delay_a_stop(book: FeedbackLedger) -> None:
    """Neither in a backoff nor for their turn."""
    service = ScriptedService(lambda _id, _attempt: PutOutcome(PutKind.THROTTLED, "throttled", "X"))
    result, seconds = run(book, service, interrupt_after_s=30.0)
    assert (result.put, result.left, result.end) == (0, 100, RunEnd.INTERRUPTED)
    assert seconds < 30.1


def test_a_service_that_was_never_reached_is_a_mistake(book: FeedbackLedger) -> None:
    """Within seconds, as a usage error: nothing was told."""
    result, seconds = run(book, ScriptedService(unreachable))
    assert isinstance(result.cause, UsageError)
    assert "Connection refused" in result.cause.what
    assert (result.put, result.left, result.end) == (0, 100, RunEnd.STOPPED)
    assert seconds < 10


def test_an_outage_is_waited_out(book: FeedbackLedger) -> None:
    """Some minutes without the network, after it had worked, cost nothing but the time."""

    def answer(message_id: str, attempt: int) -> PutOutcome:
        return unreachable(message_id, attempt) if 2.0 < asyncio.get_running_loop().time() < 300.0 else PUT

    result, seconds = run(book, ScriptedService(answer))
    assert (result.put, result.end) == (100, RunEnd.COMPLETE)
    assert 300 < seconds < 330


def test_an_outage_that_does_not_end_stops(book: FeedbackLedger) -> None:
    """After the time of `retry.give_up_after_s`; what is left can be put by the next run."""

    def answer(message_id: str, attempt: int) -> PutOutcome:
        return unreachable(message_id, attempt) if asyncio.get_running_loop().time() > 2.0 else PUT

    result, seconds = run(book, ScriptedService(answer))
    assert isinstance(result.cause, ServiceStop)
    assert result.left == 100 - result.put
    assert 900 < seconds < 1000


def test_two_runs_in_one_second_are_one_to_the_service(book: FeedbackLedger, path: Path) -> None:
    """What the earlier run put counts against the second in which it ended."""
    first = ScriptedService(latency_s=0.01)
    run(book, first, count=20)
    book.close()
    with FeedbackLedger.open_for_writing(path, clock=VirtualClock()) as again:
        second = ScriptedService(latency_s=0.01)
        run(again, second, count=40)
    # On the virtual clock the second run begins at the very moment at which the first one did.
    assert min(at for at, _, _ in second.released) >= 1.0
