import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.base.records import Origin
from bulksend.origin.identity import Identity
from bulksend.origin.routing import NoIdentity, Router

STABLE = "ACBCCCBAACDBCCACAABADABACBCBCADADADACDBA"
"""What 40 numbers got when this was written; another answer would change the sender that people know."""

COUNTRIES = ("US", "CA", "GB", "DE")
NUMBERS = tuple(f"+1206{index:07}" for index in range(20_000))


def identity(name: str, mps: int = 10, *countries: str, bucket: str = "") -> Identity:
    """An identity in a bucket of its own, unless one is named."""
    return Identity(id=name, bucket=bucket or name, mps=mps, countries=frozenset(countries))


def shares(identities: Sequence[Identity], numbers: Sequence[str] = NUMBERS) -> Counter[str]:
    """How many of `numbers` each identity gets."""
    router = Router(identities)
    return Counter(router.route(destination=number, country="US").id for number in numbers)


@st.composite
def identity_lists(draw: st.DrawFn) -> list[Identity]:
    """One to eight identities in up to four buckets, each bucket with its own MPS; some have an entry a country."""
    limits = draw(st.lists(st.integers(1, 10_000), min_size=1, max_size=4))
    found: list[Identity] = []
    for index, countries in enumerate(
        draw(st.lists(st.frozensets(st.sampled_from(COUNTRIES)), min_size=1, max_size=8))
    ):
        apart = len(countries) > 1 and draw(st.booleans())
        for served in [frozenset({country}) for country in sorted(countries)] if apart else [countries]:
            at = draw(st.integers(0, len(limits) - 1))
            found.append(Identity(id=f"ID{index}", bucket=f"bucket{at}", mps=limits[at], countries=served))
    return found


countries = st.one_of(st.none(), st.sampled_from((*COUNTRIES, "FR")))
numbers = st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True)


@given(identities=identity_lists(), number=numbers, country=countries, data=st.data())
def test_the_same_number_always_gets_the_same_identity(
    identities: list[Identity], number: str, country: str | None, data: st.DataObject
) -> None:
    """The choice depends neither on the order of the list nor on what was routed before; it serves the country."""
    shuffled = data.draw(st.permutations(identities))
    used = Router(identities)
    for other in COUNTRIES:
        try_route(used, NUMBERS[0], other)
    chosen = try_route(used, number, country)
    assert try_route(Router(shuffled), number, country) == chosen
    serving = [one for one in identities if one.serves(country)]
    if chosen is None:
        assert not serving
    else:
        assert chosen in serving
        listing = [one for one in serving if country in one.countries]
        assert chosen in listing or not listing


def try_route(router: Router, number: str, country: str | None) -> Identity | None:
    """The identity of `number`, or None when nobody serves it."""
    try:
        return router.route(destination=number, country=country)
    except NoIdentity:
        return None


@given(identities=identity_lists(), number=numbers, joins=st.booleans(), mps=st.integers(1, 10_000))
def test_a_new_identity_moves_only_what_it_takes(
    identities: list[Identity], number: str, *, joins: bool, mps: int
) -> None:
    """A number keeps its identity unless the new one takes it; one that joins a bucket takes from that bucket alone."""
    once = {one.id: one for one in identities}
    old = [replace(one, countries=frozenset({"US"})) for one in once.values()]
    new = replace(old[0], id="NEW") if joins else identity("NEW", mps, "US")
    before = Router(old).route(destination=number, country="US")
    after = Router([*old, new]).route(destination=number, country="US")
    assert after in (before, new)
    if joins and after == new:
        assert before.bucket == new.bucket


def test_shares_follow_mps() -> None:
    """Over 20,000 numbers each identity's share is within five standard deviations of its share of the MPS."""
    limits = {"A": 100, "B": 20, "C": 3}
    found = shares([identity(name, mps, "US") for name, mps in limits.items()])
    for name, mps in limits.items():
        share = mps / sum(limits.values())
        deviation = (len(NUMBERS) * share * (1 - share)) ** 0.5
        assert abs(found[name] - len(NUMBERS) * share) < 5 * deviation


def test_identities_of_one_bucket_share_its_mps() -> None:
    """Two numbers that share 20 MPS get together what one identity with 20 MPS of its own gets, in equal halves."""
    found = shares(
        [identity("A1", 20, "US", bucket="A"), identity("A2", 20, "US", bucket="A"), identity("B", 20, "US")]
    )
    for name, share in (("A1", 0.25), ("A2", 0.25), ("B", 0.5)):
        deviation = (len(NUMBERS) * share * (1 - share)) ** 0.5
        assert abs(found[name] - len(NUMBERS) * share) < 5 * deviation


def test_no_number_moves_from_one_old_bucket_to_another() -> None:
    """Of 20,000 numbers, those that a new identity does not take stay where they were, and it takes its share."""
    old = [identity("A", 30, "US"), identity("B", 10, "US")]
    before, after = Router(old), Router([*old, identity("NEW", 10, "US")])
    moved = Counter(
        (before.route(destination=number, country="US").id, after.route(destination=number, country="US").id)
        for number in NUMBERS
    )
    assert set(moved) == {("A", "A"), ("B", "B"), ("A", "NEW"), ("B", "NEW")}
    taken = moved["A", "NEW"] + moved["B", "NEW"]
    assert abs(taken - len(NUMBERS) / 5) < 5 * (len(NUMBERS) * 0.2 * 0.8) ** 0.5


def test_neighbouring_numbers_are_not_kept_together() -> None:
    """Consecutive numbers spread as random ones would: about half of all neighbours differ over two equal halves."""
    router = Router([identity("A", 10, "US"), identity("B", 10, "US")])
    chosen = [router.route(destination=number, country="US").id for number in NUMBERS]
    changes = sum(one != other for one, other in pairwise(chosen))
    assert abs(changes - len(NUMBERS) / 2) < 5 * (len(NUMBERS) / 4) ** 0.5


def test_the_choice_is_stable_over_processes_and_releases() -> None:
    """The identities of these numbers are the same as ever, whatever PYTHONHASHSEED."""
    program = (
        "from bulksend.origin.identity import Identity\n"
        "from bulksend.origin.routing import Router\n"
        "any_ = [Identity(n, b, m) for n, b, m in (('A', 'x', 7), ('B', 'x', 7), ('C', 'C', 7), ('D', 'D', 3))]\n"
        "router = Router(any_)\n"
        "print(''.join(router.route(destination=f'+1425555{i:04}', country='US').id for i in range(40)))\n"
    )
    for seed in ("1", "2"):
        environ = {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True, timeout=60
        )
        assert done.stdout.strip() == STABLE


def test_a_listed_country_beats_any() -> None:
    """An identity that lists the country is preferred to one that serves any, whatever their MPS."""
    router = Router([identity("ANY", 10_000), identity("US", 1, "US")])
    assert {router.route(destination=number, country="US").id for number in NUMBERS[:200]} == {"US"}
    assert router.route(destination=NUMBERS[0], country="FR").id == "ANY"


def test_an_unknown_country_takes_one_that_serves_any() -> None:
    """A number of unknown country is never sent from an identity that serves certain countries only."""
    router = Router([identity("ANY", 1), identity("US", 100, "US")])
    assert {router.route(destination=number, country=None).id for number in NUMBERS[:200]} == {"ANY"}
    with pytest.raises(
        NoIdentity, match=r"^the country of the number is not known and no identity serves any country$"
    ):
        Router([identity("US", 1, "US")]).route(destination="+8830000000", country=None)


def test_no_identity_for_a_country() -> None:
    """A country that nobody serves is named."""
    with pytest.raises(NoIdentity, match=r"^no identity serves GB$"):
        Router([identity("US", 1, "US")]).route(destination="+447860019066", country="GB")


@pytest.mark.parametrize(
    "wanted", ["+18885550100", " +18885550100 ", "18885550100", "+1 (888) 555-0100", "1-888-555-0100"]
)
def test_the_row_chooses_a_number(wanted: str) -> None:
    """A row's own choice wins over shares; a number is recognised with and without + and punctuation."""
    router = Router([identity("20440", 100), identity("+18885550100", 1)])
    assert {router.route(destination=number, country="US", wanted=wanted).id for number in NUMBERS[:50]} == {
        "+18885550100"
    }


@pytest.mark.parametrize("name", ["ACME", "20440", "pool-0123456789abcdef", "18885550100"])
def test_the_row_chooses_any_kind(name: str) -> None:
    """Every kind of identity can be chosen by its id; a number may be written with a + that its id lacks."""
    router = Router([identity(name), identity("OTHER")])
    assert router.route(destination=NUMBERS[0], country="US", wanted=name).id == name
    if name == "18885550100":
        assert router.route(destination=NUMBERS[0], country="US", wanted=f"+{name}").id == name


@pytest.mark.parametrize(
    ("wanted", "country", "sentence"),
    [
        ("acme", "GB", "the row asks for identity acme, which is not configured"),
        ("20441", "GB", "the row asks for identity 20441, which is not configured"),
        ("+14255550199", "GB", r"the row asks for identity \+14\*+99, which is not configured"),
        (
            "Dear Ann, your code is 1",
            "GB",
            "the row asks for something that is not the name of an identity, which is.*",
        ),
        ("ACME", "US", "the row asks for identity ACME, which does not serve US"),
        ("ACME", None, "the row asks for identity ACME, which serves certain countries only, and the country of .*"),
    ],
)
def test_the_row_chooses_what_cannot_be(wanted: str, country: str | None, sentence: str) -> None:
    """An unknown or unfit choice is never replaced by another identity; no text and no full number is repeated."""
    with pytest.raises(NoIdentity, match=f"^{sentence}$"):
        Router([identity("ACME", 10, "GB"), identity("ANY")]).route(
            destination="+447860019066", country=country, wanted=wanted
        )


ACME = (identity("ACME", 40, "GB", bucket="ACME/GB"), identity("ACME", 10, "DE", "FR", bucket="ACME/DE+FR"))
"""A sender id that has one limit in Britain and another in two other countries."""


@pytest.mark.parametrize(("country", "bucket"), [("GB", "ACME/GB"), ("DE", "ACME/DE+FR"), ("FR", "ACME/DE+FR")])
@pytest.mark.parametrize("wanted", ["ACME", ""])
def test_an_identity_counts_against_the_limit_that_it_has_to_the_country(
    wanted: str, country: str, bucket: str
) -> None:
    """Whether the row names it or not, the entry that lists the country is the one that is charged."""
    for router in (Router(ACME), Router(ACME[::-1])):
        chosen = router.route(destination="+447860019066", country=country, wanted=wanted)
        assert (chosen.id, chosen.bucket) == ("ACME", bucket)
        assert chosen.origin == Origin("ACME", bucket)


@pytest.mark.parametrize(
    ("country", "why"),
    [("US", "does not serve US"), (None, "serves certain countries only, and the country of the number is not known")],
)
def test_the_row_chooses_an_identity_that_has_no_limit_there(country: str | None, why: str) -> None:
    """None of its entries stands in for another country."""
    with pytest.raises(NoIdentity, match=f"^the row asks for identity ACME, which {why}$"):
        Router([*ACME, identity("ANY")]).route(destination=NUMBERS[0], country=country, wanted="ACME")


def test_shares_follow_the_limit_in_the_country() -> None:
    """Beside another sender each entry has, in its own countries, the share of its own bucket."""
    router = Router([*ACME, identity("OTHER", 40, "GB", "DE")])
    for country, mps in (("GB", 40), ("DE", 10)):
        found = Counter(router.route(destination=number, country=country).id for number in NUMBERS)
        share = mps / (mps + 40)
        assert abs(found["ACME"] - len(NUMBERS) * share) < 5 * (len(NUMBERS) * share * (1 - share)) ** 0.5


@pytest.mark.parametrize(
    "entries",
    [
        [("ACME",), ("ACME",)],
        [("ACME", "GB"), ("ACME",)],
        [("ACME", "GB", "DE"), ("ACME", "FR", "DE")],
        [("+18885550100",), ("18885550100",)],
        [("+18885550100", "US"), ("18885550100", "CA")],
    ],
    ids=["twice for any", "once for any", "a country in common", "two spellings", "two spellings, two countries"],
)
def test_the_same_identity_twice(entries: list[tuple[str, ...]]) -> None:
    """Two entries for one identity that both serve a country, or look like two identities, leave no single answer."""
    with pytest.raises(ValueError, match="the same"):
        Router([identity(name, 10, *countries) for name, *countries in entries])
