"""The service that a campaign is rehearsed against: its identities at their limits, and time that runs faster."""

import json
from collections.abc import Mapping
from itertools import count
from types import MappingProxyType

import msgspec
from msgspec.structs import replace

from bulksend.config.model import Settings, with_limits
from bulksend.origin.identity import Identity
from bulksend.origin.numbers import Look, NumberType, look_of
from bulksend.simulator.resources import AccountSettings, IdentitySettings, SpendSettings
from bulksend.simulator.settings import LatencySettings, SimulatorSettings

PROFILES: Mapping[str, LatencySettings] = MappingProxyType(
    {
        "fast": LatencySettings(median_ms=15.0, p99_ms=60.0),
        "typical": LatencySettings(median_ms=60.0, p99_ms=180.0),
        "slow": LatencySettings(median_ms=250.0, p99_ms=2000.0),
    }
)
"""How long answers take: from within the Region, from not far away, from far away or on a bad day. Assumptions: what it
is from here is what a rehearsal at the service measures."""

SEND = "SendTextMessage"

RECIPIENT_MESSAGES_PER_SECOND = 1
"""Messages that one recipient can be sent in a second (AWS: "Quotas")."""

Names = Mapping[tuple[str, str], str]
"""(identity, bucket) -> what the identity is called at the simulator."""

_MADE_UP = "+999"
"""Begins numbers that nobody has: no country has this calling code (ITU-T E.164, list of assigned codes)."""


def compressed(settings: Settings, speed: int) -> Settings:
    """Return `settings` for a life that goes by `speed` times faster: limits are higher, and waits shorter, by so much.

    The headroom is a share of the limits and stays. Timeouts stay too: how long a machine takes to answer does not
    shrink with the campaign's time. A limit that is the account's to tell is the documented one.
    """
    known = with_limits(settings, lambda one: one.known_mps)
    retry = settings.retry
    return replace(
        settings,
        identities=tuple(replace(one, mps=one.known_mps * speed) for one in known.identities),
        pacing=replace(settings.pacing, requests_per_second=settings.pacing.requests_per_second * speed),
        retry=replace(
            retry,
            base_s=retry.base_s / speed,
            cap_s=retry.cap_s / speed,
            give_up_after_s=retry.give_up_after_s / speed,
        ),
    )


def stand_in(settings: Settings, day: SimulatorSettings, *, speed: int) -> tuple[SimulatorSettings, Names]:
    """Return the service that a campaign meets in a rehearsal, and what its identities are called there.

    Every identity can do exactly what the campaign says of it. One whose type does not show (an id, an ARN) and a pool
    are made-up numbers with its limit. Messages cost nothing, so that no limit on spending is in the way.

    Args:
        settings: of the campaign, `compressed`.
        day: latency, faults and seed are taken from it, and nothing else.
        speed: by which latencies are shorter, and recipients can be sent more.
    """
    identities: list[IdentitySettings] = []
    names: dict[tuple[str, str], str] = {}
    numbers = count()
    for identity in settings.identity_records():
        look = look_of(identity.id)
        name = _name(identity, look)
        if name is None or (look.type is not NumberType.SENDER_ID and name in names.values()):
            name, look = f"{_MADE_UP}{next(numbers):08d}", Look(NumberType.LONG_CODE)
        names[identity.id, identity.bucket] = name
        identities.append(_simulated(identity, name, look, message_type=settings.campaign.message_type))
    latency = day.latency
    quota = settings.pacing.requests_per_second
    service = SimulatorSettings(
        seed=day.seed,
        request_quotas={SEND: quota} if quota else {},
        account=AccountSettings(messages_per_recipient_per_second=RECIPIENT_MESSAGES_PER_SECOND * speed),
        spend=SpendSettings(price_per_part_usd=0.0),
        latency=LatencySettings(median_ms=latency.median_ms / speed, p99_ms=latency.p99_ms / speed),
        faults=day.faults,
        identities=tuple(identities),
    )
    return service, names


def to_toml(settings: SimulatorSettings) -> str:
    """Return `settings` as a file that `bulksend simulate --settings` reads."""
    return "".join(f"{key} = {_toml(value)}\n" for key, value in msgspec.to_builtins(settings).items())


def _name(identity: Identity, look: Look) -> str | None:
    """What `identity` is called when it is named as such; None: its id does not show that."""
    match look.type:
        case NumberType.SHORT_CODE:
            return identity.id
        case NumberType.SENDER_ID:
            return identity.id.split("/")[1] if identity.id.startswith("arn:") else identity.id
        case NumberType.POOL | NumberType.UNKNOWN:
            return None
        case _:
            return f"+{identity.id.removeprefix('+')}"


def _simulated(identity: Identity, name: str, look: Look, *, message_type: str | None) -> IdentitySettings:
    countries = tuple(sorted(identity.countries))
    both = look.type is NumberType.SENDER_ID
    return msgspec.convert(
        {
            "id": name,
            "type": look.type.value,
            "country": look.country or next(iter(countries), "US"),
            "countries": countries,
            "mps": identity.mps,
            "bucket": identity.bucket,
            "message_type": "BOTH" if both else message_type or "TRANSACTIONAL",
        },
        IdentitySettings,
    )


def _toml(value: object) -> str:
    """A value of JSON as TOML 1.0 writes it in one line; strings and numbers are the same in both."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    return json.dumps(value)
