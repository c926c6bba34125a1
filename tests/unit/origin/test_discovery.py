from typing import Any

from bulksend.base.account import Account, NumberRecord
from bulksend.base.found import FoundIdentity
from bulksend.origin.discovery import discovered
from tests.support.account import member, number, pool, sender

POOL = "pool-0123456789abcdef"
CAMPAIGN = "registration-0123456789abcdef0123456789abcd01"
OTHER = "registration-0123456789abcdef0123456789abcd02"
ALIKE = "registration-fedcba9876543210fedcba9889abcd01"


def ten_dlc(name: str, registration: str | None, mps: int | None = 20, **other: Any) -> NumberRecord:
    """A 10DLC number."""
    return number(name, type="ten_dlc", registration_id=registration, mps=mps, **other)


def found(*numbers: NumberRecord) -> dict[str, FoundIdentity]:
    """What is found of such numbers, by id."""
    return {one.id: one for one in discovered(Account(numbers=numbers)).identities}


def test_a_number() -> None:
    """It serves its own country, at the limit that the account states, in no bucket but its own."""
    one = found(number("+18885550100", registration_id="r", pool_id=POOL))["+18885550100"]
    assert one == FoundIdentity(
        id="+18885550100",
        name="+18885550100",
        type="toll_free",
        country="US",
        mps=3,
        stated=True,
        message_types=("TRANSACTIONAL",),
        pool_id=POOL,
        registration_id="r",
    )


def test_a_limit_that_is_not_stated() -> None:
    """The documented one, and it is said that it is."""
    one = found(number("20440", type="short_code", mps=None))["20440"]
    assert (one.mps, one.stated) == (100, False)


def test_the_numbers_of_a_campaign_share_a_bucket() -> None:
    """At the limit that each of them states, which is the campaign's; of several, the lowest."""
    numbers = found(
        ten_dlc("+14255550141", CAMPAIGN),
        ten_dlc("+14255550142", CAMPAIGN, 15),
        ten_dlc("+14255550143", OTHER, 40),
        ten_dlc("+14255550144", OTHER, 40, status="PENDING"),
        ten_dlc("+14255550145", None, 1),
        number("+18885550100", registration_id=CAMPAIGN),
    )
    assert {name: (one.bucket, one.mps) for name, one in numbers.items()} == {
        "+14255550141": ("10dlc-89abcd01", 15),
        "+14255550142": ("10dlc-89abcd01", 15),
        "+14255550143": ("", 40),
        "+14255550145": ("", 1),
        "+18885550100": ("", 3),
    }


def test_campaigns_whose_ids_end_alike() -> None:
    """Then a bucket is named after all of the id."""
    numbers = found(
        *(ten_dlc(f"+1425555014{n}", CAMPAIGN if n < 2 else ALIKE) for n in range(4)),
    )
    assert {one.bucket for one in numbers.values()} == {f"10dlc-{CAMPAIGN}", f"10dlc-{ALIKE}"}


def test_a_sender_id_is_there_once_for_each_country() -> None:
    """Each with its own limit and message types."""
    account = Account(
        senders=(sender("ACME", "GB"), sender("ACME", "DE", mps=None, message_types=frozenset({"PROMOTIONAL"})))
    )
    assert [
        (one.id, one.country, one.mps, one.stated, one.message_types) for one in discovered(account).identities
    ] == [
        ("ACME", "DE", 10, False, ("PROMOTIONAL",)),
        ("ACME", "GB", 10, True, ("TRANSACTIONAL", "PROMOTIONAL")),
    ]


def test_what_cannot_send_is_listed_with_why() -> None:
    """And is no identity."""
    account = Account(
        numbers=(
            number("+18885550101", status="PENDING"),
            number("+18885550102", capabilities=frozenset({"VOICE", "MMS"})),
        ),
        pools=(pool(POOL), pool("pool-2222222222222222", status="CREATING"), pool("pool-3333333333333333")),
        members={POOL: ()},
    )
    listed = discovered(account)
    assert (listed.identities, listed.pools) == ((), ())
    assert [(one.id, one.type, one.country, one.why) for one in listed.unusable] == [
        ("+18885550101", "toll_free", "US", "is PENDING"),
        ("+18885550102", "toll_free", "US", "cannot send SMS"),
        (POOL, "pool", None, "has no member that can send SMS"),
        ("pool-2222222222222222", "pool", None, "is CREATING"),
        ("pool-3333333333333333", "pool", None, "does not show its members"),
    ]


def test_a_pool_beside_its_members() -> None:
    """Its members are identities all the same; what it can do at most is told by country."""
    numbers = (number("+18885550100", pool_id=POOL, international=True), number("+18885550109", status="DELETED"))
    acme = sender("ACME", "GB")
    account = Account(
        numbers=numbers,
        senders=(acme,),
        pools=(pool(POOL, shared_routes=True),),
        members={POOL: tuple(member(one) for one in (*numbers, acme))},
    )
    listed = discovered(account)
    assert [(one.id, one.pool_id) for one in listed.identities] == [("+18885550100", POOL), ("ACME", POOL)]
    assert listed.identities[0].international
    (one,) = listed.pools
    assert (one.id, one.members, one.shared_routes) == (POOL, ("+18885550100", "+18885550109", "ACME"), True)
    assert one.bounds == {"GB": 10, "US": 3}


def test_what_others_share_is_called_by_its_arn() -> None:
    """The service knows it by no other name."""
    toll_free, acme, shared = (
        number("+18885550100", shared=True),
        sender("ACME", "GB", shared=True),
        pool(POOL, shared=True),
    )
    account = Account(numbers=(toll_free,), senders=(acme,), pools=(shared,), members={POOL: (member(toll_free),)})
    listed = discovered(account)
    assert [(one.id, one.name, one.shared) for one in listed.identities] == [
        (toll_free.arn, "+18885550100", True),
        (acme.arn, "ACME", True),
    ]
    assert (listed.pools[0].id, listed.pools[0].shared) == (shared.arn, True)


def test_the_order() -> None:
    """By type, then bucket, then name: the same whatever the service's order is."""
    numbers = [
        number("+18885550101"),
        number("20440", type="short_code"),
        number("+16045550123", type="long_code", country="CA"),
        number("+18885550100"),
    ]
    names = [one.id for one in discovered(Account(numbers=tuple(numbers))).identities]
    assert names == ["20440", "+18885550100", "+18885550101", "+16045550123"]
    assert [one.id for one in discovered(Account(numbers=tuple(reversed(numbers)))).identities] == names
