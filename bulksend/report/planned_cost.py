"""What a plan costs and where its messages go, to people."""

from collections.abc import Iterator

from bulksend.config.model import Settings
from bulksend.pipeline.plan import Plan
from bulksend.pipeline.pricing import Cost, dollars, plain
from bulksend.report.words import listed
from bulksend.report.wrapped import folded

SHOWN_COUNTRIES = 12
"""So many countries are shown to people, those with most parts; a page and JSON have all."""


def country_parts(plan: Plan) -> dict[str, tuple[int, int]]:
    """Country -> messages and parts, those with most messages first."""
    found: dict[str, tuple[int, int]] = dict.fromkeys((name for name, _ in plan.totals.countries.most_common()), (0, 0))
    for route in plan.totals.routes():
        messages, parts = found[route.country or "-"]
        found[route.country or "-"] = (messages + route.messages, parts + route.parts)
    return found


def country_lines(plan: Plan) -> Iterator[str]:
    """A table of countries, with money where there are prices."""
    countries = country_parts(plan)
    cost = plan.cost
    yield ""
    yield f"{'Country':<20} {'messages':>17} {'parts':>10}" + (f" {'US dollars':>26}" if cost is not None else "")
    shown = list(countries)[:SHOWN_COUNTRIES]
    for country in shown:
        messages, parts = countries[country]
        money = ""
        if cost is not None:
            amount = cost.countries[country].range
            money = f" {'no price' if amount is None else dollars(amount):>26}"
        yield f"{'unknown' if country == '-' else country:<20} {messages:>17,} {parts:>10,}{money}"
    if rest := [countries[name] for name in countries if name not in shown]:
        messages, parts = (sum(each[index] for each in rest) for index in (0, 1))
        yield f"{f'and {len(rest):,} more':<20} {messages:>17,} {parts:>10,}"


def cost_lines(settings: Settings, plan: Plan) -> Iterator[str]:
    """The sum, what is not in it, and the limit."""
    if plan.cost is None:
        return
    for number, sentence in enumerate(cost_sentences(settings, plan, plan.cost)):
        yield from folded(sentence, first=f"{'' if number else 'Cost':<9}", others=" " * 9)


def cost_sentences(settings: Settings, plan: Plan, cost: Cost) -> Iterator[str]:
    """The same in sentences."""
    limit = "" if cost.max_total is None else f"; pricing.max_total is ${plain(cost.max_total, grouped=True)}"
    if settings.campaign.dry_run:
        limit = "; a rehearsal with DryRun sends nothing"
    yield f"{dollars(cost.total)} for {plan.totals.parts:,} parts, by {settings.pricing.file}{limit}"
    if cost.unpriced:
        missing = listed([f"{country}: {count:,} messages" for country, count in cost.unpriced.items()], 5)
        yield f"no price for {missing}; they are not in the sum"
