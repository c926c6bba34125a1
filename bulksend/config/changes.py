"""Settings of a campaign that has begun, changed for one run."""

from collections.abc import Sequence

from msgspec.structs import replace

from bulksend.base.errors import ConfigError
from bulksend.config.checks import check_retry, check_schedule
from bulksend.config.layers import with_overrides
from bulksend.config.model import Settings

CHANGEABLE = ("aws", "pacing", "retry", "schedule", "canary", "guard", "ledger", "telemetry")
"""The sections that say how, when and how fast a campaign is sent. The others say who gets what."""


def with_changes(settings: Settings, overrides: Sequence[str]) -> Settings:
    """Return `settings` with every `section.key=value` put over them.

    Raises:
        ConfigError: a value is wrong, or a key belongs to a section that cannot change any more.
    """
    changed = settings
    overriding = with_overrides({}, overrides)
    for key, given in overriding.items():
        section, _, name = key.partition(".")
        if section not in CHANGEABLE:
            raise ConfigError(
                f"--set {key}: a campaign that has begun can only change how fast and by which way it is sent",
                "Set keys of " + ", ".join(f"[{name}]" for name in CHANGEABLE) + ", or begin another campaign",
            )
        changed = replace(changed, **{section: replace(getattr(changed, section), **{name: given.value})})
    sources = {key: given.source for key, given in overriding.items()}
    check_retry(changed.retry, sources)
    check_schedule(changed.schedule, sources)
    return changed
