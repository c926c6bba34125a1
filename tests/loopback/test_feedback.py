import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import pytest

from bulksend.base.clock import SystemClock
from bulksend.base.ports import Withheld
from bulksend.send.client import Access
from bulksend.send.feedback import FeedbackClient, PutKind, PutOutcome
from tests.support.raw_server import RawServer, answer, raw_server

ID = "0a1b2c3d-4e5f-6789-abcd-ef0123456789"


def client_to(url: str) -> FeedbackClient:
    """A client of a server on loopback, with made-up credentials."""
    access = Access(
        region="us-east-1",
        endpoint_url=url,
        credentials=("AKIDEXAMPLE", "secret"),
        connect_timeout_s=2.0,
        read_timeout_s=0.5,
        max_connections=5,
    )
    return FeedbackClient(access, clock=SystemClock())


async def at_once() -> None:
    """A release without a wait."""


def run(main: Coroutine[Any, Any, PutOutcome]) -> PutOutcome:
    """Run on a real loop, but never for long."""

    async def limited() -> PutOutcome:
        async with asyncio.timeout(20):
            return await main

    return asyncio.run(limited())


async def put_once(behave: Any, feedback: str = "RECEIVED") -> tuple[PutOutcome, RawServer]:
    """One request to a server that behaves like that."""
    async with raw_server(behave) as server, client_to(server.url) as client:
        return await client.put(ID, feedback, at_once), server


@pytest.mark.parametrize("feedback", ["RECEIVED", "FAILED"])
def test_one_request_says_it(feedback: str) -> None:
    """The operation, the message and the status are on the wire."""

    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(200, json.dumps({"MessageId": ID, "MessageFeedbackStatus": feedback}).encode()))

    async def main() -> PutOutcome:
        outcome, server = await put_once(behave, feedback)
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        assert b"X-Amz-Target: PinpointSMSVoiceV2.PutMessageFeedback" in head
        assert json.loads(body) == {"MessageId": ID, "MessageFeedbackStatus": feedback}
        assert len(server.requests) == 1
        return outcome

    assert run(main()) == PutOutcome(PutKind.PUT)


@pytest.mark.parametrize(
    ("status", "body", "kind", "reason"),
    [
        (400, {"__type": "ThrottlingException"}, PutKind.THROTTLED, "throttled"),
        (429, {}, PutKind.THROTTLED, "429"),
        (500, {"__type": "InternalServerException"}, PutKind.TRY_AGAIN, "internal_server"),
        (502, {}, PutKind.TRY_AGAIN, "502"),
        (503, {}, PutKind.TRY_AGAIN, "503"),
        (
            400,
            {"__type": "ResourceNotFoundException", "ResourceType": "message", "ResourceId": ID},
            PutKind.REFUSED,
            "message_not_found",
        ),
        (
            400,
            {
                "__type": "ValidationException",
                "Reason": "FIELD_VALIDATION_FAILED",
                "Fields": [{"Name": "MessageId", "Message": "m"}],
            },
            PutKind.REFUSED,
            "field_validation_failed",
        ),
        (400, {"__type": "ConflictException", "Reason": "RESOURCE_NOT_ACTIVE"}, PutKind.REFUSED, "resource_not_active"),
        (400, {"__type": "AccessDeniedException"}, PutKind.STOP, "access_denied"),
        (400, {"__type": "UnrecognizedClientException"}, PutKind.STOP, "unrecognized_client"),
        (403, {}, PutKind.STOP, "403"),
        (200, {}, PutKind.NO_ANSWER, "unreadable_answer"),
        (200, {"MessageId": "another"}, PutKind.NO_ANSWER, "unreadable_answer"),
    ],
)
def test_what_follows_from_an_answer(status: int, body: dict[str, Any], kind: PutKind, reason: str) -> None:
    """One request each: repeating it is the caller's business."""

    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(status, json.dumps(body).encode()))

    async def main() -> PutOutcome:
        outcome, server = await put_once(behave)
        assert len(server.requests) == 1
        return outcome

    outcome = run(main())
    assert (outcome.kind, outcome.reason) == (kind, reason)


@pytest.mark.parametrize(("silent", "reason"), [(True, "read_timeout"), (False, "connection_lost")])
def test_a_lost_answer_is_none(silent: bool, reason: str) -> None:  # noqa: FBT001 - pytest gives it
    """After exactly one request."""

    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        if silent:
            await asyncio.sleep(10)
        else:
            writer.close()

    async def main() -> PutOutcome:
        outcome, server = await put_once(behave)
        assert len(server.requests) == 1
        return outcome

    outcome = run(main())
    assert (outcome.kind, outcome.reason) == (PutKind.NO_ANSWER, reason)


def test_nobody_there_is_no_answer() -> None:
    """A refused connection, and the release was never asked for."""

    async def main() -> PutOutcome:
        async def never() -> None:
            raise AssertionError("nothing is connected")

        async with client_to("http://127.0.0.1:9") as client:
            return await client.put(ID, "RECEIVED", never)

    outcome = run(main())
    assert (outcome.kind, outcome.reason) == (PutKind.NO_ANSWER, "connection_failed")


def test_no_byte_leaves_before_the_release() -> None:
    """And none at all when the release refuses, whose refusal comes through."""

    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(200, json.dumps({"MessageId": ID}).encode()))

    async def main() -> PutOutcome:
        async def refuse() -> None:
            raise Withheld

        async with raw_server(behave) as server, client_to(server.url) as client:
            with pytest.raises(Withheld):
                await client.put(ID, "RECEIVED", refuse)
            assert server.requests == []
            return await client.put(ID, "RECEIVED", at_once)

    assert run(main()).kind is PutKind.PUT
