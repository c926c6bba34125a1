import pytest

from bulksend.simulator.credentials import Credentials
from bulksend.simulator.faults import ServiceFault

SIGNATURE = "SignedHeaders=content-type;host;x-amz-date, Signature=" + "0a" * 32


def header(key: str = "AKID", service: str = "sms-voice", rest: str = SIGNATURE) -> str:
    """An Authorization header."""
    return f"AWS4-HMAC-SHA256 Credential={key}/20261123/eu-west-1/{service}/aws4_request, {rest}"


def refusal(authorization: str | None) -> str:
    """The code of the error that a header meets."""
    with pytest.raises(ServiceFault) as caught:
        Credentials(expired_after=0).admit(authorization, None)
    assert caught.value.http_status == 400
    return caught.value.code


def test_a_signed_request_is_admitted() -> None:
    """Whatever the key, the region and the signature are."""
    Credentials(expired_after=0).admit(header(), None)
    Credentials(expired_after=0).admit(header().replace(", ", ","), "token")


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "MissingAuthenticationTokenException"),
        ("", "MissingAuthenticationTokenException"),
        ("Bearer abc", "IncompleteSignatureException"),
        (header(rest="SignedHeaders=host"), "IncompleteSignatureException"),
        (header(service="sns"), "InvalidSignatureException"),
    ],
)
def test_what_no_client_of_the_service_sends(authorization: str | None, code: str) -> None:
    """Unsigned, half signed, and signed for another service."""
    assert refusal(authorization) == code


def test_credentials_expire_by_use() -> None:
    """Each access key and session token is good for so many requests; new ones are good again."""
    credentials = Credentials(expired_after=2)
    for _ in range(2):
        credentials.admit(header(), "one")
    with pytest.raises(ServiceFault) as caught:
        credentials.admit(header(), "one")
    assert caught.value.code == "ExpiredTokenException"
    credentials.admit(header(), "two")
    credentials.admit(header(key="OTHER"), "one")
    credentials.reset()
    credentials.admit(header(), "one")
