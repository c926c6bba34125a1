import pytest

from bulksend.base.buckets import bucket_names
from bulksend.base.request import TEXT_RULES
from bulksend.origin.identity import Identity, IdentityKind, identity_kind, number_digits, sender_key

ARN = "arn:aws:sms-voice:us-east-1:111122223333:"
HEX = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("id", "kind"),
    [
        ("+18885550100", IdentityKind.PHONE_NUMBER),
        ("18885550100", IdentityKind.PHONE_NUMBER),
        ("+6834000", IdentityKind.PHONE_NUMBER),
        ("20440", IdentityKind.SHORT_CODE),
        ("611", IdentityKind.SHORT_CODE),
        ("ACME", IdentityKind.SENDER_ID),
        ("A", IdentityKind.SENDER_ID),
        ("acme_24-7", IdentityKind.SENDER_ID),
        ("phone-1", IdentityKind.SENDER_ID),
        (f"phone-{HEX}", IdentityKind.PHONE_NUMBER_ID),
        (f"pool-{HEX}", IdentityKind.POOL_ID),
        (f"{ARN}phone-number/phone-{HEX}", IdentityKind.PHONE_NUMBER_ARN),
        (f"{ARN}pool/pool-{HEX}", IdentityKind.POOL_ARN),
        (f"{ARN}sender-id/ACME/GB", IdentityKind.SENDER_ID_ARN),
        (f"{ARN.replace('aws:', 'aws-us-gov:')}pool/pool-{HEX}", IdentityKind.POOL_ARN),
    ],
)
def test_kinds(id: str, kind: IdentityKind) -> None:  # noqa: A002 - the attribute's name
    """Every form that the service takes is told apart, and is one that the service's own pattern accepts."""
    assert kind == identity_kind(id) == Identity(id=id, bucket=id, mps=1).kind
    assert TEXT_RULES["OriginationIdentity"].breach(id) is None


@pytest.mark.parametrize(
    "id",
    [
        "",
        "+",
        "12",
        "+12345",
        "+1 888 555 0100",
        "+1-888-555-0100",
        "TWELVELETTER",
        "AC ME",
        "ÄCME",
        "phone-12_456789",
        "+1234567890123456",
        f"{ARN}opt-out-list/Default",
        f"{ARN}sender-id/ACME",
        f"arn:aws:sns:us-east-1:111122223333:pool/pool-{HEX}",
        "ACME\n",
        "-_-",
    ],
)
def test_what_is_none_of_them(id: str) -> None:  # noqa: A002 - the attribute's name
    """What SendTextMessage would not take for a sender of texts is none."""
    assert identity_kind(id) is None


@pytest.mark.parametrize(
    "text", ["+18885550100", "18885550100", "+1 (888) 555-0100", "1.888.555.0100", "+1\u2011888\u2011555\u20110100"]
)
def test_digits_of_a_number(text: str) -> None:
    """A number has the same digits however it is punctuated."""
    assert number_digits(text) == "18885550100"


@pytest.mark.parametrize("text", ["ACME", "", "+", "1e5", "phone-1888555", "++18885550100", "12", "1" * 20])
def test_digits_of_no_number(text: str) -> None:
    """What is no number has no digits."""
    assert number_digits(text) is None


def test_serves() -> None:
    """An identity without countries serves all, also an unknown one; with countries, exactly those."""
    anywhere = Identity(id="ACME", bucket="b", mps=1)
    certain = Identity(id="ACME", bucket="b", mps=1, countries=frozenset({"US", "CA"}))
    assert [anywhere.serves(country) for country in ("US", "GB", None)] == [True, True, True]
    assert [certain.serves(country) for country in ("US", "GB", None)] == [True, False, False]


@pytest.mark.parametrize("id", ["+18885550100", "18885550100", "+1 (888) 555-0100"])
def test_spellings_of_a_number_are_one_sender(id: str) -> None:  # noqa: A002 - the attribute's name
    """With or without + and punctuation it is the same; a name is its own spelling."""
    assert sender_key(id) == "18885550100"
    assert sender_key("ACME") != sender_key("acme")


def test_an_entry_has_a_bucket_of_its_own() -> None:
    """Named after its id where that is listed once, and after id and countries where it is listed more often."""
    listed = [("20440", ["US"], ""), ("ACME", ["GB"], ""), ("ACME", ["FR", "DE"], ""), ("ACME", ["IE"], "mine")]
    assert bucket_names(listed) == ("20440", "ACME/GB", "ACME/DE+FR", "mine")
    assert bucket_names(listed[:2]) == ("20440", "ACME")
    assert bucket_names([]) == ()
