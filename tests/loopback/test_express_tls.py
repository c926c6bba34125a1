"""Certificates: the express line trusts whom the SDK trusts, and tells the same of whom it does not."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bulksend.base.records import Outcome
from tests.support.authority import Authority
from tests.support.both_ways import EXPRESS, EXPRESS_UVLOOP, SDK, WAYS, Way, at_once, gateway, gist
from tests.support.fakes import make_claim
from tests.support.raw_server import accepted


@pytest.fixture(scope="module", name="authority")
def _authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "ours")


@pytest.fixture(autouse=True, name="config")
def _config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The SDK's config file; nothing of the machine's own settings plays a part."""
    for variable in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "https_proxy", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    config = tmp_path / "config"
    config.write_text("")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    return config


@contextlib.asynccontextmanager
async def served(
    context: ssl.SSLContext | None, seen: list[bytes], answer: bytes = accepted("by-tls"), *, then: str = ""
) -> AsyncIterator[int]:
    """A server on loopback that answers; its port. `context` None: it speaks no TLS."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            if context is None:
                await reader.read(65536)
                writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            while context is not None:
                seen.append(await reader.readuntil(b"\r\n\r\n"))
                await reader.readuntil(b"}}")
                writer.write(answer)
                if then == "close":
                    writer.close()
                elif then == "reset":
                    await writer.drain()
                    await asyncio.sleep(0.02)
                    writer.transport.abort()
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    # What the other side thinks of our certificate is its affair.
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.02)


def send(
    way: Way,
    context: ssl.SSLContext | None,
    *,
    host: str = "127.0.0.1",
    scheme: str = "https",
    answer: bytes = accepted("by-tls"),
    then: str = "",
    messages: int = 1,
) -> tuple[list[Outcome], list[bytes], int]:
    """What becomes of messages to such a server, what it has seen of them, and how often a release was asked for."""
    seen: list[bytes] = []
    releases = 0

    async def main() -> list[Outcome]:
        async def release() -> None:
            nonlocal releases
            releases += 1

        async with served(context, seen, answer, then=then) as port, gateway(way, f"{scheme}://{host}:{port}") as to:
            assert to.transport == way.transport
            return [await to.send(make_claim(row), release) for row in range(1, messages + 1)]

    return way.run(main()), seen, releases


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("where", ["environment", "file"])
def test_a_bundle_of_ones_own_is_trusted(
    way: Way, where: str, authority: Authority, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named by AWS_CA_BUNDLE or by `ca_bundle` of the config file: messages go through, and are answered."""
    if where == "environment":
        monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.bundle))
    else:
        config.write_text(f"[default]\nca_bundle = {authority.bundle}\n")
    outcomes, seen, _ = send(way, authority.server("127.0.0.1"), messages=2)
    assert [outcome.message_id for outcome in outcomes] == ["by-tls"] * 2
    assert len(seen) == 2


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_an_endpoint_in_capitals_is_still_spoken_to_by_tls(
    way: Way, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTPS://LocalHost is https and localhost: nothing is sent in the clear."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.bundle))
    outcomes, seen, _ = send(way, authority.server("localhost"), host="LocalHost", scheme="HTTPS")
    assert outcomes[0].message_id == "by-tls"
    assert len(seen) == 1


@pytest.mark.parametrize("way", [EXPRESS, EXPRESS_UVLOOP], ids=str)
@pytest.mark.parametrize("what", ["nobody's", "another's", "expired", "wrong host", "no TLS"])
def test_whom_the_sdk_does_not_trust_gets_nothing(
    way: Way, what: str, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known not sent, before a release is asked for, with the SDK's kind, reason and code; the server sees no byte."""
    if what != "nobody's":
        trusted = Authority(tmp_path, "another") if what == "another's" else authority
        monkeypatch.setenv("AWS_CA_BUNDLE", str(trusted.bundle))
    context = authority.server("other.example" if what == "wrong host" else "127.0.0.1", expired=what == "expired")
    ours, seen, releases = send(way, None if what == "no TLS" else context)
    theirs, *_ = send(SDK, None if what == "no TLS" else context)
    assert (seen, releases) == ([], 0)
    assert gist(ours[0]) == gist(theirs[0]) == ("not_sent", "connection_failed", "connection_failed")
    assert ours[0].error_message == theirs[0].error_message
    assert (ours[0].error_message or "").startswith("TLS: ")


@pytest.mark.parametrize("way", [EXPRESS, EXPRESS_UVLOOP], ids=str)
@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize("what", ["whole", "till the end", "cut"])
def test_what_the_end_of_a_connection_says_of_an_answer(
    way: Way, what: str, then: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole answer counts; one whose end is the connection's counts if that ends in order; one that is cut never."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.bundle))
    context = authority.server("127.0.0.1")
    body = b'{"MessageId":"by-tls"}'
    answer = {"whole": accepted("by-tls"), "till the end": b"HTTP/1.1 200 OK\r\n\r\n" + body, "cut": accepted()[:-4]}[
        what
    ]
    (ours,), seen, _ = send(way, context, answer=answer, then=then)
    (theirs,), *_ = send(SDK, context, answer=answer, then=then)
    assert len(seen) == 1
    if (what, then) == ("till the end", "reset"):
        # Whoever reads no length cannot tell: the message was taken, or nobody knows.
        assert str(ours.kind) in ("sent", "unknown")
        return
    assert gist(ours) == gist(theirs)
    assert str(ours.kind) == ("unknown" if what == "cut" else "sent")


@pytest.mark.parametrize("way", [EXPRESS, EXPRESS_UVLOOP], ids=str)
def test_a_handshake_that_does_not_end_is_a_connect_timeout(way: Way) -> None:
    """A port that accepts and says nothing: both give up within the time to connect, and nothing was sent."""

    async def main(way: Way) -> Outcome:
        gone = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.read(65536):
                pass
            writer.close()
            gone.set()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        async with server:
            url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with gateway(way, url, connect_timeout_s=0.3) as to:
                outcome = await to.send(make_claim(1), at_once)
            await gone.wait()
        return outcome

    assert gist(way.run(main(way))) == ("not_sent", "connect_timeout", "connect_timeout")
