import asyncio
import json
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import uvloop

from bulksend.base.clock import SystemClock
from bulksend.base.errors import UsageError
from bulksend.base.ports import Withheld
from bulksend.base.records import Outcome, OutcomeKind
from bulksend.send.aws import AwsGateway
from bulksend.send.client import Access
from tests.support.fakes import make_claim
from tests.support.raw_server import RawServer, accepted, answer, raw_server

MEMBERS = {"MessageType": "TRANSACTIONAL", "Context": {"team": "crm", "bulksend_campaign": "sale"}}


MADE_UP = ("AKIDEXAMPLE", "secret")

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class _Chosen:
    """What the test of the moment runs with (`transport`)."""

    express = True
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None


@pytest.fixture(
    autouse=True, params=[("express", "asyncio"), ("express", "uvloop"), ("sdk", "asyncio")], ids="-".join, name="way"
)
def _way(request: pytest.FixtureRequest) -> str:
    """Every promise is kept on every way to the service, and on both loops where we write to the socket ourselves."""
    transport, loop = request.param
    _Chosen.express = transport == "express"
    _Chosen.loop_factory = uvloop.new_event_loop if loop == "uvloop" else None
    return str(transport)


class StandingClock(SystemClock):
    """The machine's clock, with a calendar that stands still."""

    def now(self) -> datetime:
        return NOW


def gateway_to(url: str, *, read_timeout_s: float = 5.0, credentials: tuple[str, str] | None = MADE_UP) -> AwsGateway:
    """A gateway to a server on loopback, with made-up credentials, or with those of the environment.

    Its machine's wall clock says `NOW`: when credentials are rejected it is compared with the answer's `Date`.
    """
    return AwsGateway(
        MEMBERS,
        Access(
            region="us-east-1",
            endpoint_url=url,
            connect_timeout_s=2.0,
            read_timeout_s=read_timeout_s,
            max_connections=10,
            credentials=credentials,
        ),
        clock=StandingClock(),
        express=_Chosen.express,
    )


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the environment keeps its credentials; the file does not exist yet, and there are no others."""
    credentials = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
    ):
        monkeypatch.delenv(name, raising=False)
    return credentials


def write_key(file: Path, key: str) -> None:
    """Make `key` the access key of the default profile."""
    file.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = made-up\n")


async def at_once() -> None:
    """A release without a wait."""


def run(main: Coroutine[Any, Any, Outcome]) -> Outcome:
    """Run on a real loop, but never for long."""

    async def limited() -> Outcome:
        async with asyncio.timeout(20):
            return await main

    with asyncio.Runner(loop_factory=_Chosen.loop_factory) as runner:
        return runner.run(limited())


async def send_once(behave: Any, *, read_timeout_s: float = 5.0) -> tuple[Outcome, RawServer]:
    """One message to a server that behaves like that."""
    async with raw_server(behave) as server, gateway_to(server.url, read_timeout_s=read_timeout_s) as gateway:
        return await gateway.send(make_claim(7), at_once), server


def test_the_request_has_every_member_and_the_rows_context() -> None:
    """On the wire are the campaign's members, the row's own, and the trace of row and attempt."""

    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(accepted("id-7"))

    async def main() -> Outcome:
        outcome, server = await send_once(behave)
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        assert b"X-Amz-Target: PinpointSMSVoiceV2.SendTextMessage" in head
        assert b"/us-east-1/sms-voice/aws4_request" in head
        assert json.loads(body) == {
            "DestinationPhoneNumber": "+14255550007",
            "OriginationIdentity": "+18885550100",
            "MessageBody": "text 7",
            "MessageType": "TRANSACTIONAL",
            "Context": {"team": "crm", "bulksend_campaign": "sale", "bulksend_row": "7.1"},
        }
        return outcome

    assert run(main()) == Outcome(OutcomeKind.SENT, message_id="id-7")


def test_no_byte_of_a_request_leaves_before_its_release() -> None:
    """The connection is open and the request ready while the release is awaited, and the socket stays silent."""

    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(accepted())

    async def main() -> Outcome:
        async with raw_server(behave) as server, gateway_to(server.url) as gateway:
            asked = asyncio.Event()
            allowed = asyncio.Event()

            async def release() -> None:
                asked.set()
                await allowed.wait()

            sending = asyncio.create_task(gateway.send(make_claim(1), release))
            await asked.wait()
            assert server.connections == 1
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(server.first_bytes.wait(), 0.3)
            allowed.set()
            return await sending

    assert run(main()).kind is OutcomeKind.SENT


def test_a_withheld_message_leaves_no_byte() -> None:
    """When the release refuses, its refusal comes through and the service saw nothing."""

    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(accepted())

    async def main() -> Outcome:
        async def refuse() -> None:
            raise Withheld

        async with raw_server(behave) as server, gateway_to(server.url) as gateway:
            with pytest.raises(Withheld):
                await gateway.send(make_claim(1), refuse)
            assert server.requests == []
            return await gateway.send(make_claim(2), at_once)

    assert run(main()).kind is OutcomeKind.SENT


@pytest.mark.parametrize(
    ("name", "reason"), [("silence", "read_timeout"), ("close", "connection_lost"), ("garbage", "connection_lost")]
)
def test_a_lost_answer_is_unknown_after_exactly_one_request(name: str, reason: str) -> None:
    """Read timeout, a closed connection, nonsense: one request on the wire, and nobody knows."""

    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        if name == "silence":
            await asyncio.sleep(10)
        elif name == "close":
            writer.close()
        else:
            writer.write(b"\x00\x01 nonsense\r\n\r\n")

    async def main() -> Outcome:
        outcome, server = await send_once(behave, read_timeout_s=0.5)
        assert len(server.requests) == 1
        return outcome

    outcome = run(main())
    assert (outcome.kind, outcome.reason) == (OutcomeKind.UNKNOWN, reason)


@pytest.mark.parametrize(
    ("status", "body", "kind", "reason"),
    [
        (400, b'{"__type":"ThrottlingException","Message":"slow"}', OutcomeKind.THROTTLED, "throttled"),
        (500, b'{"__type":"InternalServerException","Message":"x"}', OutcomeKind.UNKNOWN, "internal_server"),
        (503, b"", OutcomeKind.TRY_AGAIN, "503"),
        (
            400,
            b'{"__type":"ConflictException","Message":"c","Reason":"DESTINATION_PHONE_NUMBER_OPTED_OUT"}',
            OutcomeKind.FAILED_RECIPIENT,
            "destination_phone_number_opted_out",
        ),
        (
            400,
            b'{"__type":"ValidationException","Message":"v","Reason":"FIELD_VALIDATION_FAILED",'
            b'"Fields":[{"Name":"MessageBody","Message":"m"}]}',
            OutcomeKind.FAILED_RECIPIENT,
            "field_validation_failed",
        ),
        (400, b'{"__type":"UnrecognizedClientException","message":"bad"}', OutcomeKind.STOP, "unrecognized_client"),
    ],
)
def test_refusals_are_one_request_and_one_outcome(status: int, body: bytes, kind: OutcomeKind, reason: str) -> None:
    """The SDK retries nothing, and code, Reason and Fields arrive."""

    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(status, body))

    async def main() -> Outcome:
        outcome, server = await send_once(behave)
        assert len(server.requests) == 1
        return outcome

    outcome = run(main())
    assert (outcome.kind, outcome.reason) == (kind, reason)


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[1]", b'"text"', b"null", b"<html>no</html>", b"\xff\xfe\x00", b'{"__type":5}']
)
def test_an_answer_that_is_none_is_an_outcome_all_the_same(status: int, body: bytes) -> None:
    """Whatever comes back, the gateway raises nothing, and nothing counts as sent without a message id."""

    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(status, body))

    async def main() -> Outcome:
        outcome, server = await send_once(behave)
        assert len(server.requests) == 1
        return outcome

    outcome = run(main())
    assert outcome.kind in (OutcomeKind.UNKNOWN, OutcomeKind.STOP, OutcomeKind.FAILED_UNEXPECTED)
    assert outcome.kind is OutcomeKind.UNKNOWN or status == 400


def test_an_answer_that_nobody_asked_for_is_not_taken_for_ours() -> None:
    """A server that says 408 on an idle connection before we wrote: known not sent."""

    async def main() -> Outcome:
        told, gone = asyncio.Event(), asyncio.Event()

        async def grumble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer(408, b""))
            await writer.drain()
            told.set()
            with suppress(ConnectionError):
                await reader.read()
                writer.close()
                await writer.wait_closed()
            gone.set()

        server = await asyncio.start_server(grumble, "127.0.0.1", 0)

        async def release() -> None:
            await told.wait()
            await asyncio.sleep(0.2)

        async with server:
            async with gateway_to(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as gateway:
                outcome = await gateway.send(make_claim(1), release)
            await gone.wait()
        return outcome

    assert run(main()).kind is OutcomeKind.NOT_SENT


def test_a_refused_connection_is_not_sent() -> None:
    """Nothing listens: known not sent, and the release was never asked for."""

    async def main() -> Outcome:
        async def never() -> None:
            raise AssertionError("nothing is connected")

        async with gateway_to("http://127.0.0.1:9") as gateway:
            return await gateway.send(make_claim(1), never)

    outcome = run(main())
    assert (outcome.kind, outcome.reason) == (OutcomeKind.NOT_SENT, "connection_failed")


def test_a_connection_that_closed_while_the_release_was_awaited_is_known_not_sent() -> None:
    """The other side tires of an idle connection: no byte was written, so the row may be tried again."""

    async def main() -> Outcome:
        closed = asyncio.Event()

        async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()
            await writer.wait_closed()
            closed.set()

        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)

        async def release() -> None:
            await closed.wait()
            # Until the client's side of the loop has seen the end of the stream.
            await asyncio.sleep(0.2)

        async with server, gateway_to(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as gateway:
            return await gateway.send(make_claim(1), release)

    outcome = run(main())
    assert (outcome.kind, outcome.reason) == (OutcomeKind.NOT_SENT, "connection_failed")


def test_rotated_credentials_are_looked_up_once(file: Path) -> None:
    """After a rejection the new credentials of the environment are found, and the row is told to try again."""
    write_key(file, "OLDKEY")

    async def behave(request: bytes, writer: asyncio.StreamWriter) -> None:
        if b"Credential=OLDKEY/" in request:
            writer.write(answer(400, b'{"__type":"ExpiredTokenException","message":"expired"}'))
        else:
            writer.write(accepted())

    async def main() -> Outcome:
        async with raw_server(behave) as server, gateway_to(server.url, credentials=None) as gateway:
            write_key(file, "NEWKEY")
            first = await gateway.send(make_claim(1), at_once)
            assert first.kind is OutcomeKind.TRY_AGAIN
            return await gateway.send(make_claim(1), at_once)

    assert run(main()).kind is OutcomeKind.SENT


def test_credentials_that_are_always_rejected_stop_after_one_renewal(file: Path) -> None:
    """New ones at every look-up and none that works: no endless renewal."""
    write_key(file, "KEY0")

    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(400, b'{"__type":"InvalidSignatureException","message":"no"}'))

    async def main() -> Outcome:
        async with raw_server(behave) as server, gateway_to(server.url, credentials=None) as gateway:
            kinds = []
            for attempt in range(1, 4):
                write_key(file, f"KEY{attempt}")
                kinds.append((await gateway.send(make_claim(1), at_once)).kind)
            assert kinds == [OutcomeKind.TRY_AGAIN, OutcomeKind.STOP, OutcomeKind.STOP]
            return await gateway.send(make_claim(1), at_once)

    assert run(main()).kind is OutcomeKind.STOP


def dated(status: int, body: bytes, *, ahead_s: float) -> bytes:
    """An answer of a service whose clock is ahead of ours."""
    date = format_datetime(NOW + timedelta(seconds=ahead_s), usegmt=True)
    return answer(status, body).replace(b"\r\n", f"\r\nDate: {date}\r\n".encode(), 1)


@pytest.mark.parametrize(
    ("ahead_s", "told"),
    [
        (3600.0, "this machine's clock is 3,600 s behind the service's"),
        (-301.0, "this machine's clock is 301 s ahead of the service's"),
    ],
)
@pytest.mark.parametrize("code", ["InvalidSignatureException", "ExpiredTokenException"])
def test_a_clock_that_is_off_is_named_and_no_credentials_are_looked_up(
    ahead_s: float, told: str, code: str, file: Path
) -> None:
    """The same answer at once however often it is asked, although there are newer credentials each time."""
    write_key(file, "KEY0")

    async def behave(request: bytes, writer: asyncio.StreamWriter) -> None:
        assert b"Credential=KEY0/" in request
        writer.write(dated(400, f'{{"__type":"{code}","message":"no"}}'.encode(), ahead_s=ahead_s))

    async def main() -> Outcome:
        async with raw_server(behave) as server, gateway_to(server.url, credentials=None) as gateway:
            outcomes = []
            for attempt in range(1, 4):
                write_key(file, f"KEY{attempt}")
                outcomes.append(await gateway.send(make_claim(1), at_once))
            assert len(server.requests) == 3
            assert outcomes == [outcomes[0]] * 3
            return outcomes[0]

    assert run(main()) == Outcome(OutcomeKind.STOP, "clock_skew", None, code, told)


@pytest.mark.parametrize(
    ("ahead_s", "status", "body", "kind"),
    [
        (239.0, 400, b'{"__type":"InvalidSignatureException","message":"no"}', OutcomeKind.STOP),
        (-239.0, 400, b'{"__type":"ExpiredTokenException","message":"no"}', OutcomeKind.STOP),
        (1e6, 400, b'{"__type":"AccessDeniedException","Message":"no"}', OutcomeKind.STOP),
        (1e6, 400, b'{"__type":"ThrottlingException","Message":"no"}', OutcomeKind.THROTTLED),
        (-1e6, 200, b'{"MessageId":"id-1"}', OutcomeKind.SENT),
    ],
)
def test_a_clock_is_not_blamed_for_anything_else(ahead_s: float, status: int, body: bytes, kind: OutcomeKind) -> None:
    """Credentials that are rejected within the four minutes, and answers to which the clock does not matter."""

    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(dated(status, body, ahead_s=ahead_s))

    async def main() -> Outcome:
        return (await send_once(behave))[0]

    outcome = run(main())
    assert outcome.kind is kind
    assert outcome.reason != "clock_skew"


@pytest.mark.parametrize("date", [b"soon", b"", b"Mon, 99 Foo 2026 00:00:00 GMT", b"0"])
def test_a_date_that_is_none_says_nothing(date: bytes) -> None:
    """An unreadable Date header: the credentials are to blame."""

    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        refusal = answer(400, b'{"__type":"InvalidSignatureException","message":"no"}')
        writer.write(refusal.replace(b"\r\n", b"\r\nDate: " + date + b"\r\n", 1))

    async def main() -> Outcome:
        return (await send_once(behave))[0]

    outcome = run(main())
    assert (outcome.kind, outcome.reason) == (OutcomeKind.STOP, "invalid_signature")


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("missing", ["credentials", "region", "profile"])
def test_what_is_missing_to_reach_aws_is_said_at_once(missing: str) -> None:
    """No credentials, no region, no such profile: an error with the key, before anything is claimed."""

    async def main() -> Outcome:
        gateway = AwsGateway(
            {},
            Access(
                region="" if missing == "region" else "us-east-1",
                profile="nobody" if missing == "profile" else "",
                connect_timeout_s=1.0,
                read_timeout_s=1.0,
                max_connections=2,
            ),
            clock=StandingClock(),
        )
        with pytest.raises(UsageError, match=missing):
            await gateway.__aenter__()
        await gateway.__aexit__()
        return Outcome(OutcomeKind.NOT_SENT)

    run(main())
