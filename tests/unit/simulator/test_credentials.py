from datetime import UTC, datetime, timedelta

import pytest

from bulksend.simulator.credentials import Credentials
from bulksend.simulator.faults import ServiceFault

SIGNATURE = "SignedHeaders=content-type;host;x-amz-date, Signature=" + "0a" * 32
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def header(key: str = "AKID", service: str = "sms-voice", rest: str = SIGNATURE) -> str:
    """An Authorization header."""
    return f"AWS4-HMAC-SHA256 Credential={key}/20261123/eu-west-1/{service}/aws4_request, {rest}"


def amz_date(*, ahead_s: float = 0.0) -> str:
    """An X-Amz-Date header of a machine whose clock is ahead of the service's."""
    return (NOW + timedelta(seconds=ahead_s)).strftime("%Y%m%dT%H%M%SZ")


def refusal(authorization: str | None, date: str | None = amz_date()) -> ServiceFault:
    """The error that the headers meet."""
    with pytest.raises(ServiceFault) as caught:
        Credentials(expired_after=0).admit(authorization, None, date=date, now=NOW)
    assert caught.value.http_status == 400
    return caught.value


def test_a_signed_request_is_admitted() -> None:
    """Whatever the key, the region and the signature are."""
    Credentials(expired_after=0).admit(header(), None, date=amz_date(), now=NOW)
    Credentials(expired_after=0).admit(header().replace(", ", ","), "token", date=amz_date(), now=NOW)


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
    assert refusal(authorization).code == code


@pytest.mark.parametrize("ahead_s", [-300, -1, 0, 300])
def test_five_minutes_are_allowed(ahead_s: float) -> None:
    """A clock that is off by no more than that is no matter."""
    Credentials(expired_after=0).admit(header(), None, date=amz_date(ahead_s=ahead_s), now=NOW)


@pytest.mark.parametrize(
    ("ahead_s", "message"),
    [
        (-301, "Signature expired: 20261123T115459Z is now earlier than 20261123T115500Z (20261123T120000Z - 5 min.)"),
        (301, "Signature not yet current: 20261123T120501Z is still later than 20261123T120500Z (20261123T120000Z + 5"),
    ],
)
def test_a_date_that_is_off_is_refused(ahead_s: float, message: str) -> None:
    """One second beyond five minutes, either way: the signature is called wrong, and the message says why."""
    fault = refusal(header(), amz_date(ahead_s=ahead_s))
    assert fault.code == "InvalidSignatureException"
    assert fault.message.startswith(message)


@pytest.mark.parametrize("date", [None, "", "2026-11-23T12:00:00Z", "20261323T120000Z"])
def test_a_date_that_is_none_is_refused(date: str | None) -> None:
    """Without a readable date there is nothing that was signed."""
    assert refusal(header(), date).code == "IncompleteSignatureException"


def test_credentials_expire_by_use() -> None:
    """Each access key and session token is good for so many requests; new ones are good again."""
    credentials = Credentials(expired_after=2)

    def admit(key: str, token: str) -> None:
        credentials.admit(header(key=key), token, date=amz_date(), now=NOW)

    for _ in range(2):
        admit("AKID", "one")
    with pytest.raises(ServiceFault) as caught:
        admit("AKID", "one")
    assert caught.value.code == "ExpiredTokenException"
    admit("AKID", "two")
    admit("OTHER", "one")
    credentials.reset()
    admit("AKID", "one")
