"""What a plan would cost, and whether that is allowed. Money is `Decimal`, in US dollars, and exact."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path

from bulksend.base.errors import ConfigError, UsageError
from bulksend.config.model import Settings
from bulksend.pipeline.prices import NOTHING, Prices, Range, read_prices
from bulksend.pipeline.suggestions import open_sources
from bulksend.pipeline.totals import PlanTotals

UNKNOWN = "-"
"""Stands for a country that nobody knows, as in the totals of a plan."""

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class CountryCost:
    """What the messages to one country cost.

    Attributes:
        messages: to it.
        parts: of all of them.
        range: in US dollars; None: there is no price for it.
    """

    messages: int
    parts: int
    range: Range | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a plan costs.

    Attributes:
        total: of all messages that have a price.
        max_total: `pricing.max_total`; None: no such limit.
        countries: ISO 3166 alpha-2, or `UNKNOWN` -> its share; those with most parts first.
        saved: what it would be less, if all that `suggestions` proposes were done; None: some of that has no price.
    """

    total: Range
    max_total: Decimal | None
    countries: Mapping[str, CountryCost]
    saved: Range | None

    @property
    def unpriced(self) -> dict[str, int]:
        """Countries without a price -> messages; they are not in `total`."""
        return {country: one.messages for country, one in self.countries.items() if one.range is None}

    def document(self) -> dict[str, object]:
        """The cost as `plan --json` prints it; amounts are strings, exact."""
        return {
            "low_usd": plain(self.total.low),
            "high_usd": plain(self.total.high),
            "max_total_usd": None if self.max_total is None else plain(self.max_total),
            "unpriced": self.unpriced,
            "countries": [
                {
                    "country": country,
                    "messages": one.messages,
                    "parts": one.parts,
                    "low_usd": None if one.range is None else plain(one.range.low),
                    "high_usd": None if one.range is None else plain(one.range.high),
                }
                for country, one in self.countries.items()
            ],
        }


class OverBudget(UsageError):
    """A plan may cost more than `pricing.max_total`, or nobody can tell whether it does."""

    def __init__(self, what: str, hint: str, cost: Cost) -> None:
        super().__init__(what, hint)
        self.cost = cost

    def details(self) -> dict[str, object]:
        """`cost`, as in `plan --json`."""
        return {"cost": self.cost.document()}


def prices_of(settings: Settings) -> Prices | None:
    """Read the prices of a campaign; None where it names no file.

    Raises:
        ConfigError: the file cannot be read as what it should be, or there is a limit and no file.
    """
    pricing = settings.pricing
    if pricing.file:
        return read_prices(Path(pricing.file))
    if pricing.max_total:
        raise ConfigError(
            "pricing.max_total needs pricing.file: without prices nobody can tell what the campaign costs",
            "Name a file of prices, as config/prices.toml shows, or leave max_total out",
        )
    return None


def cost_of(settings: Settings, totals: PlanTotals, prices: Prices) -> Cost:
    """Work out what `totals` cost: every part its price, by country and identity."""
    messages: Counter[str] = Counter()
    parts: Counter[str] = Counter()
    amounts: defaultdict[str, Range | None] = defaultdict(lambda: NOTHING)
    for route in totals.routes():
        country = route.country or UNKNOWN
        messages[country] += route.messages
        parts[country] += route.parts
        before, price = amounts[country], prices.of(route.country, route.identity)
        amounts[country] = None if before is None or price is None else before.plus(price.times(route.parts))
    countries = {
        country: CountryCost(messages[country], count, amounts[country]) for country, count in parts.most_common()
    }
    total = _sum(one.range for one in countries.values() if one.range is not None)
    most = settings.pricing.max_total
    return Cost(total, Decimal(most) if most else None, countries, _saved(totals, prices))


def require_affordable(settings: Settings, totals: PlanTotals, prices: Prices | None) -> Cost | None:
    """Return what a plan costs; None without prices.

    Raises:
        OverBudget: it may cost more than `pricing.max_total`, or some of it has no price, so that nobody can tell. Not
            with DryRun, which sends nothing.
    """
    if prices is None:
        return None
    cost = cost_of(settings, totals, prices)
    if cost.max_total is None or settings.campaign.dry_run:
        return cost
    look = "look at the plan with --set pricing.max_total="
    if cost.total.high > cost.max_total:
        raise OverBudget(
            f"the campaign may cost {dollars(cost.total)} for {totals.parts:,} parts, and pricing.max_total is"
            f" ${plain(cost.max_total, grouped=True)}",
            f"Send to fewer people, shorten the text, or raise the limit; {look}",
            cost,
        )
    if cost.unpriced:
        missing = ", ".join(f"{country}: {count:,} messages" for country, count in list(cost.unpriced.items())[:5])
        raise OverBudget(
            f"pricing.max_total is ${plain(cost.max_total, grouped=True)}, and there is no price for {missing}",
            f"Add a price for them, or [default], to {settings.pricing.file}; {look}",
            cost,
        )
    return cost


def plain(amount: Decimal, *, grouped: bool = False) -> str:
    """An amount without an exponent and without zeros at its end; `grouped`: with commas between thousands."""
    text = f"{amount:,f}" if grouped else f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def dollars(amount: Range) -> str:
    """A range for people, in cents, rounded outwards: "$1,200.10 to $1,431.00"."""
    low, high = amount.low.quantize(_CENT, ROUND_FLOOR), amount.high.quantize(_CENT, ROUND_CEILING)
    if amount.low == amount.high and low != high:
        return f"${high:,}"  # one price: its last cent is rounded up, and that is all
    return f"${low:,}" if low == high else f"${low:,} to ${high:,}"


def _saved(totals: PlanTotals, prices: Prices) -> Range | None:
    sources = open_sources(totals)
    amounts: list[Range] = []
    for source, identity, country, saved in totals.forcing.saved():
        if source in sources and saved.parts:
            price = prices.of(country, identity or "")
            if price is None:
                return None
            amounts.append(price.times(saved.parts))
    return _sum(amounts)


def _sum(amounts: Iterable[Range]) -> Range:
    total = NOTHING
    for amount in amounts:
        total = total.plus(amount)
    return total
