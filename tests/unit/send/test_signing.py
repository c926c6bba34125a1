"""The signer against botocore's, which is the reference."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bulksend.send.client import Keys
from bulksend.send.signing import Scope, Signer
from tests.support.signed import authorization_of_the_sdk, headers_of

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC).timestamp()

word = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=40)
secret = st.text("ABCxyz0189+/=", min_size=1, max_size=60)
value = st.text("abcXYZ019 -_./;=", min_size=1, max_size=30).map(str.strip).filter(bool)
moment = st.one_of(
    st.floats(0, 4e9),
    st.sampled_from([MIDNIGHT + off for off in (-1.0, -0.001, 0.0, 0.001, 0.999, 1.0, 86399.999, 86400.0)]),
)
keys = st.builds(Keys, access_key=word, secret_key=secret, token=st.none() | secret)
scope = st.builds(Scope, region=word, service=word)


def written(signer: Signer, path: str, body: bytes, now_s: float) -> bytes:
    """A request as it is completed with the signer's lines."""
    return b"POST " + path.encode() + b" HTTP/1.1\r\n" + signer.head(body, now_s=now_s) + b"\r\n\r\n" + body


@given(
    keys=keys,
    scope=scope,
    path=st.lists(word, max_size=3).map(lambda words: "/" + "/".join(words)),
    target=value,
    host=word.map(str.lower),
    asked=st.lists(st.tuples(moment, st.binary(max_size=200)), min_size=1, max_size=6),
)
def test_the_sdks_signer_comes_to_the_same(
    keys: Keys, scope: Scope, path: str, target: str, host: str, asked: list[tuple[float, bytes]]
) -> None:
    """Whatever body, key, token, region and path, and however the clock goes: one signer, every signature right."""
    signer = Signer(
        scope,
        path,
        [("Content-Type", "application/x-amz-json-1.0"), ("Host", host), ("X-Amz-Target", target)],
        access_key=keys.access_key,
        secret_key=keys.secret_key,
        token=keys.token,
    )
    for now_s, body in asked:
        request = written(signer, path, body, now_s)
        headers = headers_of(request)
        assert headers["x-amz-date"] == datetime.fromtimestamp(int(now_s), UTC).strftime("%Y%m%dT%H%M%SZ")
        assert headers.get("x-amz-security-token") == keys.token
        for scheme in ("http", "https"):
            told = authorization_of_the_sdk(request, scheme=scheme, keys=keys, scope=scope)
            assert headers["authorization"] == told


@given(st.floats(MIDNIGHT - 3, MIDNIGHT + 3), st.lists(st.floats(-2, 2), max_size=10))
def test_a_signer_forgets_nothing_and_keeps_nothing_too_long(start: float, steps: list[float]) -> None:
    """Over midnight, over a second, back again: a signer that has signed before signs as one that never has."""

    def fresh() -> Signer:
        return Signer(Scope("r", "s"), "/", [("Host", "h")], access_key="A", secret_key="S", token=None)

    used = fresh()
    now_s = start
    for step in (0.0, *steps):
        now_s += step
        assert used.head(b"body", now_s=now_s) == fresh().head(b"body", now_s=now_s)


def test_what_is_signed_is_what_is_written() -> None:
    """Every header of the signer's is signed, in the order of the alphabet, and nothing else is."""
    signer = Signer(
        Scope("us-east-1", "sms-voice"),
        "/",
        [("X-Amz-Target", "T"), ("Host", "h"), ("Content-Type", "c")],
        access_key="A",
        secret_key="S",
        token="token",
    )
    headers = headers_of(b"POST / HTTP/1.1\r\n" + signer.head(b"", now_s=0.0) + b"\r\n\r\n")
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target," in headers["authorization"]
    assert headers.keys() == {
        "content-type", "host", "x-amz-date", "x-amz-security-token", "x-amz-target", "authorization",
    }  # fmt: skip
