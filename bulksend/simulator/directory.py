"""The account's origination identities: which one a request means, and which ones may take its message."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bulksend.simulator.faults import not_found
from bulksend.simulator.resources import IdentitySettings, PoolSettings, buckets_of, places
from bulksend.simulator.settings import SimulatorSettings


@dataclass(frozen=True, slots=True)
class Identity:
    """One number, or one sender id in one country.

    Attributes:
        settings: what the file says about it.
        name: the number or the sender id.
        resource_id: "phone-..." for a number, the sender id for a sender id.
        resource_type: as in the service's ResourceType.
        arn: the full one.
        country: where it is registered; for a sender id, the country of this entry.
        reach: countries that it serves; empty: any.
        bucket: the limit it is held to.
        pool_id: the pool that it is in, or None.
    """

    settings: IdentitySettings
    name: str
    resource_id: str
    resource_type: str
    arn: str
    country: str
    reach: frozenset[str]
    bucket: str
    pool_id: str | None

    @property
    def is_active(self) -> bool:
        """Whether its status allows sending."""
        return self.settings.status == "ACTIVE"

    @property
    def message_types(self) -> tuple[str, ...]:
        """The types that it may send."""
        return (
            ("TRANSACTIONAL", "PROMOTIONAL") if self.settings.message_type == "BOTH" else (self.settings.message_type,)
        )

    def serves(self, country: str) -> bool:
        """Whether it reaches `country`."""
        return not self.reach or country in self.reach


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool with its members."""

    settings: PoolSettings
    arn: str
    members: tuple[Identity, ...]


@dataclass(frozen=True, slots=True)
class Origination:
    """What an OriginationIdentity stands for.

    Attributes:
        candidates: who may take the message, in the file's order; for a sender id, its countries.
        service_picks: whether the caller left the choice to the service, by a pool or by naming nobody.
        pool: the pool that was named, or None.
    """

    candidates: tuple[Identity, ...]
    service_picks: bool
    pool: Pool | None = None


class Directory:
    """Looks identities and pools up by every name the service knows for them: number, id, ARN."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._prefix = f"arn:aws:sms-voice:{settings.account.region}:{settings.account.account_id}"
        pool_of = {member: pool.id for pool in settings.pools for member in pool.members}
        self._times = Counter(each.id for each in settings.identities)
        buckets = buckets_of(settings.identities)
        self.identities = tuple(
            identity
            for each, bucket in zip(settings.identities, buckets, strict=True)
            for identity in self._identities(each, bucket, pool_of.get(each.id))
        )
        self.pools = tuple(
            Pool(pool, self.arn("pool", pool.id), tuple(self._members(pool.members))) for pool in settings.pools
        )
        self.mps = {bucket: each.mps for bucket, each in zip(buckets, settings.identities, strict=True)}
        transactional_first = sorted(self.identities, key=lambda each: "TRANSACTIONAL" not in each.message_types)
        self._anybody = Origination(tuple(transactional_first), service_picks=True)
        self._known = dict(self._names())

    def arn(self, resource_type: str, resource_id: str) -> str:
        """Return the ARN of a resource of this account."""
        return f"{self._prefix}:{resource_type}/{resource_id}"

    def bare_id(self, resource_type: str, name: str) -> str:
        """Return the id or name out of an ARN of this account; anything else as it is."""
        return name.removeprefix(f"{self._prefix}:{resource_type}/")

    def find(self, origination: str | None) -> Origination:
        """Return what `origination` stands for; None: anybody in the account, transactional identities first.

        Raises:
            ServiceFault: ResourceNotFoundException.
        """
        if origination is None:
            return self._anybody
        found = self._known.get(origination)
        if found is None:
            raise not_found(_likely_type(origination), origination)
        return found

    def _identities(self, settings: IdentitySettings, bucket: str, pool_id: str | None) -> Iterator[Identity]:
        if settings.type == "sender_id":
            is_anywhere = not settings.countries and self._times[settings.id] == 1
            for country in places(settings):
                yield Identity(
                    settings=settings,
                    name=settings.id,
                    resource_id=settings.id,
                    resource_type="sender-id",
                    arn=self.arn("sender-id", f"{settings.id}/{country}"),
                    country=country,
                    reach=frozenset(() if is_anywhere else {country}),
                    bucket=bucket,
                    pool_id=pool_id,
                )
        else:
            phone_number_id = f"phone-{hashlib.blake2b(settings.id.encode(), digest_size=16).hexdigest()}"
            yield Identity(
                settings=settings,
                name=settings.id,
                resource_id=phone_number_id,
                resource_type="phone-number",
                arn=self.arn("phone-number", phone_number_id),
                country=settings.country,
                reach=frozenset(settings.countries),
                bucket=bucket,
                pool_id=pool_id,
            )

    def _members(self, names: Iterable[str]) -> Iterator[Identity]:
        for name in names:
            yield from (identity for identity in self.identities if identity.name == name)

    def _names(self) -> Iterator[tuple[str, Origination]]:
        for identity in self.identities:
            yield identity.arn, Origination((identity,), service_picks=False)
            same_name = tuple(each for each in self.identities if each.name == identity.name)
            for name in {identity.name, identity.resource_id}:
                yield name, Origination(same_name, service_picks=False)
        for pool in self.pools:
            origination = Origination(pool.members, service_picks=True, pool=pool)
            yield pool.settings.id, origination
            yield pool.arn, origination


def _likely_type(origination: str) -> str:
    """Return the ResourceType that an unknown name looks like."""
    if origination.startswith("pool-") or ":pool/" in origination:
        return "pool"
    if origination.startswith("phone-") or ":phone-number/" in origination or origination.lstrip("+").isdigit():
        return "phone-number"
    return "sender-id"
