from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.base.account import NUMBERS, POOLS, SENDERS, Account, NumberRecord
from bulksend.origin.identity import Identity
from bulksend.origin.limits import Limit, limit_of, pool_bounds, wanted_for
from tests.support.account import PREFIX, member, number, pool, sender

POOL = "pool-0123456789abcdef"
ABROAD = {"international": True}


def identity(name: str, *countries: str) -> Identity:
    """An identity as configured."""
    return Identity(id=name, bucket=name, mps=1, countries=frozenset(countries))


def pooled(*numbers: NumberRecord) -> Account:
    """An account with one pool of these."""
    return Account(numbers=numbers, pools=(pool(POOL),), members={POOL: tuple(member(one) for one in numbers)})


@pytest.mark.parametrize(
    ("name", "operations"),
    [
        ("+18885550100", {NUMBERS}),
        ("20440", {NUMBERS}),
        ("phone-0123456789abcdef", {NUMBERS}),
        (f"{PREFIX}:phone-number/phone-0123456789abcdef", {NUMBERS}),
        ("ACME", {SENDERS}),
        (f"{PREFIX}:sender-id/ACME/GB", {SENDERS}),
        (POOL, {POOLS, NUMBERS}),
        (f"{PREFIX}:pool/{POOL}", {POOLS, NUMBERS}),
    ],
)
def test_what_has_to_be_asked(name: str, operations: set[str]) -> None:
    """Only the operations that can tell of such an identity."""
    wanted = wanted_for([identity(name)])
    assert wanted.operations == operations
    assert wanted.pools == frozenset({name} if "pool" in name else ())
    assert wanted.names == frozenset({name})
    assert not wanted.shared


def test_a_pool_without_its_limit() -> None:
    """What is known of the pool itself needs neither its members nor the numbers."""
    wanted = wanted_for([identity(POOL)], members=False)
    assert wanted.operations == frozenset({POOLS})
    assert wanted.pools == frozenset()


def test_nobody_asks_for_nothing() -> None:
    """Without identities there is nothing to ask."""
    assert wanted_for([]).operations == frozenset()


@pytest.mark.parametrize("name", ["+18885550100", "18885550100", "phone-18885550100"])
def test_a_number_by_any_of_its_names(name: str) -> None:
    """The account's word, whatever the number is called."""
    account = Account(numbers=(number("+18885550101", mps=9), number("+18885550100", mps=7)))
    assert limit_of(account, identity(name)) == Limit(7, stated=True)
    arn = account.numbers[1].arn
    assert limit_of(account, identity(arn)) == Limit(7, stated=True)


def test_a_limit_that_the_account_does_not_state() -> None:
    """It is what AWS documents for the kind and country of the number."""
    account = Account(
        numbers=(
            number("20440", type="short_code", mps=None),
            number("+447700900001", type="long_code", country="GB", mps=None),
            number("+447700900002", type="hologram", country="GB", mps=None),
        ),
        senders=(sender("ACME", "GB", mps=None),),
    )
    names = ["20440", "+447700900001", "+447700900002", "ACME"]
    assert [limit_of(account, identity(name)) for name in names] == [
        Limit(100, stated=False),
        Limit(10, stated=False),
        Limit(1, stated=False),
        Limit(10, stated=False),
    ]


@pytest.mark.parametrize(
    ("countries", "mps"), [(("GB",), 10), (("DE",), 5), (("GB", "DE"), 5), ((), 4), (("GB", "ES"), 10), (("ES",), None)]
)
def test_a_sender_id_has_a_limit_in_every_country(countries: Sequence[str], mps: int | None) -> None:
    """The lowest of the countries that it is configured for holds in all of them."""
    account = Account(senders=(sender("ACME", "GB"), sender("ACME", "DE", mps=5), sender("ACME", "FR", mps=4)))
    limit = limit_of(account, identity("ACME", *countries))
    assert (limit.mps if limit else None) == mps


def test_a_shared_sender_id_is_called_by_its_arn() -> None:
    """Its bare name is somebody else's."""
    account = Account(senders=(sender("ACME", "GB", shared=True),))
    assert limit_of(account, identity("ACME")) is None
    assert limit_of(account, identity(f"{PREFIX}:sender-id/ACME/GB")) == Limit(10, stated=True)


def test_what_the_account_does_not_have() -> None:
    """Nothing is made up."""
    account = Account(numbers=(number("+18885550100"),), pools=(pool(POOL),))
    for name in ("+18885550109", "ACME", "pool-fedcba9876543210"):
        assert limit_of(account, identity(name)) is None
    assert limit_of(account, identity(POOL)) is None, "its members were not read"


def test_a_pool_adds_up() -> None:
    """Each limit once, in the country of its number: a 10DLC campaign counts once, what cannot send not at all."""
    account = pooled(
        number("+18885550100"),
        number("+14255550141", type="ten_dlc", registration_id="r1", status="PENDING", mps=20),
        number("+14255550142", type="ten_dlc", registration_id="r1", mps=20),
        number("+14255550143", type="ten_dlc", registration_id="r1", mps=20),
        number("+14255550144", type="ten_dlc", registration_id="r2", mps=40),
        number("+14255550145", type="ten_dlc", mps=1),
        number("+18885550109", capabilities=frozenset({"VOICE"})),
        number("+16045550123", type="long_code", country="CA", mps=None),
    )
    assert pool_bounds(account, POOL) == {"US": 3 + 20 + 40 + 1, "CA": 1}
    assert limit_of(account, identity(POOL, "US")) == Limit(64, stated=False)
    assert limit_of(account, identity(POOL, "US", "CA")) == Limit(1, stated=False)
    assert limit_of(account, identity(POOL)) == Limit(1, stated=False)
    assert limit_of(account, identity(POOL, "MX")) is None


def test_a_pool_whose_members_may_send_abroad() -> None:
    """They count at home, and for countries that have no member of their own."""
    account = pooled(
        number("+18885550100", **ABROAD),
        number("+18885550101", mps=5),
        number("+447700900001", type="long_code", country="GB", mps=10),
    )
    assert pool_bounds(account, POOL) == {"US": 8, "GB": 10, "": 3}
    assert limit_of(account, identity(POOL, "MX")) == Limit(3, stated=False)
    assert limit_of(account, identity(POOL)) == Limit(8, stated=False)


def test_a_pool_of_sender_ids_and_strangers() -> None:
    """A member that cannot be looked up counts as little as anything; one that sends no SMS not at all."""
    acme = sender("ACME", "GB", mps=7)
    stranger = member(number("+447700900009", country="GB"))
    rcs = member(number("+447700900010", country="GB", capabilities=frozenset({"RCS"})))
    account = Account(senders=(acme,), pools=(pool(POOL),), members={POOL: (member(acme), stranger, rcs)})
    assert pool_bounds(account, POOL) == {"GB": 8}


numbers = st.builds(
    number,
    st.integers(0, 999).map(lambda n: f"+1425555{n:04d}"),
    type=st.sampled_from(["ten_dlc", "toll_free", "long_code"]),
    registration_id=st.sampled_from([None, "r1", "r2"]),
    status=st.sampled_from(["ACTIVE", "PENDING"]),
    country=st.sampled_from(["US", "CA"]),
    mps=st.integers(1, 100),
)


@given(st.lists(numbers, unique_by=lambda one: one.number, max_size=12))
def test_the_bound_of_a_pool(members: list[NumberRecord]) -> None:
    """Never more than the sum of those that can send, and another member never makes it less."""
    bounds = pool_bounds(pooled(*members), POOL)
    active = [one for one in members if one.status == "ACTIVE"]
    assert sum(bounds.values()) <= sum(one.mps or 0 for one in active)
    assert set(bounds) <= {one.country for one in active}
    for count in range(len(members)):
        fewer = pool_bounds(pooled(*members[:count]), POOL)
        assert all(fewer[country] <= bounds[country] for country in fewer)
