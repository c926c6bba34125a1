import pytest
from msgspec import structs

from bulksend.simulator.directory import Directory
from bulksend.simulator.faults import ServiceFault
from bulksend.simulator.resources import IdentitySettings, PoolSettings
from tests.unit.simulator.helpers import LONG_CODE, SENDER_ID, TOLL_FREE, account

DIRECTORY = Directory(account())
ARN = "arn:aws:sms-voice:us-east-1:123456789012"


def names(origination: str | None) -> list[str]:
    """Who may take a message with that OriginationIdentity."""
    return [each.name for each in DIRECTORY.find(origination).candidates]


def test_a_number_by_every_name() -> None:
    """The number, its id and its ARN are the same identity."""
    (number,) = DIRECTORY.find("+18885550100").candidates
    assert number.resource_id.startswith("phone-")
    assert number.arn == f"{ARN}:phone-number/{number.resource_id}"
    for name in ("+18885550100", number.resource_id, number.arn):
        assert DIRECTORY.find(name).candidates == (number,)
        assert not DIRECTORY.find(name).service_picks
    assert names("20440") == ["20440"]


def test_a_sender_id_exists_once_in_each_country() -> None:
    """By its name it is all of them, by its ARN one."""
    both = DIRECTORY.find("ACME").candidates
    assert [(each.country, each.arn) for each in both] == [
        ("GB", f"{ARN}:sender-id/ACME/GB"),
        ("DE", f"{ARN}:sender-id/ACME/DE"),
    ]
    (german,) = DIRECTORY.find(f"{ARN}:sender-id/ACME/DE").candidates
    assert german.serves("DE")
    assert not german.serves("GB")
    assert {each.bucket for each in both} == {"ACME"}


def test_a_sender_id_with_limits_of_its_own_in_some_countries() -> None:
    """Each entry has its bucket and its countries; one that names none has its own alone, as others have theirs."""
    here = structs.replace(SENDER_ID, countries=())
    abroad = structs.replace(SENDER_ID, country="SE", countries=("SE", "DE"), mps=5)
    directory = Directory(account(identities=(here, abroad), pools=()))
    assert directory.mps == {"ACME/GB": 10, "ACME/DE+SE": 5}
    found = directory.find("ACME").candidates
    assert [(each.country, each.bucket) for each in found] == [
        ("GB", "ACME/GB"),
        ("SE", "ACME/DE+SE"),
        ("DE", "ACME/DE+SE"),
    ]
    for country, serving in (("GB", ["GB"]), ("DE", ["DE"]), ("US", [])):
        assert [each.country for each in found if each.serves(country)] == serving


def test_a_sender_id_for_everywhere() -> None:
    """One that is listed once and names no countries serves any, as its own bucket."""
    everywhere = structs.replace(SENDER_ID, countries=())
    directory = Directory(account(identities=(everywhere,), pools=()))
    assert directory.mps == {"ACME": 10}
    assert directory.find("ACME").candidates[0].serves("US")


def test_a_pool_by_id_and_arn() -> None:
    """A pool stands for its members, and leaves the choice to the service."""
    for name in ("pool-1", f"{ARN}:pool/pool-1"):
        found = DIRECTORY.find(name)
        assert [each.name for each in found.candidates] == ["+16045550123"]
        assert found.service_picks
        assert found.pool is not None
    assert DIRECTORY.find("+16045550123").candidates[0].pool_id == "pool-1"


def test_nobody_named_is_anybody_with_transactional_ones_first() -> None:
    """Without an OriginationIdentity the service picks, and it likes transactional identities best."""
    promotional = IdentitySettings(
        id="PROMO", type="sender_id", country="GB", mps=1, message_type="PROMOTIONAL", countries=("GB",)
    )
    found = Directory(account(identities=(promotional, TOLL_FREE), pools=())).find(None)
    assert [each.name for each in found.candidates] == ["+18885550100", "PROMO"]
    assert found.service_picks


@pytest.mark.parametrize(
    ("name", "resource_type"),
    [
        ("+18005550100", "phone-number"),
        ("30440", "phone-number"),
        ("phone-0", "phone-number"),
        (f"{ARN}:phone-number/phone-0", "phone-number"),
        ("pool-0", "pool"),
        ("arn:aws:sms-voice:us-east-1:210987654321:pool/pool-1", "pool"),
        ("OTHER", "sender-id"),
        (f"{ARN}:sender-id/ACME/FR", "sender-id"),
    ],
)
def test_what_is_not_there(name: str, resource_type: str) -> None:
    """ResourceNotFoundException says of what type the name looks."""
    with pytest.raises(ServiceFault) as caught:
        DIRECTORY.find(name)
    assert caught.value.code == "ResourceNotFoundException"
    assert (caught.value.resource_type, caught.value.resource_id) == (resource_type, name)


def test_buckets() -> None:
    """Identities of one bucket share it; the others have one of their own name."""
    assert DIRECTORY.mps == {"+18885550100": 3, "20440": 100, "ACME": 10, "10dlc": 20, "+16045550123": 1}


def test_a_pool_of_a_sender_id_and_a_number() -> None:
    """Members keep the pool's order; a sender id is there with all its countries."""
    pool = PoolSettings(id="pool-2", members=("+16045550123", "ACME"))
    found = Directory(account(identities=(SENDER_ID, LONG_CODE), pools=(pool,))).find("pool-2")
    assert [(each.name, each.country) for each in found.candidates] == [
        ("+16045550123", "CA"),
        ("ACME", "GB"),
        ("ACME", "DE"),
    ]
