import asyncio

import pytest

from bulksend.base.errors import LedgerError
from bulksend.base.ports import Ledger
from bulksend.base.records import RunEnd, Status
from bulksend.store.faults import LedgerMisuse
from bulksend.store.inline import InlineLedger
from bulksend.store.ledger import SqliteLedger
from tests.unit.store.helpers import SHORT_CODE, sent


def test_the_port_is_served_without_a_thread(ledger: SqliteLedger) -> None:
    """Each operation of the port has its effect when it returns, and nothing is left open."""

    async def use(port: Ledger) -> None:
        first, second = await port.claim("toll-free", parts=9, rows=2)
        await port.retry(first.row, 2, throttled=True)
        await port.settle(sent(first.row, 2))
        await port.release([second.row])
        assert await port.hold("inactive", identity=SHORT_CODE) == 3
        assert (await port.counts()).of(Status.SENT) == 1
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
        assert len(await port.claim("short", parts=1, rows=1)) == 1
        ledger._connection.execute("PRAGMA max_page_count = 1").fetchone()
        with pytest.raises(LedgerError, match="is full"):
            await port.settle(sent(8, message_id="x" * 100_000))
        with pytest.raises(LedgerError, match="is full"):
            await port.settle(sent(8))

    asyncio.run(use())
