"""How many parts per second the account allows a sender, by what it says or else by what AWS documents."""

from collections.abc import Iterable
from dataclasses import dataclass

from bulksend.base.account import NUMBERS, POOLS, SENDERS, Account, MemberRecord, NumberRecord, Wanted
from bulksend.origin.identity import Identity, IdentityKind
from bulksend.origin.numbers import UNDOCUMENTED_MPS, NumberType, default_mps, type_called

ACTIVE = "ACTIVE"
SMS = "SMS"

_POOLS = (IdentityKind.POOL_ID, IdentityKind.POOL_ARN)
_SENDERS = (IdentityKind.SENDER_ID, IdentityKind.SENDER_ID_ARN)


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit and where it comes from.

    Attributes:
        mps: message parts per second.
        stated: the account says so; else it is documented for the kind, or added up from the members of a pool.
    """

    mps: int
    stated: bool


def wanted_for(identities: Iterable[Identity], *, members: bool = True) -> Wanted:
    """Return what has to be asked of the service to know the limits and the state of `identities`, and no more.

    Args:
        identities: as configured.
        members: whether the limits of pools are needed, too; else what is known of the pools themselves is enough.
    """
    operations: set[str] = set()
    pools: set[str] = set()
    names: set[str] = set()
    for identity in identities:
        names.add(identity.id)
        if identity.kind in _POOLS:
            operations.add(POOLS)
            if members:
                operations.add(NUMBERS)
                pools.add(identity.id)
        elif identity.kind in _SENDERS:
            operations.add(SENDERS)
        else:
            operations.add(NUMBERS)
    return Wanted(operations=frozenset(operations), pools=frozenset(pools), names=frozenset(names))


def limit_of(account: Account, identity: Identity) -> Limit | None:
    """Return the limit that the account gives `identity` in the countries that it is configured to serve.

    Where it differs by country (sender ids, pools), the lowest of these countries: it is allowed in every one of them.
    None: the account does not know the identity, or a pool's members were not asked for.
    """
    if (number := account.number(identity.id)) is not None:
        return number_limit(number)
    if (pool := account.pool(identity.id)) is not None:
        bounds = pool_bounds(account, pool.id)
        abroad = bounds.pop("", 0)
        known = (bounds.get(country, abroad) for country in identity.countries or bounds or {""})
        limits = [Limit(bound, stated=False) for bound in known if bound]
    else:
        senders = account.senders_called(identity.id)
        served = (one for one in senders if one.country in identity.countries or not identity.countries)
        limits = [sender_limit(sender.mps) for sender in served]
    return min(limits, key=lambda limit: limit.mps, default=None)


def number_limit(number: NumberRecord) -> Limit:
    """The limit of a number."""
    if number.mps is not None:
        return Limit(number.mps, stated=True)
    return Limit(default_mps(type_called(number.type), number.country), stated=False)


def sender_limit(mps: int | None) -> Limit:
    """The limit of a sender id in one country, which the account states as `mps`."""
    return Limit(default_mps(NumberType.SENDER_ID), stated=False) if mps is None else Limit(mps, stated=True)


def campaign_of(number: NumberRecord) -> str | None:
    """What shares the number's limit: the registration of its 10DLC campaign. None: it has a limit of its own."""
    return number.registration_id if number.type == NumberType.TEN_DLC else None


def why_unusable(number: NumberRecord) -> str | None:
    """Why a number cannot send SMS, as the end of a sentence; None when it can."""
    if number.status != ACTIVE:
        return f"is {number.status}"
    return None if SMS in number.capabilities else "cannot send SMS"


def pool_bounds(account: Account, pool_id: str) -> dict[str, int]:
    """Return what the members of a pool add up to: country -> parts per second.

    AWS states no limit for pools, nor whether a message goes to another member where one is at its limit; so this is
    what they can do at most. A number counts in its own country; under "" is what those that may send abroad add up to,
    for countries that have no member of their own. A 10DLC campaign counts once however many numbers it has, and
    members that cannot send count for nothing.
    """
    bounds: dict[str, int] = {}
    counted: set[str] = set()
    for member in account.members.get(pool_id, ()):
        number = next((one for one in account.numbers if one.arn == member.arn), None)
        shared_limit = campaign_of(number) if number is not None else None
        if shared_limit is not None and shared_limit in counted:
            continue
        if limit := _member_limit(account, member, number):
            if shared_limit is not None:
                counted.add(shared_limit)
            bounds[member.country] = bounds.get(member.country, 0) + limit
            if number is not None and number.international:
                bounds[""] = bounds.get("", 0) + limit
    return bounds


def _member_limit(account: Account, member: MemberRecord, number: NumberRecord | None) -> int:
    """Parts per second that a member adds; 0 when it cannot send."""
    if number is not None:
        return 0 if why_unusable(number) else number_limit(number).mps
    for sender in account.senders:
        if sender.arn == member.arn:
            return sender_limit(sender.mps).mps
    # Something that only the pool's owner can see, or an RCS agent, which does not send SMS.
    return UNDOCUMENTED_MPS if SMS in member.capabilities else 0
