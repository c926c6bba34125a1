"""The pool of connections on real sockets: what it opens, reuses, gives up, and never forgets."""

import asyncio
import contextlib
import gc
import random
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import pytest
import uvloop

from bulksend.base.ports import Release, Withheld
from bulksend.send.connection import Connection, Lost, Response
from bulksend.send.connections import Connections, NotWritten
from tests.support.raw_server import RawServer, accepted, raw_server

REQUEST = b"POST / HTTP/1.1\r\nHost: loopback\r\nContent-Length: 2\r\n\r\n{}"

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"], name="run")
def _run(request: pytest.FixtureRequest) -> Run:
    """Runs on both loops, for some seconds at most; nothing may be left that a loop complains about."""

    def run(main: Coroutine[Any, Any, None]) -> None:
        complaints: list[dict[str, Any]] = []

        async def limited() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told))
            async with asyncio.timeout(15):
                await main
            gc.collect()

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(limited())
        gc.collect()
        assert complaints == []

    return run


def pool_to(
    url: str,
    *,
    limit: int = 1,
    tls: ssl.SSLContext | None = None,
    connect_timeout_s: float = 2.0,
    read_timeout_s: float = 2.0,
    keepalive_s: float = 10.0,
) -> Connections:
    """A pool to a server on loopback."""
    return Connections(
        url,
        tls=tls,
        limit=limit,
        connect_timeout_s=connect_timeout_s,
        read_timeout_s=read_timeout_s,
        keepalive_s=keepalive_s,
    )


async def at_once() -> None:
    """A release without a wait."""


async def accept(_: bytes, writer: asyncio.StreamWriter) -> None:
    """A server that takes every message."""
    writer.write(accepted())


def port_of(writer: asyncio.StreamWriter) -> int:
    """What tells a connection from others, at the server."""
    port: int = writer.get_extra_info("peername")[1]
    return port


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that is bound to happen."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for is the kernel's doing
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A server whose connections are the test's own affair, until its end; its address without the scheme."""
    tasks: set[asyncio.Task[None]] = set()

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await serve(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(guarded, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)
        await asyncio.sleep(0.01)


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """A server that says nothing until the other side is gone."""
    while await reader.read(65536):
        pass


async def assert_all_can_be_had(pool: Connections, limit: int, request: bytes = REQUEST) -> None:
    """Every one of the pool's connections can be had at the same time, and its answer comes."""
    inside = 0
    together = asyncio.Event()

    async def release() -> None:
        nonlocal inside
        inside += 1
        if inside == limit:
            together.set()
        await together.wait()

    async with asyncio.timeout(5):
        answers = await asyncio.gather(*(pool.exchange(request, release) for _ in range(limit)))
    assert [answer.status for answer in answers] == [200] * limit


def test_no_more_connections_than_the_limit_and_every_request_answered(run: Run) -> None:
    """Sixty requests at once over five connections: five are opened, none is idle while somebody waits."""

    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.002)
        writer.write(accepted())

    async def main() -> None:
        async with raw_server(behave) as server, pool_to(server.url, limit=5) as pool:
            answers = await asyncio.gather(*(pool.exchange(REQUEST, at_once) for _ in range(60)))
            assert len(answers) == len(server.requests) == 60
            assert server.connections == 5

    run(main())


def test_the_connection_used_last_is_used_next(run: Run) -> None:
    """After a burst one connection serves whoever comes one by one, so that the others may get cold."""
    used: list[int] = []

    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        used.append(port_of(writer))
        writer.write(accepted())

    async def main() -> None:
        async with raw_server(behave) as server, pool_to(server.url, limit=4) as pool:
            await assert_all_can_be_had(pool, 4)
            assert len(set(used)) == 4
            used.clear()
            for _ in range(8):
                await pool.exchange(REQUEST, at_once)
            assert len(set(used)) == 1

    run(main())


def test_a_cold_connection_is_closed_by_us_and_a_warm_one_is_not(run: Run) -> None:
    """An idle one is closed in time though nobody asks; one that is in use all the while stays."""
    open_now = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now
        open_now += 1
        try:
            while await reader.readuntil(b"{}"):
                writer.write(accepted())
        finally:
            open_now -= 1

    async def main() -> None:
        async with (
            listening(serve) as address,
            pool_to(f"http://{address}", limit=3, read_timeout_s=0.4, keepalive_s=0.2) as pool,
        ):
            await assert_all_can_be_had(pool, 3)
            assert open_now == 3
            for _ in range(20):
                await pool.exchange(REQUEST, at_once)
                await asyncio.sleep(0.02)
            assert open_now == 1
            await until(lambda: open_now == 0)
            await assert_all_can_be_had(pool, 3)

    run(main())


def test_an_idle_connection_that_is_known_dead_is_never_written_to(run: Run) -> None:
    """Servers that close after each answer without a word: each request finds a connection of its own."""

    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(accepted())
        writer.close()

    async def main() -> None:
        async with raw_server(behave) as server, pool_to(server.url) as pool:
            for number in range(1, 6):
                assert (await pool.exchange(REQUEST, at_once)).status == 200
                await asyncio.sleep(0.02)
                assert server.connections == len(server.requests) == number

    run(main())


def test_an_end_that_was_read_is_known_in_that_very_turn(run: Run) -> None:
    """The loop tells of a closed connection a turn after it has read the end, and drops what is written between."""

    class Watched(Connection):
        told: list[bool]

        def eof_received(self) -> None:
            super().eof_received()
            self.told = [self.is_open]

        def connection_lost(self, error: Exception | None) -> None:
            self.told.append(self.is_open)
            super().connection_lost(error)

    async def main() -> None:
        async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()
            await writer.wait_closed()

        async with listening(hang_up) as address:
            loop = asyncio.get_running_loop()
            host, _, port = address.partition(":")
            _, connection = await loop.create_connection(lambda: Watched(loop), host, int(port))
            await until(lambda: len(getattr(connection, "told", ())) == 2)
            assert connection.told == [False, False]
            with pytest.raises(AssertionError):
                connection.ask(REQUEST)

    run(main())


@pytest.mark.parametrize("spare", [False, True])
def test_what_is_written_when_a_connection_closes_while_its_release_is_awaited(run: Run, *, spare: bool) -> None:
    """Nothing, and that is said, unless another connection stands ready: then the request goes out there, once."""
    writers: list[asyncio.StreamWriter] = []
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while True:
            requests.append(await reader.readuntil(b"{}"))
            writer.write(accepted())

    async def main() -> None:
        async with listening(serve) as address, pool_to(f"http://{address}", limit=2) as pool:
            goes = asyncio.Event()

            async def release() -> None:
                await goes.wait()

            sending = asyncio.create_task(pool.exchange(REQUEST, release))
            await until(lambda: len(writers) == 1)
            if spare:
                await pool.exchange(REQUEST, at_once)
            writers[0].transport.abort()
            await asyncio.sleep(0.03)
            requests.clear()
            goes.set()
            if spare:
                assert (await sending).status == 200
            else:
                with pytest.raises(NotWritten) as told:
                    await sending
                assert told.value.transport == "connection_failed"
            assert len(requests) == spare
            await assert_all_can_be_had(pool, 2)

    run(main())


def test_whoever_waits_is_told_when_a_held_connection_dies(run: Run) -> None:
    """A place that becomes free because a connection died in the hands of somebody else is opened again."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while await reader.readuntil(b"{}"):
            writer.write(accepted())

    async def main() -> None:
        async with listening(serve) as address, pool_to(f"http://{address}", limit=2) as pool:
            goes = asyncio.Event()

            async def release() -> None:
                await goes.wait()

            holding = [asyncio.create_task(pool.exchange(REQUEST, release)) for _ in range(2)]
            await until(lambda: len(writers) == 2)
            waiting = [asyncio.create_task(pool.exchange(REQUEST, at_once)) for _ in range(5)]
            await asyncio.sleep(0.02)
            for writer in writers:
                writer.transport.abort()
            await asyncio.sleep(0.03)
            goes.set()
            told = await asyncio.gather(*holding, return_exceptions=True)
            assert all(isinstance(each, NotWritten) for each in told)
            async with asyncio.timeout(3):
                assert [answer.status for answer in await asyncio.gather(*waiting)] == [200] * 5

    run(main())


def no_trust() -> ssl.SSLContext:
    """For a handshake that never gets so far as to need any."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def test_cancelled_while_a_connection_is_being_opened(run: Run) -> None:
    """Who is cancelled leaves nothing behind, and whoever waits behind them is told."""
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await silent(reader, writer)

    async def main() -> None:
        async with (
            listening(serve) as address,
            pool_to(f"https://{address}", limit=2, tls=no_trust(), connect_timeout_s=0.3) as pool,
        ):
            sending = [asyncio.create_task(pool.exchange(REQUEST, at_once)) for _ in range(6)]
            await until(lambda: connections == 2)
            for task in sending[:3]:
                task.cancel()
            told = await asyncio.gather(*sending, return_exceptions=True)
            assert all(isinstance(each, asyncio.CancelledError) for each in told[:3])
            assert [getattr(each, "transport", None) for each in told[3:]] == ["connect_timeout"] * 3

    run(main())


@pytest.mark.parametrize("where", ["waiting", "release", "written"])
def test_cancelled_anywhere_no_place_is_lost(run: Run, where: str) -> None:
    """While waiting for a free connection, in the release, after the write: all connections can be had afterwards."""
    is_silent = True

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"{}"):
            if not is_silent:
                writer.write(accepted())

    async def main() -> None:
        nonlocal is_silent
        async with listening(serve) as address, pool_to(f"http://{address}", limit=3) as pool:
            held = 0

            async def release() -> None:
                nonlocal held
                held += 1
                if where == "release":
                    await asyncio.Event().wait()

            first = [asyncio.create_task(pool.exchange(REQUEST, release)) for _ in range(3)]
            await until(lambda: held == 3)
            later = [asyncio.create_task(pool.exchange(REQUEST, at_once)) for _ in range(3)]
            await asyncio.sleep(0.01)
            cancelled = later if where == "waiting" else first
            for task in cancelled:
                task.cancel()
            await asyncio.gather(*cancelled, return_exceptions=True)
            for task in first + later:
                task.cancel()
            await asyncio.gather(*first, *later, return_exceptions=True)
            is_silent = False
            await assert_all_can_be_had(pool, 3)

    run(main())


def test_a_connection_that_is_handed_to_somebody_who_is_cancelled_goes_to_the_next(run: Run) -> None:
    """The cancellation comes in the turn between the hand-over and the wake-up."""

    async def main() -> None:
        async with raw_server(accept) as server, pool_to(server.url) as pool:
            goes = asyncio.Event()
            finished: list[str] = []

            async def withhold() -> None:
                await goes.wait()
                raise Withheld

            async def hold() -> None:
                with pytest.raises(Withheld):
                    await pool.exchange(REQUEST, withhold)
                # The connection was handed on just now, and the heir has not been woken up.
                heir.cancel()

            async def send(name: str) -> None:
                await pool.exchange(REQUEST, at_once)
                finished.append(name)

            holding = asyncio.create_task(hold())
            await until(lambda: server.connections == 1)
            heir = asyncio.create_task(send("heir"))
            await asyncio.sleep(0.01)
            last = asyncio.create_task(send("last"))
            await asyncio.sleep(0.01)
            goes.set()
            await asyncio.gather(holding, heir, last, return_exceptions=True)
            assert finished == ["last"]
            assert (server.connections, len(server.requests)) == (1, 1)

    run(main())


ENDS = ["accept"] * 6 + ["close", "accept and close", "part", "reset", "nonsense", "twice", "hang"]


@pytest.mark.parametrize("seed", range(2))
def test_whatever_happens_every_place_comes_back(run: Run, seed: int) -> None:
    """A server that closes, resets, hangs and talks nonsense; callers that are cancelled and withheld, in any order.

    Each caller gets an end, no request reaches the server twice, those known not written never reach it, and when
    the server is well again all connections can be had.
    """
    dice = random.Random(seed)
    is_well = False
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not is_well and dice.random() < 0.1:
            return
        while True:
            request = await reader.readuntil(b"\n")
            seen.append(request)
            what = "accept" if is_well else dice.choice(ENDS)
            if what == "hang":
                await silent(reader, writer)
                return
            writer.write({"nonsense": b"nonsense\r\n\r\n", "part": accepted()[:40], "reset": b""}.get(what, accepted()))
            if what == "twice":
                writer.write(accepted())
            if what in ("close", "part", "accept and close"):
                await asyncio.sleep(dice.choice([0.0, 0.003]))
                writer.close()
                await writer.wait_closed()
                return
            if what == "reset":
                return

    async def one(pool: Connections, number: int) -> tuple[int, str]:
        async def release() -> None:
            await asyncio.sleep(dice.choice([0.0, 0.0, 0.002, 0.01]))
            if dice.random() < 0.1:
                raise Withheld

        try:
            await pool.exchange(b"%d\n" % number, release)
        except Lost:
            return number, "lost"
        except (NotWritten, Withheld):
            return number, "not written"
        return number, "answered"

    async def main() -> None:
        nonlocal is_well
        async with listening(serve) as address, pool_to(f"http://{address}", limit=4, read_timeout_s=0.05) as pool:
            tasks = []
            for number in range(250):
                tasks.append(asyncio.create_task(one(pool, number)))
                if dice.random() < 0.2:
                    loop = asyncio.get_running_loop()
                    loop.call_later(dice.choice([0.0, 0.001, 0.01, 0.05]), dice.choice(tasks).cancel)
                if dice.random() < 0.3:
                    await asyncio.sleep(dice.choice([0.0, 0.001, 0.005]))
            told = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(each, tuple | asyncio.CancelledError) for each in told)
            numbers = [int(request) for request in seen]
            assert len(numbers) == len(set(numbers))
            ended = dict(each for each in told if isinstance(each, tuple))
            assert {number for number, end in ended.items() if end == "answered"} <= set(numbers)
            assert not {number for number, end in ended.items() if end == "not written"} & set(numbers)
            assert set(ended.values()) == {"answered", "lost", "not written"}
            is_well = True
            # Places that hang are given up first.
            await asyncio.sleep(0.1)
            for _ in range(2):
                await assert_all_can_be_had(pool, 4, b"-1\n")

    run(main())


def test_two_hundred_are_refused_at_limit_ten(run: Run) -> None:
    """Nobody listens: every one of them is told so, and soon."""

    async def main() -> None:
        async with listening(silent) as address:
            pass
        async with pool_to(f"http://{address}", limit=10) as pool:
            sending = (pool.exchange(REQUEST, at_once) for _ in range(200))
            told = await asyncio.gather(*sending, return_exceptions=True)
        assert [getattr(each, "transport", None) for each in told] == ["connection_failed"] * 200

    run(main())


def test_a_connection_that_does_not_come_about_is_told_to_one(run: Run) -> None:
    """A side that never finishes the handshake: thirty wait, ten at a time are tried, each failure is one caller's."""
    connections = most = now = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections, most, now
        connections += 1
        now += 1
        most = max(most, now)
        await silent(reader, writer)
        now -= 1

    async def main() -> None:
        async with (
            listening(serve) as address,
            pool_to(f"https://{address}", limit=10, tls=no_trust(), connect_timeout_s=0.1) as pool,
        ):
            sending = (pool.exchange(REQUEST, at_once) for _ in range(30))
            told = await asyncio.gather(*sending, return_exceptions=True)
            assert [getattr(each, "transport", None) for each in told] == ["connect_timeout"] * 30
            assert connections == 30

    run(main())


def test_each_connection_has_a_read_timeout_of_its_own(run: Run) -> None:
    """Silence on one is noticed while another, on which an answer drips in, is waited for as long as it drips."""

    async def behave(request: bytes, writer: asyncio.StreamWriter) -> None:
        if request.endswith(b"[]"):
            return
        answer = accepted()
        for start in range(0, len(answer), 12):
            writer.write(answer[start : start + 12])
            await asyncio.sleep(0.05)

    async def main() -> None:
        async with raw_server(behave) as server, pool_to(server.url, limit=2, read_timeout_s=0.2) as pool:
            dripping = asyncio.create_task(pool.exchange(REQUEST, at_once))
            with pytest.raises(Lost) as told:
                await pool.exchange(REQUEST[:-2] + b"[]", at_once)
            assert told.value.transport == "read_timeout"
            assert not dripping.done()
            assert (await dripping).status == 200

    run(main())


def test_an_answer_that_came_while_the_loop_stood_still_is_read(run: Run) -> None:
    """A process that was paused for longer than the read timeout takes what has arrived for what it is."""

    def serve(listener: socket.socket) -> None:
        link, _ = listener.accept()
        with link:
            link.recv(1 << 16)
            link.sendall(accepted("in time"))
            link.recv(1)

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=serve, args=(listener,))
            thread.start()
            address = f"http://127.0.0.1:{listener.getsockname()[1]}"
            async with pool_to(address, read_timeout_s=0.1) as pool:
                written = asyncio.Event()

                async def release() -> None:
                    # Woken up in the next turn, when the request is written.
                    written.set()

                sending = asyncio.create_task(pool.exchange(REQUEST, release))
                await written.wait()
                time.sleep(0.4)  # noqa: ASYNC251 - the loop stands still, as it does when the process is paused
                assert b"in time" in (await sending).body
            await asyncio.to_thread(thread.join)

    run(main())


STRAY = accepted("stray")


@pytest.mark.parametrize(
    "extra", [STRAY, STRAY[:5], STRAY[:30], STRAY[:-1], b"nonsense", b"\x00", accepted("a") * 3], ids=repr
)
@pytest.mark.parametrize("is_late", [False, True])
def test_what_follows_an_answer_never_passes_for_the_next(run: Run, extra: bytes, *, is_late: bool) -> None:
    """Whole answers, pieces of one, nonsense, with the answer or after it: the next request has its own connection."""
    number = 0

    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal number
        number += 1
        mine = accepted(f"mine-{number}")
        if number % 2:
            if is_late:
                writer.write(mine)
                await writer.drain()
                await asyncio.sleep(0.02)
                mine = b""
            writer.write(mine + extra)
        else:
            rest = STRAY[len(extra) :] if STRAY.startswith(extra) else b""
            writer.write(rest + mine)

    async def main() -> None:
        async with raw_server(behave) as server, pool_to(server.url) as pool:
            assert b"mine-1" in (await pool.exchange(REQUEST, at_once)).body
            if is_late:
                await asyncio.sleep(0.06)
            with contextlib.suppress(Lost):
                assert b"mine-2" in (await pool.exchange(REQUEST, at_once)).body
            assert server.connections == 2

    run(main())


def test_an_answer_may_come_in_any_pieces(run: Run) -> None:
    """Byte by byte, with an announcement (1xx) before it: the same answer."""

    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        for byte in b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nLink: x\r\n\r\n" + accepted("id-5"):
            writer.write(bytes([byte]))
            await writer.drain()

    async def main() -> None:
        async with raw_server(behave) as server, pool_to(server.url) as pool:
            for _ in range(3):
                answer: Response = await pool.exchange(REQUEST, at_once)
                assert (answer.status, answer.body) == (200, b'{"MessageId":"id-5"}')
                assert [name for name, _ in answer.headers] == [b"Content-Type", b"Content-Length"]
            assert server.connections == 1

    run(main())


async def start_all(pool: Connections, server: RawServer, release: Release) -> list[asyncio.Task[Response]]:
    """Five requests at limit two: two have a connection."""
    tasks = [asyncio.create_task(pool.exchange(REQUEST, release)) for _ in range(5)]
    await until(lambda: server.connections == 2)
    await asyncio.sleep(0.02)
    return tasks


def test_closing_ends_everybodys_wait_and_opens_nothing(run: Run) -> None:
    """Those on the wire are lost, those that wait are known not written, and nobody is connected any more."""

    async def hang(_: bytes, __: asyncio.StreamWriter) -> None:
        await asyncio.sleep(10)

    async def main() -> None:
        async with raw_server(hang) as server:
            async with pool_to(server.url, limit=2) as pool:
                tasks = await start_all(pool, server, at_once)
            async with asyncio.timeout(3):
                told = await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0.02)
            assert sorted(type(each).__name__ for each in told) == ["Lost"] * 2 + ["NotWritten"] * 3
            assert (server.connections, len(server.requests)) == (2, 2)
            with pytest.raises(NotWritten):
                await pool.exchange(REQUEST, at_once)

    run(main())


def test_after_closing_a_late_release_writes_nothing(run: Run) -> None:
    """A request whose release returns when the pool is closed is known not written, and its connection is closed."""

    async def main() -> None:
        goes = asyncio.Event()

        async def release() -> None:
            await goes.wait()

        async with raw_server(accept) as server:
            async with pool_to(server.url, limit=2) as pool:
                tasks = await start_all(pool, server, release)
            goes.set()
            async with asyncio.timeout(3):
                told = await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0.02)
            assert [type(each).__name__ for each in told] == ["NotWritten"] * 5
            assert server.requests == []

    run(main())


def test_closing_while_connections_are_being_opened(run: Run) -> None:
    """Handshakes that are under way are dropped, sockets and all."""
    connections = closed = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections, closed
        connections += 1
        with contextlib.suppress(ConnectionError):
            await silent(reader, writer)
        closed += 1

    async def main() -> None:
        async with listening(serve) as address:
            async with pool_to(f"https://{address}", limit=3, tls=no_trust()) as pool:
                tasks = [asyncio.create_task(pool.exchange(REQUEST, at_once)) for _ in range(5)]
                await until(lambda: connections == 3)
            await until(lambda: closed == 3)
            async with asyncio.timeout(3):
                told = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(each).__name__ for each in told] == ["NotWritten"] * 5

    run(main())
