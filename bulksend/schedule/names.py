"""Names of time zones, one or several together, by the tables of the package `tzdata`."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType

_BETWEEN = re.compile(r"\+(?=[A-Za-z])")
"""A name begins with a letter, so the sign in Etc/GMT+5 does not end one."""


class UnknownZone(Exception):
    """What should name a time zone does not. Its text says so, for the note of a row."""


def together(names: Sequence[str]) -> str:
    """Several zones as one string, whatever their order: sorted, once each, + between them."""
    return "+".join(sorted(set(names)))


def apart(zones: str) -> tuple[str, ...]:
    """The names that `together` put into one string."""
    return tuple(_BETWEEN.split(zones))


def known_zone(name: str) -> str | None:
    """The name of IANA that `name` is, ignoring case; None where it is none."""
    return _spellings().get(name.lower())


def clock_of(name: str) -> str:
    """The zone that `name` is only another name of; itself where it is none."""
    return _links().get(name, name)


@cache
def countries() -> Mapping[str, tuple[str, ...]]:
    """Country, ISO 3166 alpha-2 -> the zones in it, as tzdata's zone.tab has them."""
    found: dict[str, list[str]] = {}
    for line in _table("zone.tab"):
        country, _, zone = line.split("\t")[:3]
        found.setdefault(country, []).append(zone)
    return MappingProxyType({country: tuple(zones) for country, zones in found.items()})


@cache
def _links() -> Mapping[str, str]:
    return MappingProxyType({other: zone for kind, zone, other in _entries() if kind == "L"})


@cache
def _spellings() -> Mapping[str, str]:
    names = [other if kind == "L" else zone for kind, zone, other in _entries()]
    return MappingProxyType({name.lower(): name for name in names if name != "Factory"})


@cache
def _entries() -> tuple[tuple[str, str, str], ...]:
    """The zones ("Z", name, ...) and the links ("L", zone, other name) of tzdata.zi."""
    lines = (line.split(None, 3) for line in _table("tzdata.zi") if line[:2] in ("Z ", "L "))
    return tuple((line[0], line[1], line[2]) for line in lines)


def _table(name: str) -> list[str]:
    from importlib.resources import files  # loads a dozen modules, for those who need a table

    text = (files("tzdata") / "zoneinfo" / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
