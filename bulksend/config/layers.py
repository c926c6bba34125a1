"""The layers that settings come in: the file, the environment, the flags. Each checks what it brings."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bulksend.base.buckets import bucket_names
from bulksend.base.errors import ConfigError
from bulksend.config.keys import (
    Given,
    Source,
    checked,
    checked_text,
    known_rules,
    rules_of,
    unknown_in_section,
    unknown_key,
    unknown_section,
)
from bulksend.config.model import IDENTITIES, SECTIONS, IdentitySettings
from bulksend.config.names import ENVIRONMENT_PREFIX, environment_name, toml_key
from bulksend.config.rules import Breach, Rule, json_text, type_name

COMMAND_LINE_VARIABLES = (
    "BULKSEND_CONFIG",
    "BULKSEND_LEDGER",
    "BULKSEND_LOG_FORMAT",
    "BULKSEND_LOG_LEVEL",
    "BULKSEND_METRICS_PORT",
)
"""Variables with our prefix that the command line reads; they are no settings."""

_KUBERNETES = re.compile(
    r"BULKSEND_(SERVICE_.*|PORT.*|[A-Z0-9_]+_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?"
    r"|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?))"
)
"""What Kubernetes puts into every container for a Service named bulksend or bulksend-something."""

_TABLES = ("campaign.context", "campaign.country_parameters")


def from_file(path: Path) -> dict[str, Given]:
    """Return what a TOML file sets, by key.

    Raises:
        ConfigError: it cannot be read, is not TOML, or sets something unknown or wrong.
    """
    source = Source(str(path), path.parent)
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not a text in UTF-8", "Save it as UTF-8") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a path"
        raise ConfigError(f"{path}: {why}", "Give the configuration file, such as config/bulksend.toml") from None
    try:
        document = tomllib.loads(content)
    except (ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "a number or a nesting is too large"
        raise ConfigError(f"{path}: not valid TOML: {why.splitlines()[0]}") from None
    return from_document(document, source)


def from_document(document: Mapping[str, object], source: Source) -> dict[str, Given]:
    """Return what a parsed file sets, by key."""
    given: dict[str, Given] = {}
    for section, table in document.items():
        if section == IDENTITIES:
            given[IDENTITIES] = Given(_identities(table, source), source)
            continue
        if section not in SECTIONS:
            raise unknown_section(source, section, table)
        if not isinstance(table, dict):
            raise source.error(section, f"must be a table, [{section}], not {type_name(table)}")
        rules = rules_of(SECTIONS[section])
        for key, value in table.items():
            if key not in rules:
                raise unknown_in_section(source, section, key)
            full = f"{section}.{key}"
            given[full] = checked(rules[key], value, source=source, key=full)
    return given


def from_environment(environ: Mapping[str, str]) -> dict[str, Given]:
    """Return what the variables BULKSEND_<SECTION>_<KEY> set, by key.

    Raises:
        ConfigError: a variable with the prefix is none of ours, or has a wrong value.
    """
    rules = known_rules()
    variables = {environment_name(key): key for key in (*rules, IDENTITIES)}
    given: dict[str, Given] = {}
    for variable in sorted(name for name in environ if name.startswith(ENVIRONMENT_PREFIX)):
        if variable in COMMAND_LINE_VARIABLES:
            continue
        source = Source(f"environment variable {variable}", Path())
        key = variables.get(variable)
        if key is not None:
            given[key] = _from_text(key, environ[variable], rules=rules, source=source)
        elif not _KUBERNETES.fullmatch(variable):
            names = {name.removeprefix(ENVIRONMENT_PREFIX): name for name in (*variables, *COMMAND_LINE_VARIABLES)}
            name = variable.removeprefix(ENVIRONMENT_PREFIX)
            raise unknown_key(Source("environment", Path()), toml_key(variable), name, names)
    return given


def with_overrides(given: Mapping[str, Given], overrides: Sequence[str]) -> dict[str, Given]:
    """Return `given` with every `section.key=value` put over it, a later one over an earlier one.

    One pair of a table can be set alone: `campaign.context.team=crm` leaves the other pairs.

    Raises:
        ConfigError: an override has no `=`, names an unknown key or has a wrong value.
    """
    source = Source("--set", Path())
    rules = known_rules()
    merged = dict(given)
    for override in overrides:
        key, equals, value = override.partition("=")
        key = key.strip()
        if not equals:
            raise ConfigError(
                "--set: not of the form section.key=value", "Write for example --set aws.region=us-east-1"
            )
        table = next((table for table in _TABLES if key.startswith(f"{table}.")), None)
        if key in rules or key == IDENTITIES:
            merged[key] = _from_text(key, value, rules=rules, source=source)
        elif table is not None:
            before = merged[table].value if table in merged else {}
            pairs = {**(before if isinstance(before, dict) else {}), key.removeprefix(f"{table}."): value}
            merged[table] = checked(rules[table], pairs, source=source, key=table)
        elif re.match(rf"{IDENTITIES}[.\[]", key):
            raise source.error(IDENTITIES, "can only be set as a whole here", "Give all of them as one JSON array")
        else:
            shown = ".".join(toml_key(part) for part in key.split(".", 2))
            raise unknown_key(source, shown, key, {full: full for full in (*rules, IDENTITIES)})
    return merged


def _from_text(key: str, value: str, *, rules: Mapping[str, Rule], source: Source) -> Given:
    if key != IDENTITIES:
        return checked_text(rules[key], value, source=source, key=key)
    try:
        array = json_text(value) if value else []
    except Breach as breach:
        raise source.error(key, breach.what, breach.hint) from None
    return Given(_identities(array, source), source)


def _identities(array: object, source: Source) -> tuple[IdentitySettings, ...]:
    """Check an array of identities; indexes in errors begin at 0."""
    if not isinstance(array, list):
        raise source.error(IDENTITIES, f"must be an array of tables, [[{IDENTITIES}]], not {type_name(array)}")
    rules = rules_of(IdentitySettings)
    identities = []
    for index, table in enumerate(array):
        place = f"{IDENTITIES}[{index}]"
        if not isinstance(table, dict):
            raise source.error(place, f"must be a table, not {type_name(table)}")
        values: dict[str, Any] = {}
        for key, value in table.items():
            full = f"{place}.{toml_key(key)}"
            if key not in rules:
                raise unknown_key(source, full, key, {name: f"{place}.{name}" for name in rules})
            values[key] = checked(rules[key], value, source=source, key=full).value
        for needed in ("id", "mps"):
            if not values.get(needed):
                raise source.error(f"{place}.{needed}", "is missing")
        identities.append(IdentitySettings(**values))
    buckets = bucket_names([(one.id, one.countries, one.bucket) for one in identities])
    return tuple(replace(one, bucket=bucket) for one, bucket in zip(identities, buckets, strict=True))
