import pytest

from bulksend.origin.numbers import Look, NumberType, assumed_mps, default_mps, look_of, type_called


@pytest.mark.parametrize(
    ("id", "type", "country"),
    [
        ("+18885550100", "toll_free", "US"),
        ("18885550100", "toll_free", "US"),
        ("+18005550100", "toll_free", "US"),
        ("+14255550142", "ten_dlc", "US"),
        ("+12005550100", "ten_dlc", "US"),  # of no area code that is in use
        ("+16045550123", "long_code", "CA"),
        ("+18765550123", "long_code", "JM"),
        ("+447700900123", "long_code", "GB"),
        ("+4915123456789", "long_code", "DE"),
        ("+99912345678", "unknown", None),
        ("20440", "short_code", None),
        ("ACME", "sender_id", None),
        ("arn:aws:sms-voice:eu-west-1:123456789012:sender-id/ACME/GB", "sender_id", "GB"),
        ("pool-0123456789abcdef", "pool", None),
        ("arn:aws:sms-voice:eu-west-1:123456789012:pool/pool-0123456789abcdef", "pool", None),
        ("phone-0123456789abcdef", "unknown", None),
        ("arn:aws:sms-voice:eu-west-1:123456789012:phone-number/phone-0123456789abcdef", "unknown", None),
        ("what is this", "unknown", None),
    ],
)
def test_what_an_id_looks_like(id: str, type: str, country: str | None) -> None:  # noqa: A002
    """By its form alone, without asking anybody."""
    assert look_of(id) == Look(NumberType(type), country)


@pytest.mark.parametrize(
    ("type", "country", "mps"),
    [
        ("short_code", "US", 100),
        ("short_code", "CA", 100),
        ("short_code", "GB", 1),
        ("short_code", None, 1),
        ("toll_free", "US", 3),
        ("toll_free", None, 3),
        ("ten_dlc", "US", 1),
        ("long_code", "CA", 1),
        ("long_code", "GB", 10),
        ("long_code", "US", 1),
        ("long_code", None, 1),
        ("sender_id", "GB", 10),
        ("sender_id", None, 10),
        ("simulator", "US", 1),
        ("pool", None, 1),
        ("unknown", None, 1),
    ],
)
def test_the_documented_limit(type: str, country: str | None, mps: int) -> None:  # noqa: A002
    """What AWS's table says; the lowest of it where the table says nothing."""
    assert default_mps(NumberType(type), country) == mps


@pytest.mark.parametrize(
    ("id", "countries", "mps"),
    [
        ("+18885550100", (), 3),
        ("+14255550142", ("US",), 1),
        ("20440", ("US",), 100),
        ("20440", ("CA",), 100),
        ("20440", ("US", "GB"), 1),
        ("20440", (), 1),
        ("ACME", ("GB", "DE"), 10),
        ("phone-0123456789abcdef", ("GB",), 1),
    ],
)
def test_the_limit_that_a_plan_assumes(id: str, countries: tuple[str, ...], mps: int) -> None:  # noqa: A002
    """A short code belongs to the country that it serves; the others show theirs."""
    assert assumed_mps(id, frozenset(countries)) == mps


def test_a_type_that_aws_adds() -> None:
    """It is unknown, and no error."""
    assert type_called("ten_dlc") is NumberType.TEN_DLC
    assert type_called("hologram") is NumberType.UNKNOWN
