"""The same message by every way to the service: over the express line on both loops, and by the SDK."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import uvloop

from bulksend.base.clock import Clock, SystemClock
from bulksend.base.records import Outcome
from bulksend.send.aws import AwsGateway
from bulksend.send.client import Access

T = TypeVar("T")

CREDENTIALS = ("AKIDEXAMPLE", "made-up")


@dataclass(frozen=True)
class Way:
    """A transport and the loop that it runs on."""

    transport: str
    loop_factory: Callable[[], asyncio.AbstractEventLoop]

    def __str__(self) -> str:
        return f"{self.transport}-{'uvloop' if self.loop_factory is uvloop.new_event_loop else 'asyncio'}"

    def run(self, main: Coroutine[Any, Any, T], *, limit_s: float = 20.0) -> T:
        """Run `main` on a loop of that kind; nothing may be left that the loop complains about."""
        complaints: list[dict[str, Any]] = []

        async def limited() -> T:
            asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told))
            async with asyncio.timeout(limit_s):
                return await main

        with asyncio.Runner(loop_factory=self.loop_factory) as runner:
            result = runner.run(limited())
        assert complaints == []
        return result


EXPRESS = Way("express", asyncio.new_event_loop)
EXPRESS_UVLOOP = Way("express", uvloop.new_event_loop)
SDK = Way("sdk", asyncio.new_event_loop)
WAYS = (EXPRESS, EXPRESS_UVLOOP, SDK)


def gateway(
    way: Way,
    url: str = "",
    *,
    members: Mapping[str, object] | None = None,
    region: str = "us-east-1",
    credentials: tuple[str, str] | None = CREDENTIALS,
    connect_timeout_s: float = 2.0,
    read_timeout_s: float = 2.0,
    max_connections: int = 10,
    clock: Clock | None = None,
    deadline: datetime | None = None,
) -> AwsGateway:
    """A gateway that goes this way, where it can."""
    return AwsGateway(
        members or {"MessageType": "TRANSACTIONAL"},
        Access(
            region=region,
            endpoint_url=url,
            credentials=credentials,
            connect_timeout_s=connect_timeout_s,
            read_timeout_s=read_timeout_s,
            max_connections=max_connections,
        ),
        clock=clock or SystemClock(),
        express=way.transport == "express",
        deadline=deadline,
    )


async def at_once() -> None:
    """A release without a wait."""


def gist(outcome: Outcome) -> tuple[str, str | None, str | None]:
    """What has to be the same on every way: what follows from the outcome, and how it is recorded."""
    return str(outcome.kind), outcome.reason, outcome.error_code
