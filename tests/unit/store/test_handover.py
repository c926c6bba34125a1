import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulksend.base.records import Claim
from bulksend.store.export import export_rows
from bulksend.store.grouping import CLAIM_SLICE_ROWS, Operation, SlicedClaim, run_together
from bulksend.store.handover import RESOLVE_AT_ONCE, Handover
from bulksend.store.ledger import SqliteLedger
from tests.unit.store.helpers import StandingClock, pending, sent, write_plan


def operations(group: object) -> list[Operation]:
    """What is to be done in a group."""
    assert isinstance(group, list)
    return [operation for operation, _ in group]


def claim_of(rows: int) -> SlicedClaim:
    """A claim of so many rows."""
    return SlicedClaim("toll-free", parts=rows, rows=rows, oversized=True)


def test_what_is_submitted_within_a_moment_comes_as_one_group() -> None:
    """Outcomes share a commit though the thread had nothing else to do when the first of them came."""

    async def main() -> None:
        handover = Handover()
        wanted = [sent(row) for row in range(1, 4)]
        waiting = asyncio.get_running_loop().run_in_executor(None, handover.next_group)
        for outcome in wanted:
            handover.submit(outcome, at_once=False)
            await asyncio.sleep(0)
        assert operations(await waiting) == wanted

    asyncio.run(main())


def test_what_cannot_wait_takes_the_others_with_it() -> None:
    """It is there at once, behind what was submitted before, which is not handed over a second time."""

    async def main() -> None:
        handover = Handover()
        handover.submit(sent(1), at_once=False)
        handover.submit(SqliteLedger.counts, at_once=True)
        assert operations(handover.next_group()) == [sent(1), SqliteLedger.counts]
        handover.end()
        assert handover.next_group() is None

    asyncio.run(main())


def test_outcomes_do_not_wait_for_the_claims_of_every_lane() -> None:
    """Of claims that come together, a group has about a slice; an outcome that comes later is in the next group."""

    async def main() -> None:
        handover = Handover()
        claims = [claim_of(CLAIM_SLICE_ROWS // 3) for _ in range(30)]
        for claim in claims:
            handover.submit(claim, at_once=False)
        handover.hand_over()
        first = operations(handover.next_group())
        handover.submit(sent(1), at_once=True)
        second = operations(handover.next_group())
        assert 1 <= len(first) <= 3
        assert second[0] == sent(1)
        handover.end()
        found = first + second[1:]
        while group := handover.next_group():
            found += operations(group)
        assert found == claims

    asyncio.run(main())


def test_a_claim_that_goes_on_lets_others_go_first() -> None:
    """Nobody is answered before all of it is done; a small claim does not wait for a large one."""

    async def main() -> None:
        handover = Handover()
        large, small = claim_of(5 * CLAIM_SLICE_ROWS), claim_of(1)
        future = handover.submit(large, at_once=False)
        handover.submit(small, at_once=True)
        group = handover.next_group()
        assert group is not None
        assert operations(group) == [large]
        handover.answer_group(group, [None])
        assert operations(handover.next_group()) == [small, large]
        await asyncio.sleep(0)
        assert not future.done()

    asyncio.run(main())


@pytest.mark.parametrize("callers", [1, 3 * RESOLVE_AT_ONCE + 1])
def test_callers_are_woken_in_order_and_a_few_at_a_time(callers: int) -> None:
    """However many wait for one commit, the loop does other things in between."""

    async def main() -> None:
        handover = Handover()
        futures: list[asyncio.Future[Any]] = [handover.submit(sent(1), at_once=False) for _ in range(callers)]
        last = asyncio.get_running_loop().create_future()
        handover.answer([(future, None) for future in futures])
        handover.answer([(last, None)])
        before = 0
        while not last.done():
            await asyncio.sleep(0)
            done = [future.done() for future in futures]
            assert done == sorted(done, reverse=True)
            assert sum(done) - before <= RESOLVE_AT_ONCE
            before = sum(done)
        assert all(future.done() for future in futures)

    asyncio.run(main())


@settings(max_examples=40)
@given(
    weights=st.lists(st.integers(1, 4), min_size=1, max_size=9),
    parts=st.integers(0, 12),
    rows=st.integers(1, 10),
    oversized=st.booleans(),
    slice_rows=st.integers(1, 4),
)
def test_a_claim_in_slices_claims_what_it_would_claim_in_one(
    tmp_path_factory: pytest.TempPathFactory,
    weights: list[int],
    parts: int,
    rows: int,
    oversized: bool,  # noqa: FBT001 - by hypothesis
    slice_rows: int,
) -> None:
    """The same rows, in the same order, and the same ledger, wherever it is cut."""

    def whole(ledger: SqliteLedger) -> list[Claim]:
        (claims,) = run_together(
            ledger, [lambda each: each.claim("toll-free", parts=parts, rows=rows, oversized=oversized)]
        )
        assert isinstance(claims, list)
        return claims

    def sliced(ledger: SqliteLedger) -> list[Claim]:
        claim = SlicedClaim("toll-free", parts=parts, rows=rows, oversized=oversized, slice_rows=slice_rows)
        claims: object = None
        while claims is None:
            (claims,) = run_together(ledger, [claim])
        assert isinstance(claims, list)
        return claims

    def outcome(path: Path, claim: Callable[[SqliteLedger], list[Claim]]) -> tuple[object, ...]:
        write_plan(path, [pending(row, parts=weight) for row, weight in enumerate(weights, start=1)])
        with SqliteLedger.open_for_writing(path, clock=StandingClock()) as ledger:
            return claim(ledger), list(export_rows(path)), ledger.counts()

    folder = tmp_path_factory.mktemp("slices")
    assert outcome(folder / "whole.db", whole) == outcome(folder / "sliced.db", sliced)
