"""The express line and the SDK, side by side: whatever the service answers, they say the same of the message."""

import asyncio
import contextlib
import gzip
import json
import re
from collections import Counter
from collections.abc import Coroutine, Sequence
from functools import cache

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from hypothesis import given, settings
from hypothesis import strategies as st

from bulksend.base.records import Outcome, OutcomeKind
from bulksend.send.aws import AwsGateway
from bulksend.send.client import SERVICE
from tests.support.both_ways import EXPRESS, EXPRESS_UVLOOP, SDK, Way, at_once, gateway, gist
from tests.support.fakes import make_claim
from tests.support.raw_server import RawServer, accepted, answer, raw_server

CLOSE, RESET, SILENCE = "close", "reset", "silence"
READ_TIMEOUT_S = 1.5

Answer = Sequence[bytes | float | str]
"""What a server does with a request: bytes are written, numbers are seconds of silence, words end the connection."""

TAKEN = b'{"MessageId":"id-1"}'
THROTTLED = b'{"__type":"ThrottlingException","Message":"slow"}'
HTML = b"<html><body>503 Service Unavailable</body></html>"


def raw(status: str, *headers: str, body: bytes = b"", version: str = "1.1") -> bytes:
    """An answer with these headers and no other."""
    return "\r\n".join([f"HTTP/{version} {status}", *headers, "", ""]).encode() + body


def chunked(body: bytes, size: int = 7) -> bytes:
    """A body in chunks (RFC 9112, 7.1), with a trailer."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x;e=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nX-Trailer: 1\r\n\r\n"


def length(body: bytes) -> str:
    """The header that tells it."""
    return f"Content-Length: {len(body)}"


WIRE: dict[str, tuple[Answer, str]] = {
    "accepted": ([accepted()], "sent"),
    "accepted, dripping": ([accepted()[:9], 0.1, accepted()[9:60], 0.1, accepted()[60:]], "sent"),
    "accepted, 202": ([answer(202, TAKEN)], "sent"),
    "accepted, announced": ([raw("100 Continue"), raw("103 Early Hints", "Link: x"), accepted()], "sent"),
    "accepted, in chunks": ([raw("200 OK", "Transfer-Encoding: chunked", body=chunked(TAKEN))], "sent"),
    "accepted, till the end": ([raw("200 OK", body=TAKEN), CLOSE], "sent"),
    "accepted, till the end, late": ([raw("200 OK", body=TAKEN[:5]), 0.1, TAKEN[5:], CLOSE], "sent"),
    "accepted, HTTP/1.0": ([raw("200 OK", length(TAKEN), body=TAKEN, version="1.0")], "sent"),
    "accepted, HTTP/1.0 till the end": ([raw("200 OK", body=TAKEN, version="1.0"), CLOSE], "sent"),
    "accepted, connection: close": ([raw("200 OK", "Connection: close", length(TAKEN), body=TAKEN), CLOSE], "sent"),
    "accepted, an upgrade offered": (
        [raw("200 OK", "Upgrade: h2c", "Connection: Upgrade", length(TAKEN), body=TAKEN)],
        "sent",
    ),
    "accepted, then reset": ([accepted(), 0.05, RESET], "sent"),
    "accepted, no reason phrase": ([raw("200 ", length(TAKEN), body=TAKEN)], "sent"),
    "accepted, lower case, no space": ([raw("200 OK", f"content-length:{len(TAKEN)}", body=TAKEN)], "sent"),
    "accepted, html type": ([raw("200 OK", "Content-Type: text/html", length(TAKEN), body=TAKEN)], "sent"),
    "accepted, more members": ([answer(200, b'{"x":[1,{"y":null}],"MessageId":"a","z":1e99}')], "sent"),
    "accepted, twice": ([accepted("a") + accepted("b")], "sent"),
    "no message id": ([answer(200, b"{}")], "unknown"),
    "message id null": ([answer(200, b'{"MessageId":null}')], "unknown"),
    "message id a number": ([answer(200, b'{"MessageId":5}')], "unknown"),
    "message id of another case": ([answer(200, b'{"messageid":"x"}')], "unknown"),
    "an error as success": ([answer(200, THROTTLED)], "unknown"),
    "200 bad JSON": ([answer(200, b'{"MessageId":"id')], "unknown"),
    "200 HTML": ([answer(200, HTML)], "unknown"),
    "200 empty": ([answer(200, b"")], "unknown"),
    "200 too deep": ([answer(200, b'{"x":' + b"[" * 99999 + b"]" * 99999 + b',"MessageId":"a"}')], "unknown"),
    "200 half a character": ([answer(200, b'{"MessageId":"\\ud800"}')], "unknown"),
    "200 a line end in it": ([answer(200, b'{"MessageId":"a\\nb"}')], "unknown"),
    "200 a list": ([answer(200, b"[]")], "unknown"),
    "200 no UTF-8": ([answer(200, b'{"MessageId":"\xff"}')], "unknown"),
    "200 a byte order mark": ([answer(200, b"\xef\xbb\xbf" + TAKEN)], "unknown"),
    "200 gzip": (
        [raw("200 OK", "Content-Encoding: gzip", length(gzip.compress(TAKEN)), body=gzip.compress(TAKEN))],
        "unknown",
    ),
    "204": ([raw("204 No Content")], "unknown"),
    "204 and close": ([raw("204 No Content", "Connection: close"), CLOSE], "unknown"),
    "205 empty": ([raw("205 Reset", "Content-Length: 0")], "unknown"),
    "304": ([raw("304 Not Modified")], "stop"),
    **{
        f"{status} {what}": ([answer(status, body)], kind)
        for status, kind in (
            (400, "stop"), (401, "stop"), (403, "stop"), (404, "stop"), (407, "stop"), (408, "unknown"), (411, "stop"),
            (413, "stop"), (415, "stop"), (421, "stop"), (429, "throttled"), (431, "stop"), (499, "stop"),
            (500, "unknown"), (501, "unknown"), (502, "unknown"), (503, "try_again"), (504, "unknown"),
            (509, "unknown"), (599, "unknown"),
        )
        for what, body in (
            ("empty", b""), ("HTML", HTML), ("{}", b"{}"), ("text", b"upstream timeout"), ("cut", b'{"__type":"'),
        )
    },
    "400 white space behind a header": (
        [raw("400 Bad", "x-amzn-ErrorType: ThrottlingException \t", length(b"{}"), body=b"{}")],
        "throttled",
    ),
    "400 a number": ([answer(400, b"5")], "unknown"),
    "400 in chunks": ([raw("400 Bad", "Transfer-Encoding: chunked", body=chunked(THROTTLED))], "throttled"),
    "400 till the end": ([raw("400 Bad", body=THROTTLED), CLOSE], "throttled"),
    "400 no UTF-8": ([answer(400, b'{"__type":"\xff\xfe"}')], "unknown"),
    "400 gzip": (
        [raw("400 Bad", "Content-Encoding: gzip", length(gzip.compress(THROTTLED)), body=gzip.compress(THROTTLED))],
        "unknown",
    ),
    "400 in the header alone": (
        [raw("400 Bad", "x-amzn-errortype: ThrottlingException:http://x/", "Content-Length: 0")],
        "throttled",
    ),
    "400 in the header, with a name space": (
        [raw("400 Bad", "X-Amzn-ErrorType: com.x#ThrottlingException", length(b"{}"), body=b"{}")],
        "throttled",
    ),
    "400 header against body": (
        [raw("400 Bad", "x-amzn-errortype: AccessDeniedException", length(THROTTLED), body=THROTTLED)],
        "throttled",
    ),
    "400 the header twice": (
        [raw("400 Bad", "x-amzn-errortype: A", "x-amzn-errortype: ThrottlingException", "Content-Length: 0")],
        "throttled",
    ),
    "query error header": (
        [raw("400 Bad", "x-amzn-query-error: ThrottlingException;Sender", length(b"{}"), body=b"{}")],
        "throttled",
    ),
    "nothing, closed": ([CLOSE], "unknown"),
    "nothing, reset": ([RESET], "unknown"),
    "nothing at all": ([SILENCE], "unknown"),
    "nonsense": ([b"SSH-2.0-OpenSSH_9.6\r\n\r\n"], "unknown"),
    "HTTP/2": ([b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18)], "unknown"),
    "a TLS alert": ([b"\x15\x03\x01\x00\x02\x02\x46", CLOSE], "unknown"),
    "a request": ([b"POST / HTTP/1.1\r\nHost: x\r\n\r\n"], "unknown"),
    "status of two digits": ([raw("20 OK", length(TAKEN), body=TAKEN)], "unknown"),
    "half a status line": ([b"HTTP/1.1 2", CLOSE], "unknown"),
    "half a head": ([accepted()[:30], CLOSE], "unknown"),
    "half a head, reset": ([accepted()[:30], RESET], "unknown"),
    "half a head, silence": ([accepted()[:30], SILENCE], "unknown"),
    "half a body": ([accepted()[:-5], CLOSE], "unknown"),
    "half a body, reset": ([accepted()[:-5], 0.05, RESET], "unknown"),
    "half a body, silence": ([accepted()[:-5], SILENCE], "unknown"),
    "half of the chunks": ([raw("200 OK", "Transfer-Encoding: chunked", body=chunked(TAKEN)[:20]), CLOSE], "unknown"),
    "no last chunk": ([raw("200 OK", "Transfer-Encoding: chunked", body=chunked(TAKEN)[:-18]), CLOSE], "unknown"),
    "bad chunks": ([raw("200 OK", "Transfer-Encoding: chunked", body=b"zz\r\n" + TAKEN), CLOSE], "unknown"),
    "till the end, reset": ([raw("200 OK", body=TAKEN[:9]), 0.05, RESET], "unknown"),
    "till the end, silence": ([raw("200 OK", body=TAKEN), SILENCE], "unknown"),
    "two lengths": ([raw("200 OK", "Content-Length: 20", "Content-Length: 21", body=TAKEN + b" ")], "unknown"),
    "no number as length": ([raw("200 OK", "Content-Length: x", body=TAKEN)], "unknown"),
    "a negative length": ([raw("200 OK", "Content-Length: -1", body=TAKEN)], "unknown"),
    "announced, then closed": ([raw("100 Continue"), CLOSE], "unknown"),
    "too slow": ([accepted()[:20], 3.2, accepted()[20:]], "unknown"),
}  # fmt: skip
"""What the wire can do to one answer, and what becomes of the message then."""


OURS_ALONE: dict[str, tuple[Answer, str]] = {
    "301": ([raw("301 Moved", "Location: http://127.0.0.1:9/", "Content-Length: 0")], "stop"),
    "302 HTML": ([raw("302 Found", "Location: /", length(HTML), body=HTML)], "stop"),
    "307": ([raw("307 Temporary Redirect", "Location: http://127.0.0.1:9/", "Content-Length: 0")], "stop"),
    "308": ([raw("308 Permanent Redirect", "Location: /", "Content-Length: 0")], "stop"),
    "announced, then silence": ([raw("100 Continue"), SILENCE], "unknown"),
    "switched": ([raw("101 Switching Protocols", "Upgrade: h2c", "Connection: Upgrade"), CLOSE], "unknown"),
    "huge head": ([raw("200 OK", "X-Huge: " + "x" * 100_000, length(TAKEN), body=TAKEN)], "sent"),
    "a head without end": ([raw("200 OK", "X-Huge: " + "x" * 2_000_000, length(TAKEN), body=TAKEN)], "unknown"),
    "a body without end": (
        [raw("400 X", length(THROTTLED + b" " * 2_000_000), body=THROTTLED + b" " * 2_000_000)],
        "unknown",
    ),
}
"""Where the express line says more than the SDK, or another thing: redirections, which aiohttp would follow (the gate
forbids it, so nobody knows), silence after an announcement, which it waits out for ever, and what has no end."""


@cache
def service_model() -> ServiceModel:
    """What the SDK knows of the service."""
    return ServiceModel(Loader().load_service_model(SERVICE, "service-2"), SERVICE)


def refusals() -> dict[str, Answer]:
    """Every exception of the operation in every spelling, with each of its reasons, and some that are not of it."""
    operation = service_model().operation_model("SendTextMessage")
    found: dict[str, Answer] = {}
    others = ["ExpiredTokenException", "InvalidSignatureException", "RequestLimitExceeded", "SlowDown", "Whatever"]
    for name in [*(shape.name for shape in operation.error_shapes), *others]:
        status = 500 if name == "InternalServerException" else 400
        for what, body in {
            "plain": {"__type": name, "Message": "m"},
            "name space": {"__type": f"com.amazonaws.pinpointsmsvoicev2#{name}", "message": "m"},
            "code": {"code": name},
            "fields": {
                "__type": name,
                "Fields": [{"Name": "MessageBody", "Message": "m"}],
                "Reason": "INVALID_PARAMETER",
            },
            "bad fields": {"__type": name, "Fields": "x", "Reason": 5, "ResourceType": []},
            "null": {"__type": name, "Fields": None, "Reason": None, "ResourceType": None, "Message": None},
            "half a character": {"__type": name, "Message": "\ud83d", "Reason": "\ud83d"},
            "resource": {"__type": name, "ResourceType": "pool", "ResourceId": "x"},
        }.items():
            found[f"{name} {what}"] = [answer(status, json.dumps(body).encode())]
        found[f"{name} header"] = [raw(f"{status} X", f"x-amzn-ErrorType: {name}:http://x/", "Content-Length: 0")]
        found[f"{name} 503"] = [answer(503, json.dumps({"__type": name}).encode())]
    for shape in operation.error_shapes:
        for reason in getattr(shape.members.get("Reason"), "enum", ()):
            told = json.dumps({"__type": shape.name, "Message": "m", "Reason": reason}).encode()
            found[f"{shape.name} {reason}"] = [answer(400, told)]
        for resource in getattr(shape.members.get("ResourceType"), "enum", ()):
            told = json.dumps({"__type": shape.name, "ResourceType": resource}).encode()
            found[f"{shape.name} {resource}"] = [answer(400, told)]
    return found


async def play(steps: Answer, writer: asyncio.StreamWriter) -> None:
    """Do with the connection what `steps` say."""
    for step in steps:
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
        elif isinstance(step, float):
            await asyncio.sleep(step)
        elif step == SILENCE:
            await asyncio.sleep(60)
        elif step == RESET:
            writer.transport.abort()
        else:
            writer.close()


TABLES = {"wire": WIRE, "ours alone": OURS_ALONE}

_ROW = re.compile(rb'"bulksend_row": "(\d+)\.')


async def within_reason(sending: Coroutine[object, object, Outcome]) -> Outcome:
    """Its outcome, or, when it has none long after every timeout, one that no test expects."""
    try:
        return await asyncio.wait_for(sending, 6)
    except TimeoutError:
        return Outcome(OutcomeKind.NOT_SENT, "hangs")


@cache
def outcomes(way: Way, table: str) -> dict[str, tuple[Outcome, int]]:
    """What becomes of a message in each of the cases, and how many requests the server has seen of it."""
    cases = refusals() if table == "refusals" else {name: steps for name, (steps, _) in TABLES[table].items()}
    names = list(cases)
    ready = 0
    all_ready = asyncio.Event()

    async def behave(request: bytes, writer: asyncio.StreamWriter) -> None:
        found = _ROW.search(request)
        assert found is not None
        await play(cases[names[int(found[1])]], writer)

    async def together() -> None:
        """Every message has its own connection before the first goes out: none meets what another has left."""
        nonlocal ready
        ready += 1
        if ready == len(names):
            all_ready.set()
        await all_ready.wait()

    async def main() -> dict[str, tuple[Outcome, int]]:
        async with raw_server(behave) as server, to_all(way, server, len(names), table) as to:
            assert to.transport == way.transport
            release = at_once if table == "refusals" else together
            ends = await asyncio.gather(
                *(within_reason(to.send(make_claim(row), release)) for row in range(len(names)))
            )
            seen = Counter(int(found[1]) for request in server.requests if (found := _ROW.search(request)))
            return {name: (ends[row], seen[row]) for row, name in enumerate(names)}

    return way.run(main())


def to_all(way: Way, server: RawServer, cases: int, table: str) -> AwsGateway:
    """A gateway that has a connection for each case of the wire; refusals leave theirs as they were."""
    if table == "refusals":
        return gateway(way, server.url, read_timeout_s=20.0)
    return gateway(way, server.url, read_timeout_s=READ_TIMEOUT_S, connect_timeout_s=10.0, max_connections=cases)


@pytest.mark.parametrize("way", [EXPRESS, EXPRESS_UVLOOP], ids=str)
@pytest.mark.parametrize("name", WIRE)
def test_whatever_the_wire_does_both_say_the_same(name: str, way: Way) -> None:
    """Kind, reason and code of the outcome are the SDK's, after exactly one request, and what the table says."""
    (ours, requests), (theirs, _) = outcomes(way, "wire")[name], outcomes(SDK, "wire")[name]
    assert requests == 1
    assert str(ours.kind) == WIRE[name][1]
    assert gist(ours) == gist(theirs)
    assert ours.message_id == theirs.message_id


@pytest.mark.parametrize("way", [EXPRESS, EXPRESS_UVLOOP], ids=str)
@pytest.mark.parametrize("name", OURS_ALONE)
def test_where_the_sdk_is_no_measure(name: str, way: Way) -> None:
    """One request, no exception, and what the table says."""
    outcome, requests = outcomes(way, "ours alone")[name]
    assert (str(outcome.kind), requests) == (OURS_ALONE[name][1], 1)


@pytest.mark.parametrize("name", refusals())
def test_every_refusal_is_the_same_whoever_reads_it(name: str) -> None:
    """Every exception of the operation in every spelling, with every reason: outcomes are equal in all they say."""
    ours, theirs = outcomes(EXPRESS, "refusals")[name], outcomes(SDK, "refusals")[name]
    assert ours == theirs
    assert ours[1] == 1
    assert str(ours[0].kind) != "sent"


json_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = ["ThrottlingException", "ValidationException", "ConflictException", "InternalServerException", "X#Y:Z", ""]
error = st.fixed_dictionaries(
    {},
    optional={
        "__type": st.sampled_from(NAMES) | json_value,
        "code": st.sampled_from(NAMES) | json_value,
        "Code": json_value,
        "Message": json_value,
        "message": json_value,
        "Reason": st.sampled_from(["INVALID_PARAMETER", "DESTINATION_PHONE_NUMBER_OPTED_OUT"]) | json_value,
        "Fields": st.lists(st.fixed_dictionaries({}, optional={"Name": json_value}), max_size=2) | json_value,
        "ResourceType": st.sampled_from(["pool", "account"]) | json_value,
        "MessageId": json_value,
    },
)
body = error.map(json.dumps).map(str.encode) | json_value.map(json.dumps).map(str.encode) | st.binary(max_size=30)
header = st.sampled_from(["x-amzn-errortype", "x-amzn-query-error", "x-amzn-requestid", "date", "content-type"])
headers = st.dictionaries(header, st.sampled_from(NAMES) | st.text("abc;:#,/ 019", max_size=12), max_size=3)


class Mirror:
    """A server that answers what the test of the moment says."""

    def __init__(self) -> None:
        self.answer = b""

    async def __call__(self, _: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(self.answer)


def test_any_answer_at_all_is_the_same_to_both() -> None:
    """Any status, any JSON or none, any headers of errors: same kind, reason, code and message id on both ways."""
    mirror = Mirror()
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()

        async def open_all() -> tuple[AwsGateway, AwsGateway]:
            server = await stack.enter_async_context(raw_server(mirror))
            line = await stack.enter_async_context(gateway(EXPRESS, server.url))
            return line, await stack.enter_async_context(gateway(SDK, server.url))

        line, sdk = runner.run(open_all())

        @settings(max_examples=150)
        @given(status=st.sampled_from([200, 201, 301, 400, 403, 404, 429, 500, 503]), body=body, headers=headers)
        def same(status: int, body: bytes, headers: dict[str, str]) -> None:
            lines = [f"{name}: {value}" for name, value in headers.items()]
            mirror.answer = raw(f"{status} X", *lines, length(body), body=body)
            ours = runner.run(line.send(make_claim(1), at_once))
            theirs = runner.run(sdk.send(make_claim(1), at_once))
            assert gist(ours) == gist(theirs)
            assert ours.message_id == theirs.message_id

        try:
            same()
        finally:
            runner.run(stack.aclose())
