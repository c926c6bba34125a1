"""Who says when a message may go: bulksend's meter, and what people usually write instead."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from aiolimiter import AsyncLimiter

from benchmarks.flows import Flow
from bulksend.base.clock import SystemClock
from bulksend.base.records import Bucket
from bulksend.rate.meter import Meter

Admit = Callable[[int, int], Awaitable[None]]
"""Returns when a message of (parts), which is (row), may be written."""


def meter(flow: Flow) -> Admit:
    """Bulksend's meter alone, without what it learns from throttled answers."""
    ours = Meter(
        Bucket(flow.identity, flow.mps), headroom=flow.headroom, clock=SystemClock(), parts_lately=flow.parts_lately
    )

    async def admit(parts: int, row: int) -> None:
        await ours.admit(parts, order=row)

    return admit


def bare_limiter(flow: Flow) -> Admit:
    """`AsyncLimiter(mps, 1)`, as its documentation suggests; a message above its capacity takes it in pieces."""
    limiter = AsyncLimiter(flow.mps, 1)

    async def admit(parts: int, _row: int) -> None:
        while parts > 0:
            await limiter.acquire(min(parts, flow.mps))
            parts -= flow.mps

    return admit


def token_bucket(flow: Flow) -> Admit:
    """The textbook's: holds mps tokens, is full at the start, mps come back each second; first come, first served.

    A message of more parts than it holds takes what there is and leaves it in debt: otherwise it would wait for
    ever.
    """
    tokens, at = float(flow.mps), time.monotonic()
    turn = asyncio.Lock()

    async def admit(parts: int, _row: int) -> None:
        nonlocal tokens, at
        async with turn:
            while True:
                now = time.monotonic()
                tokens, at = min(flow.mps, tokens + (now - at) * flow.mps), now
                missing = min(parts, flow.mps) - tokens
                if missing <= 1e-9:
                    break
                await asyncio.sleep(missing / flow.mps)
            tokens -= parts

    return admit


def sleep(flow: Flow) -> Admit:
    """A sleep for each message, one message after the other."""
    turn = asyncio.Lock()

    async def admit(parts: int, _row: int) -> None:
        async with turn:
            await asyncio.sleep(parts / flow.mps)

    return admit


BULKSEND = "bulksend's meter"
LIMITER = "`AsyncLimiter(mps, 1)`"
BUCKET = "token bucket of mps"
SLEEP = "sleep per message"
BOTO3 = "boto3 threads, adaptive"
WHOLE = "`bulksend send`"

PACERS: dict[str, Callable[[Flow], Admit]] = {
    BULKSEND: meter,
    LIMITER: bare_limiter,
    BUCKET: token_bucket,
    SLEEP: sleep,
}
"""Contenders that pace the raw client; the others are whole clients."""
