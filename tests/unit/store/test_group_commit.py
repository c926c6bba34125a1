import asyncio
import gc
import os
import struct
import threading
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from bulksend.base.errors import ExitCode, LedgerError
from bulksend.base.ports import Behind, Diverted, Ledger
from bulksend.base.progress import Breaker, RunEnd
from bulksend.base.records import Origin, Status
from bulksend.store.export import export_rows
from bulksend.store.faults import LedgerMisuse
from bulksend.store.group_commit import DIVERT_SLICE_ROWS, GroupCommitLedger, WriterFailure
from bulksend.store.ledger import SqliteLedger
from bulksend.store.owner import OwnerLock
from tests.unit.store.helpers import (
    IDENTITIES,
    SHORT,
    SHORT_CODE,
    START,
    TOLL_FREE,
    StandingClock,
    pending,
    sent,
    write_plan,
)

Use = Callable[[GroupCommitLedger], Awaitable[None]]


def run(path: Path, use: Use) -> None:
    """Open the ledger at `path` in a loop of its own, use it, close it."""

    async def main() -> None:
        async with GroupCommitLedger(path, clock=StandingClock()) as ledger:
            await use(ledger)

    asyncio.run(main())


def commits(path: Path) -> int:
    """How many transactions are in the ledger's log (https://www.sqlite.org/fileformat2.html#the_write_ahead_log)."""
    log = path.with_name(path.name + "-wal").read_bytes()
    (page_size,) = struct.unpack_from(">I", log, 8)
    frames = range(32, len(log), 24 + page_size)
    return sum(struct.unpack_from(">I", log, frame + 4)[0] > 0 for frame in frames)


def stall(ledger: GroupCommitLedger) -> tuple[threading.Event, "asyncio.Future[bool]"]:
    """Keep the ledger's thread busy until the event is set, so that what comes meanwhile makes one group."""
    event = threading.Event()
    return event, ledger.submit(lambda _: event.wait(30))


def fill_disk(ledger: GroupCommitLedger) -> "asyncio.Future[object]":
    """Let the ledger's file grow no more."""
    return ledger.submit(lambda each: each._connection.execute("PRAGMA max_page_count = 1").fetchone())


def as_port(ledger: Ledger) -> Ledger:
    """The ledger, as far as the pipeline knows it."""
    return ledger


def test_it_is_the_port(planned: Path) -> None:
    """Each operation of the port has its effect on disk when it returns."""

    async def use(ledger: GroupCommitLedger) -> None:
        port = as_port(ledger)
        await ledger.start_run()
        first, second = await port.claim("toll-free", parts=9, rows=2)
        assert (first.row, second.row, second.attempt) == (1, 2, 1)
        assert await port.claim("toll-free", parts=2, rows=1, oversized=False) == []
        await port.postpone(first.row, 1, throttled=True)
        await port.retry({first.row: 2})
        await port.postpone(first.row, 2, throttled=False, tried=False)
        await port.retry({first.row: 2})
        await port.settle(sent(first.row, 2))
        await port.give_back([second.row], tried=[second.row])
        assert await port.divert("unreachable", Behind(TOLL_FREE, "CA")) == Diverted({}, 2)
        assert await port.divert("inactive", Behind(TOLL_FREE), lambda *_: SHORT) == Diverted({"short": 3}, 0)
        (moved,) = await port.claim("short", parts=9, rows=1)
        assert (moved.row, moved.attempt, moved.identity) == (2, 2, SHORT_CODE)
        await port.finish(RunEnd.INTERRUPTED, "a signal", throttled=1)
        with SqliteLedger.open_for_reading(planned) as reader:
            assert reader.counts() == await port.counts()
            assert reader.counts().of(Status.SENT) == 1
            assert reader.runs() == await ledger.runs()
            assert [(each.end, each.cause, each.throttled) for each in reader.runs()] == [
                (RunEnd.INTERRUPTED, "a signal", 1)
            ]
            assert reader.reasons() == await ledger.reasons()
            assert await port.released_since(START) == {"toll-free": 1, "short": 0}
            assert await port.oversized_since(START) == {}
            assert await port.recipients_since(START) == {first.destination}
            await port.note_allowed({"short": 61.0})
            assert [(each.allows, each.allows_at) for each in reader.counts().buckets] == [(None, None), (61.0, START)]
            assert [(each.country, each.moved, each.held) for each in reader.breakers()] == [(None, 3, 0), ("CA", 0, 2)]

    run(planned, use)


def test_it_knows_its_campaign(planned: Path) -> None:
    """What the campaign is can be read as soon as the ledger is open."""

    async def use(ledger: GroupCommitLedger) -> None:
        assert ledger.campaign == {"name": "c"}
        assert ledger.fingerprint == {"config": "1", "input": "2"}
        assert (ledger.summary, ledger.input_name) == ({}, "list.csv")
        assert ledger.identities == IDENTITIES

    run(planned, use)


def test_it_recovers_what_the_last_owner_left(planned: Path) -> None:
    """Rows in flight become unknown, and limits can be set anew."""

    async def leave(ledger: GroupCommitLedger) -> None:
        await ledger.claim("toll-free", parts=3, rows=2)

    async def use(ledger: GroupCommitLedger) -> None:
        assert await ledger.recover() == 2
        await ledger.set_mps({"short": 7})
        assert [bucket.mps for bucket in (await ledger.counts()).buckets] == [3, 7]

    run(planned, leave)
    run(planned, use)


def test_outcomes_that_arrive_together_share_a_commit(path: Path) -> None:
    """However many wait, they are flushed to disk together, not one after the other."""
    write_plan(path, [pending(row) for row in range(1, 301)])

    async def use(ledger: GroupCommitLedger) -> None:
        claims = await ledger.claim("toll-free", parts=300, rows=300)
        before = commits(path)
        event, stalled = stall(ledger)
        async with asyncio.TaskGroup() as group:
            for claim in claims:
                group.create_task(ledger.settle(sent(claim.row)))
            await asyncio.sleep(0)
            event.set()
        assert await stalled
        assert commits(path) - before <= 2
        assert (await ledger.counts()).of(Status.SENT) == 300

    run(path, use)


def test_nothing_is_confirmed_before_it_is_on_disk(planned: Path) -> None:
    """When a claim returns, its intents can be read by another connection."""

    async def use(ledger: GroupCommitLedger) -> None:
        claims = await ledger.claim("toll-free", parts=9, rows=9)
        with SqliteLedger.open_for_reading(planned) as reader:
            assert reader.counts().of(Status.SENDING) == len(claims)

    run(planned, use)


def test_what_does_not_fit_is_refused_to_its_caller_alone(planned: Path) -> None:
    """A row settled twice is an error for who did it; the others, in the same group or later, go on."""

    async def use(ledger: GroupCommitLedger) -> None:
        await ledger.claim("toll-free", parts=9, rows=3)
        await ledger.settle(sent(1))
        event, stalled = stall(ledger)
        twice = asyncio.ensure_future(ledger.settle(sent(1, message_id="another")))
        fine = asyncio.ensure_future(ledger.settle(sent(2)))
        await asyncio.sleep(0)
        event.set()
        await asyncio.gather(twice, fine, stalled, return_exceptions=True)
        assert isinstance(twice.exception(), LedgerMisuse)
        assert fine.exception() is None
        await ledger.settle(sent(3))
        assert (await ledger.counts()).of(Status.SENT) == 3

    run(planned, use)


def test_a_full_disk_ends_it_for_everybody(planned: Path) -> None:
    """Those in the group that failed, those who wait, and all who come later: nothing more may be sent."""

    async def use(ledger: GroupCommitLedger) -> None:
        await ledger.claim("toll-free", parts=9, rows=3)
        await fill_disk(ledger)
        event, stalled = stall(ledger)
        waiting = [
            asyncio.ensure_future(each)
            for each in (
                ledger.settle(sent(1)),
                ledger.settle(sent(2, message_id="x" * 100_000)),
                ledger.claim("short", parts=1, rows=1),
            )
        ]
        await asyncio.sleep(0)
        event.set()
        await asyncio.gather(*waiting, stalled, return_exceptions=True)
        errors = [each.exception() for each in waiting]
        assert all(isinstance(error, LedgerError) and "is full" in str(error) for error in errors)
        assert len({id(error) for error in errors}) == 3
        later: list[Callable[[], Coroutine[Any, Any, object]]] = [
            lambda: ledger.settle(sent(3)),
            lambda: ledger.claim("short", parts=1, rows=1),
            lambda: ledger.postpone(3, 1, throttled=True),
            lambda: ledger.retry({3: 2}),
            lambda: ledger.divert("inactive", Behind(TOLL_FREE)),
            ledger.counts,
            lambda: ledger.finish(RunEnd.STOPPED, None, throttled=0),
        ]
        for call in later:
            with pytest.raises(LedgerError, match=r"is full. Free some space"):
                await call()

    run(planned, use)
    with SqliteLedger.open_for_reading(planned) as reader:
        assert (reader.counts().of(Status.SENDING), reader.counts().of(Status.SENT)) == (3, 0)


def test_a_fault_of_ours_in_the_thread_is_not_silent(planned: Path) -> None:
    """An exception that nobody foresaw fails every caller, and is told as a fault, without what it was about."""

    async def use(ledger: GroupCommitLedger) -> None:
        with pytest.raises(WriterFailure, match="KeyError") as raised:
            await ledger.submit(lambda _: dict[str, object]()["+14255550100"])
        assert "555" not in str(raised.value)
        assert isinstance(raised.value.__cause__, KeyError)
        assert raised.value.exit_code is ExitCode.OUR_FAULT
        with pytest.raises(WriterFailure):
            await ledger.claim("short", parts=1, rows=1)

    run(planned, use)


def test_a_fault_of_ours_fails_those_who_wait_behind_it(planned: Path) -> None:
    """Also operations that were asked for before it happened, and are not of the same group."""

    async def use(ledger: GroupCommitLedger) -> None:
        entered, event = threading.Event(), threading.Event()

        def break_down(_: SqliteLedger) -> None:
            entered.set()
            event.wait(30)
            raise ZeroDivisionError

        broken = ledger.submit(break_down)
        await asyncio.to_thread(entered.wait, 30)
        behind = asyncio.ensure_future(ledger.claim("short", parts=1, rows=1))
        await asyncio.sleep(0)
        event.set()
        errors = await asyncio.gather(broken, behind, return_exceptions=True)
        assert [type(error) for error in errors] == [WriterFailure, WriterFailure]

    run(planned, use)


def test_a_cancelled_caller_does_not_undo_its_operation(planned: Path) -> None:
    """An outcome whose task was cancelled is recorded all the same, even while the ledger is being closed."""

    async def use(ledger: GroupCommitLedger) -> None:
        await ledger.claim("toll-free", parts=9, rows=1)
        event, stalled = stall(ledger)
        task = asyncio.ensure_future(ledger.settle(sent(1)))
        await asyncio.sleep(0)
        task.cancel()
        event.set()
        await asyncio.gather(task, stalled, return_exceptions=True)
        assert task.cancelled()

    run(planned, use)
    assert next(export_rows(planned))["status"] == "sent"


@pytest.mark.parametrize("closing", [False, True])
def test_rows_of_a_cancelled_claim_are_released(planned: Path, *, closing: bool) -> None:
    """Nobody knows of them, so nobody would ever settle them: they are pending again."""

    async def use(ledger: GroupCommitLedger) -> None:
        event, stalled = stall(ledger)
        task = asyncio.ensure_future(ledger.claim("toll-free", parts=9, rows=9))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        event.set()
        if not closing:
            await asyncio.gather(stalled, *ledger._returns)
            assert (await ledger.counts()).of(Status.SENDING) == 0

    run(planned, use)
    rows = list(export_rows(planned))
    assert {row["status"] for row in rows} == {"pending", "skipped"}
    assert {row["attempts"] for row in rows} == {0}


def test_a_claim_that_was_cancelled_and_failed_is_no_matter(planned: Path) -> None:
    """Where there is nothing to give back, nothing is raised to nobody."""

    async def use(ledger: GroupCommitLedger) -> None:
        event, _ = stall(ledger)
        task = asyncio.ensure_future(ledger.claim("unheard-of", parts=9, rows=9))
        await asyncio.sleep(0)
        task.cancel()
        event.set()
        await asyncio.wait([task])

    run(planned, use)
    gc.collect()


def test_closing_does_what_is_waiting(planned: Path) -> None:
    """What was asked for before the end is done before the end."""

    async def use(ledger: GroupCommitLedger) -> None:
        await ledger.claim("toll-free", parts=9, rows=3)
        use.tasks = [asyncio.ensure_future(ledger.settle(sent(row))) for row in (1, 2, 3)]  # type: ignore[attr-defined]
        await asyncio.sleep(0)

    run(planned, use)
    assert [row["status"] for row in export_rows(planned)][:3] == ["sent"] * 3


def test_a_closed_ledger_refuses_and_is_free(planned: Path) -> None:
    """After closing, nothing is taken any more, closing again is no matter, and others may write."""

    async def main() -> None:
        ledger = GroupCommitLedger(planned, clock=StandingClock())
        with pytest.raises(LedgerMisuse):
            await ledger.counts()
        await ledger.close()
        await ledger.start()
        await ledger.close()
        await ledger.close()
        with pytest.raises(LedgerMisuse):
            await ledger.counts()
        assert not [each for each in threading.enumerate() if each.name == "ledger"]
        with SqliteLedger.open_for_writing(planned, clock=StandingClock()):
            pass

    asyncio.run(main())


def test_what_cannot_be_opened_is_said_at_the_start(path: Path) -> None:
    """A missing ledger is an error of `start`, and leaves no thread."""
    with pytest.raises(LedgerError, match="there is no ledger"):
        run(path, lambda ledger: ledger.start_run())
    assert not [each for each in threading.enumerate() if each.name == "ledger"]


def test_a_second_writer_is_refused(planned: Path) -> None:
    """Also within one process; unless both use the lock of one owner, one after the other."""

    async def use(_: GroupCommitLedger) -> None:
        with pytest.raises(LedgerError, match=f"in use by process {os.getpid()} "):
            await GroupCommitLedger(planned, clock=StandingClock()).start()

    async def borrow(owner: OwnerLock) -> None:
        for _ in range(2):
            async with GroupCommitLedger(planned, clock=StandingClock(), owner=owner) as ledger:
                await ledger.recover()

    run(planned, use)
    with OwnerLock(planned, clock=StandingClock()) as owner:
        asyncio.run(borrow(owner))
        assert owner.held


def test_a_loop_that_ends_without_closing_does_not_hang(planned: Path) -> None:
    """The thread outlives the loop unharmed, and does not keep the process."""
    ledger = GroupCommitLedger(planned, clock=StandingClock())

    async def main() -> threading.Event:
        await ledger.start()
        event, _ = stall(ledger)
        return event

    asyncio.run(main()).set()
    ledger._handover.end()
    assert ledger._thread is not None
    ledger._thread.join(30)
    assert not ledger._thread.is_alive()
    assert ledger._thread.daemon


def test_postponements_that_arrive_together_share_a_commit(path: Path) -> None:
    """As outcomes do, and together with them."""
    write_plan(path, [pending(row) for row in range(1, 301)])

    async def use(ledger: GroupCommitLedger) -> None:
        await ledger.start_run()
        claims = await ledger.claim("toll-free", parts=300, rows=300)
        before = commits(path)
        event, stalled = stall(ledger)
        async with asyncio.TaskGroup() as group:
            for claim in claims:
                if claim.row % 2:
                    group.create_task(ledger.settle(sent(claim.row)))
                else:
                    group.create_task(ledger.postpone(claim.row, 1, throttled=True))
            await asyncio.sleep(0)
            event.set()
        assert await stalled
        assert commits(path) - before <= 2
        counts = await ledger.counts()
        assert (counts.of(Status.SENT), counts.of(Status.PENDING), counts.of(Status.SENDING)) == (150, 150, 0)
        assert [run.throttled for run in await ledger.runs()] == [150]

    run(path, use)


def test_a_retry_that_does_not_fit_is_refused_to_its_caller_alone(planned: Path) -> None:
    """Of its rows none is tried again; others, in the same group, go on."""

    async def use(ledger: GroupCommitLedger) -> None:
        await ledger.claim("toll-free", parts=9, rows=2)
        await ledger.postpone(1, 1, throttled=False)
        event, stalled = stall(ledger)
        wrong = asyncio.ensure_future(ledger.retry({1: 2, 2: 2}))
        fine = asyncio.ensure_future(ledger.settle(sent(2)))
        await asyncio.sleep(0)
        event.set()
        await asyncio.gather(wrong, fine, stalled, return_exceptions=True)
        assert isinstance(wrong.exception(), LedgerMisuse)
        assert fine.exception() is None
        assert (await ledger.counts()).of(Status.SENDING) == 0
        await ledger.retry({1: 2})
        await ledger.settle(sent(1, 2))

    run(planned, use)


def test_rows_whose_retry_was_cancelled_can_be_released(planned: Path) -> None:
    """Whether their intent was made or not, who has them gives them back in the same way."""

    async def use(ledger: GroupCommitLedger) -> None:
        await ledger.claim("toll-free", parts=9, rows=2)
        await ledger.postpone(1, 1, throttled=False)
        await ledger.postpone(2, 1, throttled=False)
        event, stalled = stall(ledger)
        task = asyncio.ensure_future(ledger.retry({1: 2}))
        await asyncio.sleep(0)
        task.cancel()
        event.set()
        await asyncio.gather(task, stalled, return_exceptions=True)
        assert task.cancelled()
        await ledger.give_back([1, 2])
        claims = await ledger.claim("toll-free", parts=9, rows=2)
        assert [(claim.row, claim.attempt) for claim in claims] == [(1, 2), (2, 2)]

    run(planned, use)


def test_a_divert_of_many_rows_lets_others_in_between(path: Path) -> None:
    """Holding a long list does not keep outcomes waiting until its end."""
    rows = 3 * DIVERT_SLICE_ROWS + 5
    write_plan(path, [pending(row) for row in range(1, rows + 1)])

    async def use(ledger: GroupCommitLedger) -> None:
        (claim,) = await ledger.claim("toll-free", parts=1, rows=1)
        divert = asyncio.ensure_future(ledger.divert("inactive", Behind(TOLL_FREE)))
        await asyncio.sleep(0)
        await ledger.settle(sent(claim.row))
        assert not divert.done()
        assert await divert == Diverted({}, rows - 1)
        assert await ledger.claim("toll-free", parts=1, rows=1) == []

    run(path, use)


def test_slices_of_a_divert_add_up(path: Path) -> None:
    """Every row is looked at once; what was moved and held is the sum over all slices, told and noted as one."""
    rows = 2 * DIVERT_SLICE_ROWS + 5
    write_plan(path, [pending(row, parts=1 + row % 3, pinned=row % 5 == 0) for row in range(1, rows + 1)])
    asked: list[str] = []

    def choose(destination: str, _: str | None) -> Origin | None:
        asked.append(destination)
        return SHORT if len(asked) % 2 else None

    async def use(ledger: GroupCommitLedger) -> None:
        before = await ledger.counts()
        diverted = await ledger.divert("inactive", Behind(TOLL_FREE), choose)
        assert asked == [f"+1425555{row:04d}" for row in range(1, rows + 1) if row % 5]
        moved = (len(asked) + 1) // 2
        assert diverted == Diverted({"short": moved}, rows - moved)
        counts = await ledger.counts()
        assert (counts.rows, counts.by_status) == (before.rows, before.by_status)
        assert [(each.messages, each.messages_held) for each in counts.buckets] == [
            (rows - moved, rows - moved), (moved, 0),
        ]  # fmt: skip
        assert sum(each.parts for each in counts.buckets) == sum(each.parts for each in before.buckets)
        with SqliteLedger.open_for_reading(path) as reader:
            assert reader.breakers() == [Breaker(TOLL_FREE, None, "inactive", START, moved, rows - moved)]

    run(path, use)


def test_a_divert_of_some_rows_keeps_to_their_numbers(path: Path) -> None:
    """However the bounds lie to the slices, and also beyond the last row."""
    rows = DIVERT_SLICE_ROWS + 20
    write_plan(path, [pending(row) for row in range(1, rows + 1)])

    async def use(ledger: GroupCommitLedger) -> None:
        last = DIVERT_SLICE_ROWS + 10
        assert await ledger.divert("inactive", Behind(TOLL_FREE, first=5, last=last)) == Diverted({}, last - 4)
        claims = await ledger.claim("toll-free", parts=rows, rows=rows)
        assert [claim.row for claim in claims] == [*range(1, 5), *range(last + 1, rows + 1)]
        await ledger.give_back([1, rows])
        moved = await ledger.divert("inactive", Behind(TOLL_FREE, first=rows, last=rows), lambda *_: SHORT)
        assert moved == Diverted({"short": 1}, 0)
        assert await ledger.divert("inactive", Behind(TOLL_FREE, first=rows + 1, last=rows + 9)) == Diverted({}, 0)
        with SqliteLedger.open_for_reading(path) as reader:
            assert reader.breakers() == [Breaker(TOLL_FREE, None, "inactive", START, 1, last - 4)]

    run(path, use)


def test_two_diverts_at_once_lose_no_row(path: Path) -> None:
    """Rows that one breaker moves to an identity whose own breaker trips meanwhile are diverted from there as well."""
    rows = 2 * DIVERT_SLICE_ROWS + 5
    owners = [TOLL_FREE, SHORT_CODE]
    write_plan(path, [pending(row, identity=owners[row % 2]) for row in range(1, rows + 1)])

    async def use(ledger: GroupCommitLedger) -> None:
        first, second = await asyncio.gather(
            ledger.divert("inactive", Behind(TOLL_FREE), lambda *_: SHORT),
            ledger.divert("not_found", Behind(SHORT_CODE)),
        )
        assert (first.moved, first.held, second.held) == ({"short": rows // 2}, 0, rows)
        for bucket in ("toll-free", "short"):
            assert await ledger.claim(bucket, parts=1, rows=1) == []

    run(path, use)


def test_a_choice_that_breaks_ends_it(planned: Path) -> None:
    """An exception of who chooses is a fault of ours, and is not silent."""

    def broken(*_: object) -> Origin:
        raise KeyError("+14255550001")

    async def use(ledger: GroupCommitLedger) -> None:
        with pytest.raises(WriterFailure, match="KeyError") as raised:
            await ledger.divert("inactive", Behind(TOLL_FREE), broken)
        assert "555" not in str(raised.value)

    run(planned, use)
    with SqliteLedger.open_for_reading(planned) as reader:
        assert (reader.counts().of(Status.PENDING), reader.breakers()) == (9, [])


def test_a_claim_of_no_rows_is_a_mistake(planned: Path) -> None:
    """It is the caller's, found before it reaches the ledger."""

    async def use(ledger: GroupCommitLedger) -> None:
        with pytest.raises(ValueError, match="positive"):
            await ledger.claim("short", parts=1, rows=0)
        assert len(await ledger.claim("short", parts=1, rows=1)) == 1

    run(planned, use)
