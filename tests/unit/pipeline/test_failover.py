import pytest
from msgspec.structs import replace as changed

from bulksend.base.ports import Ledger
from bulksend.base.records import Bucket, Claim, Origin, Outcome, OutcomeKind
from bulksend.origin.identity import Identity
from bulksend.pipeline.breakers import Breakers
from bulksend.pipeline.failover import Failover
from tests.support.fakes import MemoryLedger, make_claim
from tests.support.virtual import run_virtual

IN_BRITAIN = Identity("ACME", "ACME/GB", 40, frozenset({"GB"}))
IN_GERMANY = Identity("ACME", "ACME/DE", 10, frozenset({"DE"}))
OTHER = Identity("OTHER", "other", 20, frozenset({"GB"}))
ANY = Identity("+447700900123", "any", 5)

TO_BRITAIN = "+447400123456"
TO_GERMANY = "+491713920002"


def test_who_takes_over_is_named_with_the_limit_that_it_has_there() -> None:
    """An identity with several entries is charged, in each country, to the bucket of the entry that serves it."""
    choose = Failover([IN_BRITAIN, IN_GERMANY, OTHER, ANY]).without({("OTHER", None), (ANY.id, None)})
    assert choose(TO_BRITAIN, "GB") == Origin("ACME", "ACME/GB")
    assert choose(TO_GERMANY, "DE") == Origin("ACME", "ACME/DE")
    assert choose("+14255550100", "US") is None


def test_an_identity_that_is_refused_is_out_in_all_its_entries() -> None:
    """What is wrong with a sender id is not right in the next country."""
    choose = Failover([IN_BRITAIN, IN_GERMANY, OTHER, ANY]).without({("ACME", None)})
    assert choose(TO_BRITAIN, "GB") == Origin("OTHER", "other")
    assert choose(TO_GERMANY, "DE") == Origin(ANY.id, "any")


def test_a_route_that_is_refused_is_out_alone() -> None:
    """The other entries of the identity go on taking over."""
    choose = Failover([IN_BRITAIN, IN_GERMANY]).without({("ACME", "GB")})
    assert choose(TO_BRITAIN, "GB") is None
    assert choose(TO_GERMANY, "DE") == Origin("ACME", "ACME/DE")


@pytest.fixture
def ledger() -> MemoryLedger:
    """Rows 1 to 3 from ACME to Britain, 4 and 5 from ACME to Germany."""
    claims = [make_claim(row, identity="ACME", bucket="ACME/GB" if row < 4 else "ACME/DE") for row in range(1, 6)]
    claims = [changed(each, country="GB" if each.row < 4 else "DE") for each in claims]
    return MemoryLedger(claims, [Bucket("ACME/GB", 40), Bucket("ACME/DE", 10), Bucket("other", 20)])


def learn(ledger: Ledger, claim: Claim, kind: OutcomeKind) -> tuple[Breakers, list[set[str]]]:
    """Breakers that met one refusal of `claim`, and the buckets that rows were moved to."""
    moved: list[set[str]] = []
    breakers = Breakers(
        ledger,
        failover=Failover([IN_BRITAIN, IN_GERMANY, OTHER]),
        give_up_after_s=60.0,
        on_moved=lambda buckets: moved.append(set(buckets)),
    )
    run_virtual(breakers.learn(claim, Outcome(kind, "refused"), now=0.0))
    return breakers, moved


def test_a_refused_identity_stops_in_every_country(ledger: MemoryLedger) -> None:
    """Rows to Britain go to who else serves it, rows to Germany wait, whatever bucket they were charged to."""
    breakers, moved = learn(ledger, ledger.claims[0], OutcomeKind.FAILED_IDENTITY)
    assert dict(breakers.stopped) == {("ACME", None): "refused"}
    assert moved == [{"other"}]
    assert [(each.identity, each.bucket) for each in ledger.claims[:3]] == [("OTHER", "other")] * 3
    assert ledger.held == {4: "refused", 5: "refused"}


def test_a_refused_route_stops_in_its_country(ledger: MemoryLedger) -> None:
    """The same sender id goes on to the other."""
    breakers, moved = learn(ledger, ledger.claims[0], OutcomeKind.FAILED_ROUTE)
    assert dict(breakers.stopped) == {("ACME", "GB"): "refused"}
    assert (moved, ledger.held) == ([], dict.fromkeys((1, 2, 3), "refused"))
    assert breakers.reason(ledger.claims[3]) is None
