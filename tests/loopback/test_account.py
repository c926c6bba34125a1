import asyncio
import json
import random
from collections.abc import Coroutine
from typing import Any

import pytest

from bulksend.base.account import NUMBERS, Account, AccountUnreadable, Wanted
from bulksend.base.clock import SystemClock
from bulksend.send.account import AccountReader
from bulksend.send.client import Access, ServiceClient
from tests.support.account import number_item
from tests.support.raw_server import RawServer, answer, raw_server

WANTED = Wanted(operations=frozenset({NUMBERS}))


class HastyClock(SystemClock):
    """The machine's clock, on which every sleep is over at once."""

    def __init__(self) -> None:
        self._slept_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self._slept_s

    async def sleep(self, seconds: float) -> None:
        self._slept_s += max(0.0, seconds)
        await asyncio.sleep(0)


def run(main: Coroutine[Any, Any, Account]) -> Account:
    """Run on a real loop, but never for long."""

    async def limited() -> Account:
        async with asyncio.timeout(20):
            return await main

    return asyncio.run(limited())


async def read(url: str) -> Account:
    """What a reader makes of a server on loopback, with made-up credentials."""
    access = Access(
        region="us-east-1",
        endpoint_url=url,
        credentials=("AKIDEXAMPLE", "secret"),
        connect_timeout_s=2.0,
        read_timeout_s=0.5,
        max_connections=1,
    )
    clock = HastyClock()
    async with ServiceClient(access, clock=clock) as client:
        assert client.region == "us-east-1"
        return await AccountReader(client, clock=clock, random=random.Random(1)).read(WANTED)


def page(*numbers: str, **other: Any) -> bytes:
    """A page of numbers."""
    return answer(200, json.dumps({"PhoneNumbers": [number_item(one) for one in numbers], **other}).encode())


async def read_from(*answers: bytes) -> tuple[Account, RawServer]:
    """What is read when the server gives these, one after the other."""
    left = list(answers)

    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0))

    async with raw_server(behave) as server:
        return await read(server.url), server


def test_what_is_on_the_wire() -> None:
    """The operation, whose numbers, how many at once, and where the last page ended; one request each."""

    async def main() -> Account:
        account, server = await read_from(page("+18885550100", NextToken="n2"), page("+18885550101"))
        bodies = []
        for request in server.requests:
            head, _, body = request.partition(b"\r\n\r\n")
            assert b"X-Amz-Target: PinpointSMSVoiceV2.DescribePhoneNumbers" in head
            bodies.append(json.loads(body))
        assert bodies == [
            {"Owner": "SELF", "MaxResults": 100},
            {"Owner": "SELF", "MaxResults": 100, "NextToken": "n2"},
        ]
        return account

    account = run(main())
    assert [one.number for one in account.numbers] == ["+18885550100", "+18885550101"]
    assert account.requests == 2


def test_throttled_once() -> None:
    """It comes back."""
    throttled = answer(400, b'{"__type":"ThrottlingException","Message":"Rate exceeded"}')

    async def main() -> Account:
        return (await read_from(throttled, page("+18885550100")))[0]

    assert run(main()).requests == 2


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (
            answer(400, b'{"__type":"AccessDeniedException","Message":"User: x is not authorized"}'),
            "sms-voice:DescribePhoneNumbers is not allowed",
        ),
        (answer(403, b"<html>no</html>"), "sms-voice:DescribePhoneNumbers was refused, 403"),
        (
            answer(400, b'{"__type":"UnrecognizedClientException","message":"The security token is invalid"}'),
            "was refused, unrecognized_client: The security token is invalid",
        ),
        (answer(200, b"[]"), "cannot be"),
        (answer(200, b'{"PhoneNumbers": {"a": 1}}'), "DescribePhoneNumbers"),
        (answer(200, b'{"PhoneNumbers": [{"PhoneNumber": "+18885550100"}]}'), "cannot be understood"),
        (answer(200, b"{}"), "cannot be understood"),
    ],
)
def test_an_answer_that_does_not_tell(sent: bytes, says: str) -> None:
    """One error, which names the operation; what lasts is not asked for again and again."""

    async def main() -> Account:
        return (await read_from(*[sent] * 10))[0]

    with pytest.raises(AccountUnreadable) as caught:
        run(main())
    assert says in caught.value.what
    assert caught.value.operation == NUMBERS
