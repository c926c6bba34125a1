"""Accounts made by hand, and a client that answers for one without any network."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bulksend.base.account import MemberRecord, NumberRecord, PoolRecord, SenderRecord
from bulksend.base.ports import Release
from bulksend.base.records import Outcome
from tests.support.virtual import VirtualClock

PREFIX = "arn:aws:sms-voice:us-east-1:123456789012"


def number(name: str, **other: Any) -> NumberRecord:
    """An active number; a US toll-free one, unless told otherwise."""
    digits = name.removeprefix("+")
    known: dict[str, Any] = {
        "arn": f"{PREFIX}:phone-number/phone-{digits}",
        "id": f"phone-{digits}",
        "type": "toll_free",
        "country": "US",
        "status": "ACTIVE",
        "message_type": "TRANSACTIONAL",
        "capabilities": frozenset({"SMS"}),
        "international": False,
        "mps": 3,
    }
    return NumberRecord(number=name, **(known | other))


def sender(name: str, country: str, **other: Any) -> SenderRecord:
    """A sender id in one country."""
    known: dict[str, Any] = {"message_types": frozenset({"TRANSACTIONAL", "PROMOTIONAL"}), "mps": 10}
    return SenderRecord(arn=f"{PREFIX}:sender-id/{name}/{country}", sender_id=name, country=country, **(known | other))


def pool(name: str, **other: Any) -> PoolRecord:
    """An active pool."""
    known: dict[str, Any] = {"status": "ACTIVE", "message_type": "TRANSACTIONAL"}
    return PoolRecord(arn=f"{PREFIX}:pool/{name}", id=name, **(known | other))


def member(of: NumberRecord | SenderRecord) -> MemberRecord:
    """`of`, as a pool lists it."""
    if isinstance(of, NumberRecord):
        return MemberRecord(arn=of.arn, id=of.id, country=of.country, capabilities=of.capabilities)
    return MemberRecord(arn=of.arn, id=of.sender_id, country=of.country, capabilities=frozenset({"SMS"}))


def number_item(name: str, **other: Any) -> dict[str, Any]:
    """A number as DescribePhoneNumbers lists it, with all members that are required."""
    digits = name.removeprefix("+")
    return {
        "PhoneNumberArn": f"{PREFIX}:phone-number/phone-{digits}",
        "PhoneNumberId": f"phone-{digits}",
        "PhoneNumber": name,
        "Status": "ACTIVE",
        "IsoCountryCode": "US",
        "MessageType": "TRANSACTIONAL",
        "NumberCapabilities": ["SMS", "VOICE"],
        "NumberType": "TOLL_FREE",
        "MonthlyLeasingPrice": "2.00",
        "TwoWayEnabled": False,
        "SelfManagedOptOutsEnabled": False,
        "OptOutListName": "Default",
        "DeletionProtectionEnabled": False,
        "CreatedTimestamp": 1_735_689_600,
        **other,
    }


def sender_item(name: str, country: str, **other: Any) -> dict[str, Any]:
    """A sender id as DescribeSenderIds lists it."""
    return {
        "SenderIdArn": f"{PREFIX}:sender-id/{name}/{country}",
        "SenderId": name,
        "IsoCountryCode": country,
        "MessageTypes": ["TRANSACTIONAL"],
        "MonthlyLeasingPrice": "0.00",
        "DeletionProtectionEnabled": False,
        "Registered": False,
        **other,
    }


def pool_item(name: str, **other: Any) -> dict[str, Any]:
    """A pool as DescribePools lists it."""
    return {
        "PoolArn": f"{PREFIX}:pool/{name}",
        "PoolId": name,
        "Status": "ACTIVE",
        "MessageType": "TRANSACTIONAL",
        "TwoWayEnabled": False,
        "SelfManagedOptOutsEnabled": False,
        "OptOutListName": "Default",
        "SharedRoutesEnabled": False,
        "DeletionProtectionEnabled": False,
        "CreatedTimestamp": 1_735_689_600,
        **other,
    }


def member_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """What ListPoolOriginationIdentities says of something that the other lists hold as `item`."""
    arn = item.get("PhoneNumberArn") or item["SenderIdArn"]
    return {
        "OriginationIdentityArn": arn,
        "OriginationIdentity": item.get("PhoneNumberId") or item["SenderId"],
        "IsoCountryCode": item["IsoCountryCode"],
        "NumberCapabilities": ["SMS"],
    }


@dataclass
class AccountClient:
    """Answers the four operations from lists, after `travel_s` there and as long back; notes when each request left.

    Attributes:
        own: method -> items that the account owns.
        shared: method -> items that others share with it.
        members: id or ARN of a pool -> items.
        faults: method -> outcomes that its first requests meet instead; taken off as they are used.
    """

    own: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    shared: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    members: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    faults: dict[str, list[Outcome]] = field(default_factory=dict)
    travel_s: Callable[[], float] = lambda: 0.1
    asked: list[tuple[str, str]] = field(default_factory=list)
    left_at: list[float] = field(default_factory=list)
    arrived_at: list[float] = field(default_factory=list)
    has_worked: bool = False

    def __post_init__(self) -> None:
        self._clock = VirtualClock()

    async def request(self, method: str, members: Mapping[str, object], release: Release) -> dict[str, Any] | Outcome:
        await release()
        self.left_at.append(self._clock.monotonic())
        await self._clock.sleep(self.travel_s())
        self.arrived_at.append(self._clock.monotonic())
        self.asked.append((method, str(members.get("Owner", members.get("PoolId", "")))))
        await self._clock.sleep(self.travel_s())
        if self.faults.get(method):
            return self.faults[method].pop(0)
        keys = {
            "describe_phone_numbers": "PhoneNumbers",
            "describe_sender_ids": "SenderIds",
            "describe_pools": "Pools",
            "list_pool_origination_identities": "OriginationIdentities",
        }
        if "PoolId" in members:
            items = self.members[str(members["PoolId"])]
        else:
            items = (self.own if members["Owner"] == "SELF" else self.shared).get(method, ())
        assert members["MaxResults"] == 100
        start = int(str(members.get("NextToken", "0")))
        following = {"NextToken": str(start + 100)} if start + 100 < len(items) else {}
        return {keys[method]: list(items[start : start + 100]), **following}

    def worked(self) -> None:
        self.has_worked = True
