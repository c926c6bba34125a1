"""The service over HTTP, as clients see it that know nothing of a simulator."""

import asyncio
import http.client
import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore import UNSIGNED
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from bulksend.base.clock import SystemClock
from bulksend.simulator.resources import AccountSettings, IdentitySettings
from bulksend.simulator.server import SimulatorServer
from bulksend.simulator.service import SimulatedService
from bulksend.simulator.settings import EventSettings, FaultSettings, LatencySettings
from tests.unit.simulator.helpers import (
    LONG_CODE,
    TOLL_FREE,
    US_NUMBER,
    Running,
    account,
    context,
    faults,
    furnished,
    message,
    running,
)

SIGNED = (
    "AWS4-HMAC-SHA256 Credential=AKID/20261123/us-east-1/sms-voice/aws4_request, SignedHeaders=host, Signature="
    + "0" * 64
)


def amz_date() -> str:
    """This moment, as a request says it."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    """A simulator on a good day, with room for all of these tests."""
    roomy = IdentitySettings(id="20440", type="short_code", country="US", countries=("US",), mps=5_000)
    with running(furnished(record_messages=True, identities=(roomy, LONG_CODE))) as simulator:
        yield simulator


def raw(
    server: Running, body: bytes = b"{}", *, method: str = "POST", path: str = "/", **headers: str
) -> tuple[int, dict[str, str], Any]:
    """Send one request by hand; return status, headers and the JSON that came back."""
    split = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(split.hostname), split.port, timeout=10)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"Authorization": SIGNED, "X-Amz-Date": amz_date(), **named})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), json.loads(answer.read() or b"null")
    finally:
        connection.close()


def test_a_message_by_botocore(server: Running) -> None:
    """A client of the SDK sends, and the simulator has seen what it sent."""
    server.reset()
    with server.client() as client:
        answer = client.send_text_message(**message(body="Grüße ✓", Context=context("1.1")))
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert answer["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/x-amz-json-1.0"
    assert answer["ResponseMetadata"]["RequestId"]
    (recorded,) = server.get("messages")["messages"]
    assert recorded["message_id"] == answer["MessageId"]
    assert recorded["destination"] == US_NUMBER
    stats = server.get("stats")
    assert stats["messages"] == {
        "offered": 1,
        "offered_parts": 1,
        "accepted": 1,
        "parts": 1,
        "throttled": 0,
        "throttled_by": {"identity": 0, "recipient": 0, "quota": 0, "fault": 0},
    }
    assert stats["requests"] == {"SendTextMessage": 1}


def test_messages_by_aiobotocore(server: Running) -> None:
    """A hundred at once by the asyncio client over keep-alive connections."""
    server.reset()

    async def main() -> list[str]:
        config = AioConfig(retries={"total_max_attempts": 1}, max_pool_connections=10, proxies={})
        async with AioSession().create_client(
            "pinpoint-sms-voice-v2",
            region_name="us-east-1",
            endpoint_url=server.url,
            aws_access_key_id="AKID",
            aws_secret_access_key="secret",
            config=config,
        ) as client:
            answers = await asyncio.gather(
                *(client.send_text_message(**message(body=f"Hello {index}")) for index in range(100))
            )
        return [answer["MessageId"] for answer in answers]

    assert len(set(asyncio.run(main()))) == 100
    stats = server.get("stats")
    assert stats["messages"]["accepted"] == 100
    assert stats["duplicates"]["destination_text"] == 0


def test_an_error_has_its_members_where_the_sdk_looks(server: Running) -> None:
    """Class, code, Reason, Fields, ResourceType and ResourceId, as of the service."""
    with server.client() as client:
        with pytest.raises(client.exceptions.ValidationException) as invalid:
            client.send_text_message(**message(MessageType="FOO"))
        with pytest.raises(client.exceptions.ConflictException) as opted_out:
            client.send_text_message(**message(to="+14255550199"))
        with pytest.raises(client.exceptions.ResourceNotFoundException) as missing:
            client.send_text_message(**message(origination="pool-9"))
    assert invalid.value.response["Error"]["Code"] == "ValidationException"
    assert invalid.value.response["Reason"] == "FIELD_VALIDATION_FAILED"
    assert invalid.value.response["Fields"][0]["Name"] == "MessageType"
    assert invalid.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert opted_out.value.response["Reason"] == "DESTINATION_PHONE_NUMBER_OPTED_OUT"
    assert "DESTINATION_PHONE_NUMBER_OPTED_OUT" in opted_out.value.response["Error"]["Message"]
    assert missing.value.response["ResourceType"] == "pool"
    assert missing.value.response["ResourceId"] == "pool-9"


def test_throttling() -> None:
    """The fourth part in a second for a number of 3 per second is throttled, and then there is room again."""
    with running() as simulator, simulator.client() as client:
        for _ in range(3):
            client.send_text_message(**message(origination=TOLL_FREE.id))
        with pytest.raises(client.exceptions.ThrottlingException) as caught:
            client.send_text_message(**message(origination=TOLL_FREE.id))
        assert "Reason" not in caught.value.response
        bucket = simulator.get("stats")["buckets"][TOLL_FREE.id]
        assert (bucket["fullest_accepted"], bucket["fullest_offered"], bucket["throttled"]) == (3, 4, 1)


@pytest.mark.parametrize(
    ("fault", "code", "status", "accepted"),
    [
        ("throttle", "ThrottlingException", 400, 0),
        ("internal_error", "InternalServerException", 500, 0),
        ("internal_error_after", "InternalServerException", 500, 1),
        ("unavailable", "ServiceUnavailableException", 503, 0),
    ],
)
def test_faults_with_an_answer(fault: str, code: str, status: int, accepted: int) -> None:
    """The client sees the error, the simulator knows whether the message was accepted."""
    settings = account(faults=faults(**{fault: 1.0}))
    with running(settings) as simulator, simulator.client() as client:
        with pytest.raises(ClientError) as caught:
            client.send_text_message(**message())
        assert caught.value.response["Error"]["Code"] == code
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
        assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0
        stats = simulator.get("stats")
        assert (stats["messages"]["offered"], stats["messages"]["accepted"]) == (1, accepted)
        assert stats["faults"] == {fault: 1}


@pytest.mark.parametrize(("fault", "accepted"), [("drop_before", 0), ("drop_after", 1)])
def test_a_connection_that_is_closed(fault: str, accepted: int) -> None:
    """The client sees its connection closed without an answer, on a new connection and on a kept one."""
    settings = account(faults=faults(**{fault: 1.0}))
    with running(settings) as simulator, simulator.client() as client:
        for _ in range(2):
            client.describe_account_attributes()
            with pytest.raises(ConnectionClosedError):
                client.send_text_message(**message())
        assert simulator.get("stats")["messages"]["accepted"] == 2 * accepted


def test_a_reply_that_never_comes() -> None:
    """The client waits until its read timeout; the message was accepted, and the simulator stops all the same."""
    settings = account(faults=FaultSettings(no_reply=1.0))
    with running(settings) as simulator:
        with simulator.client(read_timeout=0.2) as client, pytest.raises(ReadTimeoutError):
            client.send_text_message(**message())
        assert simulator.get("stats")["messages"]["accepted"] == 1
        split = urlsplit(simulator.url)
        waiting = http.client.HTTPConnection(str(split.hostname), split.port, timeout=30)
        headers = {
            "Authorization": SIGNED,
            "X-Amz-Date": amz_date(),
            "X-Amz-Target": "PinpointSMSVoiceV2.SendTextMessage",
        }
        waiting.request("POST", "/", json.dumps(message()), headers)
        while simulator.get("stats")["messages"]["accepted"] < 2:
            pass
        assert simulator.get("stats")["concurrent"] == 1
    with pytest.raises(http.client.RemoteDisconnected):
        waiting.getresponse()
    waiting.close()


def test_credentials_that_expire() -> None:
    """Used up after two requests; a new session token is good again."""
    settings = account(faults=FaultSettings(expired_token_after=2))
    with running(settings) as simulator:
        with simulator.client(token="one") as client:
            client.send_text_message(**message())
            client.describe_pools()
            with pytest.raises(ClientError) as caught:
                client.send_text_message(**message())
        assert caught.value.response["Error"]["Code"] == "ExpiredTokenException"
        with simulator.client(token="two") as client:
            client.send_text_message(**message())
        assert simulator.get("stats")["errors"] == {"ExpiredTokenException": 1}


@pytest.mark.parametrize(("offset_s", "wrong"), [(3600.0, "expired"), (-3600.0, "not yet current")])
def test_a_clock_that_is_off(offset_s: float, wrong: str) -> None:
    """A request that is an hour off is refused, and the Date header tells the service's time."""
    settings = account(account=AccountSettings(clock_offset_s=offset_s))
    with running(settings) as simulator, simulator.client() as client:
        with pytest.raises(ClientError) as caught:
            client.send_text_message(**message())
        assert simulator.get("stats")["messages"]["offered"] == 0
    answer = caught.value.response
    assert answer["Error"]["Code"] == "InvalidSignatureException"
    assert answer["Error"]["Message"].startswith(f"Signature {wrong}: ")
    told = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    assert abs(told.timestamp() - time.time() - offset_s) < 30


def test_an_unsigned_client(server: Running) -> None:
    """Anonymous requests are refused as the AWS JSON protocols do."""
    with server.client(signature_version=UNSIGNED) as client, pytest.raises(ClientError) as caught:
        client.send_text_message(**message())
    assert caught.value.response["Error"]["Code"] == "MissingAuthenticationTokenException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_an_operation_that_is_not_simulated(server: Running) -> None:
    """The SDK's other operations are told so."""
    with server.client() as client, pytest.raises(ClientError) as caught:
        client.describe_keywords(OriginationIdentity="20440")
    assert caught.value.response["Error"]["Code"] == "UnknownOperationException"


@pytest.mark.parametrize(
    ("body", "request_line", "headers", "code"),
    [
        (b"{}", ("POST", "/"), {}, "UnknownOperationException"),
        (b"{}", ("POST", "/"), {"X_Amz_Target": "SNS.Publish"}, "UnknownOperationException"),
        (b"{}", ("GET", "/"), {"X_Amz_Target": "PinpointSMSVoiceV2.DescribePools"}, "UnknownOperationException"),
        (b"{}", ("POST", "/x"), {"X_Amz_Target": "PinpointSMSVoiceV2.DescribePools"}, "UnknownOperationException"),
        (b"{", ("POST", "/"), {"X_Amz_Target": "PinpointSMSVoiceV2.DescribePools"}, "SerializationException"),
        (b"[]", ("POST", "/"), {"X_Amz_Target": "PinpointSMSVoiceV2.DescribePools"}, "SerializationException"),
        (
            b'{"a": "\xff"}',
            ("POST", "/"),
            {"X_Amz_Target": "PinpointSMSVoiceV2.DescribePools"},
            "SerializationException",
        ),
        (b"[" * 99_999, ("POST", "/"), {"X_Amz_Target": "PinpointSMSVoiceV2.DescribePools"}, "SerializationException"),
        (b"\xff", ("POST", "/"), {"X_Amz_Target": "PinpointSMSVoiceV2.DescribePools"}, "SerializationException"),
        (
            b'{"MessageBody":"\\ud800"}',
            ("POST", "/"),
            {"X_Amz_Target": "PinpointSMSVoiceV2.SendTextMessage"},
            "SerializationException",
        ),
        (
            b" " * 1_100_000,
            ("POST", "/"),
            {"X_Amz_Target": "PinpointSMSVoiceV2.DescribePools"},
            "SerializationException",
        ),
    ],
)
def test_what_no_sdk_sends(
    server: Running, body: bytes, request_line: tuple[str, str], headers: dict[str, str], code: str
) -> None:
    """Requests that are not the protocol's are answered in the protocol."""
    method, path = request_line
    status, answered, document = raw(server, body, method=method, path=path, **headers)
    assert status == 400
    assert document["__type"] == f"com.amazonaws.pinpointsmsvoicev2#{code}"
    assert answered["Content-Type"] == "application/x-amz-json-1.0"


def test_an_empty_body_is_an_empty_request(server: Running) -> None:
    """Operations without members can be called without a body."""
    status, _, document = raw(server, b"", X_Amz_Target="PinpointSMSVoiceV2.DescribePools")
    assert status == 200
    assert document["Pools"]


def test_the_control_paths(server: Running) -> None:
    """Statistics, messages and reset need no signature, and nothing else is there."""
    for method, path, status in (
        ("GET", "/_simulator/stats", 200),
        ("GET", "/_simulator/messages", 200),
        ("POST", "/_simulator/reset", 200),
    ):
        assert raw(server, b"", method=method, path=path, Authorization="")[0] == status
    split = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(split.hostname), split.port, timeout=10)
    for method, path in (("POST", "/_simulator/stats"), ("GET", "/_simulator/reset"), ("GET", "/_simulator/x")):
        connection.request(method, path)
        answer = connection.getresponse()
        assert (answer.status, answer.read()[:9]) == (404, b"Not here:")
    connection.close()


def test_requests_in_pieces_on_a_kept_connection(server: Running) -> None:
    """Whatever way the bytes are cut, each request on a connection gets its answer."""
    split = urlsplit(server.url)
    body = json.dumps(message(), ensure_ascii=False).encode()
    head = (
        f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: {SIGNED}\r\nContent-Length: {len(body)}\r\n"
        f"X-Amz-Date: {amz_date()}\r\n"
        "X-Amz-Target: PinpointSMSVoiceV2.SendTextMessage\r\n\r\n"
    ).encode()
    with socket.create_connection((str(split.hostname), split.port or 0), timeout=10) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for cut in (0, 10, len(head), len(head) + 5):
            request = head + body
            for piece in (request[:cut], request[cut:]):
                sock.sendall(piece)
            answer = sock.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_latency() -> None:
    """An answer takes as long as the settings say, counted from the arrival, and many wait at the same time."""
    settings = account(latency=LatencySettings(median_ms=150))
    with running(settings) as simulator, simulator.client(max_pool_connections=20) as client:
        threads = [
            threading.Thread(target=client.send_text_message, kwargs=message(body=f"Hello {index}"))
            for index in range(12)
        ]
        started = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert time.monotonic() - started >= 0.15
        stats = simulator.get("stats")
        assert stats["messages"]["accepted"] == 12
        assert stats["max_concurrent"] >= 2


def test_arrivals_are_stamped_when_the_bytes_are_read() -> None:
    """A handler that gets its turn late does not make the request late."""
    stamps = iter([10.0, 11.0])
    later = [99.0]

    def stamp() -> float:
        return next(stamps, later[0])

    async def main() -> float:
        service = SimulatedService(account(record_messages=True), clock=SystemClock(), random=random.Random(1))
        async with SimulatorServer(service, stamp=stamp) as server:
            split = urlsplit(server.url)
            reader, writer = await asyncio.open_connection(split.hostname, split.port)
            body = json.dumps(message()).encode()
            writer.write(
                f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: {SIGNED}\r\nContent-Length: {len(body)}\r\n"
                f"X-Amz-Date: {amz_date()}\r\n"
                "X-Amz-Target: PinpointSMSVoiceV2.SendTextMessage\r\n\r\n".encode()
                + body
            )
            answer = await reader.readline()
            writer.close()
            await writer.wait_closed()
        assert answer == b"HTTP/1.1 200 OK\r\n"
        return service.messages[0].arrived_at

    assert asyncio.run(main()) == 10.0


def test_delivery_events_are_written(tmp_path: Path) -> None:
    """When they are due, and those that are not yet due when the server stops."""
    path = tmp_path / "events.jsonl"
    soon = account(events=EventSettings(path=str(path), delay_s=0.0))
    with running(soon) as simulator, simulator.client() as client:
        first = client.send_text_message(**message(Context=context("1.1")))["MessageId"]
        while not path.read_text():
            pass
    late = account(events=EventSettings(path=str(path), delay_s=3600.0), seed=1)
    with running(late) as simulator, simulator.client() as client:
        second = client.send_text_message(**message(Context=context("2.1")))["MessageId"]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["messageId"] for line in lines] == [first, second]
    assert [line["context"]["bulksend_row"] for line in lines] == ["1.1", "2.1"]


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """OSError on entry; nothing is left open."""
    path = tmp_path / "events.jsonl"

    async def main() -> None:
        settings = account(events=EventSettings(path=str(path)))
        service = SimulatedService(settings, clock=SystemClock(), random=random.Random(1))
        async with SimulatorServer(service) as first:
            port = urlsplit(first.url).port or 0
            with pytest.raises(OSError, match="address already in use"):
                await SimulatorServer(service, port=port).__aenter__()

    asyncio.run(main())


def test_ipv6() -> None:
    """An IPv6 address is written in brackets."""

    async def main() -> str:
        service = SimulatedService(account(), clock=SystemClock(), random=random.Random(1))
        async with SimulatorServer(service, host="::1") as server:
            return server.url

    try:
        url = asyncio.run(main())
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    assert url.startswith("http://[::1]:")


def test_events_that_cannot_be_written() -> None:
    """A full disk is told when the server stops, not swallowed."""

    async def main() -> None:
        settings = account(events=EventSettings(path="/dev/full", delay_s=3600))
        service = SimulatedService(settings, clock=SystemClock(), random=random.Random(1))
        async with SimulatorServer(service):
            service.call("SendTextMessage", message())

    with pytest.raises(OSError, match="No space left"):
        asyncio.run(main())


def test_signatures_are_checked() -> None:
    """With credentials in the settings: the right secret is let in, a wrong one and an unknown key are not."""
    settings = account(credentials={"AKIDEXAMPLE": "secret"})
    codes = []
    with running(settings) as simulator:
        with simulator.client(token="any") as client:
            client.send_text_message(**message(body="Grüße ✓"))
        for wrong in ({"secret": "Secret"}, {"key_id": "AKIDOTHER"}):
            with simulator.client(**wrong) as client, pytest.raises(ClientError) as caught:
                client.send_text_message(**message())
            codes.append(caught.value.response["Error"]["Code"])
        stats = simulator.get("stats")
    assert codes == ["InvalidSignatureException", "UnrecognizedClientException"]
    assert stats["errors"] == dict.fromkeys(codes, 1)
    assert (stats["messages"]["offered"], stats["messages"]["accepted"]) == (1, 1)
