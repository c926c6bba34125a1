"""Copies of a ledger: whoever goes on from one texts nobody that its run may have texted."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bulksend.base.clock import SystemClock
from bulksend.base.errors import BulksendError, UsageError
from bulksend.base.ports import Among, Behind, Ledger
from bulksend.base.records import Bucket, Origin, Status
from bulksend.objects.refusals import Conflict, NotFound
from bulksend.pipeline.copies import LedgerCopies, TakenOver, fetch_copy
from bulksend.store.copying import LOST_MACHINE, read_record
from bulksend.store.files import create_private
from bulksend.store.group_commit import GroupCommitLedger
from bulksend.store.ledger import SqliteLedger
from bulksend.store.owner import OwnerLock
from tests.unit.store.helpers import SHORT, SHORT_CODE, TOLL_FREE, pending, sent, write_plan

URL = "s3://b-1/sale.db"
EVERY_S = 1000.0
BUCKETS = (Bucket("toll-free", 1), Bucket("short", 2))


class FakeObjects:
    """One object with an ETag.

    `failing`: errors of the next uploads; `carried_out`: they are done all the same;
    `meanwhile`: goes on while one is written.
    """

    def __init__(self) -> None:
        self.content: bytes | None = None
        self.writes = 0
        self.failing = 0
        self.carried_out = False
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def download(self, url: str, path: Path) -> str:
        assert url == URL
        if self.content is None:
            raise NotFound(f"{url}: there is no such object")
        create_private(path)
        _write(path, self.content)
        return str(self.writes)

    async def upload(self, path: Path, url: str, *, if_match: str | None = None, if_absent: bool = False) -> str:
        content = _read(path)
        if self.meanwhile is not None:
            await self.meanwhile()
        fails, self.failing = self.failing > 0, max(0, self.failing - 1)
        if fails and not self.carried_out:
            raise UsageError(f"{url}: S3 cannot be written")
        if self.content is None if if_match is not None else (if_absent and self.content is not None):
            raise Conflict(f"{url}: somebody else has written it")
        if if_match is not None and if_match != str(self.writes):
            raise Conflict(f"{url}: somebody else has written it")
        self.writes += 1
        self.content = content
        if fails:
            raise UsageError(f"{url}: S3 cannot be written")
        return str(self.writes)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _read(path: Path) -> bytes:
    """What a private file holds."""
    assert path.stat().st_mode & 0o777 == 0o600
    return path.read_bytes()


def _named_after(path: Path) -> list[str]:
    """The files whose names begin with that of `path`."""
    return sorted(each.name for each in path.parent.iterdir() if each.name.startswith(path.name))


class Machine:
    """One container's ledger, its copies, and what its run claims through them."""

    def __init__(self, durable: GroupCommitLedger, copies: LedgerCopies) -> None:
        self.copies = copies
        self.path = durable.path
        self.ledger: Ledger = copies.guarded(durable)
        self.stopped: list[BulksendError] = []
        copies.on_stop = self.stopped.append

    async def claim(self, bucket: str = "toll-free", *, rows: int = 10_000, among: Among | None = None) -> list[int]:
        """The rows that a claim gets."""
        claims = await self.ledger.claim(bucket, parts=10_000, rows=rows, among=among or Among())
        return [each.row for each in claims]

    async def copy(self) -> None:
        """What `keep_copying` does when it is time."""
        await self.copies._copy(final=False)


@asynccontextmanager
async def machine(path: Path, objects: FakeObjects, *, every_s: float = EVERY_S) -> AsyncIterator[Machine]:
    """A run over the ledger at `path`, not begun."""
    clock = SystemClock()
    async with GroupCommitLedger(path, clock=clock) as durable:
        yield Machine(durable, LedgerCopies(durable, objects, url=URL, every_s=every_s, clock=clock))


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a test on the real loop: the ledger has a thread."""

    async def main() -> None:
        async with asyncio.timeout(60):
            await work

    asyncio.run(main())


async def until(is_so: Callable[[], bool]) -> None:
    """Let the others go on until `is_so`."""
    while not is_so():  # noqa: ASYNC110 - what is waited for happens in a thread
        await asyncio.sleep(0.01)


async def statuses(path: Path, objects: FakeObjects) -> dict[int, tuple[str, str | None]]:
    """Where rows stand for who goes on from the copy, at `path`, which is empty: row -> (status, reason)."""
    with OwnerLock(path, clock=SystemClock()):
        assert await fetch_copy(objects, URL, path) is not None
    assert _read(path)
    assert _named_after(path) == [path.name]
    with SqliteLedger.open_for_writing(path, clock=SystemClock()) as ledger:
        with ledger.transaction():
            assert ledger.recover() == 0
        return {row: (status, reason) for row, status, reason in ledger._read("SELECT row, status, reason FROM states")}


def plan(path: Path, rows: int) -> Path:
    """Rows of both buckets, in turn."""
    return write_plan(
        path,
        [pending(row, identity=SHORT_CODE if row % 2 else TOLL_FREE) for row in range(1, rows + 1)],
        buckets=BUCKETS,
        identities=(Origin(TOLL_FREE, "toll-free"), SHORT),
    )


def test_what_may_have_been_sent_is_unknown_and_the_rest_is_pending(tmp_path: Path) -> None:
    """A run claims what its copy permits, two intervals' worth; whoever goes on knows of no more than that."""

    async def main() -> None:
        objects = FakeObjects()
        async with machine(plan(tmp_path / "a.db", 100), objects, every_s=10) as one:
            assert await one.claim() == []  # nothing before the first copy
            await one.copies.start()
            assert one.copies.frontier("toll-free") == 40
            claimed = await one.claim()
            assert claimed == list(range(2, 41, 2))  # one a second, for 20 s
            assert await one.claim() == []
            assert one.copies.permission.wanted.is_set()
            for row in claimed[:5]:
                await one.ledger.settle(sent(row))
            found = await statuses(tmp_path / "b.db", objects)
            assert [row for row in found if row % 2 == 0 and found[row] == ("unknown", LOST_MACHINE)] == claimed
            assert {found[row][0] for row in range(42, 101, 2)} == {"pending"}
            await one.copy()
            assert (await one.claim())[0] == 42
            found = await statuses(tmp_path / "c.db", objects)
            assert {found[row][0] for row in claimed[:5]} == {"sent"}
            assert [row for row in found if row % 2 == 0 and found[row][0] == "pending"] == list(range(82, 101, 2))

    run(main())


def test_the_last_copy_leaves_nothing_in_doubt(tmp_path: Path) -> None:
    """After a run that ended in order, whoever goes on sends exactly what is left; no copy is made for nothing."""

    async def main() -> None:
        objects = FakeObjects()
        async with machine(plan(tmp_path / "a.db", 10), objects) as one:
            await one.copies.start()
            assert one.copies.frontier("short") is None
            for row in await one.claim(rows=2):
                await one.ledger.settle(sent(row))
            await one.copies.finish()
            assert await one.claim() == []
        found = await statuses(tmp_path / "b.db", objects)
        assert [row for row in found if found[row][0] == "pending"] == [1, 3, 5, 6, 7, 8, 9, 10]
        assert "unknown" not in {status for status, _ in found.values()}
        writes = objects.writes
        async with machine(tmp_path / "a.db", objects) as again:
            await again.copies.bring_up_to_date()
        assert objects.writes == writes

    run(main())


def test_a_run_that_was_replaced_stops(tmp_path: Path) -> None:
    """Two machines, one campaign: the first is told so at its next copy, and neither has the other's rows."""

    async def main() -> None:
        objects = FakeObjects()
        async with machine(plan(tmp_path / "a.db", 100), objects, every_s=10) as one:
            await one.copies.start()
            keeping = asyncio.create_task(one.copies.keep_copying())
            mine = await one.claim()
            await statuses(tmp_path / "b.db", objects)
            async with machine(tmp_path / "b.db", objects, every_s=10) as other:
                await other.copies.start()
                assert await other.claim() == [row + 40 for row in mine]
                assert await one.claim() == []  # asks for more, and so finds out
                await keeping
                (cause,) = one.stopped
                assert isinstance(cause, TakenOver)
                assert cause.exit_code == 4
                assert one.copies.frontier("short") == 0
                assert await one.claim("short") == []
                await one.copies.finish()
                await other.copy()
        async with machine(tmp_path / "a.db", objects) as again:
            with pytest.raises(UsageError, match="another machine has gone on") as refused:
                await again.copies.start()
            assert refused.value.exit_code == 2

    run(main())


def test_a_ledger_knows_its_own_copies(tmp_path: Path) -> None:
    """After a crash on the same volume it goes on, also where a copy arrived that nobody was told of."""

    async def main() -> None:
        objects = FakeObjects()
        path = plan(tmp_path / "a.db", 10)
        async with machine(path, objects) as one:
            await one.copies.start()
            objects.failing, objects.carried_out = 1, True
            with pytest.raises(UsageError):
                await one.copy()
        record = read_record(path)
        assert record is not None
        assert len(record.known) == 2
        async with machine(path, objects) as again:
            await again.copies.start()
            objects.failing = 1
            with pytest.raises(UsageError):
                await again.copy()
            with pytest.raises(Conflict):
                await again.copy()  # there is one that it takes for another's, looks at, and knows
            await again.copy()
            assert again.stopped == []
            objects.content = None  # somebody deletes it
            with pytest.raises(Conflict):
                await again.copy()
            await again.copy()
            assert objects.content is not None

    run(main())


def test_another_ledgers_copy_is_left_alone(tmp_path: Path) -> None:
    """Nothing is sent, and the copy stays as it is; nor is anything sent where the first copy cannot be written."""

    async def main() -> None:
        objects = FakeObjects()
        async with machine(plan(tmp_path / "a.db", 2), objects) as one:
            await one.copies.start()
        before = objects.content
        async with machine(plan(tmp_path / "b.db", 2), objects) as other:
            with pytest.raises(UsageError, match="another ledger"):
                await other.copies.start()
            assert await other.claim() == []
        assert objects.content == before
        objects.content = None
        objects.failing = 1
        async with machine(plan(tmp_path / "c.db", 2), objects) as third:
            with pytest.raises(UsageError, match="cannot be written"):
                await third.copies.start()
            assert await third.claim() == []

    run(main())


def test_a_late_copy_stops_claims_and_not_the_run(tmp_path: Path) -> None:
    """What is permitted is sent; the rest waits for as long as the copy cannot be written, and then goes on."""

    async def main() -> None:
        objects = FakeObjects()
        async with machine(plan(tmp_path / "a.db", 100), objects, every_s=10) as one:
            await one.copies.start()
            rises: list[int | None] = []
            one.copies.on_rise = lambda: rises.append(one.copies.frontier("toll-free"))
            assert len(await one.claim()) == 20
            objects.failing = 1
            keeping = asyncio.create_task(one.copies.keep_copying())
            assert await one.claim() == []
            await until(lambda: not objects.failing)
            assert await one.claim() == []
            assert rises == []
            await until(lambda: bool(rises))
            assert rises == [80]
            assert len(await one.claim()) == 20
            keeping.cancel()
            await asyncio.wait([keeping])
            await one.copies.finish()

    run(main())


def test_rows_that_were_chosen_are_permitted_wherever_they_are(tmp_path: Path) -> None:
    """A canary's rows lie all over the list: the next copy names them, and permits no others for it."""

    async def main() -> None:
        objects = FakeObjects()
        async with machine(plan(tmp_path / "a.db", 100), objects, every_s=1) as one:
            await one.copies.start()
            chosen = Among(rows=(2, 50, 98))
            assert await one.claim(among=chosen) == [2]  # within what is permitted anyway
            await one.copy()
            found = await statuses(tmp_path / "b.db", objects)
            assert {found[row] for row in (2, 50, 98)} == {("unknown", LOST_MACHINE)}
            assert found[96] == ("pending", None)
            assert await one.claim(among=chosen) == [50, 98]

    run(main())


def test_rows_of_a_time_zone_wait_for_a_copy_that_knows_of_it(tmp_path: Path) -> None:
    """Zones that are closed take no part in what is permitted, so their rows are not in doubt after a loss."""

    async def main() -> None:
        objects = FakeObjects()
        path = plan(tmp_path / "a.db", 40)
        with SqliteLedger.open_for_writing(path, clock=SystemClock()) as ledger, ledger.transaction():
            ledger.write("INSERT INTO zones (id, name) VALUES (1, 'America/New_York'), (2, 'America/Denver')")
            ledger.write("UPDATE states SET zone = 1 + (row > 20)")
        async with machine(path, objects) as one:
            await one.copies.start()
            assert one.copies.frontier("short") is not None
            east = Among(zones=(1, 0))
            assert await one.claim(among=east) == []
            await one.copy()
            assert await one.claim(among=east) == list(range(2, 21, 2))
            assert await one.claim(among=Among(zones=(2, 1, 0))) == []
            found = await statuses(tmp_path / "b.db", objects)
            assert {found[row][0] for row in range(22, 41, 2)} == {"pending"}
            await one.copy()
            assert await one.claim(among=Among(zones=(2, 1, 0))) == list(range(22, 41, 2))

    run(main())


def test_what_goes_on_while_a_copy_is_written_is_in_it(tmp_path: Path) -> None:
    """Claims by the copy before, moves to another bucket; and what waits to be tried again, whatever is permitted."""

    async def main() -> None:
        objects = FakeObjects()
        path = plan(tmp_path / "a.db", 40)
        with SqliteLedger.open_for_writing(path, clock=SystemClock()) as ledger, ledger.transaction():
            ledger.write("INSERT INTO zones (id, name) VALUES (1, 'America/New_York'), (2, 'America/Denver')")
            ledger.write("UPDATE states SET zone = 1 + (row > 20)")
        async with machine(path, objects) as one:
            await one.copies.start()
            east, west = Among(zones=(1,)), Among(zones=(2,))
            await one.claim(among=east)
            await one.claim("short", among=west)
            await one.copy()
            assert await one.claim(among=east, rows=1) == [2]
            await one.ledger.postpone(2, 1, throttled=True)
            assert await one.claim(among=west) == []
            taken: list[int] = []

            async def meanwhile() -> None:
                taken.extend(await one.claim(among=east, rows=2))
                moved = await one.ledger.divert("inactive", Behind(TOLL_FREE, None, first=38), lambda *_: SHORT)
                assert moved.moved == {"short": 2}
                assert await one.claim("short", among=west) == []

            objects.meanwhile = meanwhile
            await one.copy()
            objects.meanwhile = None
            assert taken == [4, 6]
            assert await one.claim("short", among=west) == []  # the copy that arrived has them elsewhere
            found = await statuses(tmp_path / "b.db", objects)
            assert {found[row] for row in (2, 4, 6)} == {("unknown", LOST_MACHINE)}
            assert await one.claim(among=west)
            await one.copy()
            assert {38, 40} < set(await one.claim("short", among=west))
            found = await statuses(tmp_path / "c.db", objects)
            assert found[2] == found[38] == ("unknown", LOST_MACHINE)
            assert found[8] == ("pending", None)

    run(main())


@pytest.mark.parametrize("seed", range(12))
def test_nobody_is_texted_twice_whenever_the_machine_is_lost(tmp_path: Path, seed: int) -> None:
    """No row that was claimed, and not given back, is pending for whoever goes on from the copy that is there.

    Whatever came before it: claims, outcomes, postponements, moves to another bucket, copies that fail.
    """
    dice = random.Random(seed)

    async def main() -> None:
        objects = FakeObjects()
        taken: dict[int, int] = {}  # what may have been sent: row -> its attempt
        waiting: dict[int, int] = {}
        async with machine(plan(tmp_path / "a.db", 120), objects, every_s=dice.choice((3, 8, 30))) as one:
            await one.copies.start()
            for step in range(60):
                match dice.choice(("claim", "claim", "settle", "postpone", "retry", "back", "move", "copy", "lose")):
                    case "claim":
                        bucket = dice.choice(("toll-free", "short"))
                        claims = await one.ledger.claim(bucket, parts=99, rows=dice.randint(1, 9), among=Among())
                        taken |= {each.row: each.attempt for each in claims}
                    case "settle" if taken:
                        row = dice.choice([*taken])
                        if row not in waiting and one_is(one, row) is Status.SENDING:
                            await one.ledger.settle(sent(row, taken[row]))
                    case "postpone" if taken:
                        row = dice.choice([*taken])
                        if row not in waiting and one_is(one, row) is Status.SENDING:
                            await one.ledger.postpone(row, taken[row], throttled=True)
                            waiting[row] = taken[row]
                    case "retry" if waiting:
                        row, attempt = waiting.popitem()
                        await one.ledger.retry({row: attempt + 1})
                        taken[row] = attempt + 1
                    case "back" if taken:
                        row = dice.choice([*taken])
                        if row in waiting or one_is(one, row) is Status.SENDING:
                            await one.ledger.give_back([row])
                            waiting.pop(row, None)
                            del taken[row]
                    case "move":
                        first = dice.randint(1, 120)
                        behind = Behind(TOLL_FREE, None, first=first, last=first + 20)
                        await asyncio.gather(
                            one.ledger.divert("inactive", behind, lambda *_: SHORT), one.claim("short", rows=1)
                        )
                        with SqliteLedger.open_for_reading(one.path) as ledger:
                            sending = ledger._read("SELECT row, attempts FROM states WHERE status = 'sending'")
                        taken |= dict(sending)
                    case "copy":
                        objects.failing, objects.carried_out = dice.choice(
                            ((0, False), (0, False), (1, True), (1, False))
                        )
                        copying = asyncio.create_task(one.copy())
                        for _ in range(dice.randint(0, 3)):
                            claims = await one.ledger.claim("short", parts=99, rows=3, among=Among())
                            taken |= {each.row: each.attempt for each in claims}
                        await asyncio.wait([copying])
                        assert copying.exception() is None or isinstance(copying.exception(), UsageError)
                    case "lose":
                        found = await statuses(tmp_path / f"lost-{step}.db", objects)
                        assert not {row for row in taken if found[row][0] == "pending"}
            assert taken

    run(main())


def one_is(one: Machine, row: int) -> Status:
    """Where `row` stands now."""
    with SqliteLedger.open_for_reading(one.path) as ledger:
        ((status,),) = ledger._read("SELECT status FROM states WHERE row = ?", (row,))
        return Status(status)
