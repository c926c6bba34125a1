"""What the service says the account holds: numbers, sender ids, pools and opt-out lists, and what is to be asked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from bulksend.base.errors import UsageError

NUMBERS = "DescribePhoneNumbers"
SENDERS = "DescribeSenderIds"
POOLS = "DescribePools"
MEMBERS = "ListPoolOriginationIdentities"
OPT_OUT_LISTS = "DescribeOptOutLists"
OPTED_OUT = "DescribeOptedOutNumbers"
"""The operations that tell; IAM calls each of them `sms-voice:<operation>`."""


def action_of(operation: str) -> str:
    """The operation as IAM calls it."""
    return f"sms-voice:{operation}"


class AccountUnreadable(UsageError):
    """The service did not tell what the account holds.

    Args:
        operation: the one that failed.
        reason: the service's, or a transport cause, in lower snake case; "access_denied": a permission is missing.
        what: see `BulksendError`.
        hint: see `BulksendError`; empty: what to do follows from the reason.
    """

    def __init__(self, operation: str, reason: str, what: str, hint: str = "") -> None:
        super().__init__(what, hint)
        self.operation = operation
        self.reason = reason

    @property
    def action(self) -> str:
        """The operation as IAM calls it."""
        return action_of(self.operation)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRecord:
    """One phone number, as DescribePhoneNumbers tells of it.

    Attributes:
        arn: PhoneNumberArn.
        id: PhoneNumberId; "" where there is none.
        number: PhoneNumber: E.164, or the digits of a short code.
        type: NumberType, in lower case: "short_code", "long_code", "toll_free", "ten_dlc" or "simulator".
        country: IsoCountryCode.
        status: Status; only "ACTIVE" can send.
        message_type: MessageType.
        capabilities: NumberCapabilities.
        international: InternationalSendingEnabled; None where the service does not say.
        pool_id: PoolId of the pool that it is in; None: in none.
        registration_id: RegistrationId; for a 10DLC number that of its campaign; None: it has none.
        mps: message parts per second, MessagingLimits.RateLimits["SMS"]; None where the service does not say.
        daily_caps: MessagingLimits.DailyMessageCaps: provider -> messages a day, which is advisory.
        shared: another account owns it, and it must be named by its ARN.
    """

    arn: str
    id: str = ""
    number: str
    type: str
    country: str
    status: str
    message_type: str
    capabilities: frozenset[str]
    international: bool | None = None
    pool_id: str | None = None
    registration_id: str | None = None
    mps: int | None = None
    daily_caps: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    shared: bool = False

    def is_called(self, name: str) -> bool:
        """Whether `name` is what OriginationIdentity may call it: number (its + may be missing), id or ARN."""
        return name in (self.id, self.arn) or name.removeprefix("+") == self.number.removeprefix("+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderRecord:
    """One sender id in one country, as DescribeSenderIds tells of it.

    Attributes:
        arn: SenderIdArn.
        sender_id: SenderId.
        country: IsoCountryCode.
        message_types: MessageTypes.
        registration_id: RegistrationId; None: it has none.
        mps: as of a number.
        shared: as of a number.
    """

    arn: str
    sender_id: str
    country: str
    message_types: frozenset[str]
    registration_id: str | None = None
    mps: int | None = None
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRecord:
    """One identity of a pool, as ListPoolOriginationIdentities tells of it.

    Attributes:
        arn: OriginationIdentityArn.
        id: OriginationIdentity.
        country: IsoCountryCode.
        capabilities: NumberCapabilities.
    """

    arn: str
    id: str
    country: str
    capabilities: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRecord:
    """One pool, as DescribePools tells of it.

    Attributes:
        arn: PoolArn.
        id: PoolId.
        status: Status; only "ACTIVE" can send.
        message_type: MessageType.
        shared_routes: SharedRoutesEnabled.
        shared: as of a number.
    """

    arn: str
    id: str
    status: str
    message_type: str
    shared_routes: bool = False
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOutList:
    """One opt-out list, as DescribeOptOutLists tells of it. How many numbers are on it the service does not say.

    Attributes:
        arn: OptOutListArn.
        name: OptOutListName.
        created_at: CreatedTimestamp, UTC; None where the service does not say.
        shared: another account owns it, and it must be named by its ARN.
    """

    arn: str
    name: str
    created_at: datetime | None = None
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OptedOutPage:
    """Some of the numbers on an opt-out list.

    Attributes:
        arn: OptOutListArn of the list.
        name: OptOutListName.
        numbers: OptedOutNumber of each, with a + before its digits.
    """

    arn: str
    name: str
    numbers: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What is known of the account in one region. What was not asked is empty and not in `read`.

    Attributes:
        numbers: in the service's order.
        senders: likewise, one for each country of a sender id.
        pools: likewise.
        members: id of a pool -> its members; a pool whose members were not told is not there.
        read: operations that told all that the account owns.
        shared_read: operations that told all that other accounts share with it.
        requests: how many it took.
    """

    numbers: tuple[NumberRecord, ...] = ()
    senders: tuple[SenderRecord, ...] = ()
    pools: tuple[PoolRecord, ...] = ()
    members: Mapping[str, tuple[MemberRecord, ...]] = field(default_factory=lambda: MappingProxyType({}))
    read: frozenset[str] = frozenset()
    shared_read: frozenset[str] = frozenset()
    requests: int = 0

    def number(self, name: str) -> NumberRecord | None:
        """The number that OriginationIdentity calls `name`."""
        return next((one for one in self.numbers if one.is_called(name)), None)

    def senders_called(self, name: str) -> tuple[SenderRecord, ...]:
        """The countries of the sender id that OriginationIdentity calls `name`; an ARN has one country."""
        return tuple(one for one in self.senders if name == one.arn or (name == one.sender_id and not one.shared))

    def pool(self, name: str) -> PoolRecord | None:
        """The pool that OriginationIdentity calls `name`."""
        return next((one for one in self.pools if name in (one.id, one.arn)), None)

    def knows(self, name: str) -> bool:
        """Whether there is anything of that name."""
        return self.number(name) is not None or bool(self.senders_called(name)) or self.pool(name) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be asked of the service.

    Attributes:
        operations: of NUMBERS, SENDERS and POOLS those that are needed.
        pools: ids or ARNs of pools whose members are needed; None: all pools.
        names: identities to be found. While one of them is not, it is looked for among sender ids (an all-digit one
            looks like a number) and, by its ARN, among what other accounts share.
        shared: ask for everything that other accounts share, too.
    """

    operations: frozenset[str]
    pools: frozenset[str] | None = frozenset()
    names: frozenset[str] = frozenset()
    shared: bool = False

    def unfound(self, account: Account) -> Iterator[str]:
        """Those of `names` that `account` does not know."""
        return (name for name in sorted(self.names) if not account.knows(name))


EVERYTHING = Wanted(operations=frozenset({NUMBERS, SENDERS, POOLS}), pools=None, shared=True)
"""All that there is to list."""
