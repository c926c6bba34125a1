"""What the machine's AWS settings say holds on the express line too; what it cannot honour it says, and leaves it."""

import asyncio
import contextlib
import json
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bulksend.base.clock import SystemClock
from bulksend.base.errors import UsageError
from bulksend.base.records import Outcome
from bulksend.send.client import Access, PreparedRequest, ServiceClient
from bulksend.send.prepared import Requests, row_members
from tests.support.both_ways import EXPRESS, EXPRESS_UVLOOP, SDK, WAYS, Way, at_once, gateway, gist
from tests.support.fakes import make_claim
from tests.support.raw_server import accepted, answer, raw_server
from tests.support.signed import headers_of

SETTINGS = """
    AWS_PROFILE AWS_REGION AWS_DEFAULT_REGION AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_CA_BUNDLE
    AWS_ENDPOINT_URL AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2 AWS_USE_FIPS_ENDPOINT AWS_USE_DUALSTACK_ENDPOINT
    AWS_LAMBDA_FUNCTION_NAME _X_AMZN_TRACE_ID HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy
    all_proxy no_proxy
"""


@pytest.fixture(autouse=True, name="config")
def _config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The SDK's config file; nothing of the machine's own settings plays a part."""
    for variable in SETTINGS.split():
        monkeypatch.delenv(variable, raising=False)
    config = tmp_path / "config"
    config.write_text("")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return config


async def accept(_: bytes, writer: asyncio.StreamWriter) -> None:
    """A server that takes every message."""
    writer.write(accepted())


class HandClock(SystemClock):
    """The machine's calendar, and seconds that pass when the test says so."""

    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


class Process:
    """Credentials of a process that expire soon: the SDK asks for them again at each look."""

    def __init__(self, folder: Path, config: Path) -> None:
        self._told = folder / "told.json"
        script = folder / "credentials.sh"
        script.write_text(f'#!/bin/sh\nexec cat "{self._told}"\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        config.write_text(f"[default]\ncredential_process = {script}\n")

    def say(self, key: str, *, token: str | None = "token", in_s: float = 300.0) -> None:
        """From now on the process tells these."""
        expires = (datetime.now(UTC) + timedelta(seconds=in_s)).isoformat()
        keys = {"Version": 1, "AccessKeyId": key, "SecretAccessKey": "made-up", "Expiration": expires}
        self._told.write_text(json.dumps(keys | ({"SessionToken": token} if token else {})))

    def fail(self) -> None:
        """From now on it fails."""
        self._told.unlink()


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_renewed_credentials_are_used_within_a_second(way: Way, tmp_path: Path, config: Path) -> None:
    """The SDK renews what is about to expire; a second later at most messages are signed with that, token and all."""
    process = Process(tmp_path, config)
    process.say("FIRST", token="one")
    clock = HandClock()

    async def main() -> list[dict[str, str]]:
        async with (
            raw_server(accept) as server,
            gateway(way, server.url, credentials=None, clock=clock) as to,
        ):
            for key, token in (("FIRST", "one"), ("SECOND", "two"), ("THIRD", None)):
                process.say(key, token=token)
                clock.seconds += 1.0
                await to.send(make_claim(1), at_once)
            assert to.transport == way.transport
            return [headers_of(request) for request in server.requests]

    seen = way.run(main())
    assert ["Credential=FIRST/" in seen[0]["authorization"], "Credential=SECOND/" in seen[1]["authorization"]] == [
        True
    ] * 2
    assert "Credential=THIRD/" in seen[2]["authorization"]
    assert [headers.get("x-amz-security-token") for headers in seen] == ["one", "two", None]


@pytest.mark.parametrize("way", [EXPRESS, EXPRESS_UVLOOP], ids=str)
@pytest.mark.parametrize(("trouble", "kind"), [("fails", "stop"), ("expired", "not_sent")])
def test_a_renewal_that_fails_is_known_not_sent(
    way: Way, trouble: str, kind: str, tmp_path: Path, config: Path
) -> None:
    """The process fails, or tells what has expired already: the SDK's outcome, no release, no byte; then it works."""
    process = Process(tmp_path, config)

    async def main(way: Way) -> Outcome:
        process.say("FIRST")
        clock = HandClock()

        async def never() -> None:
            raise AssertionError("there is nothing to sign with")

        async with raw_server(accept) as server, gateway(way, server.url, credentials=None, clock=clock) as to:
            await to.send(make_claim(1), at_once)
            if trouble == "fails":
                process.fail()
            else:
                process.say("SECOND", in_s=-5.0)
            clock.seconds += 1.0
            outcome = await to.send(make_claim(2), never)
            assert len(server.requests) == 1
            process.say("THIRD")
            assert (await to.send(make_claim(3), at_once)).message_id == "id-1"
            assert b"Credential=THIRD/" in server.requests[1]
            return outcome

    ours = way.run(main(way))
    assert ours == SDK.run(main(SDK))
    assert str(ours.kind) == kind


@pytest.mark.parametrize("way", [EXPRESS, EXPRESS_UVLOOP], ids=str)
def test_many_messages_at_the_moment_of_a_renewal(way: Way, tmp_path: Path, config: Path) -> None:
    """Rejected all at once with the old credentials: each is told to try again, and each goes out with the new."""
    process = Process(tmp_path, config)
    process.say("OLD")

    async def behave(request: bytes, writer: asyncio.StreamWriter) -> None:
        expired = answer(400, b'{"__type":"ExpiredTokenException","message":"expired"}')
        writer.write(expired if b"Credential=OLD/" in request else accepted())

    async def main() -> None:
        async with (
            raw_server(behave) as server,
            gateway(way, server.url, credentials=None, clock=HandClock(), max_connections=20) as to,
        ):
            process.say("NEW")
            told = await asyncio.gather(*(to.send(make_claim(row), at_once) for row in range(20)))
            assert {str(outcome.kind) for outcome in told} == {"try_again"}
            told = await asyncio.gather(*(to.send(make_claim(row), at_once) for row in range(20)))
            assert {str(outcome.kind) for outcome in told} == {"sent"}
            assert len(server.requests) == 40

    way.run(main())


@contextlib.asynccontextmanager
async def open_gateway(way: Way, url: str) -> AsyncIterator[tuple[str, list[str]]]:
    """The transport that was chosen, and the reasons of falling back that were told; nothing is sent."""
    with capture_logs() as logs:
        async with gateway(way, url) as to:
            yield to.transport, [line["reason"] for line in logs if line["event"] == "gateway.fell_back"]


@pytest.mark.parametrize(
    ("proxies", "transport"),
    [
        ({"HTTP_PROXY": "P"}, "sdk"),
        ({"http_proxy": "P"}, "sdk"),
        ({"HTTP_PROXY": "P", "NO_PROXY": "127.0.0.1"}, "express"),
        ({"HTTP_PROXY": "P", "NO_PROXY": "other.example"}, "sdk"),
        ({"HTTP_PROXY": "P", "NO_PROXY": "*"}, "express"),
        ({"HTTPS_PROXY": "P"}, "express"),
        ({"ALL_PROXY": "P"}, "express"),
    ],
    ids=str,
)
def test_messages_take_the_proxy_that_the_sdk_takes(
    proxies: dict[str, str], transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one for the endpoint it is the SDK that sends, and says so; what the SDK ignores (ALL_PROXY) is ignored."""

    async def main() -> tuple[int, int, bytes]:
        async with raw_server(accept) as endpoint, raw_server(accept) as proxy:
            for name, value in proxies.items():
                monkeypatch.setenv(name, proxy.url if value == "P" else value)
            with capture_logs() as logs:
                async with gateway(EXPRESS, endpoint.url) as to:
                    assert to.transport == transport
                    assert (await to.send(make_claim(1), at_once)).message_id == "id-1"
            reasons = [line["reason"] for line in logs if line["event"] == "gateway.fell_back"]
            assert reasons == (["a proxy is set for the endpoint"] if transport == "sdk" else [])
            return len(endpoint.requests), len(proxy.requests), (endpoint.requests + proxy.requests)[0]

    direct, through, request = EXPRESS.run(main())
    assert (direct, through) == ((0, 1) if transport == "sdk" else (1, 0))
    assert request.startswith(b"POST http://127.0.0.1:" if transport == "sdk" else b"POST / HTTP/1.1")


def test_a_proxy_for_https_is_asked_for_a_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS_PROXY and an endpoint by TLS: the proxy sees CONNECT and no message; what it refuses is not sent."""
    seen: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def main() -> Outcome:
        server = await asyncio.start_server(refuse, "127.0.0.1", 0)
        async with server:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            async with gateway(EXPRESS, "https://127.0.0.1:9") as to:
                assert to.transport == "sdk"
                return await to.send(make_claim(1), at_once)

    assert str(EXPRESS.run(main()).kind) == "not_sent"
    assert [request.split(b"\r\n")[0] for request in seen] == [b"CONNECT 127.0.0.1:9 HTTP/1.1"]


def test_a_header_that_nobody_knows_is_the_sdks_affair(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a traced AWS Lambda function the SDK adds a header: it sends, and the reason names it."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "made-up")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-2-3")

    async def main() -> bytes:
        async with raw_server(accept) as server:
            async with open_gateway(EXPRESS, server.url) as (transport, reasons):
                assert (transport, reasons) == ("sdk", ["the SDK adds the header x-amzn-trace-id"])
            async with gateway(EXPRESS, server.url) as to:
                assert (await to.send(make_claim(1), at_once)).message_id == "id-1"
            return server.requests[0]

    assert headers_of(EXPRESS.run(main()))["x-amzn-trace-id"] == "Root=1-2-3"


@pytest.mark.parametrize(
    ("path", "why"), [("/a b", "plain names"), ("/a/../b", "plain names"), ("/?x=1", "scheme, host, port and path")]
)
def test_an_endpoint_out_of_the_ordinary_is_the_sdks_affair(path: str, why: str) -> None:
    """Nothing is sent in a spelling that was not the one that was signed."""

    async def main() -> None:
        async with open_gateway(EXPRESS, f"http://127.0.0.1:9{path}") as (transport, reasons):
            assert transport == "sdk"
            assert len(reasons) == 1
            assert why in reasons[0]

    EXPRESS.run(main())


@pytest.mark.parametrize("way", [EXPRESS, SDK], ids=str)
@pytest.mark.parametrize("end", ["\n", "\r", "\r\nX-Other: header"])
@pytest.mark.parametrize("variable", ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION"])
def test_what_would_end_a_line_of_the_head_is_named_before_anything_is_sent(
    way: Way, end: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret that was read from a file with its line end stops at the start, and burns no row."""
    made_up = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "made-up", "AWS_DEFAULT_REGION": "us-east-1"}
    made_up[variable] = made_up.get(variable, "token") + end
    for name, value in made_up.items():
        monkeypatch.setenv(name, value)

    async def main() -> None:
        async with gateway(way, "http://127.0.0.1:9", region="", credentials=None):
            raise AssertionError

    with pytest.raises(UsageError, match="aws: "):
        way.run(main())


def test_renewed_credentials_cannot_add_to_the_head(tmp_path: Path, config: Path) -> None:
    """Such ones are not signed with; nothing is written."""
    process = Process(tmp_path, config)
    process.say("FIRST")
    clock = HandClock()

    async def main() -> tuple[Outcome, int]:
        async with (
            raw_server(accept) as server,
            gateway(EXPRESS, server.url, credentials=None, clock=clock) as to,
        ):
            process.say("SECOND", token="a\r\nX-Other: header")
            clock.seconds += 1.0
            return await to.send(make_claim(1), at_once), len(server.requests)

    outcome, requests = EXPRESS.run(main())
    assert (str(outcome.kind), requests) == ("not_sent", 0)


@pytest.mark.parametrize("bundle", ["missing.pem", "."])
def test_a_bundle_that_cannot_be_read_is_no_fault_of_ours(
    bundle: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said before anything is claimed, with its name."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / bundle))

    async def main() -> None:
        with pytest.raises(UsageError, match=r"the certificates in .* cannot be read"):
            await gateway(EXPRESS, "https://127.0.0.1:9").__aenter__()

    EXPRESS.run(main())


def test_members_that_the_sdk_does_not_take_are_refused_by_it() -> None:
    """What its validation rejects for the whole campaign is rejected for every row, and nothing is sent."""

    async def main() -> Outcome:
        async with (
            raw_server(accept) as server,
            gateway(EXPRESS, server.url, members={"ConfigurationSetName": ""}) as to,
        ):
            outcome = await to.send(make_claim(1), at_once)
            assert server.requests == []
            return outcome

    assert gist(EXPRESS.run(main()))[:2] == ("failed_unexpected", "not_valid_for_the_sdk")


REGULAR = {"AWS_USE_FIPS_ENDPOINT": "false"}
FIPS = {"AWS_USE_FIPS_ENDPOINT": "true"}
DUAL = {"AWS_USE_DUALSTACK_ENDPOINT": "true"}
OWN = {"AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2": "http://[::1]:77/Sms"}


@pytest.mark.parametrize(
    ("region", "environment", "host"),
    [
        ("us-east-1", REGULAR, "sms-voice.us-east-1.amazonaws.com"),
        ("us-east-1", FIPS, "sms-voice-fips.us-east-1.amazonaws.com"),
        ("eu-west-1", DUAL, "sms-voice.eu-west-1.api.aws"),
        ("us-gov-west-1", FIPS | DUAL, "sms-voice-fips.us-gov-west-1.api.aws"),
        ("cn-north-1", REGULAR, "sms-voice.cn-north-1.amazonaws.com.cn"),
        ("us-east-1", OWN, "[::1]:77"),
    ],
    ids=str,
)
def test_the_endpoint_is_the_one_that_the_sdk_finds(
    region: str, environment: dict[str, str], host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIPS, dual-stack, partitions, an endpoint of one's own: host, path and region of the SDK."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    async def prepared() -> tuple[PreparedRequest, bytes]:
        access = Access(
            region=region, credentials=("AK", "made-up"), connect_timeout_s=1.0, read_timeout_s=1.0, max_connections=1
        )
        async with ServiceClient(access, clock=SystemClock()) as client:
            model = await client.prepared("send_text_message", row_members(make_claim(1)))
            return model, Requests(model, await client.keys()).of(b"{}", now_s=0.0)

    model, request = EXPRESS.run(prepared())
    path = "/Sms" if environment is OWN else "/"
    assert model.url == f"{'http' if environment is OWN else 'https'}://{host}{path}"
    assert request.startswith(f"POST {path} HTTP/1.1\r\n".encode())
    headers = headers_of(request)
    assert headers["host"] == host
    assert f"/{region}/sms-voice/aws4_request" in headers["authorization"]

    async def opens() -> None:
        async with open_gateway(EXPRESS, "") as (transport, reasons):
            assert (transport, reasons) == ("express", [])

    EXPRESS.run(opens())


def test_an_address_of_the_sixth_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint [::1] of the environment is connected to, with its brackets in Host."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(accepted("by-v6"))
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    async def main(way: Way) -> str | None:
        try:
            server = await asyncio.start_server(serve, "::1", 0)
        except OSError:
            pytest.skip("this machine has no IPv6")
        async with server:
            port = server.sockets[0].getsockname()[1]
            monkeypatch.setenv("AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2", f"http://[::1]:{port}/sms")
            async with gateway(way) as to:
                assert to.transport == way.transport
                message_id = (await to.send(make_claim(1), at_once)).message_id
            assert headers_of(seen.pop() + b"\r\n")["host"] == f"[::1]:{port}"
            # Until the server has seen the end.
            await asyncio.sleep(0.02)
            return message_id

    assert [way.run(main(way)) for way in WAYS] == ["by-v6"] * 3
