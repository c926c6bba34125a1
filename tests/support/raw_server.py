"""A server that does with a connection exactly what a test says, byte by byte."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


def answer(status: int, body: bytes) -> bytes:
    """An HTTP answer in the service's content type."""
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def accepted(message_id: str = "id-1") -> bytes:
    """What the service answers to a message it took."""
    return answer(200, f'{{"MessageId":"{message_id}"}}'.encode())


@dataclass
class RawServer:
    """Where it listens and what it has seen."""

    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    first_bytes: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


Behaviour = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(behave: Behaviour) -> AsyncIterator[RawServer]:
    """Listen on loopback; `behave` gets each whole request and the writer to answer with, or not."""
    seen = RawServer()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        seen.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                seen.first_bytes.set()
                length = next(
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                )
                request = head + await reader.readexactly(length)
                seen.requests.append(request)
                await behave(request, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
