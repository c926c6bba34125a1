import asyncio

import pytest

from bulksend.base.errors import LedgerError
from bulksend.base.ports import Behind, Diverted, Ledger
from bulksend.base.progress import RunEnd
from bulksend.base.records import Status
from bulksend.store.faults import LedgerMisuse
from bulksend.store.ledger import SqliteLedger
from tests.support.inline import InlineLedger
from tests.unit.store.helpers import SHORT, SHORT_CODE, START, TOLL_FREE, sent


def test_the_port_is_served_without_a_thread(ledger: SqliteLedger) -> None:
    """Each operation of the port has its effect when it returns, and nothing is left open."""

    async def use(port: Ledger) -> None:
        first, second = await port.claim("toll-free", parts=9, rows=2)
        assert await port.claim("toll-free", parts=2, rows=1, oversized=False) == []
        await port.postpone(first.row, 1, throttled=True)
        await port.retry({first.row: 2})
        await port.postpone(first.row, 2, throttled=False, tried=False)
        await port.retry({first.row: 2})
        await port.settle(sent(first.row, 2))
        await port.give_back([second.row], tried=[second.row])
        assert await port.divert("unreachable", Behind(TOLL_FREE, "CA")) == Diverted({}, 2)
        assert await port.divert("inactive", Behind(TOLL_FREE), lambda *_: SHORT) == Diverted({"short": 3}, 0)
        assert await port.divert("inactive", Behind(SHORT_CODE, first=4, last=8)) == Diverted({}, 2)
        (moved,) = await port.claim("short", parts=9, rows=1)
        assert (moved.row, moved.attempt, moved.identity) == (2, 2, SHORT_CODE)
        assert (await port.counts()).of(Status.SENT) == 1
        assert await port.released_since(START) == {"toll-free": 1, "short": 0}
        assert await port.oversized_since(START) == {}
        assert await port.recipients_since(START) == {first.destination}
        await port.note_allowed({"short": 61.0})
        buckets = (await port.counts()).buckets
        assert [(each.allows, each.allows_at) for each in buckets] == [(None, None), (61.0, START)]
        await port.finish(RunEnd.INTERRUPTED, "a signal", throttled=1)

    with ledger.transaction():
        ledger.start_run()
    asyncio.run(use(InlineLedger(ledger)))
    assert not ledger._connection.in_transaction
    assert [(run.end, run.throttled) for run in ledger.runs()] == [(RunEnd.INTERRUPTED, 1)]


def test_errors_reach_the_caller(ledger: SqliteLedger) -> None:
    """A refusal is raised and leaves the ledger usable; a full disk ends it."""

    async def use() -> None:
        port = InlineLedger(ledger)
        with pytest.raises(LedgerMisuse):
            await port.settle(sent(1))
        with pytest.raises(LedgerMisuse):
            await port.postpone(1, 1, throttled=True)
        with pytest.raises(LedgerMisuse):
            await port.retry({1: 2})
        with pytest.raises(LedgerMisuse):
            await port.divert("inactive", Behind("unheard-of"))
        assert len(await port.claim("short", parts=1, rows=1)) == 1
        ledger._connection.execute("PRAGMA max_page_count = 1").fetchone()
        with pytest.raises(LedgerError, match="is full"):
            await port.settle(sent(8, message_id="x" * 100_000))
        with pytest.raises(LedgerError, match="is full"):
            await port.settle(sent(8))

    asyncio.run(use())
