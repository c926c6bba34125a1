from datetime import UTC, datetime, timedelta

import pytest

from bulksend.simulator.credentials import Credentials
from bulksend.simulator.faults import ServiceFault
from tests.unit.simulator.helpers import http_request

SIGNATURE = "SignedHeaders=content-type;host;x-amz-date, Signature=" + "0a" * 32
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def header(key: str = "AKID", service: str = "sms-voice", rest: str = SIGNATURE) -> str:
    """An Authorization header."""
    return f"AWS4-HMAC-SHA256 Credential={key}/20261123/eu-west-1/{service}/aws4_request, {rest}"


def amz_date(*, ahead_s: float = 0.0) -> str:
    """An X-Amz-Date header of a machine whose clock is ahead of the service's."""
    return (NOW + timedelta(seconds=ahead_s)).strftime("%Y%m%dT%H%M%SZ")


def admit(
    authorization: str | None, token: str = "", date: str | None = amz_date(), *, by: Credentials | None = None
) -> None:
    """Have a request with these headers checked, by an account that has no secrets unless `by` says otherwise."""
    stated = {b"authorization": authorization, b"x-amz-security-token": token, b"x-amz-date": date}
    headers = {name: value.encode() for name, value in stated.items() if value is not None}
    (by or Credentials(secrets={}, expired_after=0)).admit(http_request(headers=headers), NOW)


def refusal(authorization: str | None, date: str | None = amz_date()) -> ServiceFault:
    """The error that the headers meet."""
    with pytest.raises(ServiceFault) as caught:
        admit(authorization, date=date)
    assert caught.value.http_status == 400
    return caught.value


def test_a_signed_request_is_admitted() -> None:
    """Whatever the key, the region and the signature are, when no secret is known."""
    admit(header())
    admit(header().replace(", ", ","), "token")


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "MissingAuthenticationTokenException"),
        ("", "MissingAuthenticationTokenException"),
        ("Bearer abc", "IncompleteSignatureException"),
        (header(rest="SignedHeaders=host"), "IncompleteSignatureException"),
        (header(rest="SignedHeaders=host, Signature=0a"), "IncompleteSignatureException"),
        (f"Bearer abc, {SIGNATURE}", "IncompleteSignatureException"),
        (header(service="sns"), "InvalidSignatureException"),
    ],
)
def test_what_no_client_of_the_service_sends(authorization: str | None, code: str) -> None:
    """Unsigned, half signed, and signed for another service."""
    assert refusal(authorization).code == code


@pytest.mark.parametrize("ahead_s", [-300, -1, 0, 300])
def test_five_minutes_are_allowed(ahead_s: float) -> None:
    """A clock that is off by no more than that is no matter."""
    admit(header(), date=amz_date(ahead_s=ahead_s))


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
    credentials = Credentials(secrets={}, expired_after=2)
    for _ in range(2):
        admit(header("AKID"), "one", by=credentials)
    with pytest.raises(ServiceFault) as caught:
        admit(header("AKID"), "one", by=credentials)
    assert caught.value.code == "ExpiredTokenException"
    admit(header("AKID"), "two", by=credentials)
    admit(header("OTHER"), "one", by=credentials)
    credentials.reset()
    admit(header("AKID"), "one", by=credentials)
