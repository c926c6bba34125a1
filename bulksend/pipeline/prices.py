"""The file of prices (`pricing.file`, explained in config/prices.toml): what a part costs, by country and sender."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from bulksend.base.errors import ConfigError
from bulksend.origin.numbers import NumberType, look_of

DEFAULT = "default"
"""The entry of countries that have none of their own."""

KINDS = (
    NumberType.SHORT_CODE,
    NumberType.TOLL_FREE,
    NumberType.TEN_DLC,
    NumberType.LONG_CODE,
    NumberType.SENDER_ID,
)
"""Kinds of senders that can have a price of their own in a country."""

MOST = Decimal(100)
"""No part costs as much, in US dollars: who writes more means cents, or another currency."""


@dataclass(frozen=True, slots=True)
class Range:
    """US dollars, from `low` to `high`."""

    low: Decimal
    high: Decimal

    def times(self, count: int) -> "Range":
        """The same `count` times."""
        return Range(self.low * count, self.high * count)

    def plus(self, other: "Range") -> "Range":
        """Both together."""
        return Range(self.low + other.low, self.high + other.high)


NOTHING = Range(Decimal(0), Decimal(0))


@dataclass(frozen=True, slots=True)
class CountryPrices:
    """What a part to one country costs.

    Attributes:
        any_sender: from a kind of sender that `by_kind` does not have.
        by_kind: from these.
    """

    any_sender: Range
    by_kind: Mapping[NumberType, Range]

    def of(self, identity: str) -> Range:
        """The price from an identity; where its id does not show its kind, from the lowest of all to the highest."""
        kind = look_of(identity).type
        if kind in KINDS:
            return self.by_kind.get(kind, self.any_sender)
        every = [self.any_sender, *self.by_kind.values()]
        return Range(min(one.low for one in every), max(one.high for one in every))


@dataclass(frozen=True, slots=True)
class Prices:
    """All prices of a file: country (ISO 3166 alpha-2) or `DEFAULT` -> what a part costs."""

    countries: Mapping[str, CountryPrices]

    def of(self, country: str | None, identity: str) -> Range | None:
        """What a part to `country` costs from `identity`; None where the file has no price for it."""
        entry = self.countries.get(country or DEFAULT) or self.countries.get(DEFAULT)
        return None if entry is None else entry.of(identity)


def read_prices(path: Path) -> Prices:
    """Read a file of prices, exactly: no figure of it becomes a float.

    Raises:
        ConfigError: it cannot be read, or is no such file; names the entry.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise ConfigError(f"pricing.file: {path}: {error.strerror}", "Correct the path") from None
    except UnicodeDecodeError:
        raise ConfigError(f"pricing.file: {path}: not a text in UTF-8", "Save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"pricing.file: {path}: {error}", "Correct it; config/prices.toml shows the format") from None
    if not document:
        raise _wrong(path, "it has no prices", "Add [default] or a country such as [US], each with a price")
    return Prices({key: _country(path, key, entry) for key, entry in document.items()})


def _country(path: Path, key: str, entry: object) -> CountryPrices:
    from phonenumbers import SUPPORTED_REGIONS

    if key != DEFAULT and key not in SUPPORTED_REGIONS:
        hint = "Use the two capital letters of ISO 3166, such as [GB], or [default] for all other countries"
        raise _wrong(path, f"{key}: there is no such country", hint)
    if not isinstance(entry, dict):
        raise _wrong(path, f"{key}: must be a table", f"Write [{key}] and price = 0.05 under it")
    whole = _members(path, key, entry, also=tuple(KINDS))
    if "price" not in whole:
        raise _wrong(
            path, f"{key}: price is missing", "Add price = 0.05, or price = [0.04, 0.06] from lowest to highest"
        )
    by_kind: dict[NumberType, Range] = {}
    for kind in KINDS:
        if kind in entry:
            if not isinstance(entry[kind], dict):
                raise _wrong(path, f"{key}.{kind}: must be a table", f"Write [{key}.{kind}] and price = 0.05 under it")
            by_kind[kind] = _sum(whole | _members(path, f"{key}.{kind}", entry[kind]))
    return CountryPrices(_sum(whole), by_kind)


def _members(path: Path, where: str, entry: Mapping[str, object], also: tuple[str, ...] = ()) -> dict[str, Range]:
    found: dict[str, Range] = {}
    for name, value in entry.items():
        if name in ("price", "fee"):
            found[name] = _range(path, f"{where}.{name}", value)
        elif name not in also:
            known = ", ".join(("price", "fee", *also))
            raise _wrong(path, f"{where}.{name}: there is no such key", f"Use one of {known}")
    return found


def _sum(members: Mapping[str, Range]) -> Range:
    return members["price"].plus(members.get("fee", NOTHING))


def _range(path: Path, where: str, value: object) -> Range:
    ends = value if isinstance(value, list) else [value, value]
    amounts = [Decimal(one) for one in ends if isinstance(one, (int, Decimal)) and not isinstance(one, bool)]
    if len(ends) != 2 or len(amounts) != 2 or not all(one.is_finite() and 0 <= one < MOST for one in amounts):
        hint = f"Write US dollars for one part, below {MOST}: {where.rpartition('.')[2]} = 0.05, or [0.04, 0.06]"
        raise _wrong(path, f"{where}: must be a number, or two from lowest to highest", hint)
    if amounts[0] > amounts[1]:
        raise _wrong(path, f"{where}: {amounts[0]} is above {amounts[1]}", "Write the lowest first")
    return Range(*amounts)


def _wrong(path: Path, what: str, hint: str) -> ConfigError:
    return ConfigError(f"pricing.file: {path}: {what}", hint)
