import asyncio

from bulksend.rate.turn import Turn
from tests.support.virtual import run_virtual


async def queue_up(orders: list[int], *, cancel: frozenset[int] = frozenset()) -> list[int]:
    """Hold the turn until all of `orders` wait, cancel some of them, and return in which order the others had it."""
    turn = Turn()
    had: list[int] = []

    async def wait_for(order: int) -> None:
        await turn.take(order)
        had.append(order)
        await asyncio.sleep(0.1)
        turn.pass_on()

    await turn.take(0)
    tasks = {order: asyncio.create_task(wait_for(order)) for order in orders}
    await asyncio.sleep(1)
    for order in cancel:
        tasks[order].cancel()
    turn.pass_on()
    await asyncio.gather(*tasks.values(), return_exceptions=True)
    async with asyncio.timeout(1):
        await turn.take(1)
    return had


def test_the_lowest_is_next() -> None:
    """However they came."""
    assert run_virtual(queue_up([5, 3, 9, 1])) == [1, 3, 5, 9]


def test_who_gives_up_blocks_nobody() -> None:
    """Cancelled in the queue."""
    assert run_virtual(queue_up([5, 3, 9, 1], cancel=frozenset({1, 5}))) == [3, 9]


def test_who_is_called_and_cancelled_at_once_passes_it_on() -> None:
    """The turn is never lost between two."""

    async def scenario() -> bool:
        turn = Turn()
        reached = asyncio.Event()

        async def first() -> None:
            await turn.take(1)
            reached.set()

        async def second() -> None:
            await turn.take(2)
            turn.pass_on()

        await turn.take(0)
        early, late = asyncio.create_task(first()), asyncio.create_task(second())
        await asyncio.sleep(1)
        turn.pass_on()
        # `early` has been called but has not run yet.
        early.cancel()
        await asyncio.gather(early, late, return_exceptions=True)
        return late.done() and not late.cancelled() and not reached.is_set()

    assert run_virtual(scenario())
