import asyncio

from bulksend.pipeline.allowance import Allowance
from tests.support.virtual import run_virtual


def test_without_a_limit_everything_is_granted() -> None:
    """None is no limit."""

    async def main() -> int:
        return await Allowance(None).reserve(1000)

    assert run_virtual(main()) == 1000


def test_what_one_lane_does_not_need_goes_to_another() -> None:
    """A lane that finds nothing left waits for what others return, and gets it."""

    async def main() -> tuple[int, int, int]:
        allowance = Allowance(5)
        first = await allowance.reserve(10)
        waiting = asyncio.create_task(allowance.reserve(10))
        await asyncio.sleep(1)
        assert not waiting.done()
        await allowance.settle(unused=3)
        second = await waiting
        await allowance.settle(unused=0)
        return first, second, await allowance.reserve(1)

    assert run_virtual(main()) == (5, 3, 0)
