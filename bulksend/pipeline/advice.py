"""What would make a planned campaign faster, and what about its senders may get it filtered."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bulksend.config.model import Settings
from bulksend.origin.identity import Identity, IdentityKind, identity_kind
from bulksend.origin.numbers import look_of
from bulksend.pipeline.totals import BoundKind, PlanTotals, Route

WORTH_SECONDS = 10.0
WORTH_SHARE = 0.05
"""Another identity is spoken of where it saves as much as both of these, of the whole campaign's time."""

PHONE_NUMBERS = frozenset({IdentityKind.PHONE_NUMBER, IdentityKind.PHONE_NUMBER_ID, IdentityKind.PHONE_NUMBER_ARN})
"""Senders that a carrier sees as ordinary numbers. What numbers a pool has, and sends from, its id does not tell."""


@dataclass(frozen=True, slots=True)
class Another:
    """One more identity like one of the slowest bucket, with a bucket of its own.

    Attributes:
        like: id of the identity that it would be equal to.
        type: what `like` looks like, a `NumberType`.
        is_number: it would be one more phone number that sends the same text.
        mps: parts per second that it would bring.
        countries: ISO 3166 alpha-2 of the rows that it would take its share of, those with most parts first; rows whose
            country is not known are left out.
        eta_seconds: how long the campaign would take with it.
    """

    like: str
    type: str
    is_number: bool
    mps: int
    countries: tuple[str, ...]
    eta_seconds: float


@dataclass(frozen=True, slots=True)
class Spread:
    """The same template, sent to the same countries from several phone numbers.

    Attributes:
        identities: their ids, in the order of the configuration.
        countries: ISO 3166 alpha-2, those with most messages first.
        one_limit: they share a bucket, so that together they are no faster than one of them.
    """

    identities: tuple[str, ...]
    countries: tuple[str, ...]
    one_limit: bool


@dataclass(frozen=True, slots=True)
class Advice:
    """What a plan says beyond its sums. `another`: None where one more identity would not make it faster."""

    another: Another | None
    spreads: tuple[Spread, ...]


def advise(settings: Settings, totals: PlanTotals) -> Advice:
    """Look for what is worth saying of a plan.

    In a rehearsal the limits are DryRun's own, which another identity does not change. Where a column of the list has
    the texts, nobody knows whether they are the same.
    """
    identities = settings.identity_records()
    return Advice(
        another=None if settings.campaign.dry_run else another_identity(totals, identities),
        spreads=() if settings.recipients.body else spreads(totals.routes(), identities),
    )


def another_identity(totals: PlanTotals, identities: Sequence[Identity]) -> Another | None:
    """Return what one more identity for the slowest bucket would change; None where that is nothing worth its while.

    It is taken to be equal to the identity of that bucket with most parts that may move (rows that the list pins to an
    identity may not), with the same limit and the same countries. By the router's rule it then takes, of the rows to
    each of these countries, the share that its limit has among those of the buckets that serve it. A bucket that
    loses some of its rows is taken to need as much less time.
    """
    bounds = totals.bounds()
    if not bounds or bounds[0].kind is not BoundKind.BUCKET:
        return None
    slowest = totals.buckets[bounds[0].bucket]
    free = [route for route in totals.routes() if not route.pinned]
    # The same id may be there several times, for different countries.
    mine = [one for one in identities if one.bucket == bounds[0].bucket]
    movable = {
        one: sum(route.parts for route in free if route.identity == one.id and one.serves(route.country))
        for one in mine
    }
    like = max(mine, key=lambda one: movable[one], default=None)
    if like is None or not movable[like]:
        return None
    shares = {country: _share(like, identities, country) for country in {route.country for route in free}}
    taken: defaultdict[str, float] = defaultdict(float)
    by_country: Counter[str | None] = Counter()
    for route in free:
        if shares[route.country]:
            taken[route.bucket] += route.parts * shares[route.country]
            by_country[route.country] += route.parts
    # Long texts waste as much of the new limit as they do of the slowest bucket's.
    times = [sum(taken.values()) * slowest.eta_seconds / slowest.parts]
    for bound in bounds:
        left = 1.0 - taken[bound.bucket] / totals.buckets[bound.bucket].parts if bound.bucket else 1.0
        times.append(bound.seconds * left)
    saved = bounds[0].seconds - max(times)
    if saved < max(WORTH_SECONDS, WORTH_SHARE * bounds[0].seconds):
        return None
    countries = tuple(country for country, _ in by_country.most_common() if country is not None)
    return Another(
        like=like.id,
        type=look_of(like.id).type.value,
        is_number=identity_kind(like.id) in PHONE_NUMBERS,
        mps=slowest.mps,
        countries=countries,
        eta_seconds=max(times),
    )


def spreads(routes: Iterable[Route], identities: Sequence[Identity]) -> tuple[Spread, ...]:
    """Return where more than one phone number sends to the same country; countries with the same numbers are one."""
    senders: defaultdict[str, set[str]] = defaultdict(set)
    buckets: defaultdict[str, set[str]] = defaultdict(set)
    messages: Counter[str] = Counter()
    for route in routes:
        if route.country is not None and identity_kind(route.identity) in PHONE_NUMBERS:
            senders[route.country].add(route.identity)
            buckets[route.country].add(route.bucket)
            messages[route.country] += route.messages
    grouped: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    listed = list(dict.fromkeys(one.id for one in identities))
    for country, _ in messages.most_common():
        if len(senders[country]) > 1:
            grouped[tuple(one for one in listed if one in senders[country])].append(country)
    return tuple(
        Spread(numbers, tuple(countries), one_limit=len(set().union(*(buckets[each] for each in countries))) == 1)
        for numbers, countries in grouped.items()
    )


def _share(like: Identity, identities: Sequence[Identity], country: str | None) -> float:
    """The share of the rows to `country` that one more bucket gets, whose only identity is like `like`.

    That is by MPS, among the buckets that `Router` considers: if any identity lists the country, those that do.
    """
    listing = [one for one in identities if country in one.countries]
    candidates = listing or [one for one in identities if not one.countries]
    if like not in candidates:
        return 0.0
    limits = {one.bucket: one.mps for one in candidates}
    return like.mps / (sum(limits.values()) + like.mps)
