import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.base.ports import Gateway, Ledger, Release, Withheld
from bulksend.base.records import Bucket, Claim, Outcome, OutcomeKind
from bulksend.cli.measuring import Latencies, Measures, measured_by, peak_memory_bytes
from bulksend.pipeline.rehearsal import BucketRun
from tests.support.fakes import MemoryLedger, ScriptedGateway, make_claim
from tests.support.virtual import VirtualClock, run_virtual


@given(st.lists(st.floats(1e-4, 100), min_size=1, max_size=200), st.floats(0.01, 1.0))
def test_quantiles_are_told_to_two_and_a_half_percent(latencies: list[float], share: float) -> None:
    """Of any number of latencies, between those around the share."""
    found = Latencies()
    for each in latencies:
        found.add(each)
    ordered = sorted(latencies)
    exact = ordered[max(0, -int(-share * len(ordered) // 1) - 1)]
    assert exact / 1.026 <= found.quantile(share) <= exact * 1.026


def test_without_answers_there_is_no_latency() -> None:
    """Nothing was sent."""
    assert Latencies().quantile(0.5) == 0.0


def parts_of(ledger: MemoryLedger, gateway: Gateway, **names: str) -> tuple[Measures, Ledger, Gateway]:
    """Both, measured; `names`: bucket -> what the identity of `make_claim` is called there."""
    measures = Measures(VirtualClock())
    interpose = measured_by(measures, {("+18885550100", bucket): name for bucket, name in names.items()})
    return measures, *interpose(cast("Ledger", ledger), gateway)


def the_run(measures: Measures) -> BucketRun:
    """What was measured of the only bucket."""
    (run,) = measures.runs({"b": 10}, {"b": 4})
    return run


async def at_once() -> None:
    """The release of a message that need not wait."""


def test_releases_are_measured_exactly() -> None:
    """Messages, parts, the largest, first and last moment, the fullest second, how many were in flight."""

    async def scenario() -> None:
        clock = VirtualClock()
        await clock.sleep(7)  # what happens before it begins is none of its business
        measures, _, gateway = parts_of(MemoryLedger([], []), ScriptedGateway(latency_s=2.0, prepare_s=0.0))

        async def send(row: int, parts: int, at_s: float) -> None:
            await clock.sleep(at_s)
            await gateway.send(make_claim(row, parts=parts), at_once)

        await asyncio.gather(send(1, 1, 1.0), send(2, 3, 1.5), send(3, 2, 1.9), send(4, 1, 2.95))
        run = the_run(measures)
        assert (run.messages, run.parts, run.largest, run.parts_between) == (4, 7, 3, 6)
        assert (run.first_s, run.last_s) == pytest.approx((1.0, 2.95), abs=1e-4)
        assert (run.fullest_released, run.fullest_arrived, run.mps) == (6, 4, 10)
        assert measures.most_in_flight == 4
        assert measures.latencies.quantile(0.5) == pytest.approx(2.0, rel=0.026)

    run_virtual(scenario())


def test_refusals_and_lost_answers_are_told_apart() -> None:
    """Throttled answers are counted; what had no answer has no latency; what was not let out is nothing at all."""
    kinds = {1: OutcomeKind.THROTTLED, 2: OutcomeKind.UNKNOWN, 3: OutcomeKind.NOT_SENT, 4: OutcomeKind.SENT}

    async def withheld() -> None:
        raise Withheld

    async def scenario() -> None:
        gateway = ScriptedGateway(answer=lambda claim: Outcome(kinds[claim.row]), latency_s=0.5)
        measures, _, measured = parts_of(MemoryLedger([], []), gateway)
        for row in kinds:
            await measured.send(make_claim(row), at_once)
        with pytest.raises(Withheld):
            await measured.send(make_claim(4), withheld)
        run = the_run(measures)
        assert (run.messages, run.throttled, measures.most_in_flight) == (3, 1, 1)
        assert measures.latencies.quantile(1.0) == pytest.approx(0.5, rel=0.026)

    run_virtual(scenario())


def test_an_identity_is_called_what_the_simulator_calls_it() -> None:
    """In that bucket, and only in the request."""

    async def scenario() -> None:
        inner = ScriptedGateway()
        _, _, gateway = parts_of(MemoryLedger([], []), inner, b="+99900000000")
        await gateway.send(make_claim(1), at_once)
        await gateway.send(make_claim(2, bucket="other"), at_once)
        assert [claim.identity for _, claim in inner.released] == ["+99900000000", "+18885550100"]

    run_virtual(scenario())


class _SlowLedger(MemoryLedger):
    """Takes three seconds for a claim."""

    async def claim(self, bucket: str, **keywords: Any) -> Sequence[Claim]:
        await VirtualClock().sleep(3)
        return await super().claim(bucket, **keywords)


def test_waiting_for_the_ledger_is_measured_only_with_nothing_at_hand() -> None:
    """A claim that comes while messages wait for their turn holds nobody up."""

    async def scenario(*, at_hand: bool) -> float:
        clock = VirtualClock()
        claims = [make_claim(row) for row in range(1, 5)]
        measures, ledger, gateway = parts_of(_SlowLedger(claims, [Bucket("b", 10)]), ScriptedGateway(prepare_s=0.0))
        first, second = await ledger.claim("b", parts=2, rows=2)

        async def turn() -> None:
            await clock.sleep(3)

        release: Release = turn if at_hand else at_once
        await gateway.send(first, at_once)
        await asyncio.gather(gateway.send(second, release), ledger.claim("b", parts=2, rows=2))
        return the_run(measures).starved_s

    assert run_virtual(scenario(at_hand=True)) == pytest.approx(0.0, abs=1e-3)
    assert run_virtual(scenario(at_hand=False)) == pytest.approx(3.0, abs=1e-3)


def test_waits_for_a_recipient_are_counted() -> None:
    """Rows that are put off without having been tried; all else is the real ledger's business."""

    async def scenario() -> None:
        inner = MemoryLedger([make_claim(1), make_claim(2)], [Bucket("b", 10)])
        measures, ledger, _ = parts_of(inner, ScriptedGateway())
        await ledger.claim("b", parts=5, rows=5)
        await ledger.postpone(1, 1, throttled=True)
        assert measures.recipient_waits == 0
        await ledger.postpone(2, 1, throttled=False, tried=False)
        assert measures.recipient_waits == 1
        assert inner.postponed == {1, 2}
        assert (await ledger.counts()).rows == 2

    run_virtual(scenario())


def test_the_processor_is_measured_from_the_beginning_of_the_run() -> None:
    """What this thread computes counts as the loop's, and nothing of before; a simulator that is not there has none."""

    async def scenario() -> None:
        measures, *_ = parts_of(MemoryLedger([], []), ScriptedGateway())
        sum(range(3_000_000))
        found = measures.processors()
        assert 0.0 < found.loop.ran_s <= found.process_s + 0.05
        assert found.simulator is None
        measures.begin()
        assert measures.processors().loop.ran_s < found.loop.ran_s

    run_virtual(scenario())


def test_memory_is_that_of_this_process_in_bytes() -> None:
    """It grows by what is taken, and stays there when that is given back."""
    before = peak_memory_bytes()
    taken = bytearray(before)
    taken[::4096] = b"x" * len(taken[::4096])
    peak = peak_memory_bytes()
    del taken
    assert before > 2**20
    assert peak > 1.5 * before
    assert peak_memory_bytes() > 1.5 * before
