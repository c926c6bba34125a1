"""What was found out about the account's identities, for configuration and for people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundIdentity:
    """An identity that can be configured: a number, or a sender id in one country.

    Attributes:
        id: what OriginationIdentity has to be; the ARN of what another account shares.
        name: the number or the sender id.
        type: kind of sender, such as "toll_free" or "sender_id".
        country: ISO 3166 alpha-2 of the number, or of this entry of the sender id.
        mps: message parts per second; of the whole bucket.
        stated: the account says so; else it is what AWS documents for the kind.
        bucket: of the limit that it shares; "" where it shares none.
        message_types: that it may send.
        international: it may send to other countries than its own.
        pool_id: the pool that it is in; None: in none.
        registration_id: its registration; None: it has none.
        daily_caps: provider -> messages a day, advisory.
        shared: another account owns it.
    """

    id: str
    name: str
    type: str
    country: str
    mps: int
    stated: bool
    bucket: str = ""
    message_types: tuple[str, ...]
    international: bool = False
    pool_id: str | None = None
    registration_id: str | None = None
    daily_caps: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """A number or pool that cannot send SMS as it is.

    Attributes:
        id: as of `FoundIdentity`.
        type: likewise; "pool" for a pool.
        country: likewise; None for a pool.
        why: the end of a sentence that the id begins, such as "is PENDING".
    """

    id: str
    type: str
    country: str | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPool:
    """A pool that can be configured instead of its members.

    Attributes:
        id: as of `FoundIdentity`.
        message_type: of its members.
        members: names of its members, the unusable ones too.
        bounds: country -> message parts per second that its members there add up to, each limit counted once. An upper
            bound: AWS states no limit for pools.
        shared_routes: it may also use numbers that several accounts share, which are not counted.
        shared: another account owns it.
    """

    id: str
    message_type: str
    members: tuple[str, ...]
    bounds: Mapping[str, int]
    shared_routes: bool = False
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All identities of an account, in the order of types and names."""

    identities: tuple[FoundIdentity, ...] = ()
    pools: tuple[FoundPool, ...] = ()
    unusable: tuple[Unusable, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """Something in which configuration and account differ.

    Attributes:
        kind: a constant name, such as "mps_above".
        identity: id, as configured.
        says: one sentence for people, without a full stop, that begins with the id.
    """

    kind: str
    identity: str
    says: str
