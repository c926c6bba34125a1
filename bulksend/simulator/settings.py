"""What the simulated account looks like and how badly its day goes: `simulator.toml`, checked."""

import math
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from bulksend.base.errors import ConfigError
from bulksend.simulator.requests import REQUESTS
from bulksend.simulator.resources import (
    DEFAULT_OPT_OUT_LIST,
    AccountSettings,
    Amount,
    ConfigurationSetSettings,
    IdentitySettings,
    OptOutListSettings,
    PoolSettings,
    ProtectSettings,
    SpendSettings,
    buckets_of,
    places,
)

Probability = Annotated[float, Meta(ge=0, le=1)]
AccessKeyId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_]+\Z")]


class LatencySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long a request takes, from its last byte in to its first byte out; lognormal.

    Attributes:
        median_ms: milliseconds; 0: replies at once.
        p99_ms: milliseconds that one request in a hundred exceeds; 0: every request takes `median_ms`.
    """

    median_ms: Amount = 0.0
    p99_ms: Amount = 0.0

    def __post_init__(self) -> None:
        """Refuse a 99th percentile below the median."""
        if 0 < self.p99_ms < self.median_ms:
            raise ValueError("p99_ms must not be less than median_ms")


class FaultSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How often a SendTextMessage meets which fault: probabilities, of which at most one strikes a request.

    Attributes:
        throttle: ThrottlingException although there was room; not accepted.
        internal_error: 500 InternalServerException; not accepted.
        internal_error_after: 500 InternalServerException; the message was accepted all the same.
        unavailable: 503; not accepted.
        drop_before: connection closed without an answer; not accepted.
        drop_after: accepted, then the connection is closed without an answer.
        no_reply: accepted, but the answer never comes; the connection stays open.
        expired_token_after: requests that one set of credentials is good for, then ExpiredTokenException; 0: any.
    """

    throttle: Probability = 0.0
    internal_error: Probability = 0.0
    internal_error_after: Probability = 0.0
    unavailable: Probability = 0.0
    drop_before: Probability = 0.0
    drop_after: Probability = 0.0
    no_reply: Probability = 0.0
    expired_token_after: Annotated[int, Meta(ge=0)] = 0

    def __post_init__(self) -> None:
        """Refuse probabilities that add up to more than certainty."""
        total = math.fsum(
            (
                self.throttle,
                self.internal_error,
                self.internal_error_after,
                self.unavailable,
                self.drop_before,
                self.drop_after,
                self.no_reply,
            )
        )
        if total > 1:
            raise ValueError("the probabilities add up to more than 1")


class EventSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Delivery events, as an event destination of the service would receive them.

    Attributes:
        path: file that JSON lines are appended to; empty: none is written.
        delay_s: seconds between acceptance and the final event.
        failure_rate: probability that the final event of a message is a failure.
        duplicate_rate: probability that the final event comes twice, as carriers' receipts do.
        pending: whether a TEXT_PENDING event, which is not final, comes first.
        require_configuration_set: whether only messages with a ConfigurationSetName have events, as in the service.
    """

    path: str = ""
    delay_s: Amount = 1.0
    failure_rate: Probability = 0.0
    duplicate_rate: Probability = 0.0
    pending: bool = False
    require_configuration_set: bool = False


class ChangeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A bucket's limit becomes another one; what describes its identities says so from then on.

    Attributes:
        after_s: seconds since the start.
        bucket: its name.
        mps: message parts per second.
    """

    after_s: Amount
    bucket: str
    mps: Annotated[int, Meta(ge=1)]


class OtherTrafficSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Another application of the account sends by identities of a bucket, in messages of one part.

    What of it is accepted takes room in the bucket. It is no part of any other statistics than its own, and no
    recipient and no request quota feels it.

    Attributes:
        bucket: its name.
        parts_per_second: that it offers; what is refused does not come again.
        from_s: seconds since the start.
        until_s: seconds since the start; 0: for ever.
        spacing: "even", or "poisson": as many independent callers would.
    """

    bucket: str
    parts_per_second: Annotated[float, Meta(gt=0, le=1e6)]
    from_s: Amount = 0.0
    until_s: Amount = 0.0
    spacing: Literal["even", "poisson"] = "even"

    def __post_init__(self) -> None:
        """Refuse an end before the beginning."""
        if 0 < self.until_s <= self.from_s:
            raise ValueError("until_s must be more than from_s")


class SimulatorSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of `simulator.toml`.

    Attributes:
        seed: of everything that is left to chance.
        record_messages: whether every accepted message (number included) is kept for `GET /_simulator/messages`.
        request_quotas: operation -> requests per second of the account, those not counted that are over it. An
            operation that is not there has no quota, but for PutMessageFeedback (20).
        credentials: access key id -> secret access key. With any of them, signatures are checked, and other access keys
            are refused; none: any access key and any signature will do.
        account: see `AccountSettings`.
        spend: see `SpendSettings`.
        latency: see `LatencySettings`.
        faults: see `FaultSettings`.
        events: see `EventSettings`.
        identities: see `IdentitySettings`.
        pools: see `PoolSettings`.
        opt_out_lists: see `OptOutListSettings`; the list "Default" exists whether or not it is named.
        protect_configurations: see `ProtectSettings`; none: any ProtectConfigurationId is accepted, and allows all.
        configuration_sets: see `ConfigurationSetSettings`; none: any ConfigurationSetName is accepted.
        changes: see `ChangeSettings`; in any order.
        other_traffic: see `OtherTrafficSettings`.
    """

    seed: int = 0
    record_messages: bool = False
    request_quotas: dict[str, Annotated[int, Meta(ge=1)]] = msgspec.field(default_factory=dict)
    credentials: dict[AccessKeyId, Annotated[str, Meta(min_length=1)]] = msgspec.field(default_factory=dict)
    account: AccountSettings = AccountSettings()
    spend: SpendSettings = SpendSettings()
    latency: LatencySettings = LatencySettings()
    faults: FaultSettings = FaultSettings()
    events: EventSettings = EventSettings()
    identities: tuple[IdentitySettings, ...] = ()
    pools: tuple[PoolSettings, ...] = ()
    opt_out_lists: tuple[OptOutListSettings, ...] = ()
    protect_configurations: tuple[ProtectSettings, ...] = ()
    configuration_sets: tuple[ConfigurationSetSettings, ...] = ()
    changes: tuple[ChangeSettings, ...] = ()
    other_traffic: tuple[OtherTrafficSettings, ...] = ()

    def __post_init__(self) -> None:
        """Refuse tables that contradict one another."""
        for contradiction in _contradictions(self):
            raise ValueError(contradiction)


def load_settings(path: Path) -> SimulatorSettings:
    """Read `path` as TOML.

    Raises:
        ConfigError: it cannot be read, is not TOML, or a key is unknown, missing or wrong; names file and key.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}", "Give the path of a simulator.toml") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}", "Correct the file at the place named") from error
    try:
        return msgspec.convert(table, SimulatorSettings)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {_key_first(str(error))}", "config/simulator.toml explains every key") from error


def _key_first(message: str) -> str:
    """Turn msgspec's "<problem> - at `$.<key>`" into "<key>: <problem>"."""
    problem, _, place = message.partition(" - at ")
    key = place.split("`$")[-1].rstrip("`").removeprefix(".").replace("[...]", "")
    named = re.search(r"field `(.+?)`", problem)
    if named:
        key = f"{key}.{named[1]}" if key else named[1]
    return f"{key}: {problem}" if key else problem


def _contradictions(settings: SimulatorSettings) -> Iterator[str]:
    """Yield what is wrong between tables, each as "<key>: <problem>"."""
    for operation in settings.request_quotas:
        if operation not in REQUESTS:
            yield f"request_quotas.{operation}: no such operation is simulated"
    mps_of: dict[str, int] = {}
    known: set[str] = set()
    reached: set[tuple[str, str]] = set()
    lists = {DEFAULT_OPT_OUT_LIST, *(each.name for each in settings.opt_out_lists)}
    for index, (identity, bucket) in enumerate(zip(settings.identities, buckets_of(settings.identities), strict=True)):
        key = f"identities[{index}]"
        here = {(identity.id, country) for country in places(identity)}
        if here & reached or (identity.type != "sender_id" and identity.id in known):
            yield f"{key}.id: {identity.id} is there twice"
        reached |= here
        known.add(identity.id)
        if mps_of.setdefault(bucket, identity.mps) != identity.mps:
            yield f"{key}.mps: other identities of bucket {bucket} say {mps_of[bucket]}"
        if identity.opt_out_list not in lists:
            yield f"{key}.opt_out_list: no [[opt_out_lists]] is named {identity.opt_out_list}"
    for index, pool in enumerate(settings.pools):
        for member in pool.members:
            if member not in known:
                yield f"pools[{index}].members: no [[identities]] has the id {member}"
        if pool.opt_out_list and pool.opt_out_list not in lists:
            yield f"pools[{index}].opt_out_list: no [[opt_out_lists]] is named {pool.opt_out_list}"
    protects = {each.id for each in settings.protect_configurations}
    for index, configuration_set in enumerate(settings.configuration_sets):
        wanted = configuration_set.protect_configuration_id
        if wanted and wanted not in protects:
            yield (
                f"configuration_sets[{index}].protect_configuration_id:"
                f" no [[protect_configurations]] has the id {wanted}"
            )
    changed = [each.bucket for each in settings.changes]
    shared = [each.bucket for each in settings.other_traffic]
    for table, buckets in (("changes", changed), ("other_traffic", shared)):
        for index, bucket in enumerate(buckets):
            if bucket not in mps_of:
                yield f"{table}[{index}].bucket: no [[identities]] has the bucket {bucket}"
    if sum(each.default for each in settings.protect_configurations) > 1:
        yield "protect_configurations: more than one is the default"
