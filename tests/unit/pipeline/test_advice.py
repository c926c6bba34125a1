from collections import Counter
from dataclasses import replace

import pytest

from bulksend.base.records import Encoding, PlannedRow, Status
from bulksend.origin.buckets import buckets_of
from bulksend.origin.identity import Identity
from bulksend.origin.routing import Router
from bulksend.pipeline.advice import Spread, another_identity, spreads
from bulksend.pipeline.totals import PlanTotals, Route

TOLL_FREE = Identity("+18885550100", "toll-free", 3, frozenset({"US"}))
SENDER = Identity("ACME", "ACME", 10, frozenset({"DE", "GB"}))


def routed(
    identities: list[Identity], to: dict[str, int], *, parts: int = 1, pinned: str = "", requests_per_second: int = 0
) -> PlanTotals:
    """The plan of so many rows to each country, routed by the real router; `pinned`: all to that identity."""
    router = Router(identities)
    totals = PlanTotals(
        buckets_of(identities, dry_run_mps=None), headroom=0.01, requests_per_second=requests_per_second
    )
    for country, rows in to.items():
        for number in range(rows):
            destination = f"+{len(country)}{country.encode().hex()}{number:06d}"
            identity = router.route(destination=destination, country=country, wanted=pinned)
            totals.add(
                PlannedRow(
                    row=number,
                    line=number,
                    source="{}",
                    status=Status.PENDING,
                    destination=destination,
                    country=country,
                    identity=identity.id,
                    bucket=identity.bucket,
                    encoding=Encoding.GSM_7,
                    parts=parts,
                    pinned=bool(pinned),
                )
            )
    return totals


def test_an_equal_identity_halves_a_bucket_that_is_alone() -> None:
    """Half of its rows go to the new one, and the campaign takes half as long."""
    totals = routed([TOLL_FREE, SENDER], {"US": 3000, "DE": 500})
    another = another_identity(totals, [TOLL_FREE, SENDER])
    assert another is not None
    assert (another.like, another.type, another.is_number) == ("+18885550100", "toll_free", True)
    assert (another.mps, another.countries) == (3, ("US",))
    assert another.eta_seconds == pytest.approx(3000 / 2.97 / 2)


def test_the_next_bucket_then_decides() -> None:
    """Another identity cannot make the campaign faster than what it does not touch."""
    totals = routed([TOLL_FREE, SENDER], {"US": 3000, "DE": 9000})
    another = another_identity(totals, [TOLL_FREE, SENDER])
    assert another is not None
    assert another.eta_seconds == pytest.approx(9000 / 9.9)


@pytest.mark.parametrize(
    "identities",
    [
        [TOLL_FREE, Identity("20440", "20440", 5, frozenset({"US"})), replace(SENDER, mps=20)],
        [Identity("ANY", "ANY", 4), Identity("OTHER", "OTHER", 8), Identity("US", "US", 40, frozenset({"US"}))],
        [SENDER, Identity("GBONLY", "GBONLY", 3, frozenset({"GB"})), TOLL_FREE],
        [replace(TOLL_FREE, id=f"+1425555010{n}", bucket="10dlc") for n in range(3)] + [SENDER],
    ],
)
def test_what_another_identity_changes_is_what_the_router_would_do(identities: list[Identity]) -> None:
    """The forecast is that of a plan with the identity in it, within what hashing a few thousand numbers varies."""
    to = {"US": 8000, "DE": 4000, "GB": 6000}
    to = {country: rows for country, rows in to.items() if any(one.serves(country) for one in identities)}
    totals = routed(identities, to)
    another = another_identity(totals, identities)
    assert another is not None
    like = next(one for one in identities if one.id == another.like)
    after = routed([*identities, replace(like, id="NEW", bucket="NEW")], to)
    assert another.eta_seconds == pytest.approx(after.eta_seconds, rel=0.08)
    gained = {route.country for route in after.routes() if route.bucket == "NEW"}
    assert set(another.countries) == gained


def test_an_identity_with_limits_by_country_is_told_by_its_bucket() -> None:
    """The same sender id, listed for each country: the one whose bucket is slow."""
    identities = [
        Identity("ACME", "ACME/DE", 10, frozenset({"DE"})),
        Identity("ACME", "ACME/GB", 2, frozenset({"GB"})),
    ]
    totals = routed(identities, {"DE": 1000, "GB": 1000})
    another = another_identity(totals, identities)
    assert another is not None
    assert (another.mps, another.countries) == (2, ("GB",))
    assert another.eta_seconds == pytest.approx(1000 / 1.98 / 2)


def test_rows_that_the_list_pins_do_not_move() -> None:
    """Another identity changes nothing where the list names the identity of every row."""
    totals = routed([TOLL_FREE, SENDER], {"US": 3000}, pinned=TOLL_FREE.id)
    assert another_identity(totals, [TOLL_FREE, SENDER]) is None


def test_the_account_s_request_rate_is_not_cured_by_another_identity() -> None:
    """Where it is what takes longest."""
    totals = routed([SENDER], {"DE": 3000}, requests_per_second=2)
    assert another_identity(totals, [SENDER]) is None


@pytest.mark.parametrize("rows", [0, 1, 30])
def test_a_campaign_that_takes_seconds_needs_nobody_else(rows: int) -> None:
    """Ten seconds are the least that is worth it."""
    assert another_identity(routed([TOLL_FREE], {"US": rows}), [TOLL_FREE]) is None


def test_two_buckets_that_take_equally_long_leave_nothing_to_gain() -> None:
    """One of them more or less relieved, the other still takes as long."""
    other = Identity("20440", "20440", 3, frozenset({"CA"}))
    totals = routed([TOLL_FREE, other], {"US": 3000, "CA": 2990})
    assert another_identity(totals, [TOLL_FREE, other]) is None


def test_long_texts_take_as_much_of_the_new_limit() -> None:
    """Messages that waste some of the slowest bucket's limit waste as much of an equal one."""
    totals = routed([replace(TOLL_FREE, mps=10)], {"US": 1000}, parts=7)
    another = another_identity(totals, [replace(TOLL_FREE, mps=10)])
    assert another is not None
    assert another.eta_seconds == pytest.approx(totals.eta_seconds / 2)
    assert totals.eta_seconds == pytest.approx(1000 / 0.99, rel=0.01)


def test_rows_of_no_known_country_move_too() -> None:
    """To an identity that serves any country; they have no country to name."""
    anywhere = Identity("20440", "20440", 2)
    totals = PlanTotals(buckets_of([anywhere], dry_run_mps=None), headroom=0.01)
    for number in range(100):
        totals.add(PlannedRow(number, number, "{}", Status.PENDING, identity="20440", bucket="20440", parts=1))
    another = another_identity(totals, [anywhere])
    assert another is not None
    assert another.countries == ()
    assert another.eta_seconds == pytest.approx(50 / 1.98)


NUMBERS = [replace(TOLL_FREE, id=f"+1888555010{n}", bucket=f"t{n}") for n in range(3)]


def route(identity: str, country: str | None, messages: int = 10) -> Route:
    """Rows of `identity` to `country`."""
    return Route(identity, identity, country, pinned=False, messages=messages, parts=messages)


def test_the_same_text_from_several_numbers_to_one_country_is_named() -> None:
    """With the numbers in the order of the configuration; countries with the same numbers together."""
    routes = [
        route("+18885550102", "US"),
        route("+18885550100", "US"),
        route("+18885550100", "CA", 50),
        route("+18885550102", "CA"),
        route("+18885550101", "GB"),
    ]
    assert spreads(routes, NUMBERS) == (Spread(("+18885550100", "+18885550102"), ("CA", "US"), one_limit=False),)


@pytest.mark.parametrize(
    "routes",
    [
        [route("+18885550100", "US"), route("+18885550101", "CA")],
        [route("+18885550100", "US"), route("20440", "US"), route("ACME", "US"), route("pool-0123456789abcdef", "US")],
        [route("20440", "US"), route("20441", "US")],
        [route("+18885550100", None), route("+18885550101", None)],
        [],
    ],
)
def test_what_is_not_snowshoeing_is_not_called_so(routes: list[Route]) -> None:
    """Numbers of different countries, one number beside other kinds of senders, short codes, nothing at all."""
    assert spreads(routes, NUMBERS) == ()


def test_numbers_of_one_bucket_are_several_numbers() -> None:
    """A carrier sees numbers, not buckets; ids and ARNs of numbers count too."""
    arn = "arn:aws:sms-voice:us-east-1:123456789012:phone-number/phone-0123456789abcdef"
    identities = [Identity(each, "10dlc", 20, frozenset({"US"})) for each in ("phone-0123456789abcdef", arn)]
    totals = routed(identities, {"US": 100})
    counted = Counter(each.identity for each in totals.routes())
    assert len(counted) == 2
    found = spreads(totals.routes(), identities)
    assert [(spread.countries, spread.one_limit) for spread in found] == [(("US",), True)]
