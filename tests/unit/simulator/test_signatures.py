"""Signatures are checked against botocore's own signer, which the simulator shares no line with."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from bulksend.simulator.credentials import Credentials
from bulksend.simulator.faults import ServiceFault
from bulksend.simulator.http_request import HttpRequest
from tests.unit.simulator.helpers import http_request

SECRETS = {"AKIDEXAMPLE": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
TARGET = "PinpointSMSVoiceV2.SendTextMessage"

names = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,15}", fullmatch=True).map(lambda name: f"X-{name}")
values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)
parameters = st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=4)
segments = st.lists(st.text(st.characters(categories=("L", "N", "P")), max_size=6), max_size=4)


def signed(
    body: bytes = b"{}",
    *,
    headers: dict[str, str] | None = None,
    path: str = "/",
    query: str = "",
    method: str = "POST",
    key_id: str = "AKIDEXAMPLE",
    secret: str = SECRETS["AKIDEXAMPLE"],
    token: str | None = None,
    region: str = "us-east-1",
) -> tuple[HttpRequest, datetime]:
    """A request as it arrives that botocore has signed, and the moment at which it did."""
    url = f"http://127.0.0.1:8765{path}" + (f"?{query}" if query else "")
    request = AWSRequest(method=method, url=url, data=body, headers={"X-Amz-Target": TARGET, **(headers or {})})
    SigV4Auth(BotocoreCredentials(key_id, secret, token), "sms-voice", region).add_auth(request)
    arrived = {name.lower().encode(): value.strip().encode() for name, value in request.headers.items()}
    arrived.setdefault(b"host", b"127.0.0.1:8765")
    at = datetime.strptime(request.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return http_request(body, headers=arrived, path=path, query=query, method=method), at


def admit(request: HttpRequest, now: datetime) -> None:
    """Have the request checked by an account with one key."""
    Credentials(secrets=SECRETS, expired_after=0).admit(request, now)


def refusal(request: HttpRequest, now: datetime) -> ServiceFault:
    """The error that the request meets."""
    with pytest.raises(ServiceFault) as caught:
        admit(request, now)
    assert caught.value.http_status == 400
    return caught.value


def changed(request: HttpRequest, *, body: bytes | None = None, headers: dict[bytes, bytes | None]) -> HttpRequest:
    """The request with another body and other headers, None for one that is missing, and its old signature."""
    kept = {name: value for name, value in {**request.headers, **headers}.items() if value is not None}
    return http_request(
        request.body if body is None else body,
        headers=kept,
        path=request.path.decode(),
        query=request.query.decode(),
        method=request.method.decode(),
    )


@given(
    body=st.binary(max_size=400),
    headers=st.dictionaries(names, values, max_size=6).filter(
        lambda found: len({name.lower() for name in found}) == len(found)
    ),
    token=st.none() | st.from_regex(r"[A-Za-z0-9/+=]{1,60}", fullmatch=True),
    region=st.sampled_from(["us-east-1", "eu-west-1"]),
)
def test_what_botocore_signs_is_admitted(body: bytes, headers: dict[str, str], token: str | None, region: str) -> None:
    """Whatever body, headers, region and session token are."""
    admit(*signed(body, headers=headers, token=token, region=region))


@given(segments=segments, ends_in_slash=st.booleans(), parameters=parameters, method=st.sampled_from(["GET", "POST"]))
def test_paths_and_queries_count(
    segments: list[str], *, ends_in_slash: bool, parameters: list[tuple[str, str]], method: str
) -> None:
    """As botocore writes them into the canonical request: path encoded once more, parameters sorted."""
    path = "/" + "/".join(quote(each, safe="-_.~") for each in segments) + ("/" if ends_in_slash else "")
    query = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in parameters)
    admit(*signed(path=path, query=query, method=method))


@given(body=st.binary(max_size=100), other=st.binary(max_size=100))
def test_a_changed_body_is_refused(body: bytes, other: bytes) -> None:
    """Unless it is the same."""
    request, at = signed(body)
    if body == other:
        admit(changed(request, body=other, headers={}), at)
    else:
        fault = refusal(changed(request, body=other, headers={}), at)
        assert fault.code == "InvalidSignatureException"
        assert fault.message.startswith("The request signature we calculated does not match the signature you provided")


@pytest.mark.parametrize(
    "headers",
    [
        {b"x-amz-target": b"PinpointSMSVoiceV2.DescribePools"},
        {b"x-amz-target": None},
        {b"host": b"sms-voice.us-east-1.amazonaws.com"},
        {b"x-amz-security-token": b"another"},
        {b"x-twice": b"one,three"},
    ],
)
def test_a_changed_header_is_refused(headers: dict[bytes, bytes | None]) -> None:
    """Operation, host, session token, and any other that was signed."""
    request, at = signed(token="token", headers={"X-Twice": "one,two"})
    admit(request, at)
    assert refusal(changed(request, headers=headers), at).code == "InvalidSignatureException"


def test_a_header_that_was_not_signed_may_change() -> None:
    """Proxies add some."""
    request, at = signed()
    admit(changed(request, headers={b"user-agent": b"curl", b"via": b"1.1 proxy"}), at)


@given(secret=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40))
def test_a_wrong_secret_is_refused(secret: str) -> None:
    """Any other one."""
    request, at = signed(secret=secret)
    if secret != SECRETS["AKIDEXAMPLE"]:
        assert refusal(request, at).code == "InvalidSignatureException"


def test_a_key_that_the_account_does_not_have() -> None:
    """Unknown, whatever it was signed with."""
    fault = refusal(*signed(key_id="AKIDOTHER"))
    assert (fault.code, fault.message) == (
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )


@pytest.mark.parametrize(
    ("name", "said"), [(b"host", "'Host' or"), (b"x-amz-date", "'X-Amz-Date'"), (b"x-amz-security-token", "'X-Amz-Sec")]
)
def test_what_has_to_be_signed(name: bytes, said: str) -> None:
    """A header that the statement leaves out is named."""
    request, at = signed(token="token")
    statement = request.headers[b"authorization"].replace(name + b";", b"").replace(b";" + name, b"")
    fault = refusal(changed(request, headers={b"authorization": statement}), at)
    assert fault.code == "InvalidSignatureException"
    assert fault.message.startswith(said)
    assert fault.message.endswith(" must be a 'SignedHeader' in the AWS Authorization.")


def test_a_signature_of_another_day() -> None:
    """The day of the scope is that of the request."""
    request, at = signed()
    yesterday = f"/{at - timedelta(days=1):%Y%m%d}/".encode()
    statement = request.headers[b"authorization"].replace(f"/{at:%Y%m%d}/".encode(), yesterday)
    fault = refusal(changed(request, headers={b"authorization": statement}), at)
    assert fault.code == "InvalidSignatureException"
    assert fault.message.startswith("Date in Credential scope does not match YYYYMMDD")


def test_a_stale_date() -> None:
    """A right signature is good for five minutes, and one second later no more."""
    request, at = signed()
    admit(request, at + timedelta(minutes=5))
    fault = refusal(request, at + timedelta(minutes=5, seconds=1))
    assert fault.code == "InvalidSignatureException"
    assert fault.message.startswith("Signature expired: ")


def test_one_account_checks_every_request_anew() -> None:
    """What is kept of a client from one request to the next makes no wrong signature right, and no right one wrong."""
    credentials = Credentials(secrets={**SECRETS, "AKIDTWO": "two"}, expired_after=0)
    first, at = signed(b"1")
    second, later = signed(b"2", key_id="AKIDTWO", secret="two")
    for _ in range(2):
        credentials.admit(first, at)
        credentials.admit(second, later)
        for wrong in (
            changed(first, body=b"2", headers={}),
            changed(first, headers={b"authorization": second.headers[b"authorization"]}),
        ):
            with pytest.raises(ServiceFault, match="InvalidSignatureException"):
                credentials.admit(wrong, at)
