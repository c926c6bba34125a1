"""In what the configured identities and the account differ. None of it keeps a campaign from being sent."""

from collections.abc import Iterable, Iterator, Sequence

from bulksend.base.account import SENDERS, Account, NumberRecord, PoolRecord, SenderRecord
from bulksend.base.found import Disagreement
from bulksend.origin.identity import Identity
from bulksend.origin.limits import ACTIVE, campaign_of, limit_of, wanted_for, why_unusable

_US_TERRITORIES = frozenset({"AS", "GU", "MP", "PR", "VI"})
_MOST_COUNTRIES = 5


def disagreements(
    identities: Sequence[Identity], account: Account, *, message_type: str | None
) -> Iterator[Disagreement]:
    """Yield what does not fit, identity by identity; of what was not read (`Account.read`) nothing is said.

    A limit that the account does not state is compared with nothing.

    Args:
        identities: as configured.
        account: what was read of it.
        message_type: of the campaign; None: it names none.
    """
    for identity in identities:
        number = account.number(identity.id)
        pool = account.pool(identity.id)
        senders = account.senders_called(identity.id)
        if number is not None:
            found = _of_number(identity, number)
            types = {number.message_type}
        elif pool is not None:
            found = _of_pool(identity, pool, account)
            types = {pool.message_type}
        elif senders:
            found = _of_sender(identity, senders)
            types = {one for sender in senders for one in sender.message_types}
        else:
            if _was_looked_for(identity, account):
                yield Disagreement(
                    kind="not_found", identity=identity.id, says=f"{identity.id} is not in the account in this region"
                )
            continue
        yield from found
        if message_type is not None and message_type not in types:
            allowed = " and ".join(sorted(types))
            says = f"{identity.id} is for {allowed} messages, and campaign.message_type is {message_type}"
            yield Disagreement(kind="message_type", identity=identity.id, says=says)
        yield from _of_limit(identity, account, is_pool=pool is not None)
    yield from _of_campaigns(identities, account)
    yield from _of_pools(identities, account)


def _of_pools(identities: Sequence[Identity], account: Account) -> Iterator[Disagreement]:
    """Members of a pool that are configured beside it."""
    for identity in identities:
        number, pool = account.number(identity.id), None
        if number is not None and number.pool_id:
            pool = next((one for one in identities if (p := account.pool(one.id)) and p.id == number.pool_id), None)
        if pool is not None and pool.bucket != identity.bucket:
            says = f"{identity.id} is a member of {pool.id}, and both are configured: together they go over its limit"
            yield Disagreement(kind="pool_and_member", identity=identity.id, says=says)


def _was_looked_for(identity: Identity, account: Account) -> bool:
    """Whether everything was read that could tell of `identity`."""
    needed = wanted_for([identity], members=False).operations
    if identity.id.isdigit():
        needed |= {SENDERS}  # an all-digit sender id looks like a number
    return needed <= account.read and (not identity.id.startswith("arn:") or needed <= account.shared_read)


def _of_number(identity: Identity, number: NumberRecord) -> Iterator[Disagreement]:
    if (why := why_unusable(number)) is not None:
        kind = "not_active" if number.status != ACTIVE else "no_sms"
        yield Disagreement(kind=kind, identity=identity.id, says=f"{identity.id} {why}: the service will refuse it")
    if number.international is not False:
        return
    home = {number.country} | (_US_TERRITORIES if number.country == "US" else frozenset())
    says = f"{identity.id} is a number of {number.country} that may not send abroad, and is configured for "
    if not identity.countries:
        says += "every country that no other identity lists"
        yield Disagreement(kind="country", identity=identity.id, says=says)
    elif abroad := identity.countries - home:
        yield Disagreement(kind="country", identity=identity.id, says=says + _listed(abroad))


def _of_pool(identity: Identity, pool: PoolRecord, account: Account) -> Iterator[Disagreement]:
    if pool.status != ACTIVE:
        says = f"{identity.id} is {pool.status}: the service will refuse it"
        yield Disagreement(kind="not_active", identity=identity.id, says=says)
    members = account.members.get(pool.id)
    if members is None or pool.shared_routes:
        return
    numbers = {number.arn: number for number in account.numbers}
    if any((number := numbers.get(member.arn)) is not None and number.international for member in members):
        return
    if missing := identity.countries - {member.country for member in members} - _US_TERRITORIES:
        says = f"{identity.id} has no member of {_listed(missing)}"
        yield Disagreement(kind="country", identity=identity.id, says=says)


def _of_sender(identity: Identity, senders: Sequence[SenderRecord]) -> Iterator[Disagreement]:
    if missing := identity.countries - {sender.country for sender in senders}:
        says = f"{identity.id} is not in the account for {_listed(missing)}"
        yield Disagreement(kind="country", identity=identity.id, says=says)
    elif not identity.countries:
        held = _listed(sender.country for sender in senders)
        says = f"{identity.id} is in the account for {held}, and is configured for every country that no other lists"
        yield Disagreement(kind="country", identity=identity.id, says=says)


def _of_limit(identity: Identity, account: Account, *, is_pool: bool) -> Iterator[Disagreement]:
    limit = limit_of(account, identity)
    if limit is None:
        return
    if is_pool:
        if identity.mps > limit.mps:
            says = f"{identity.id} has mps = {identity.mps}, and its members add up to {limit.mps} at most"
            yield Disagreement(kind="mps_above", identity=identity.id, says=says)
    elif not limit.stated or identity.mps == limit.mps:
        return
    elif identity.mps > limit.mps:
        says = f"{identity.id} has mps = {identity.mps}, and the account allows {limit.mps}: expect throttling"
        yield Disagreement(kind="mps_above", identity=identity.id, says=says)
    else:
        says = f"{identity.id} has mps = {identity.mps}, and the account allows {limit.mps}"
        yield Disagreement(kind="mps_below", identity=identity.id, says=says)


def _of_campaigns(identities: Iterable[Identity], account: Account) -> Iterator[Disagreement]:
    """10DLC numbers that share one limit, and do not share one bucket."""
    first: dict[str, Identity] = {}
    for identity in identities:
        number = account.number(identity.id)
        campaign = campaign_of(number) if number is not None else None
        if campaign is None:
            continue
        other = first.setdefault(campaign, identity)
        if other.bucket != identity.bucket:
            says = (
                f"{identity.id} and {other.id} share the limit of one 10DLC campaign, and have the buckets"
                f" {identity.bucket} and {other.bucket}: together they go over it"
            )
            yield Disagreement(kind="split_campaign", identity=identity.id, says=says)


def _listed(countries: Iterable[str]) -> str:
    known = sorted(set(countries))
    more = len(known) - _MOST_COUNTRIES
    return ", ".join(known[:_MOST_COUNTRIES]) + (f" and {more} more" if more > 0 else "")
