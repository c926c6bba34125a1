from typing import Any

import pytest

from bulksend.send.account_records import members_of, numbers_of, pools_of, senders_of
from tests.support.account import PREFIX, member_item, number_item, pool_item, sender_item


def test_a_number_with_all_that_can_be_said() -> None:
    """Every member that is used comes from the answer."""
    item = number_item(
        "+14255550142",
        NumberType="TEN_DLC",
        Status="PENDING",
        MessageType="PROMOTIONAL",
        InternationalSendingEnabled=True,
        PoolId="pool-1",
        RegistrationId="registration-1",
        MessagingLimits={"RateLimits": {"SMS": 20, "MMS": 5}, "DailyMessageCaps": {"T-MOBILE": 2000}},
    )
    (number,) = numbers_of([item], shared=True)
    assert (number.arn, number.id) == (f"{PREFIX}:phone-number/phone-14255550142", "phone-14255550142")
    assert (number.number, number.type, number.country) == ("+14255550142", "ten_dlc", "US")
    assert (number.status, number.message_type) == ("PENDING", "PROMOTIONAL")
    assert number.capabilities == {"SMS", "VOICE"}
    assert (number.international, number.pool_id, number.registration_id) == (True, "pool-1", "registration-1")
    assert (number.mps, dict(number.daily_caps), number.shared) == (20, {"T-MOBILE": 2000}, True)


def test_a_number_with_what_has_to_be_said() -> None:
    """What an older API leaves out is not known."""
    item = number_item("+18885550100")
    del item["PhoneNumberId"]
    (number,) = numbers_of([item], shared=False)
    assert (number.id, number.international, number.pool_id, number.registration_id) == ("", None, None, None)
    assert (number.mps, dict(number.daily_caps), number.shared) == (None, {}, False)


@pytest.mark.parametrize(
    "limits",
    [None, {}, {"RateLimits": None}, {"RateLimits": {}}, {"RateLimits": {"VOICE": 2}}, {"RateLimits": {"SMS": 0}}],
)
def test_a_limit_that_is_not_stated(limits: Any) -> None:
    """Without one for SMS, or with one of nothing, there is none."""
    assert numbers_of([number_item("+18885550100", MessagingLimits=limits)], shared=False)[0].mps is None
    assert senders_of([sender_item("ACME", "GB", MessagingLimits=limits)], shared=False)[0].mps is None


def test_sender_ids_pools_and_members() -> None:
    """The same of the other lists."""
    item = sender_item("ACME", "GB", RegistrationId="r", MessagingLimits={"RateLimits": {"SMS": 7}})
    (sender,) = senders_of([item], shared=False)
    assert (sender.sender_id, sender.country, sender.message_types) == ("ACME", "GB", frozenset({"TRANSACTIONAL"}))
    assert (sender.registration_id, sender.mps, sender.shared) == ("r", 7, False)
    (pool,) = pools_of([pool_item("pool-1", Status="CREATING", SharedRoutesEnabled=True)], shared=True)
    assert (pool.id, pool.status, pool.message_type) == ("pool-1", "CREATING", "TRANSACTIONAL")
    assert (pool.shared_routes, pool.shared) == (True, True)
    (member,) = members_of([member_item(item)])
    assert (member.arn, member.id, member.country, member.capabilities) == (
        sender.arn,
        "ACME",
        "GB",
        frozenset({"SMS"}),
    )
