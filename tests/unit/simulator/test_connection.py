"""Connections as clients of all kinds use them, by hand over sockets."""

import asyncio
import json
import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

from bulksend.base.clock import SystemClock
from bulksend.simulator.server import SimulatorServer
from bulksend.simulator.service import SimulatedService
from bulksend.simulator.settings import FaultSettings, LatencySettings
from tests.unit.simulator.helpers import Running, account, message, running

STATS = b"GET /_simulator/stats HTTP/1.1\r\nHost: x\r\n\r\n"
ANSWERED = b"HTTP/1.1 200 OK\r\n"


def sending(body: str = "Hello", *, more: str = "", version: str = "1.1") -> bytes:
    """A SendTextMessage, as some client would write it."""
    content = json.dumps(message(body=body)).encode()
    signature = f"SignedHeaders=host, Signature={'0' * 64}"
    credential = "AKID/20261123/us-east-1/sms-voice/aws4_request"
    return (
        f"POST / HTTP/{version}\r\nHost: x\r\n"
        f"Authorization: AWS4-HMAC-SHA256 Credential={credential}, {signature}\r\n"
        f"X-Amz-Date: {time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}\r\n"
        f"X-Amz-Target: PinpointSMSVoiceV2.SendTextMessage\r\nContent-Length: {len(content)}\r\n{more}\r\n"
    ).encode() + content


@contextmanager
def connected(server: Running) -> Iterator[socket.socket]:
    """A connection to the simulator."""
    split = urlsplit(server.url)
    with socket.create_connection((str(split.hostname), split.port or 0), timeout=10) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield sock


def everything(sock: socket.socket) -> bytes:
    """What comes until the simulator ends the connection."""
    found = b""
    while piece := sock.recv(65536):
        found += piece
    return found


def answer(sock: socket.socket) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """The next answer: status line, headers in lower case, body."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = sock.recv(1)
        assert piece, head
        head += piece
    line, *rest = head.rstrip().split(b"\r\n")
    headers = {name.lower(): value for name, _, value in (each.partition(b": ") for each in rest)}
    body = b""
    while missing := int(headers.get(b"content-length", b"0")) - len(body):
        body += sock.recv(missing)
    return line, headers, body


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    """A simulator on a good day."""
    with running() as simulator:
        yield simulator


def test_requests_that_do_not_wait_for_answers() -> None:
    """Three at once on one connection have their answers in order, each after its latency."""
    with running(account(record_messages=True, latency=LatencySettings(median_ms=50))) as simulator:
        with connected(simulator) as sock:
            sock.sendall(sending("1") + sending("2") + STATS + sending("3", more="Connection: close\r\n"))
            found = everything(sock)
        assert simulator.get("stats")["messages"]["accepted"] == 3
        told = [part.split(b'"')[0].decode() for part in found.split(b'"MessageId":"')[1:]]
        accepted = simulator.get("messages")["messages"]
        assert told == [each["message_id"] for each in accepted]
        assert found.count(ANSWERED) == 4
        # All arrived in one piece, and were performed one after the other.
        assert len({each["arrived_at"] for each in accepted}) == 1
        assert json.loads(found.split(b"\r\n\r\n")[3].split(b"HTTP/1.1")[0])["messages"]["accepted"] == 2


def test_what_a_client_reads_slowly_is_not_piled_up(server: Running) -> None:
    """A client that keeps asking and reads nothing is not read any more, and has all its answers when it reads."""
    split = urlsplit(server.url)
    many = STATS.replace(b"\r\n\r\n", b"\r\nX: " + b"y" * 8000 + b"\r\n\r\n") * 3000
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect((str(split.hostname), split.port or 0))
        sock.settimeout(0.5)
        sent = 0
        with suppress(TimeoutError):
            while sent < len(many):
                sent += sock.send(many[sent : sent + 65536])
        assert sent < len(many)
        assert server.get("stats")["concurrent"] == 0  # others are served meanwhile
        sock.settimeout(10)
        for _ in range(sent // (len(many) // 3000)):
            assert answer(sock)[0] == b"HTTP/1.1 200 OK"


def test_a_body_that_waits_for_continue(server: Running) -> None:
    """As curl does with long ones."""
    head, _, body = sending("Wait", more="Expect: 100-continue\r\n").partition(b"\r\n\r\n")
    with connected(server) as sock:
        for _ in range(2):
            sock.sendall(head + b"\r\n\r\n")
            assert answer(sock) == (b"HTTP/1.1 100 Continue", {}, b"")
            sock.sendall(body)
            assert answer(sock)[0] == b"HTTP/1.1 200 OK"


def test_head(server: Running) -> None:
    """The headers of GET without the body, and the connection goes on."""
    ending = b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with connected(server) as sock:
        sock.sendall(STATS.replace(b"GET", b"HEAD") + STATS + ending)
        first, second, rest = everything(sock).split(b"\r\n\r\n", 2)
    assert first == second
    body, _, third = rest.partition(b"HTTP/1.1 ")
    assert first.endswith(b"Content-Length: %d" % len(body))
    assert json.loads(body)
    assert third.startswith(b"400 Bad Request\r\n")
    assert third.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("version", "connection", "stays"),
    [("1.1", "", True), ("1.1", "close", False), ("1.0", "", False), ("1.0", "keep-alive", True)],
)
def test_who_ends_a_connection(server: Running, version: str, connection: str, *, stays: bool) -> None:
    """The client's version and wish decide, and the answer says so where it is not understood by itself."""
    request = sending(version=version, more=f"Connection: {connection}\r\n" if connection else "")
    with connected(server) as sock:
        sock.sendall(request)
        line, headers, body = answer(sock)
        assert line == b"HTTP/1.1 200 OK"
        assert "MessageId" in json.loads(body)
        said = {("1.1", ""): None, ("1.0", "keep-alive"): b"keep-alive"}.get((version, connection), b"close")
        assert headers.get(b"connection") == said
        if stays:
            sock.sendall(STATS)
            assert answer(sock)[0] == b"HTTP/1.1 200 OK"
        else:
            assert sock.recv(1) == b""


@pytest.mark.parametrize(
    ("garbage", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400 Bad Request"),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n", b"405 Method Not Allowed"),
    ],
)
def test_garbage_ends_its_connection(server: Running, garbage: bytes, status: bytes) -> None:
    """After the answers that are due, and no other connection's."""
    with connected(server) as other, connected(server) as sock:
        sock.sendall(STATS + garbage)
        assert answer(sock)[0] == b"HTTP/1.1 200 OK"
        line, headers, _ = answer(sock)
        assert line == b"HTTP/1.1 " + status
        assert headers[b"connection"] == b"close"
        assert sock.recv(1) == b""
        other.sendall(STATS)
        assert answer(other)[0] == b"HTTP/1.1 200 OK"


def test_a_head_that_is_too_long_ends_its_connection(server: Running) -> None:
    """Although it has no end yet."""
    with connected(server) as sock:
        sock.sendall(b"GET /" + b"x" * 70_000)
        assert answer(sock)[0] == b"HTTP/1.1 431 Request Header Fields Too Large"
        assert sock.recv(1) == b""


def test_a_client_that_leaves(server: Running) -> None:
    """What had arrived is performed, what had not is not, and nothing is being served any more."""
    server.reset()
    with connected(server) as sock:
        sock.sendall(sending("Goodbye"))
    with connected(server) as sock:
        sock.sendall(sending("Goodb")[:-1])
    while server.get("stats")["messages"]["accepted"] < 1:
        pass
    stats = server.get("stats")
    assert (stats["messages"]["offered"], stats["concurrent"]) == (1, 0)


def test_a_client_that_does_not_wait_for_the_answer() -> None:
    """It is not being served any more, long before the answer would have been due."""
    with running(account(latency=LatencySettings(median_ms=60_000))) as simulator:
        with connected(simulator) as sock:
            sock.sendall(sending())
            while simulator.get("stats")["concurrent"] != 1:
                pass
        while simulator.get("stats")["concurrent"]:
            pass
        assert simulator.get("stats")["messages"]["accepted"] == 1


def test_a_dropped_connection_takes_the_next_request_with_it() -> None:
    """What was sent behind a request whose connection is closed is not performed."""
    with running(account(faults=FaultSettings(drop_after=1.0))) as simulator:
        with connected(simulator) as sock:
            sock.sendall(sending("1") + sending("2"))
            assert everything(sock) == b""
        assert simulator.get("stats")["messages"]["accepted"] == 1


def test_answers_that_are_due_when_the_simulator_stops() -> None:
    """Are still given; the connection ends with them, and idle ones at once."""
    settings = account(latency=LatencySettings(median_ms=400))
    with running(settings) as simulator, connected(simulator) as idle, connected(simulator) as sock:
        sock.sendall(sending())
        while simulator.get("stats")["messages"]["accepted"] < 1:
            pass
        asked = (idle.dup(), sock.dup())
    idle, sock = asked
    with idle, sock:
        assert idle.recv(1) == b""
        line, headers, _ = answer(sock)
        assert (line, headers[b"connection"]) == (b"HTTP/1.1 200 OK", b"close")
        assert sock.recv(1) == b""


def test_answers_that_take_too_long_are_not_waited_for() -> None:
    """A second after it was told to stop, the simulator has stopped."""
    settings = account(latency=LatencySettings(median_ms=60_000))
    with running(settings) as simulator, connected(simulator) as sock:
        sock.sendall(sending())
        while simulator.get("stats")["messages"]["accepted"] < 1:
            pass
        waiting = sock.dup()
    with waiting:
        assert waiting.recv(1) == b""


def test_a_fault_of_the_simulator() -> None:
    """An exception that nobody thought of is told to the loop and to the client, and others are served."""
    told: list[dict[str, Any]] = []

    class Broken(SimulatedService):
        def began(self) -> None:
            raise ZeroDivisionError

    async def main() -> tuple[bytes, bytes]:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        service = Broken(account(), clock=SystemClock(), random=random.Random(1))
        async with SimulatorServer(service) as server:
            split = urlsplit(server.url)
            reader, writer = await asyncio.open_connection(split.hostname, split.port)
            writer.write(sending())
            broken = await reader.read()
            writer.close()
            reader, writer = await asyncio.open_connection(split.hostname, split.port)
            writer.write(STATS)
            line = await reader.readline()
            writer.close()
        return broken, line

    broken, line = asyncio.run(main())
    assert broken.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert line == ANSWERED
    assert [type(each["exception"]) for each in told] == [ZeroDivisionError]
