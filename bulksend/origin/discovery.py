"""From what the service says the account holds to identities that can be configured."""

from collections.abc import Iterable, Mapping

from bulksend.base.account import Account, NumberRecord, PoolRecord
from bulksend.base.found import Found, FoundIdentity, FoundPool, Unusable
from bulksend.origin.limits import (
    ACTIVE,
    campaign_of,
    number_limit,
    pool_bounds,
    sender_limit,
    why_unusable,
)
from bulksend.origin.numbers import NumberType, type_called

_TAIL = 8
"""Characters of a registration's id that its bucket is named after, where they tell it from the others."""

_ORDER = {kind: place for place, kind in enumerate(NumberType)}


def discovered(account: Account) -> Found:
    """Return what `account` has to send from; all of it must have been read (`base.account.EVERYTHING`).

    Every number that is active and can send SMS is an identity that serves its own country; every sender id is one in
    each of its countries, as each has a limit of its own. The numbers of one 10DLC campaign share one bucket, and the
    lowest limit that any of them states: each states the campaign's. Members of a pool are listed like all others;
    pools stand beside them as alternatives, because a pool and its members together would use each limit twice.
    """
    usable = [number for number in account.numbers if why_unusable(number) is None]
    identities = [*_numbers(usable), *_senders(account)]
    unusable = [
        Unusable(id=_id(number), type=type_called(number.type), country=number.country, why=why)
        for number in account.numbers
        if (why := why_unusable(number)) is not None
    ]
    pools: list[FoundPool] = []
    for pool in account.pools:
        found = _pool(account, pool)
        if pool.status != ACTIVE:
            why = f"is {pool.status}"
        elif pool.id not in account.members:
            why = "does not show its members"
        elif not found.bounds:
            why = "has no member that can send SMS"
        else:
            pools.append(found)
            continue
        unusable.append(Unusable(id=found.id, type=NumberType.POOL, country=None, why=why))
    return Found(
        identities=tuple(sorted(identities, key=_place)),
        pools=tuple(sorted(pools, key=lambda pool: pool.id)),
        unusable=tuple(sorted(unusable, key=lambda one: (_ORDER[type_called(one.type)], one.id))),
    )


def _place(one: FoundIdentity) -> tuple[int, str, str, str]:
    return _ORDER[type_called(one.type)], one.bucket, one.name, one.country


def _numbers(usable: list[NumberRecord]) -> Iterable[FoundIdentity]:
    limits = [number_limit(number) for number in usable]
    campaigns = [campaign_of(number) for number in usable]
    buckets = _bucket_names({one for one in campaigns if one is not None and campaigns.count(one) > 1})
    lowest: dict[str, int] = {}
    for campaign, limit in zip(campaigns, limits, strict=True):
        if campaign is not None:
            lowest[campaign] = min(limit.mps, lowest.get(campaign, limit.mps))
    for number, limit, campaign in zip(usable, limits, campaigns, strict=True):
        yield FoundIdentity(
            id=_id(number),
            name=number.number,
            type=type_called(number.type),
            country=number.country,
            mps=lowest[campaign] if campaign is not None else limit.mps,
            stated=limit.stated,
            bucket=buckets.get(campaign or "", ""),
            message_types=(number.message_type,),
            international=bool(number.international),
            pool_id=number.pool_id,
            registration_id=number.registration_id,
            daily_caps=number.daily_caps,
            shared=number.shared,
        )


def _senders(account: Account) -> Iterable[FoundIdentity]:
    pool_of = {member.arn: pool for pool, members in account.members.items() for member in members}
    for sender in account.senders:
        limit = sender_limit(sender.mps)
        yield FoundIdentity(
            id=sender.arn if sender.shared else sender.sender_id,
            name=sender.sender_id,
            type=NumberType.SENDER_ID,
            country=sender.country,
            mps=limit.mps,
            stated=limit.stated,
            message_types=tuple(sorted(sender.message_types, reverse=True)),
            pool_id=pool_of.get(sender.arn),
            registration_id=sender.registration_id,
            shared=sender.shared,
        )


def _pool(account: Account, pool: PoolRecord) -> FoundPool:
    bounds = pool_bounds(account, pool.id)
    bounds.pop("", None)
    numbers = {number.arn: number.number for number in account.numbers}
    names = dict.fromkeys(numbers.get(member.arn, member.id) for member in account.members.get(pool.id, ()))
    return FoundPool(
        id=pool.arn if pool.shared else pool.id,
        message_type=pool.message_type,
        members=tuple(names),
        bounds=dict(sorted(bounds.items())),
        shared_routes=pool.shared_routes,
        shared=pool.shared,
    )


def _id(number: NumberRecord) -> str:
    return number.arn if number.shared else number.number


def _bucket_names(campaigns: Iterable[str]) -> Mapping[str, str]:
    """A name for the bucket of each campaign: as short as tells them apart."""
    known = sorted(campaigns)
    tails = [campaign[-_TAIL:] for campaign in known]
    return {
        campaign: f"10dlc-{tail if tails.count(tail) == 1 else campaign}"
        for campaign, tail in zip(known, tails, strict=True)
    }
