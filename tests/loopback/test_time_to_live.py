"""TimeToLive of a campaign that has a deadline, as it stands in requests, by every way to the service."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from bulksend.base.records import OutcomeKind
from tests.support.both_ways import WAYS, Way, at_once, gateway
from tests.support.fakes import make_claim
from tests.support.raw_server import accepted, answer, raw_server

THROTTLED = answer(400, b'{"__type":"ThrottlingException","Message":"slow"}')


class MovingClock:
    """The wall clock of a test; time to sleep is the machine's."""

    def __init__(self, now: datetime) -> None:
        self.at = now

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize(("of_campaign", "longest"), [(None, 259_200), (600, 600)])
def test_it_is_what_is_left_when_a_message_goes_out(way: Way, of_campaign: int | None, longest: int) -> None:
    """Less with every attempt, also of one row that was throttled; the campaign's own while that is shorter."""
    start = datetime.now(UTC)
    clock = MovingClock(start)
    deadline = start + timedelta(days=30)
    members: dict[str, object] = {"MessageType": "TRANSACTIONAL", "Context": {"bulksend_campaign": "sale"}}
    if of_campaign is not None:
        members["TimeToLive"] = of_campaign
    replies = [accepted(), THROTTLED, accepted(), accepted()]

    async def main() -> list[bytes]:
        async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
            writer.write(replies.pop(0))

        async with raw_server(behave) as server:
            async with gateway(way, server.url, members=members, clock=clock, deadline=deadline) as sender:
                assert sender.transport == way.transport
                kinds = [(await sender.send(make_claim(1), at_once)).kind]
                clock.at = deadline - timedelta(seconds=500.5)
                kinds.append((await sender.send(make_claim(2), at_once)).kind)
                clock.at = deadline - timedelta(seconds=100)
                kinds.append((await sender.send(replace(make_claim(2), attempt=2), at_once)).kind)
                clock.at = deadline - timedelta(seconds=7)
                kinds.append((await sender.send(make_claim(3), at_once)).kind)
            sent = OutcomeKind.SENT
            assert kinds == [sent, OutcomeKind.THROTTLED, sent, sent]
            return server.requests

    requests = way.run(main())
    bodies = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in requests]
    assert [body["TimeToLive"] for body in bodies] == [longest, 498, 98, 5]
    assert [body["Context"]["bulksend_row"] for body in bodies] == ["1.1", "2.1", "2.2", "3.1"]
