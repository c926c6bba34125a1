"""Every key there is, with its rule, taken from the model; and the errors that name a key."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_type_hints

from msgspec import Struct

from bulksend.base.errors import ConfigError
from bulksend.config.model import IDENTITIES, SECTIONS, IdentitySettings
from bulksend.config.names import did_you_mean, looks_secret, toml_key
from bulksend.config.rules import Breach, Rule


@dataclass(frozen=True, slots=True)
class Source:
    """Where values came from.

    Attributes:
        label: the path of the file, "environment variable NAME" or "--set": the first words of an error.
        folder: what relative paths in it are relative to.
    """

    label: str
    folder: Path

    def error(self, key: str, what: str, hint: str = "") -> ConfigError:
        """Return the error that `key` of this source has: one line, `label: key what`."""
        return ConfigError(f"{self.label}: {key} {what}", hint)


@dataclass(frozen=True, slots=True)
class Given:
    """A value that keeps its rule, and where it came from."""

    value: object
    source: Source


def rules_of(model: type[Struct]) -> dict[str, Rule]:
    """Return the rule of every field of a model, in order."""
    hints = get_type_hints(model, include_extras=True)
    return {name: next(part for part in hints[name].__metadata__ if isinstance(part, Rule)) for name in hints}


def known_rules() -> dict[str, Rule]:
    """Return the rule of every key of every section by its full name, such as `campaign.name`."""
    return {f"{section}.{key}": rule for section, model in SECTIONS.items() for key, rule in rules_of(model).items()}


def checked(rule: Rule, value: object, *, source: Source, key: str) -> Given:
    """Return `value` as the model keeps it.

    Raises:
        ConfigError: it breaks its rule.
    """
    try:
        return Given(rule.check(value), source)
    except Breach as breach:
        raise source.error(key + breach.at, breach.what, breach.hint) from None


def checked_text(rule: Rule, string: str, *, source: Source, key: str) -> Given:
    """As `checked`, for a value that came as text, from an environment variable or a flag."""
    try:
        value = rule.from_text(string)
    except Breach as breach:
        raise source.error(key + breach.at, breach.what, breach.hint) from None
    return checked(rule, value, source=source, key=key)


def unknown_key(source: Source, key: str, name: str, known: Mapping[str, str]) -> ConfigError:
    """Return the error for a key that does not exist, with the nearest one that does.

    Args:
        source: where it was found.
        key: the key in full, in TOML notation.
        name: what to compare with the known names.
        known: names to compare with -> how to show them.
    """
    if looks_secret(name):
        return source.error(
            key,
            "looks like a credential, and credentials do not belong here",
            "Leave them where the SDK looks: AWS_PROFILE, ~/.aws, a role, or AWS_ACCESS_KEY_ID and its secret",
        )
    return source.error(key, "is not a known key" + did_you_mean(name, known))


def unknown_in_section(source: Source, section: str, name: str) -> ConfigError:
    """Return the error for an unknown key of a section; a key of that name elsewhere is the first guess."""
    elsewhere = _keys_by_name()
    own = {key: f"{section}.{key}" for key in rules_of(SECTIONS[section])}
    return unknown_key(
        source, f"{section}.{toml_key(name)}", name, {name: elsewhere[name]} if name in elsewhere else own
    )


def unknown_section(source: Source, name: str, value: object) -> ConfigError:
    """Return the error for an unknown table, or for a key that stands outside of any."""
    elsewhere = _keys_by_name()
    if name in elsewhere and not isinstance(value, (dict, list)):
        return unknown_key(source, toml_key(name), name, {name: elsewhere[name]})
    sections = {section: f"[{section}]" for section in SECTIONS} | {IDENTITIES: f"[[{IDENTITIES}]]"}
    return unknown_key(source, toml_key(name), name, sections)


def _keys_by_name() -> dict[str, str]:
    """Every key without its section -> how to show it."""
    of_identities = {key: f"{key} of [[{IDENTITIES}]]" for key in rules_of(IdentitySettings)}
    return of_identities | {full.partition(".")[2]: full for full in known_rules()}
