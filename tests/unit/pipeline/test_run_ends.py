"""How a run ends where it might break off, wait in vain, or count what never went out."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import pytest
from msgspec.structs import replace as changed

from bulksend.base.errors import LedgerError
from bulksend.base.orders import NoOrders, Orders
from bulksend.base.ports import Release
from bulksend.base.progress import RunEnd
from bulksend.base.records import Bucket, Claim, Outcome, OutcomeKind, Status
from bulksend.pipeline.conduct import Conditions, Timetable
from bulksend.pipeline.guard import GuardRule
from bulksend.pipeline.policy import SendPolicy, SendResult
from bulksend.pipeline.sending import Sender
from bulksend.schedule.windows import SendWindows
from tests.support.fakes import MemoryLedger, ScriptedGateway, accept, make_claim
from tests.support.virtual import EPOCH, VirtualClock, run_virtual

POLICY = SendPolicy(
    headroom=0.01, base_s=0.25, cap_s=20.0, give_up_after_s=900.0, resend_unknown=False, max_in_flight=1000
)


def refuse(kind: OutcomeKind, reason: str) -> Outcome:
    """A refusal by the service."""
    return Outcome(kind, reason, None, "SomeException", "said the service")


class _FullDisk(NoOrders):
    """Orders that cannot be changed."""

    def change(self, changed: Callable[[Orders], Orders]) -> Orders:
        del changed
        raise LedgerError("the orders cannot be written", "Free some space")


def test_a_pause_that_cannot_be_ordered_ends_the_run_in_order() -> None:
    """The guard may find the disk full: nothing more goes out, and what is in the air gets its own outcome."""

    class SlowToAccept(ScriptedGateway):
        async def send(self, claim: Claim, release: Release) -> Outcome:
            self.latency_s = 0.05 if claim.row <= 10 else 3.0
            return await super().send(claim, release)

    def answer(claim: Claim) -> Outcome:
        return refuse(OutcomeKind.FAILED_RECIPIENT, "opted_out") if claim.row <= 10 else accept(claim)

    ledger = MemoryLedger([make_claim(row) for row in range(1, 400)], [Bucket("b", 50)])
    gateway = SlowToAccept(answer)

    async def main() -> SendResult:
        policy = replace(POLICY, guard=GuardRule(max_share=0.5, of_messages=10, pauses=True))
        sender = Sender(ledger, gateway, clock=VirtualClock(), random=Random(1), policy=policy, book=_FullDisk())
        return await sender.run(asyncio.Event())

    result = run_virtual(main())
    assert (result.end, ledger.end) == (RunEnd.STOPPED, RunEnd.STOPPED)
    assert isinstance(result.cause, LedgerError)
    assert ledger.count(Status.FAILED) == 10
    assert 0 < ledger.count(Status.SENT) == len(gateway.released) - 10
    assert ledger.count(Status.SENDING) == ledger.count(Status.UNKNOWN) == 0


@pytest.mark.parametrize(
    ("zone", "last_call"),
    [("America/New_York+Asia/Tokyo", None), ("Europe/Berlin", EPOCH + timedelta(hours=2))],
)
def test_a_run_does_not_wait_for_a_time_that_does_not_come(zone: str, last_call: datetime | None) -> None:
    """Zones that are never open at once, or not before the deadline: the run ends, and says why."""
    ledger = MemoryLedger([changed(make_claim(row), zone=1) for row in range(1, 20)], [Bucket("b", 20)])
    ledger.zone_names = {1: zone}

    async def main() -> SendResult:
        timetable = Timetable(windows=SendWindows(["09:00-10:00"]), last_call=last_call)
        sender = Sender(
            ledger,
            ScriptedGateway(),
            clock=VirtualClock(),
            random=Random(1),
            policy=POLICY,
            conditions=Conditions(timetable=timetable),
        )
        async with asyncio.timeout(60.0):
            return await sender.run(asyncio.Event())

    result = run_virtual(main())
    assert result.end is RunEnd.INTERRUPTED
    assert "does not come" in str(result.note)
    assert ledger.count(Status.PENDING) == 19


def test_messages_that_a_breaker_withholds_use_up_nothing_of_the_limit() -> None:
    """Those that were prepared behind a refused one take no turn at the meter: the samples say what went out."""

    def answer(claim: Claim) -> Outcome:
        bad = claim.identity == "bad"
        return refuse(OutcomeKind.FAILED_IDENTITY, "resource_not_active") if bad else accept(claim)

    claims = [make_claim(row, identity="bad" if row <= 15 else "good") for row in range(1, 60)]
    ledger = MemoryLedger(claims, [Bucket("b", 20)])
    gateway = ScriptedGateway(answer, latency_s=0.01, prepare_s=0.2)

    async def main() -> SendResult:
        sender = Sender(ledger, gateway, clock=VirtualClock(), random=Random(1), policy=POLICY)
        return await sender.run(asyncio.Event())

    run_virtual(main())
    assert ledger.count(Status.SENT) == 44
    assert sum(sample.messages for sample in ledger.samples) <= len(gateway.released) + 1
