"""Requests that are completed for each message, against those that the SDK prepares and signs one by one."""

import asyncio
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.serialize import create_serializer
from hypothesis import given, settings
from hypothesis import strategies as st

from bulksend.base.clock import SystemClock
from bulksend.base.records import Claim
from bulksend.send.client import SERVICE, Access, Keys, PreparedRequest, ServiceClient
from bulksend.send.prepared import Bodies, CannotPrepare, Requests, row_context, row_members
from bulksend.send.signing import Scope
from tests.support.fakes import make_claim
from tests.support.signed import authorization_of_the_sdk, headers_of

KEYS = Keys("AKIDEXAMPLE", "made-up", None)
SCOPE = Scope("us-east-1", "sms-voice")

anything = st.text(st.characters(), min_size=1, max_size=80)  # lone surrogates too
name = st.text("abcdefghijklmnopqrstuvwxyz_-:", min_size=1, max_size=20)
members = st.fixed_dictionaries(
    {},
    optional={
        "MessageType": st.sampled_from(["TRANSACTIONAL", "PROMOTIONAL"]),
        "Keyword": anything,
        "ConfigurationSetName": anything,
        "MaxPrice": st.decimals(0, 10, places=2).map(str).filter(lambda price: len(price) > 1),
        "TimeToLive": st.integers(5, 259200),
        "DestinationCountryParameters": st.dictionaries(
            st.sampled_from(["IN_TEMPLATE_ID", "IN_ENTITY_ID"]), anything, max_size=2
        ),
        "DryRun": st.booleans(),
        "ProtectConfigurationId": anything,
        "MessageFeedbackEnabled": st.booleans(),
    },
)
context = st.dictionaries(name, anything, max_size=4)
claims = st.builds(
    Claim,
    row=st.integers(1, 10**9),
    attempt=st.integers(1, 99),
    destination=st.from_regex(r"\+[1-9]\d{6,14}", fullmatch=True),
    country=st.none(),
    identity=anything,
    bucket=st.just("b"),
    text=anything,
    parts=st.just(1),
)


@cache
def service_model() -> ServiceModel:
    """What the SDK knows of the service."""
    return ServiceModel(Loader().load_service_model(SERVICE, "service-2"), SERVICE)


def body_of_the_sdk(
    claim: Claim, members: Mapping[str, object], context: Mapping[str, str], time_to_live: int | None = None
) -> bytes:
    """The body that the SDK's own serializer writes."""
    pairs = {**context, "bulksend_row": row_context(claim)}
    wanted: dict[str, Any] = {**members, **row_members(claim, time_to_live=time_to_live), "Context": pairs}
    serializer = create_serializer("json", include_validation=True)
    written = serializer.serialize_to_request(wanted, service_model().operation_model("SendTextMessage"))
    body: bytes = written["body"]
    return body


def saying(text: str) -> Claim:
    """A claim of a message with that text."""
    return Claim(1, 1, "+14255550001", "US", "+18885550100", "b", text, 1)


@given(members=members, context=context, rows=st.lists(claims, min_size=1, max_size=4))
def test_bodies_are_the_sdks_byte_for_byte(
    members: dict[str, object], context: dict[str, str], rows: list[Claim]
) -> None:
    """Whatever the campaign and the row say, quotes, control characters, emoji and lone surrogates among it."""
    bodies = Bodies(members, context)
    for claim in rows:
        assert bodies.of(claim) == body_of_the_sdk(claim, members, context)


@given(members=members, context=context, claim=claims, time_to_live=st.integers(5, 259200))
def test_a_time_to_live_of_its_own_stands_where_the_sdk_writes_it(
    members: dict[str, object], context: dict[str, str], claim: Claim, time_to_live: int
) -> None:
    """In place of the campaign's; nothing else of the body changes."""
    members.pop("TimeToLive", None)
    body = Bodies(members, context).of(claim, time_to_live=time_to_live)
    assert body == body_of_the_sdk(claim, members, context, time_to_live)
    told = json.loads(body)
    assert told.pop("TimeToLive") == time_to_live
    assert told == json.loads(Bodies(members, context).of(claim))


def test_a_body_is_ascii_whatever_the_text() -> None:
    """So nothing about a text can fail when it is written, and its length is its bytes."""
    bodies = Bodies({}, {})
    for character in ("\x00", '"', "\\", "\u2028", "\ud83d", "\udc00\ud800", "\U0010ffff"):
        body = bodies.of(saying(character))
        assert body.isascii()
        assert json.loads(body)["MessageBody"] == character


@pytest.fixture(autouse=True)
def _nobodys_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's own AWS settings plays a part."""
    for variable in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(variable, "/nonexistent")
    for variable in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@cache
def prepared(url: str = "http://127.0.0.1:9", region: str = "us-east-1") -> PreparedRequest:
    """What the SDK would write for a message to `url`; nothing is sent."""
    access = Access(
        region=region,
        endpoint_url=url,
        credentials=KEYS[:2],
        connect_timeout_s=1.0,
        read_timeout_s=1.0,
        max_connections=1,
    )

    async def main() -> PreparedRequest:
        async with ServiceClient(access, clock=SystemClock()) as client:
            return await client.prepared("send_text_message", row_members(make_claim(1)))

    return asyncio.run(main())


ENDPOINTS = [
    ("http", "127.0.0.1", "", "us-east-1"),
    ("http", "127.0.0.1:80", "/", "eu-west-2"),
    ("https", "127.0.0.1:443", "/sms", "us-gov-west-1"),
    ("https", "127.0.0.1:80", "/sms/v2/", "cn-north-1"),
    ("HTTP", "LocalHost:8080", "/~a_b-c.d", "us-east-1"),
    ("HTTPS", "LOCALHOST", "/Sms", "us-east-1"),
    ("http", "[::1]", "", "us-east-1"),
    ("https", "[::1]:9", "/v2", "ap-southeast-2"),
]


@settings(max_examples=60)
@given(
    endpoint=st.sampled_from(ENDPOINTS),
    token=st.none() | st.text("abc+/=", min_size=1, max_size=40),
    moments=st.lists(st.floats(0, 4e9), min_size=1, max_size=3),
    text=anything,
)
def test_requests_are_what_the_sdk_would_write_and_sign(
    endpoint: tuple[str, str, str, str],
    token: str | None,
    moments: list[float],
    text: str,
) -> None:
    """At any endpoint: line, target, type, agent and host are the SDK's, and its signer finds the signature right."""
    scheme, host, path, region = endpoint
    model = prepared(f"{scheme}://{host}{path}", region)
    requests = Requests(model, KEYS)
    keys = KEYS._replace(token=token)
    requests.use(keys)
    body = Bodies({}, {}).of(saying(text))
    for now_s in moments:
        request = requests.of(body, now_s=now_s)
        assert request.startswith(b"POST " + (path or "/").encode() + b" HTTP/1.1\r\n")
        assert request.endswith(b"\r\n\r\n" + body)
        headers = headers_of(request)
        for same in ("Content-Type", "X-Amz-Target", "User-Agent"):
            assert headers[same.lower()] == model.headers[same]
        assert headers["content-length"] == str(len(body))
        assert headers["authorization"] == authorization_of_the_sdk(
            request, scheme=scheme.lower(), keys=keys, scope=SCOPE._replace(region=region)
        )


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/a b",
        "http://127.0.0.1:9/a%20b",
        "http://127.0.0.1:9/a/../b",
        "http://127.0.0.1:9//",
        "http://127.0.0.1:9/x?y=1",
        "http://user:password@127.0.0.1:9/",
        "ftp://127.0.0.1:9/",
    ],
)
def test_an_endpoint_that_is_out_of_the_ordinary_is_left_to_the_sdk(url: str) -> None:
    """Paths that are signed in another spelling than they are written, queries, passwords, other schemes."""
    model = prepared(url)
    with pytest.raises(CannotPrepare):
        Requests(model, KEYS)


SIGNED = "Credential=AKIDEXAMPLE/20260101/us-east-1/sms-voice/aws4_request, SignedHeaders=host, Signature=" + "0" * 64


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"X-Amzn-Trace-Id": "Root=1"}, "x-amzn-trace-id"),
        ({"X-Of-A-Plugin": "1"}, "x-of-a-plugin"),
        ({"Content-Encoding": "gzip"}, "content-encoding"),
        ({"X-Amz-Region-Set": "*"}, "x-amz-region-set"),
        ({"Authorization": f"AWS4-ECDSA-P256-SHA256 {SIGNED}"}, "in the usual way"),
        ({"Authorization": "Bearer token"}, "in the usual way"),
        ({"Authorization": ""}, "in the usual way"),
        ({"Authorization": f"AWS4-HMAC-SHA256 {SIGNED}"}, "in another way"),
        ({"Content-Type": "application/x-amz-json-1.1"}, "in another way"),
        ({"X-Amz-Security-Token": "another"}, None),
    ],
)
def test_a_request_that_the_sdk_makes_in_another_way_is_left_to_it(headers: dict[str, str], why: str | None) -> None:
    """A header that nobody knows, another kind of signature, or a signature that is not ours to come to.

    A token in the SDK's request is of the credentials, and those are given: without one they sign without one.
    """
    model = prepared()
    changed = model._replace(headers={**model.headers, **headers})
    if why is None:
        assert b"another" not in Requests(changed, KEYS).of(b"{}", now_s=0.0)
        return
    with pytest.raises(CannotPrepare, match=why):
        Requests(changed, KEYS)


def test_other_keys_than_the_sdk_signed_with_are_noticed() -> None:
    """Credentials that were renewed between two looks at them do not pass for an unusual signer's."""
    model = prepared()
    for keys in (Keys("AKIDEXAMPLE", "other", None), Keys("OTHER", "made-up", None), KEYS._replace(token="token")):
        with pytest.raises(CannotPrepare, match="in another way"):
            Requests(model, keys)


def test_only_a_post_can_be_completed() -> None:
    """Another method is another kind of request."""
    with pytest.raises(CannotPrepare):
        Requests(prepared()._replace(method="PUT"), KEYS)
