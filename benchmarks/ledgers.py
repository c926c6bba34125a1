"""A process that only writes to a ledger, or as plain SQLite would: `python -m benchmarks.ledgers HOW FOLDER ROWS`."""

import asyncio
import os
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import uvloop

from benchmarks import figures
from benchmarks.campaigns import LEDGER, LIST
from benchmarks.usage import cpu_s

OFFERED = 10_000
"""Messages a second, where they come at a rate."""

TICK_S = 0.002
CLAIM_ROWS = 1_000
IN_FLIGHT = 2_000
"""Outcomes that wait for the disk at once, at most."""

BATCH = 1_000
ANSWER = "00000000-0000-0000-00000000000000000000"


class Wrote(msgspec.Struct, frozen=True, kw_only=True):
    """What writing took.

    Attributes:
        messages: intents and outcomes, each so many.
        wall_s: from the first to the last.
        cpu_s: processor time of the process, user and system, all threads.
        waits_ms: p50, p99 and maximum, from asking until an outcome was on disk.
    """

    messages: int
    wall_s: float
    cpu_s: float
    waits_ms: tuple[float, float, float]


def _wrote(waits_s: list[float], wall_s: float, used_s: float) -> Wrote:
    ordered = [each * 1000 for each in sorted(waits_s)]
    waits = (figures.quantile(ordered, 0.5), figures.quantile(ordered, 0.99), ordered[-1])
    return Wrote(messages=len(waits_s), wall_s=wall_s, cpu_s=used_s, waits_ms=waits)


def plan(folder: Path, _rows: int) -> None:
    """Plan the campaign in `folder` into its ledger."""
    from bulksend.base.clock import SystemClock
    from bulksend.config.load import load_settings
    from bulksend.pipeline.plan import make_plan

    settings = load_settings(folder / "bulksend.toml", environ={})
    make_plan(settings, str(folder / LIST), folder / LEDGER, clock=SystemClock())


def group_commit(folder: Path, rows: int, *, offered: int | None = None) -> Wrote:
    """Claim and settle every row as the sender does; with `offered`, no more than so many a second."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_group_commit(folder, rows, offered))


async def _group_commit(folder: Path, rows: int, offered: int | None) -> Wrote:
    from bulksend.base.clock import SystemClock
    from bulksend.base.records import Claim, Outcome, OutcomeKind, Settlement, Status
    from bulksend.store.group_commit import GroupCommitLedger

    waits_s: list[float] = []
    claimed: asyncio.Queue[Claim] = asyncio.Queue(CLAIM_ROWS)
    room = asyncio.Semaphore(IN_FLIGHT)

    async def claim(bucket: str) -> None:
        while claims := await ledger.claim(bucket, parts=CLAIM_ROWS, rows=CLAIM_ROWS):
            for each in claims:
                await claimed.put(each)

    async def settle(each: Claim) -> None:
        outcome = Outcome(OutcomeKind.SENT, message_id=ANSWER)
        asked = time.perf_counter()
        await ledger.settle(Settlement(each.row, each.attempt, Status.SENT, outcome))
        waits_s.append(time.perf_counter() - asked)
        room.release()

    async with GroupCommitLedger(folder / LEDGER, clock=SystemClock()) as ledger:
        await ledger.start_run()
        began, used = time.perf_counter(), cpu_s()
        async with asyncio.TaskGroup() as group:
            for bucket in {origin.bucket for origin in ledger.identities}:
                group.create_task(claim(bucket))
            for row in range(rows):
                if offered and (early := began + row / offered - time.perf_counter()) > TICK_S:
                    await asyncio.sleep(early)
                each = await claimed.get()
                await room.acquire()
                group.create_task(settle(each))
        return _wrote(waits_s, time.perf_counter() - began, cpu_s() - used)


def plain_sqlite(folder: Path, rows: int, *, batch: int) -> Wrote:
    """Two updates of a narrow table for each message, as many messages in a commit; WAL, flushed at every commit."""
    connection = sqlite3.connect(folder / "plain.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE states (row INTEGER PRIMARY KEY, status TEXT, at INTEGER, message_id TEXT)")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO states (row, status) VALUES (?, 'pending')", ((row,) for row in range(rows)))
    connection.execute("COMMIT")
    waits_s: list[float] = []
    began, used = time.perf_counter(), cpu_s()
    for first in range(0, rows, batch):
        some = range(first, min(rows, first + batch))
        connection.execute("BEGIN")
        connection.executemany(
            "UPDATE states SET status = 'sending', at = ? WHERE row = ?", ((int(time.time()), row) for row in some)
        )
        connection.execute("COMMIT")
        asked = time.perf_counter()
        connection.execute("BEGIN")
        connection.executemany(
            "UPDATE states SET status = 'sent', at = ?, message_id = ? WHERE row = ?",
            ((int(time.time()), ANSWER, row) for row in some),
        )
        connection.execute("COMMIT")
        waits_s += [time.perf_counter() - asked] * len(some)
    wrote = _wrote(waits_s, time.perf_counter() - began, cpu_s() - used)
    connection.close()
    return wrote


def flushes(folder: Path, rows: int) -> Wrote:
    """4 KiB appended to a file and flushed, again and again: what the disk takes."""
    waits_s = []
    began, used = time.perf_counter(), cpu_s()
    with (folder / "flushed").open("wb", buffering=0) as file:
        for _ in range(rows):
            asked = time.perf_counter()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            waits_s.append(time.perf_counter() - asked)
    return _wrote(waits_s, time.perf_counter() - began, cpu_s() - used)


HOW: dict[str, Callable[[Path, int], Wrote | None]] = {
    "plan": plan,
    "all": group_commit,
    "offered": lambda folder, rows: group_commit(folder, rows, offered=OFFERED),
    "each": lambda folder, rows: plain_sqlite(folder, rows, batch=1),
    "batches": lambda folder, rows: plain_sqlite(folder, rows, batch=BATCH),
    "flushes": flushes,
}


def main() -> None:
    """Do it, and print a `Wrote`."""
    how, folder, rows = sys.argv[1:]
    sys.stdout.buffer.write(msgspec.json.encode(HOW[how](Path(folder), int(rows))))


if __name__ == "__main__":
    main()
