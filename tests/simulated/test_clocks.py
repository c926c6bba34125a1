"""Clocks that do not go as they should, under a campaign on virtual time."""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bulksend.base.progress import Counts, RunEnd
from bulksend.base.records import Status
from bulksend.config.load import load_settings
from bulksend.config.request import request_members
from bulksend.pipeline.policy import SendResult
from bulksend.pipeline.sending import Sender
from bulksend.simulator.service import SimulatedService
from bulksend.store.ledger import SqliteLedger
from tests.simulated.test_pipeline import (
    CAMPAIGN,
    POLICY,
    SERVICE,
    SimulatedGateway,
    accepted_rows,
    assert_agree,
    plan,
)
from tests.support.inline import InlineLedger
from tests.support.virtual import VirtualClock, VirtualLoop, run_virtual


class JumpingClock(VirtualClock):
    """A wall clock that somebody sets: `offset_s` says by how much it is off, given the seconds since the start."""

    def __init__(self, offset_s: Callable[[float], float]) -> None:
        self._offset_s = offset_s

    def now(self) -> datetime:
        right = super().now()
        return right + timedelta(seconds=self._offset_s(self.monotonic()))


def run(
    ledger: Path, clock: VirtualClock, *, suspend_at_s: float | None = None, stop_after_s: float | None = None
) -> tuple[SendResult, SimulatedService, Counts]:
    """One run over `ledger` on `clock`; at `suspend_at_s` the machine sleeps for an hour."""

    async def main() -> tuple[SendResult, SimulatedService, Counts]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        interrupted = asyncio.Event()
        if suspend_at_s is not None:
            loop.call_later(suspend_at_s, loop.suspend, 3600.0)
        if stop_after_s is not None:
            loop.call_later(stop_after_s, interrupted.set)
        service = SimulatedService(SERVICE, clock=VirtualClock(), random=random.Random(3))
        with SqliteLedger.open_for_writing(ledger, clock=clock) as opened:
            with opened.transaction():
                opened.recover()
                opened.start_run()
            gateway = SimulatedGateway(service, request_members(load_settings(None, environ=CAMPAIGN)))
            sender = Sender(InlineLedger(opened), gateway, clock=clock, random=random.Random(9), policy=POLICY)
            return await sender.run(interrupted), service, opened.counts()

    return run_virtual(main())


@pytest.mark.parametrize("jump_s", [-86_400.0, -3600.0, -1.5, 1.5, 3600.0, 86_400.0])
def test_a_clock_that_is_set_in_mid_campaign_changes_nothing(jump_s: float, tmp_path: Path) -> None:
    """Forwards or backwards: all is sent, each row once, as fast as ever, and never over a limit."""
    ledger = plan(tmp_path, us=30, ca=200, de=900, longest=1)
    clock = JumpingClock(lambda elapsed_s: jump_s if elapsed_s >= 5.0 else 0.0)
    result, service, counts = run(ledger, clock)
    assert (result.end, counts.of(Status.SENT)) == (RunEnd.COMPLETE, 1130)
    assert result.seconds <= 11.5
    assert all(bucket.fullest_offered <= bucket.mps for bucket in service.stats.buckets.values())
    assert_agree(counts, accepted_rows(service), ledger)


@pytest.mark.parametrize("jump_s", [-86_400.0, -3600.0, 3600.0])
def test_a_clock_that_is_set_between_two_runs_costs_a_second_at_most(jump_s: float, tmp_path: Path) -> None:
    """What the first run sent seems to lie in the future then; the second begins no burst, and does not wait for it."""
    ledger = plan(tmp_path, us=30, ca=200, de=900, longest=1)
    _, _, counts = run(ledger, VirtualClock(), stop_after_s=5.0)
    left = counts.of(Status.PENDING)
    result, service, counts = run(ledger, JumpingClock(lambda _: jump_s))
    assert (result.end, counts.of(Status.SENT), counts.of(Status.UNKNOWN)) == (RunEnd.COMPLETE, 1130, 0)
    assert result.seconds <= left / 100 + 2.5
    assert all(bucket.fullest_offered <= bucket.mps for bucket in service.stats.buckets.values())


def test_a_machine_that_slept_begins_again_without_a_burst(tmp_path: Path) -> None:
    """An hour that passed in no time is not made up for: the limit holds in the first second as in any other."""
    ledger = plan(tmp_path, us=30, ca=200, de=900, longest=1)
    result, service, counts = run(ledger, VirtualClock(), suspend_at_s=5.0)
    assert (result.end, counts.of(Status.SENT)) == (RunEnd.COMPLETE, 1130)
    assert 3600 <= result.seconds <= 3600 + 12.5
    assert all(bucket.fullest_offered <= bucket.mps for bucket in service.stats.buckets.values())
    assert_agree(counts, accepted_rows(service), ledger)
