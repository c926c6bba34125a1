"""The settings of a campaign, typed. Beside every field: what it means, its unit, and the rule that it is held to.

A value that is not set is None in [campaign], so that the member of the request is left out and the service's own
default applies; elsewhere it is the empty string. In the file "" means "not set" for every string.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bulksend.base.request import MESSAGE_TYPES, TEXT_RULES
from bulksend.config import places, special
from bulksend.config.operating import (
    CanarySettings,
    GuardSettings,
    LedgerSettings,
    PricingSettings,
    ScheduleSettings,
    TelemetrySettings,
)
from bulksend.config.rules import choice, flag, free_text, number, text, whole
from bulksend.origin.identity import Identity
from bulksend.origin.numbers import assumed_mps

MAX_MPS = 10_000
"""Parts per second that an identity can be given at most."""

AUTO = "auto"
"""The value of `mps` that has it taken from the account when sending begins."""


class CampaignSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sent: the members of SendTextMessage that are the same for every row.

    Attributes:
        name: of the campaign; a `Context` value and part of file names.
        template: the message with placeholders; after loading also the text of `template_file`.
        template_file: where `template` was read from, absolute; None when it was not.
        message_type: MessageType.
        configuration_set: ConfigurationSetName, a name or ARN.
        keyword: Keyword, for US short codes.
        max_price: MaxPrice, US dollars.
        time_to_live: TimeToLive as it was given, such as "72h" or 3600; see `time_to_live_s`.
        protect_configuration_id: ProtectConfigurationId, an id or ARN.
        message_feedback: MessageFeedbackEnabled.
        dry_run: DryRun.
        context: the user's own pairs of Context, at most 3.
        country_parameters: DestinationCountryParameters.
    """

    name: Annotated[str, text(special.CAMPAIGN_NAME, unset="")] = ""
    template: Annotated[str | None, free_text(unset=None)] = None
    template_file: Annotated[str | None, special.file()] = None
    message_type: Annotated[str | None, choice(*MESSAGE_TYPES, optional=True)] = None
    configuration_set: Annotated[str | None, text(TEXT_RULES["ConfigurationSetName"], unset=None)] = None
    keyword: Annotated[str | None, text(TEXT_RULES["Keyword"], unset=None)] = None
    max_price: Annotated[str | None, special.max_price()] = None
    time_to_live: Annotated[str | int | None, special.time_to_live()] = None
    protect_configuration_id: Annotated[str | None, text(TEXT_RULES["ProtectConfigurationId"], unset=None)] = None
    message_feedback: Annotated[bool | None, flag(optional=True)] = None
    dry_run: Annotated[bool, flag()] = False
    context: Annotated[Mapping[str, str], special.context()] = msgspec.field(default_factory=dict)
    country_parameters: Annotated[Mapping[str, str], special.country_parameters()] = msgspec.field(default_factory=dict)

    @property
    def time_to_live_s(self) -> int | None:
        """`time_to_live` in seconds, 5 to 259,200; None when it is not set."""
        return None if self.time_to_live is None else special.seconds_of(self.time_to_live)

    def __repr__(self) -> str:
        length = "none" if self.template is None else f"{len(self.template)} characters"
        return f"CampaignSettings(name={self.name!r}, template={length}, dry_run={self.dry_run})"


class RecipientsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the input is read and who of it is left out.

    Attributes:
        phone: column of the number.
        body: column of a finished text, instead of a template; "" for none.
        identity: column that names the identity of a row; "" for none.
        default_country: ISO 3166 alpha-2 for numbers without a leading +; "" for none.
        validity: "valid" or "possible", how strictly numbers are judged.
        duplicates: "skip" or "send", what becomes of a number that occurred before.
        suppress: files of numbers never to text, absolute.
        not_in: earlier ledgers whose recipients are left out, absolute.
        opted_out_file: a file, absolute, that numbers which turn out to have opted out are added to; "" for none.
        time_zone: column that names the time zone of a row; "" for none.
        encoding: of the input; "" to find it out.
        delimiter: of a CSV input, one character; "" to find it out.
    """

    phone: Annotated[str, text(special.COLUMN, unset="phone")] = "phone"
    body: Annotated[str, text(special.COLUMN, unset="")] = ""
    identity: Annotated[str, text(special.COLUMN, unset="")] = ""
    default_country: Annotated[str, special.country()] = ""
    validity: Annotated[str, choice("valid", "possible")] = "valid"
    duplicates: Annotated[str, choice("skip", "send")] = "skip"
    suppress: Annotated[tuple[str, ...], special.files()] = ()
    not_in: Annotated[tuple[str, ...], special.files()] = ()
    opted_out_file: Annotated[str, places.optional_file()] = ""
    time_zone: Annotated[str, text(special.COLUMN, unset="")] = ""
    encoding: Annotated[str, special.encoding()] = ""
    delimiter: Annotated[str, special.delimiter()] = ""


class IdentitySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One origination identity.

    Attributes:
        id: a number, number id, short code, sender id, pool id, or an ARN of one.
        mps: message parts per second that it is allowed, or `AUTO`: what the account says.
        countries: ISO 3166 alpha-2 codes that it serves; empty: any.
        bucket: name of the limit that it shares; after loading never empty: without one it is `id`.
    """

    id: Annotated[str, special.identity_id()]
    mps: Annotated[int | str, special.mps(MAX_MPS, auto=AUTO)]
    countries: Annotated[tuple[str, ...], special.countries()] = ()
    bucket: Annotated[str, text(special.BUCKET, unset="")] = ""

    @property
    def is_auto(self) -> bool:
        """Whether its limit is the account's to tell."""
        return self.mps == AUTO

    @property
    def known_mps(self) -> int:
        """`mps`; for `AUTO` what AWS documents for the kind of sender that the id looks like (`origin/numbers.py`)."""
        return assumed_mps(self.id, frozenset(self.countries)) if isinstance(self.mps, str) else self.mps

    def to_identity(self) -> Identity:
        """The same as the stages know it, with `known_mps`."""
        return Identity(
            id=self.id, bucket=self.bucket or self.id, mps=self.known_mps, countries=frozenset(self.countries)
        )


class AwsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the service is and how it is called. Credentials are the SDK's business.

    Attributes:
        region: "" to let the SDK find it.
        profile: "" to let the SDK find it.
        endpoint_url: "" for the service's own.
        connect_timeout_s: seconds.
        read_timeout_s: seconds; an answer that is later leaves its row unknown.
        max_concurrency: requests in flight at most; 0: sized from rate and latency.
        stop_grace_s: seconds that a stop waits for answers; rows without one by then are unknown.
        transport: "express" for requests of our own making where that can do what the SDK would, "sdk" for the SDK's.
        check_identities: whether `send` and `resume` compare the identities with what the account says of them.
    """

    region: Annotated[str, text(special.REGION, unset="")] = ""
    profile: Annotated[str, text(special.PROFILE, unset="")] = ""
    endpoint_url: Annotated[str, special.url()] = ""
    connect_timeout_s: Annotated[float, number(0, 300, unit="seconds", above_low=True)] = 5.0
    read_timeout_s: Annotated[float, number(0, 900, unit="seconds", above_low=True)] = 30.0
    max_concurrency: Annotated[int, whole(0, 10_000)] = 0
    stop_grace_s: Annotated[float, number(0, 900, unit="seconds")] = 25.0
    transport: Annotated[str, choice("express", "sdk")] = "express"
    check_identities: Annotated[bool, flag()] = True


class PacingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How close to the limits to go.

    Attributes:
        headroom: fraction of each limit left unused.
        dry_run_mps: parts per second with DryRun; the lower of it and an identity's own limit holds.
        requests_per_second: of SendTextMessage over all identities, the account's quota in its region; 0: none.
    """

    headroom: Annotated[float, number(0, 0.9, unit="")] = 0.01
    dry_run_mps: Annotated[int, whole(1, 5)] = 5
    requests_per_second: Annotated[int, whole(0, 100_000)] = 0


class RetrySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a message that is known not to have been sent is tried again, and what becomes of one nobody knows of.

    Attributes:
        base_s: upper end of the first wait, seconds; it doubles with every attempt.
        cap_s: upper end of any wait, seconds.
        give_up_after_s: seconds from the first attempt at a row until it counts as failed.
        on_unknown: "hold" to leave it to a person, "resend" to accept duplicates.
    """

    base_s: Annotated[float, number(0, 60, unit="seconds", above_low=True)] = 0.25
    cap_s: Annotated[float, number(0, 3600, unit="seconds", above_low=True)] = 20.0
    give_up_after_s: Annotated[float, number(0, 259_200, unit="seconds", above_low=True)] = 900.0
    on_unknown: Annotated[str, choice("hold", "resend")] = "hold"


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set, as it holds after file, environment and flags."""

    campaign: CampaignSettings = CampaignSettings()
    recipients: RecipientsSettings = RecipientsSettings()
    identities: tuple[IdentitySettings, ...] = ()
    aws: AwsSettings = AwsSettings()
    pacing: PacingSettings = PacingSettings()
    retry: RetrySettings = RetrySettings()
    schedule: ScheduleSettings = ScheduleSettings()
    canary: CanarySettings = CanarySettings()
    guard: GuardSettings = GuardSettings()
    pricing: PricingSettings = PricingSettings()
    ledger: LedgerSettings = LedgerSettings()
    telemetry: TelemetrySettings = TelemetrySettings()

    @property
    def has_auto(self) -> bool:
        """Whether a limit of any identity is the account's to tell."""
        return any(one.is_auto for one in self.identities)

    def identity_records(self) -> tuple[Identity, ...]:
        """The identities as routing and buckets take them.

        Where limits are the account's to tell and have not been taken from it yet (`with_limits`), they are the
        documented ones: those of a plan. Of several in one bucket the lowest holds.
        """
        return tuple(one.to_identity() for one in with_limits(self, lambda one: one.known_mps).identities)


def with_limits(settings: Settings, limit_of: Callable[[IdentitySettings], int]) -> Settings:
    """Return `settings` with a number for every `mps` that is `AUTO`; what is a number already is left alone.

    Identities that share a bucket get the lowest limit among them, as one bucket has one limit.

    Args:
        settings: of a campaign.
        limit_of: parts per second of an identity; asked only of those with `AUTO`.
    """
    found = [limit_of(one) if isinstance(one.mps, str) else one.mps for one in settings.identities]
    lowest: dict[str, int] = {}
    for one, limit in zip(settings.identities, found, strict=True):
        name = one.bucket or one.id
        lowest[name] = min(limit, lowest.get(name, limit))
    resolved = (replace(one, mps=lowest[one.bucket or one.id]) if one.is_auto else one for one in settings.identities)
    return replace(settings, identities=tuple(resolved))


SECTIONS: Mapping[str, type[Struct]] = MappingProxyType(
    {
        "campaign": CampaignSettings,
        "recipients": RecipientsSettings,
        "aws": AwsSettings,
        "pacing": PacingSettings,
        "retry": RetrySettings,
        "schedule": ScheduleSettings,
        "canary": CanarySettings,
        "guard": GuardSettings,
        "pricing": PricingSettings,
        "ledger": LedgerSettings,
        "telemetry": TelemetrySettings,
    }
)
"""The tables of the file by name. `[[identities]]` is an array of `IdentitySettings` beside them."""

IDENTITIES = "identities"
