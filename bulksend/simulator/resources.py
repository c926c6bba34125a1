"""What the simulated account holds: the tables of `simulator.toml` that name resources, and their prices."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from bulksend.base.buckets import bucket_names

Number = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{1,18}\Z")]
CountryCode = Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
Amount = Annotated[float, Meta(ge=0)]

DEFAULT_OPT_OUT_LIST = "Default"
"""The opt-out list that every account has."""


class AccountSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The account that all resources belong to.

    Attributes:
        region: as it stands in ARNs; requests signed for another region are accepted too.
        account_id: as it stands in ARNs.
        tier: a sandbox account reaches only `verified_numbers` and AWS's destination simulators.
        verified_numbers: E.164; looked at in the sandbox only.
        access_denied: the Reason of an AccessDeniedException that every message meets; empty: none does.
        clock_offset_s: seconds by which the service's clock is ahead of this machine's; negative: behind.
        messages_per_recipient_per_second: messages that one recipient can be sent in a second, whoever they come from,
            DryRun left out (AWS: "Quotas", one, which nobody can have raised); 0: any number.
    """

    region: Annotated[str, Meta(pattern=r"^[a-z0-9-]+\Z")] = "us-east-1"
    account_id: Annotated[str, Meta(pattern=r"^[0-9]{12}\Z")] = "123456789012"
    tier: Literal["production", "sandbox"] = "production"
    verified_numbers: tuple[Number, ...] = ()
    access_denied: Literal["", "ACCOUNT_DISABLED", "INSUFFICIENT_ACCOUNT_REPUTATION"] = ""
    clock_offset_s: Annotated[float, Meta(ge=-1e9, le=1e9)] = 0.0
    messages_per_recipient_per_second: Annotated[int, Meta(ge=0)] = 1


class SpendSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Prices, and the limit that stops an account.

    Attributes:
        price_per_part_usd: US dollars for one part, wherever `price_by_country_usd` says nothing else.
        price_by_country_usd: country -> US dollars for one part.
        limit_usd: US dollars; a message that would take the sum over it is refused. 0: no limit.
    """

    price_per_part_usd: Amount = 0.00828
    price_by_country_usd: dict[CountryCode, Amount] = msgspec.field(default_factory=dict)
    limit_usd: Amount = 0.0


class IdentitySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One origination identity.

    A sender id may be there several times, for different countries, each time with a limit of its own.

    Attributes:
        id: the number in E.164, the short code, or the sender id.
        type: what it is.
        country: where it is registered, ISO 3166 alpha-2.
        countries: what it can reach. A sender id exists once in each of them. None: any country; for a sender id that
            is there several times, `country` alone.
        mps: message parts per second.
        bucket: identities with the same bucket share its limit; empty: a bucket of its own, see `bucket_names`.
        message_type: the type that it may send; BOTH is for sender ids only.
        status: anything but ACTIVE cannot send.
        opt_out_list: the list that its recipients opt out on.
        registration_id: the registration (for a 10DLC number: its campaign); empty: none.
    """

    id: Annotated[str, Meta(pattern=r"^(\+[1-9][0-9]{1,18}|[A-Za-z0-9_-]{1,11})\Z")]
    type: Literal["short_code", "long_code", "toll_free", "ten_dlc", "simulator", "sender_id"]
    country: CountryCode
    countries: tuple[CountryCode, ...] = ()
    mps: Annotated[int, Meta(ge=1)]
    bucket: str = ""
    message_type: Literal["TRANSACTIONAL", "PROMOTIONAL", "BOTH"] = "TRANSACTIONAL"
    status: Literal["PENDING", "ACTIVE", "ASSOCIATING", "DISASSOCIATING", "DELETED"] = "ACTIVE"
    opt_out_list: Name = DEFAULT_OPT_OUT_LIST
    registration_id: str = ""

    def __post_init__(self) -> None:
        """Refuse what no number of this type could be."""
        if self.message_type == "BOTH" and self.type != "sender_id":
            raise ValueError('message_type "BOTH" is for sender ids only')
        if (self.type in ("sender_id", "short_code")) == self.id.startswith("+"):
            raise ValueError(f"id: not what a {self.type} looks like")


def buckets_of(identities: Sequence[IdentitySettings]) -> tuple[str, ...]:
    """Return the bucket of each of `identities`, in their order; see `bucket_names`."""
    return bucket_names([(each.id, places(each), each.bucket) for each in identities])


def places(identity: IdentitySettings) -> tuple[str, ...]:
    """Return the countries that a sender id exists in."""
    return identity.countries or (identity.country,)


class PoolSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A pool: the service picks the member.

    Attributes:
        id: "pool-" and what the service made up.
        members: ids of identities.
        status: anything but ACTIVE cannot send.
        message_type: the type of its numbers.
        opt_out_list: as for an identity; empty: that of the member which sends.
    """

    id: Annotated[str, Meta(pattern=r"^pool-[A-Za-z0-9_-]{1,59}\Z")]
    members: Annotated[tuple[str, ...], Meta(min_length=1)]
    status: Literal["CREATING", "ACTIVE", "DELETING"] = "ACTIVE"
    message_type: Literal["TRANSACTIONAL", "PROMOTIONAL"] = "TRANSACTIONAL"
    opt_out_list: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{0,64}\Z")] = ""


class OptOutListSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A list of numbers, in E.164, that said STOP."""

    name: Name = DEFAULT_OPT_OUT_LIST
    numbers: tuple[Number, ...] = ()


class ProtectSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A protect configuration.

    Attributes:
        id: "protect-" and what the service made up.
        default: whether it is the account's default.
        country_rules: country -> what happens to messages there; ALLOW where nothing is said. BLOCK refuses the
            request; FILTER accepts it, and a TEXT_PROTECT_BLOCKED event follows.
        number_overrides: destination in E.164 -> what beats the country's rule.
    """

    id: Annotated[str, Meta(pattern=r"^protect-[A-Za-z0-9_-]{1,56}\Z")]
    default: bool = False
    country_rules: dict[CountryCode, Literal["ALLOW", "BLOCK", "MONITOR", "FILTER"]] = msgspec.field(
        default_factory=dict
    )
    number_overrides: dict[Number, Literal["ALLOW", "BLOCK"]] = msgspec.field(default_factory=dict)


class ConfigurationSetSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A configuration set.

    Attributes:
        name: what ConfigurationSetName says.
        message_type: for messages that name no MessageType; empty: none.
        protect_configuration_id: for messages that name no ProtectConfigurationId; empty: none.
    """

    name: Name
    message_type: Literal["", "TRANSACTIONAL", "PROMOTIONAL"] = ""
    protect_configuration_id: str = ""
