"""A process that sends as fast as it can and records nothing: `python -m benchmarks.clients`.

It reads a `Job` and writes a `Result`. Each client is used as its documentation suggests, with as many connections as
the job says. It sends some messages before those that are measured, so that imports, credentials and handshakes are not
in it.
"""

import asyncio
import importlib
import ssl
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

import msgspec

from benchmarks.jobs import Job, Result, identity, members
from benchmarks.texts import TEXTS, number
from benchmarks.usage import cpu_s, peak_mib

SERVICE = "pinpoint-sms-voice-v2"
HTTP_OK = 200

Send = Callable[[int], Awaitable[object]]
"""Sends the message of one row, and returns when it was accepted."""


class Stopwatch:
    """Measures from its making on."""

    def __init__(self) -> None:
        self._wall_s, self._cpu_s = time.perf_counter(), cpu_s()

    def result(self) -> Result:
        """What it took up to now."""
        return Result(wall_s=time.perf_counter() - self._wall_s, cpu_s=cpu_s() - self._cpu_s, peak_mib=peak_mib())


async def by_workers(send: Send, rows: Iterable[int], workers: int) -> None:
    """So many workers, each with one message after the other."""
    left = iter(rows)

    async def work() -> None:
        for row in left:
            await send(row)

    await asyncio.gather(*(work() for _ in range(workers)))


async def by_gather(send: Send, rows: Iterable[int], workers: int) -> None:
    """A task for every message at once, and a semaphore that so many get through."""
    semaphore = asyncio.Semaphore(workers)

    async def one(row: int) -> None:
        async with semaphore:
            await send(row)

    await asyncio.gather(*(one(row) for row in rows))


async def measured(send: Send, job: Job, how: Callable[[Send, Iterable[int], int], Awaitable[None]]) -> Result:
    """Some messages, then those that count."""
    await by_workers(send, range(job.first), job.connections)
    watch = Stopwatch()
    await how(send, range(job.first, job.first + job.messages), job.connections)
    return watch.result()


async def aiobotocore(job: Job, stack: AsyncExitStack, **settings: Any) -> Send:
    """One client of aiobotocore; credentials and region from the environment."""
    from aiobotocore.config import AioConfig
    from aiobotocore.session import get_session

    config = AioConfig(max_pool_connections=job.connections, **settings)
    client = await stack.enter_async_context(
        get_session().create_client(SERVICE, endpoint_url=job.url, config=config)  # type: ignore[call-overload, unused-ignore]
    )

    async def send(row: int) -> None:
        await client.send_text_message(**members(row))

    return send


async def aiobotocore_httpx(job: Job, stack: AsyncExitStack) -> Send:
    """The same over httpx instead of aiohttp."""
    session = importlib.import_module("aiobotocore.httpxsession")
    return await aiobotocore(job, stack, http_session_cls=session.HttpxSession)


async def capo(job: Job, stack: AsyncExitStack, *, rust: bool = False) -> Send:
    """The typed SDK capo, on its own HTTP client, or on one that is written in Rust."""
    package, zapros = importlib.import_module("capo_pinpoint_sms_voice_v2"), importlib.import_module("zapros")
    if rust:
        builder = importlib.import_module("pyreqwest.client").ClientBuilder()
        if job.authority:
            with open(job.authority, "rb") as file:  # noqa: ASYNC230, PTH123 - nothing else runs yet
                builder = builder.add_root_certificate_pem(file.read())
        handler = zapros.AsyncPyreqwestHandler(builder)
    else:
        pool = {"max_connections_per_host": job.connections, "max_idle_connections_per_host": job.connections}
        handler = zapros.AsyncStdNetworkHandler(http1=pool)
    client = await stack.enter_async_context(package.AsyncPinpointSMSVoiceV2Client(handler, endpoint=job.url))

    async def send(row: int) -> None:
        context = members(row)["Context"]
        await client.send_text_message(
            number(row), origination_identity=identity(row), message_body=TEXTS[1], context=context
        )

    return send


async def capo_rust(job: Job, stack: AsyncExitStack) -> Send:
    """Capo on pyreqwest."""
    return await capo(job, stack, rust=True)


def boto3_threads(job: Job) -> Result:
    """One client of boto3, used from as many threads as it has connections."""
    import boto3
    from botocore.config import Config

    client = boto3.client(SERVICE, endpoint_url=job.url, config=Config(max_pool_connections=job.connections))

    def send(rows: Iterable[int]) -> None:
        left, lock = iter(rows), threading.Lock()

        def work() -> None:
            while True:
                with lock:
                    row = next(left, None)
                if row is None:
                    return
                client.send_text_message(**members(row))

        for each in [pool.submit(work) for _ in range(job.connections)]:
            each.result()

    with ThreadPoolExecutor(job.connections) as pool:
        send(range(job.first))
        watch = Stopwatch()
        send(range(job.first, job.first + job.messages))
        return watch.result()


async def floor(job: Job) -> Result:
    """No SDK: a signed request out, a status in, by a bare protocol."""
    from benchmarks.signed import SignedRequests
    from benchmarks.wire import Wire

    address = urlsplit(job.url)
    tls = ssl.create_default_context(cafile=job.authority) if job.authority else None
    wire = Wire(address.hostname or "", address.port or 0, connections=job.connections, tls=tls)
    await wire.open()
    requests = SignedRequests(address.netloc)

    async def send(rows: range) -> None:
        left, unanswered = iter(rows), len(rows)
        done = asyncio.get_running_loop().create_future()

        def one() -> None:
            if (row := next(left, None)) is not None:
                wire.send(requests.request(row, time.time()), released, answered)

        def answered(status: int) -> None:
            nonlocal unanswered
            unanswered -= 1
            if status != HTTP_OK:
                done.set_exception(OSError(f"the endpoint answered {status}"))
            elif not unanswered:
                done.set_result(None)
            else:
                one()

        for _ in range(job.connections):
            one()
        await done

    def released(_at: float) -> None:
        pass

    await send(range(job.first))
    watch = Stopwatch()
    await send(range(job.first, job.first + job.messages))
    result = watch.result()
    wire.close()
    return result


async def _sdk(client: Callable[[Job, AsyncExitStack], Awaitable[Send]], job: Job, *, gather: bool = False) -> Result:
    async with AsyncExitStack() as stack:
        return await measured(await client(job, stack), job, by_gather if gather else by_workers)


CLIENTS: dict[str, tuple[Callable[[Job], Awaitable[Result]], bool]] = {
    "floor": (floor, True),
    "aiobotocore": (lambda job: _sdk(aiobotocore, job), False),
    "aiobotocore-uvloop": (lambda job: _sdk(aiobotocore, job), True),
    "aiobotocore-gather": (lambda job: _sdk(aiobotocore, job, gather=True), True),
    "aiobotocore-httpx": (lambda job: _sdk(aiobotocore_httpx, job), True),
    "capo": (lambda job: _sdk(capo, job), True),
    "capo-rust": (lambda job: _sdk(capo_rust, job), True),
}
"""Contender -> how it sends, and whether on uvloop."""

BOTO3 = "boto3"


def main() -> None:
    """Read the job from standard input, print the result."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    if job.packages:
        sys.path.append(job.packages)  # last, so that what both have is this environment's
    if job.contender == BOTO3:
        result = boto3_threads(job)
    else:
        import uvloop

        how, on_uvloop = CLIENTS[job.contender]
        with asyncio.Runner(loop_factory=uvloop.new_event_loop if on_uvloop else None) as runner:
            result = runner.run(how(job))  # type: ignore[arg-type]
    sys.stdout.buffer.write(msgspec.json.encode(result))


if __name__ == "__main__":
    main()
