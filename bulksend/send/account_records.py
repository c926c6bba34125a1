"""What the service lists, as records of ours; what is no such list is refused."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

from bulksend.base.account import (
    MEMBERS,
    NUMBERS,
    OPT_OUT_LISTS,
    OPTED_OUT,
    POOLS,
    SENDERS,
    AccountUnreadable,
    MemberRecord,
    NumberRecord,
    OptedOutPage,
    OptOutList,
    PoolRecord,
    SenderRecord,
    action_of,
)

R = TypeVar("R")

_NUMBER = re.compile(r"\+?([1-9][0-9]{0,18})")


def numbers_of(items: Sequence[Any], *, shared: bool) -> tuple[NumberRecord, ...]:
    """The items of DescribePhoneNumbers, of which another account owns those that are `shared`.

    Raises `AccountUnreadable`, as the others do, when they are something else.
    """
    return _records(NUMBERS, partial(_number, shared=shared), items)


def senders_of(items: Sequence[Any], *, shared: bool) -> tuple[SenderRecord, ...]:
    """The items of DescribeSenderIds."""
    return _records(SENDERS, partial(_sender, shared=shared), items)


def pools_of(items: Sequence[Any], *, shared: bool) -> tuple[PoolRecord, ...]:
    """The items of DescribePools."""
    return _records(POOLS, partial(_pool, shared=shared), items)


def members_of(items: Sequence[Any]) -> tuple[MemberRecord, ...]:
    """The items of ListPoolOriginationIdentities."""
    return _records(MEMBERS, _member, items)


def opt_out_lists_of(items: Sequence[Any], *, shared: bool) -> tuple[OptOutList, ...]:
    """The items of DescribeOptOutLists."""
    return _records(OPT_OUT_LISTS, partial(_opt_out_list, shared=shared), items)


def opted_out_of(items: Sequence[Any], answer: Mapping[str, Any]) -> OptedOutPage:
    """One page of DescribeOptedOutNumbers: its items, and the whole `answer`."""
    try:
        arn, name = str(answer["OptOutListArn"]), str(answer["OptOutListName"])
    except KeyError:
        raise garbled(OPTED_OUT) from None
    return OptedOutPage(arn=arn, name=name, numbers=_records(OPTED_OUT, _opted_out, items))


def garbled(operation: str) -> AccountUnreadable:
    """The error for an answer that cannot be what the operation answers."""
    what = f"the account cannot be read: what came back from {action_of(operation)} cannot be understood"
    return AccountUnreadable(
        operation, "unreadable_answer", what, "check the endpoint, and what is between here and it"
    )


def _records(operation: str, make: Callable[[Mapping[str, Any]], R], items: Sequence[Any]) -> tuple[R, ...]:
    try:
        return tuple(make(item) for item in items)
    except (KeyError, TypeError, AttributeError):
        raise garbled(operation) from None


def _number(item: Mapping[str, Any], *, shared: bool) -> NumberRecord:
    return NumberRecord(
        arn=item["PhoneNumberArn"],
        id=item.get("PhoneNumberId") or "",
        number=item["PhoneNumber"],
        type=item["NumberType"].lower(),
        country=item["IsoCountryCode"],
        status=item["Status"],
        message_type=item["MessageType"],
        capabilities=frozenset(item["NumberCapabilities"]),
        international=item.get("InternationalSendingEnabled"),
        pool_id=item.get("PoolId"),
        registration_id=item.get("RegistrationId"),
        mps=_mps(item),
        daily_caps=MappingProxyType(_limits(item, "DailyMessageCaps")),
        shared=shared,
    )


def _sender(item: Mapping[str, Any], *, shared: bool) -> SenderRecord:
    return SenderRecord(
        arn=item["SenderIdArn"],
        sender_id=item["SenderId"],
        country=item["IsoCountryCode"],
        message_types=frozenset(item["MessageTypes"]),
        registration_id=item.get("RegistrationId"),
        mps=_mps(item),
        shared=shared,
    )


def _pool(item: Mapping[str, Any], *, shared: bool) -> PoolRecord:
    return PoolRecord(
        arn=item["PoolArn"],
        id=item["PoolId"],
        status=item["Status"],
        message_type=item["MessageType"],
        shared_routes=bool(item.get("SharedRoutesEnabled")),
        shared=shared,
    )


def _member(item: Mapping[str, Any]) -> MemberRecord:
    return MemberRecord(
        arn=item["OriginationIdentityArn"],
        id=item["OriginationIdentity"],
        country=item["IsoCountryCode"],
        capabilities=frozenset(item["NumberCapabilities"]),
    )


def _opt_out_list(item: Mapping[str, Any], *, shared: bool) -> OptOutList:
    created_at = item.get("CreatedTimestamp")
    return OptOutList(
        arn=item["OptOutListArn"],
        name=item["OptOutListName"],
        created_at=created_at.astimezone(UTC) if isinstance(created_at, datetime) else None,
        shared=shared,
    )


def _opted_out(item: Mapping[str, Any]) -> str:
    number = item["OptedOutNumber"]
    if (digits := _NUMBER.fullmatch(number)) is None:
        raise TypeError  # left out, somebody would be texted who is not to be
    return f"+{digits[1]}"


def _mps(item: Mapping[str, Any]) -> int | None:
    """The limit for SMS, which the service states since September 2026; None also for what can be no limit.

    The service model calls it messages a second, the guide ("View MPS limits") message parts. Parts are meant here:
    the other reading would go over the limit.
    """
    limit = _limits(item, "RateLimits").get("SMS", 0)
    return limit if limit >= 1 else None


def _limits(item: Mapping[str, Any], kind: str) -> dict[str, int]:
    limits = (item.get("MessagingLimits") or {}).get(kind) or {}
    return {name: limit for name, limit in limits.items() if isinstance(limit, int)}
