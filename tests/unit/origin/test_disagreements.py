from typing import Any

import pytest

from bulksend.base.account import NUMBERS, POOLS, SENDERS, Account
from bulksend.origin.disagreements import disagreements
from bulksend.origin.identity import Identity
from tests.support.account import PREFIX, member, number, pool, sender

POOL = "pool-0123456789abcdef"
EVERYTHING = frozenset({NUMBERS, SENDERS, POOLS})


def identity(name: str, mps: int, *countries: str, bucket: str = "") -> Identity:
    """An identity as configured."""
    return Identity(id=name, bucket=bucket or name, mps=mps, countries=frozenset(countries))


def said(*identities: Identity, message_type: str | None = None, **account: Any) -> list[tuple[str, str]]:
    """Kind and sentence of every disagreement with an account of which everything was read."""
    known = Account(**({"read": EVERYTHING, "shared_read": EVERYTHING} | account))
    return [(one.kind, one.says) for one in disagreements(identities, known, message_type=message_type)]


def test_agreement() -> None:
    """What fits is not spoken of."""
    toll_free, acme = number("+18885550100"), sender("ACME", "GB")
    assert (
        said(
            identity("+18885550100", 3, "US", "PR"),
            identity("ACME", 10, "GB"),
            identity(POOL, 3, "US"),
            message_type="TRANSACTIONAL",
            numbers=(toll_free,),
            senders=(acme,),
            pools=(pool(POOL),),
            members={POOL: (member(toll_free),)},
        )
        == []
    )


@pytest.mark.parametrize(
    ("mps", "kind", "says"),
    [
        (4, "mps_above", "+18885550100 has mps = 4, and the account allows 3: expect throttling"),
        (2, "mps_below", "+18885550100 has mps = 2, and the account allows 3"),
    ],
)
def test_another_limit(mps: int, kind: str, says: str) -> None:
    """Above and below; a limit that the account does not state is compared with nothing."""
    assert said(identity("+18885550100", mps, "US"), numbers=(number("+18885550100"),)) == [(kind, says)]
    assert said(identity("+18885550100", mps, "US"), numbers=(number("+18885550100", mps=None),)) == []


def test_a_sender_id_with_another_limit_in_one_country() -> None:
    """The lowest of its countries counts."""
    senders = (sender("ACME", "GB"), sender("ACME", "DE", mps=5))
    assert said(identity("ACME", 10, "GB", "DE"), senders=senders) == [
        ("mps_above", "ACME has mps = 10, and the account allows 5: expect throttling")
    ]
    assert said(identity("ACME", 10, "GB"), identity("ACME", 5, "DE"), senders=senders) == []


def test_a_pool_above_its_members() -> None:
    """Above what they add up to is too much; below is a choice, as nobody promises that bound."""
    toll_free = number("+18885550100")
    account: dict[str, Any] = {"numbers": (toll_free,), "pools": (pool(POOL),), "members": {POOL: (member(toll_free),)}}
    assert said(identity(POOL, 4, "US"), **account) == [
        ("mps_above", f"{POOL} has mps = 4, and its members add up to 3 at most")
    ]
    assert said(identity(POOL, 1, "US"), **account) == []


@pytest.mark.parametrize(
    ("other", "kind", "why"),
    [
        ({"status": "PENDING"}, "not_active", "is PENDING"),
        ({"capabilities": frozenset({"MMS"})}, "no_sms", "cannot send SMS"),
    ],
)
def test_a_number_that_cannot_send(other: dict[str, Any], kind: str, why: str) -> None:
    """The service will refuse it."""
    assert said(identity("+18885550100", 3, "US"), numbers=(number("+18885550100", **other),)) == [
        (kind, f"+18885550100 {why}: the service will refuse it")
    ]


def test_a_pool_that_cannot_send() -> None:
    """Likewise, without a word about members that nobody asked for."""
    assert said(identity(POOL, 3, "US"), pools=(pool(POOL, status="DELETING"),)) == [
        ("not_active", f"{POOL} is DELETING: the service will refuse it")
    ]


@pytest.mark.parametrize("name", ["+18885550100", "20440", "ACME", POOL, f"{PREFIX}:pool/{POOL}"])
def test_what_is_not_in_the_account(name: str) -> None:
    """Only where everything was read that could have told of it."""
    assert said(identity(name, 3, "US")) == [("not_found", f"{name} is not in the account in this region")]
    assert said(identity(name, 3, "US"), read=frozenset()) == []


def test_what_may_be_something_else() -> None:
    """Digits may be a sender id, and an ARN another account's: both are looked for before they are missed."""
    assert said(identity("20440", 3, "US"), read=frozenset({NUMBERS})) == []
    assert said(identity(f"{PREFIX}:pool/{POOL}", 3, "US"), shared_read=frozenset()) == []


@pytest.mark.parametrize("international", [True, None])
def test_a_number_that_may_send_abroad(international: bool | None) -> None:  # noqa: FBT001 - pytest gives it
    """It, and one of which the account does not say, can serve any country."""
    assert said(identity("+18885550100", 3), numbers=(number("+18885550100", international=international),)) == []


@pytest.mark.parametrize(
    ("countries", "what"),
    [
        ((), "every country that no other identity lists"),
        (("US", "MX", "GB"), "GB, MX"),
        (("GB", "DE", "FR", "ES", "IT", "NL", "BE"), "BE, DE, ES, FR, GB and 2 more"),
    ],
)
def test_a_number_for_other_countries(countries: tuple[str, ...], what: str) -> None:
    """One that may not send abroad serves its own country, in the US its territories too."""
    assert said(identity("+18885550100", 3, *countries), numbers=(number("+18885550100"),)) == [
        ("country", f"+18885550100 is a number of US that may not send abroad, and is configured for {what}")
    ]


def test_a_sender_id_for_other_countries() -> None:
    """One that is not there for a country, or that is taken for all."""
    senders = (sender("ACME", "GB"), sender("ACME", "DE"))
    assert said(identity("ACME", 10, "GB", "ES"), senders=senders) == [("country", "ACME is not in the account for ES")]
    assert said(identity("ACME", 10), senders=senders) == [
        ("country", "ACME is in the account for DE, GB, and is configured for every country that no other lists")
    ]


def test_a_pool_for_other_countries() -> None:
    """One without a member there, unless one may send abroad or shared routes may."""
    for abroad, routes, expected in ((False, False, 1), (True, False, 0), (False, True, 0)):
        toll_free = number("+18885550100", international=abroad)
        found = said(
            identity(POOL, 3, "US", "MX"),
            numbers=(toll_free,),
            pools=(pool(POOL, shared_routes=routes),),
            members={POOL: (member(toll_free),)},
        )
        assert found == [("country", f"{POOL} has no member of MX")] * expected


@pytest.mark.parametrize(
    ("name", "account"),
    [
        ("+18885550100", {"numbers": (number("+18885550100"),)}),
        ("ACME", {"senders": (sender("ACME", "US", message_types=frozenset({"TRANSACTIONAL"}), mps=3),)}),
        (POOL, {"pools": (pool(POOL),)}),
    ],
)
def test_another_message_type(name: str, account: dict[str, Any]) -> None:
    """Compared where the campaign names one."""
    assert said(identity(name, 3, "US"), message_type="PROMOTIONAL", **account) == [
        ("message_type", f"{name} is for TRANSACTIONAL messages, and campaign.message_type is PROMOTIONAL")
    ]
    assert said(identity(name, 3, "US"), message_type=None, **account) == []


def test_numbers_of_one_campaign_in_two_buckets() -> None:
    """Each bucket would go at the limit of the whole campaign."""
    numbers = tuple(number(f"+1425555014{n}", type="ten_dlc", registration_id="r", mps=20) for n in range(3))
    split = said(
        identity("+14255550140", 20, "US", bucket="a"),
        identity("+14255550141", 20, "US", bucket="a"),
        identity("+14255550142", 20, "US"),
        numbers=numbers,
    )
    assert split == [
        (
            "split_campaign",
            "+14255550142 and +14255550140 share the limit of one 10DLC campaign, and have the buckets +14255550142 and"
            " a: together they go over it",
        )
    ]
    together = [identity(f"+1425555014{n}", 20, "US", bucket="a") for n in range(3)]
    assert said(*together, numbers=numbers) == []
