"""Settings as the ledger keeps them, and what of them decides who gets what."""

import json
from collections.abc import Mapping
from hashlib import sha256

import msgspec
from msgspec.structs import asdict

from bulksend.base.errors import ConfigError
from bulksend.config.model import IDENTITIES, Settings

_HEX_DIGITS = 16


def to_document(settings: Settings) -> dict[str, object]:
    """Return `settings` as plain JSON-ready values; `from_document` takes them back.

    Holds the template's text: it belongs into the ledger and nowhere else.
    """
    document: dict[str, object] = msgspec.json.decode(msgspec.json.encode(settings))
    return document


def from_document(document: Mapping[str, object]) -> Settings:
    """Return the settings that `to_document` made a document of. Reads no file; keys it lacks get their defaults.

    Raises:
        ConfigError: it is not such a document, or one of a later version.
    """
    try:
        return msgspec.convert(dict(document), Settings)
    except msgspec.ValidationError as error:
        hint = "Use the version of bulksend that made the ledger, or a later one"
        raise ConfigError(f"settings in the ledger: {error}", hint) from None


def fingerprint(settings: Settings, *, suppressed_sha256: str) -> dict[str, str]:
    """Return one short SHA-256 for each setting that decides who gets what: 16 hexadecimal digits by key.

    There is one for every key of [campaign] and [recipients] and one for `identities` (ids, countries and buckets).
    `campaign.template` stands for `campaign.template_file` too, and `recipients.suppress` for what the files hold:
    where they lie decides nothing. MPS, [aws], [pacing] and [retry] are left out: how fast and by which way may change
    between two runs.

    Args:
        settings: as loaded.
        suppressed_sha256: of the numbers that are suppressed, in an order that does not depend on their files'.
    """
    campaign = asdict(settings.campaign)
    del campaign["template_file"]
    campaign["time_to_live"] = settings.campaign.time_to_live_s
    recipients = asdict(settings.recipients) | {"suppress": suppressed_sha256}
    for decided in ("not_in", "opted_out_file"):  # earlier campaigns go on; what the plan left out, it left out
        del recipients[decided]
    identities = sorted([one.id, sorted(one.countries), one.bucket or one.id] for one in settings.identities)
    values: dict[str, object] = {f"campaign.{key}": value for key, value in campaign.items()}
    values |= {f"recipients.{key}": value for key, value in recipients.items()}
    values[IDENTITIES] = identities
    return {key: _short_hash(value) for key, value in values.items()}


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Return the keys that differ between two fingerprints, in the order of `new`; one that either lacks differs."""
    changed = [key for key, value in new.items() if old.get(key) != value]
    return changed + [key for key in old if key not in new]


def _short_hash(value: object) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode()).hexdigest()[:_HEX_DIGITS]
