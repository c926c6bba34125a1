import random
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.base.account import (
    EVERYTHING,
    MEMBERS,
    NUMBERS,
    POOLS,
    SENDERS,
    Account,
    AccountUnreadable,
    Wanted,
)
from bulksend.base.errors import ExitCode
from bulksend.base.records import Outcome, OutcomeKind
from bulksend.send.account import AccountReader
from bulksend.send.account_requests import TRIES
from tests.support.account import (
    PREFIX,
    AccountClient,
    member_item,
    number_item,
    pool_item,
    sender_item,
)
from tests.support.virtual import VirtualClock, run_virtual

NUMBER = number_item("+18885550100", MessagingLimits={"RateLimits": {"SMS": 3, "MMS": 1}, "DailyMessageCaps": {}})
SENDER = sender_item("ACME", "GB")
POOL = "pool-0123456789abcdef"
THROTTLED = Outcome(OutcomeKind.THROTTLED, "throttled", None, "ThrottlingException", "Rate exceeded")


def read(client: AccountClient, *wanted: Wanted) -> Account:
    """What a reader makes of `client`'s answers."""

    async def main() -> Account:
        reader = AccountReader(client, clock=VirtualClock(), random=random.Random(1))
        for each in wanted:
            await reader.read(each)
        return reader.account

    return run_virtual(main())


def wanted(*operations: str, **other: Any) -> Wanted:
    """Some operations, and nothing more unless told."""
    return Wanted(operations=frozenset(operations), **other)


def test_everything() -> None:
    """Own and shared things of all kinds, and the members of every pool, each asked for once."""
    shared_pool = pool_item("pool-fedcba9876543210")
    client = AccountClient(
        own={
            "describe_phone_numbers": [NUMBER],
            "describe_sender_ids": [SENDER],
            "describe_pools": [pool_item(POOL, SharedRoutesEnabled=True)],
        },
        shared={"describe_phone_numbers": [number_item("+18885550101")], "describe_pools": [shared_pool]},
        members={POOL: [member_item(NUMBER)], shared_pool["PoolArn"]: []},
    )
    account = read(client, EVERYTHING)
    assert [(one.number, one.mps, one.shared) for one in account.numbers] == [
        ("+18885550100", 3, False),
        ("+18885550101", None, True),
    ]
    assert [(one.sender_id, one.country) for one in account.senders] == [("ACME", "GB")]
    assert [(one.id, one.shared_routes, one.shared) for one in account.pools] == [
        (POOL, True, False),
        ("pool-fedcba9876543210", False, True),
    ]
    assert [one.arn for one in account.members[POOL]] == [NUMBER["PhoneNumberArn"]]
    assert account.read == account.shared_read == {NUMBERS, SENDERS, POOLS}
    assert account.requests == len(client.asked) == len(set(client.asked)) == 8
    assert client.has_worked


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (1, 1), (100, 1), (101, 2), (350, 4)])
def test_all_pages(count: int, pages: int) -> None:
    """However many there are, all of them, in the service's order."""
    names = [f"+1888555{n:04d}" for n in range(count)]
    client = AccountClient(own={"describe_phone_numbers": [number_item(name) for name in names]})
    account = read(client, wanted(NUMBERS))
    assert [one.number for one in account.numbers] == names
    assert account.requests == pages


@given(
    st.integers(0, 350),
    st.lists(st.sampled_from(["describe_phone_numbers", "describe_sender_ids", "describe_pools"]), max_size=4),
    st.lists(st.floats(0, 3), min_size=1, max_size=5),
)
def test_never_two_requests_within_a_second(count: int, throttled: Sequence[str], travels: Sequence[float]) -> None:
    """As they leave and as they arrive, whatever the way there takes and however often they are throttled."""
    ways = iter(list(travels) * 1000)
    client = AccountClient(
        own={"describe_phone_numbers": [number_item(f"+1888555{n:04d}") for n in range(count)]},
        faults={method: [THROTTLED] * throttled.count(method) for method in set(throttled)},
        travel_s=lambda: next(ways),
    )
    account = read(client, EVERYTHING)
    assert len(account.numbers) == count
    for moments in (client.left_at, client.arrived_at):
        assert len(moments) >= 6 + len(throttled)
        assert all(later - earlier >= 1.0 for earlier, later in pairwise(moments))


def test_the_first_request_does_not_wait() -> None:
    """A check of one kind of identities costs one round trip."""
    client = AccountClient(own={"describe_phone_numbers": [NUMBER]})
    read(client, wanted(NUMBERS))
    assert client.left_at[0] < 0.01
    assert len(client.left_at) == 1


@pytest.mark.parametrize(
    "kind", [OutcomeKind.THROTTLED, OutcomeKind.NOT_SENT, OutcomeKind.TRY_AGAIN, OutcomeKind.UNKNOWN]
)
def test_what_may_pass_is_tried_again(kind: OutcomeKind) -> None:
    """Reading twice does no harm, so a lost answer is asked for again too; after a while it is given up."""
    trouble = Outcome(kind, "why", None, "Code", "words")
    client = AccountClient(
        own={"describe_phone_numbers": [NUMBER]}, faults={"describe_phone_numbers": [trouble] * (TRIES - 1)}
    )
    account = read(client, wanted(NUMBERS))
    assert (len(account.numbers), account.requests) == (1, TRIES)
    lasting = AccountClient(faults={"describe_phone_numbers": [trouble] * TRIES})
    with pytest.raises(AccountUnreadable) as caught:
        read(lasting, wanted(NUMBERS))
    assert caught.value.what == (
        "the account cannot be read: sms-voice:DescribePhoneNumbers failed 6 times in a row, why: words"
    )
    assert (caught.value.operation, caught.value.reason) == (NUMBERS, "why")
    assert len(lasting.asked) == TRIES


def test_throttling_backs_off() -> None:
    """Between tries there is a second, and more with every failure."""
    client = AccountClient(faults={"describe_phone_numbers": [THROTTLED] * (TRIES - 1)})
    read(client, wanted(NUMBERS))
    gaps = [later - earlier for earlier, later in pairwise(client.left_at)]
    assert len(gaps) == TRIES - 1
    assert max(gaps) > 2.0
    assert sum(gaps) < 2.4 + 1 + 2 + 4 + 8 + 16


@pytest.mark.parametrize(
    ("method", "operation"),
    [
        ("describe_phone_numbers", NUMBERS),
        ("describe_sender_ids", SENDERS),
        ("describe_pools", POOLS),
        ("list_pool_origination_identities", MEMBERS),
    ],
)
def test_a_missing_permission(method: str, operation: str) -> None:
    """The one action that is missing is named, at once, and what was read before is kept."""
    denied = Outcome(OutcomeKind.STOP, "access_denied", None, "AccessDeniedException", "User is not authorized")
    client = AccountClient(own={"describe_pools": [pool_item(POOL)]}, faults={method: [denied]})

    async def main() -> Account:
        reader = AccountReader(client, clock=VirtualClock(), random=random.Random(1))
        with pytest.raises(AccountUnreadable) as caught:
            await reader.read(EVERYTHING)
        assert caught.value.what == f"the account cannot be read: sms-voice:{operation} is not allowed"
        assert (caught.value.operation, caught.value.reason) == (operation, "access_denied")
        assert caught.value.action == f"sms-voice:{operation}"
        assert caught.value.exit_code == ExitCode.USAGE
        return reader.account

    account = run_virtual(main())
    assert operation not in account.read
    assert client.asked[-1][0] == method


def test_a_refusal() -> None:
    """What no waiting cures ends it with the service's words."""
    gone = Outcome(OutcomeKind.STOP, "expired_token", None, "ExpiredTokenException", "The token has expired")
    with pytest.raises(AccountUnreadable, match=r"DescribeSenderIds was refused, expired_token: The token has expired"):
        read(AccountClient(faults={"describe_sender_ids": [gone]}), wanted(SENDERS))


def test_only_what_is_needed_is_asked() -> None:
    """Numbers alone need one request; what was read is not asked for again."""
    client = AccountClient(own={"describe_phone_numbers": [NUMBER], "describe_sender_ids": [SENDER]})
    read(client, wanted(NUMBERS, names=frozenset({"+18885550100"})), wanted(NUMBERS, SENDERS))
    assert client.asked == [("describe_phone_numbers", "SELF"), ("describe_sender_ids", "SELF")]


def test_an_all_digit_sender_id() -> None:
    """A name that looks like a number and is none of them may be a sender id."""
    client = AccountClient(own={"describe_sender_ids": [sender_item("650001", "IN")]})
    account = read(client, wanted(NUMBERS, names=frozenset({"650001"})))
    assert account.senders_called("650001")
    assert account.requests == 2


@pytest.mark.parametrize(
    ("arn", "method"),
    [
        (f"{PREFIX}:phone-number/phone-1", "describe_phone_numbers"),
        (f"{PREFIX}:sender-id/ACME/GB", "describe_sender_ids"),
        (f"{PREFIX}:pool/pool-0123456", "describe_pools"),
    ],
)
def test_an_arn_that_is_not_among_our_own(arn: str, method: str) -> None:
    """Only then are the things that other accounts share asked for, and only those of its kind, once."""
    operations = {"describe_phone_numbers": NUMBERS, "describe_sender_ids": SENDERS, "describe_pools": POOLS}
    each = wanted(operations[method], names=frozenset({arn}))
    client = AccountClient()
    account = read(client, each, each)
    assert client.asked == [(method, "SELF"), (method, "SHARED")]
    assert account.shared_read == {operations[method]}


def test_members_of_the_pools_that_are_wanted() -> None:
    """Other pools are left alone; members that are sender ids bring those along."""
    other = pool_item("pool-fedcba9876543210")
    client = AccountClient(
        own={"describe_pools": [pool_item(POOL), other], "describe_sender_ids": [SENDER]},
        members={POOL: [member_item(SENDER)]},
    )
    account = read(client, wanted(POOLS, pools=frozenset({POOL})))
    assert set(account.members) == {POOL}
    assert [method for method, _ in client.asked] == [
        "describe_pools",
        "list_pool_origination_identities",
        "describe_sender_ids",
    ]


def test_a_shared_pool_that_may_not_be_looked_into() -> None:
    """Everything else is told all the same."""
    denied = Outcome(OutcomeKind.STOP, "access_denied", None, "AccessDeniedException", "no")
    client = AccountClient(
        own={"describe_phone_numbers": [NUMBER]},
        shared={"describe_pools": [pool_item(POOL)]},
        faults={"list_pool_origination_identities": [denied]},
    )
    account = read(client, EVERYTHING)
    assert ([one.id for one in account.pools], dict(account.members)) == ([POOL], {})
    assert len(account.numbers) == 1


class Answers:
    """A client that gives the same answer to everything."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self._answer = dict(answer)
        self.asked = 0

    async def request(self, method: str, members: Mapping[str, object], release: Any) -> dict[str, Any]:
        del method, members
        await release()
        self.asked += 1
        return self._answer

    def worked(self) -> None:
        """Nothing follows from it."""


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"PhoneNumbers": None},
        {"PhoneNumbers": "no list"},
        {"PhoneNumbers": ["no table"]},
        {"PhoneNumbers": [{}]},
        {"PhoneNumbers": [{**NUMBER, "NumberType": None}]},
        {"PhoneNumbers": [{**NUMBER, "MessagingLimits": ["x"]}]},
        {"PhoneNumbers": [NUMBER], "NextToken": "round"},
    ],
)
def test_an_answer_that_is_none(answer: Mapping[str, Any]) -> None:
    """What cannot be understood, or never ends, is said to be so; nobody gets half an account."""
    client = Answers(answer)

    async def main() -> None:
        await AccountReader(client, clock=VirtualClock(), random=random.Random(1)).read(wanted(NUMBERS))

    with pytest.raises(AccountUnreadable, match="what came back from sms-voice:DescribePhoneNumbers cannot be"):
        run_virtual(main())
    assert client.asked <= 2
