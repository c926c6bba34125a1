"""Rows behind a breaker: moved to other identities, or held, and noted."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from bulksend.base.ports import Behind, Choose, Diverted
from bulksend.base.progress import Breaker
from bulksend.base.records import Bucket, Origin, Status
from bulksend.store.export import export_rows
from bulksend.store.faults import LedgerMisuse
from bulksend.store.ledger import SqliteLedger
from tests.unit.store.helpers import (
    IDENTITIES,
    SHORT,
    SHORT_CODE,
    START,
    TOLL_FREE,
    StandingClock,
    claim,
    divert,
    exported,
    failed,
    give_back,
    pending,
    postpone,
    retry,
    sent,
    settle,
    take,
    unknown,
    write_plan,
)

SECOND = Origin("+18885550101", "toll-free")
"""Of the same bucket as TOLL_FREE."""


def to_short_code(_destination: str, _country: str | None) -> Origin:
    """The short code serves everybody."""
    return SHORT


def standing(ledger: SqliteLedger) -> object:
    """Everything that a divert could change."""
    return list(export_rows(ledger.path)), ledger.counts(), ledger.reasons(), ledger.breakers()


@pytest.fixture
def shared(path: Path, clock: StandingClock) -> Iterator[SqliteLedger]:
    """Rows of 1 to 5 parts: 1 and 3 from TOLL_FREE, 2 and 4 from SECOND, which share a bucket, 5 from SHORT_CODE."""
    rows = [
        pending(1, parts=1),
        replace(pending(2, parts=2), identity=SECOND.identity),
        pending(3, parts=3),
        replace(pending(4, parts=4), identity=SECOND.identity),
        pending(5, parts=5, identity=SHORT_CODE),
    ]
    write_plan(path, rows, clock=clock, identities=[*IDENTITIES, SECOND])
    with SqliteLedger.open_for_writing(path, clock=clock) as opened:
        yield opened


@pytest.mark.parametrize(
    ("country", "held", "left"),
    [(None, 6, []), ("CA", 2, [1, 2, 3, 4]), ("US", 4, [5, 6]), ("DE", 0, [1, 2, 3, 4, 5, 6])],
)
def test_held_rows_are_passed_over(ledger: SqliteLedger, country: str | None, held: int, left: list[int]) -> None:
    """With nobody to take over, an identity's pending rows, or those to one country, wait, and nothing else does."""
    assert divert(ledger, country=country) == Diverted({}, held)
    counts = ledger.counts()
    assert [bucket.messages_held for bucket in counts.buckets] == [held, 0]
    assert counts.of(Status.PENDING) == 9
    assert ledger.reasons().get(Status.PENDING, {}) == ({"inactive": held} if held else {})
    assert claim(ledger) == left
    assert claim(ledger, "short") == [8, 9, 10]


def test_claimed_and_postponed_rows_are_left_to_their_owner(ledger: SqliteLedger) -> None:
    """One that comes back later is diverted by diverting again, under the reason of that time."""
    claim(ledger, rows=3)
    postpone(ledger, 3)
    assert divert(ledger, choose=to_short_code) == Diverted({"short": 3}, 0)
    assert divert(ledger) == Diverted({}, 0)
    give_back(ledger, 2)
    assert divert(ledger) == Diverted({}, 1)
    assert divert(ledger, "other") == Diverted({}, 0)
    give_back(ledger, 3)
    assert divert(ledger, "other", choose=to_short_code) == Diverted({"short": 1}, 0)
    assert ledger.reasons()[Status.PENDING] == {"inactive": 1}
    settle(ledger, sent(1))
    assert [exported(ledger, row)["identity"] for row in (1, 2, 3)] == [TOLL_FREE, TOLL_FREE, SHORT_CODE]


def test_a_postponed_row_goes_on_behind_a_breaker(ledger: SqliteLedger) -> None:
    """Its sender decides; a divert does not take its next attempt away."""
    claim(ledger, rows=1)
    postpone(ledger, 1)
    divert(ledger, choose=to_short_code)
    retry(ledger, {1: 2})
    settle(ledger, sent(1, 2))
    assert exported(ledger, 1)["identity"] == TOLL_FREE


def test_moved_rows_are_the_other_identitys(ledger: SqliteLedger) -> None:
    """They are claimed from its bucket, in input order among its own, and as they were planned but for that."""
    assert divert(ledger, choose=to_short_code) == Diverted({"short": 6}, 0)
    assert claim(ledger) == []
    claims = take(ledger, "short")
    assert [each.row for each in claims] == [1, 2, 3, 4, 5, 6, 8, 9, 10]
    assert {(each.identity, each.bucket, each.attempt, each.lost) for each in claims} == {
        (SHORT_CODE, "short", 1, None)
    }
    third = claims[2]
    assert (third.destination, third.country, third.text, third.parts) == ("+14255550003", "US", "Hello", 3)
    assert (exported(ledger, 3)["identity"], exported(ledger, 3)["bucket"]) == (SHORT_CODE, "short")


def test_moved_rows_are_counted_where_they_are(ledger: SqliteLedger) -> None:
    """Messages and parts of both buckets add up to what they were; done is what is done there."""
    claim(ledger, rows=3)
    settle(ledger, sent(1), failed(2))
    postpone(ledger, 3)
    before = ledger.counts()
    divert(ledger, choose=to_short_code)
    counts = ledger.counts()
    assert (counts.rows, counts.by_status, counts.parts_sent) == (before.rows, before.by_status, before.parts_sent)
    left, short = counts.buckets
    assert (left.messages, left.parts, left.messages_done, left.parts_done, left.parts_sent) == (3, 6, 2, 3, 1)
    assert (short.messages, short.parts, short.messages_done, short.messages_held) == (6, 9, 0, 0)
    claim(ledger, "short")
    settle(ledger, sent(6))
    assert [(each.parts_done, each.parts_sent) for each in ledger.counts().buckets] == [(3, 1), (3, 3)]
    assert ledger.released_since(START) == {"toll-free": 3, "short": 3}


def test_who_takes_over_is_asked_of_each_row_once(ledger: SqliteLedger) -> None:
    """With its number and its country; rows for which there is nobody are held."""
    asked: list[tuple[str, str | None]] = []

    def choose(destination: str, country: str | None) -> Origin | None:
        asked.append((destination, country))
        return SHORT if country == "CA" else None

    assert divert(ledger, choose=choose) == Diverted({"short": 2}, 4)
    assert asked == [(f"+1425555{row:04d}", "CA" if row > 4 else "US") for row in range(1, 7)]
    assert claim(ledger, "short", rows=2) == [5, 6]
    assert [bucket.messages_held for bucket in ledger.counts().buckets] == [4, 0]


def test_rows_whose_identity_the_input_chose_are_held(path: Path, clock: StandingClock) -> None:
    """Nobody is asked about them."""
    write_plan(path, [pending(1, pinned=True), pending(2), pending(3, pinned=True, identity=SHORT_CODE)], clock=clock)
    asked: list[str] = []

    def choose(destination: str, _: str | None) -> Origin:
        asked.append(destination)
        return SHORT

    with SqliteLedger.open_for_writing(path, clock=clock) as ledger:
        assert divert(ledger, choose=choose) == Diverted({"short": 1}, 1)
        assert asked == ["+14255550002"]
        assert (exported(ledger, 1)["identity"], exported(ledger, 1)["reason"]) == (TOLL_FREE, "inactive")
        with ledger.transaction():
            ledger.recover()
        assert claim(ledger) == [1]


def test_a_country_bounds_what_is_moved(path: Path, clock: StandingClock) -> None:
    """Rows to other countries, and those whose country nobody knows, stay with the identity."""
    countries = ["US", "CA", None, "CA"]
    write_plan(path, [pending(row, country=each) for row, each in enumerate(countries, start=1)], clock=clock)
    with SqliteLedger.open_for_writing(path, clock=clock) as ledger:
        assert divert(ledger, country="CA", choose=to_short_code) == Diverted({"short": 2}, 0)
        assert claim(ledger) == [1, 3]
        assert claim(ledger, "short") == [2, 4]


def test_rows_can_move_within_their_bucket(shared: SqliteLedger) -> None:
    """Identities that share a limit stand in for one another; what the bucket has to do stays the same."""
    before = shared.counts()
    assert divert(shared, choose=lambda *_: SECOND) == Diverted({"toll-free": 2}, 0)
    assert shared.counts() == before
    assert [(each.row, each.identity) for each in take(shared)] == [(row, SECOND.identity) for row in (1, 2, 3, 4)]


def test_held_rows_of_one_identity_do_not_stop_another_of_the_bucket(shared: SqliteLedger) -> None:
    """Identities that share a bucket are held one by one."""
    assert divert(shared) == Diverted({}, 2)
    assert claim(shared) == [2, 4]


def test_moved_rows_are_divided_among_buckets(shared: SqliteLedger) -> None:
    """It is told how many went to which bucket, whichever identity of it takes them."""
    takers = {"+14255550002": SHORT, "+14255550004": Origin(TOLL_FREE, "toll-free")}
    diverted = divert(shared, identity=SECOND.identity, choose=lambda destination, _: takers[destination])
    assert diverted == Diverted({"short": 1, "toll-free": 1}, 0)
    assert [(each.bucket, each.messages, each.parts) for each in shared.counts().buckets] == [
        ("toll-free", 3, 8), ("short", 2, 7),
    ]  # fmt: skip


def test_moved_rows_move_on_when_their_new_identity_is_refused_too(shared: SqliteLedger) -> None:
    """Each breaker counts the rows that were behind it."""
    divert(shared, choose=to_short_code)
    assert divert(shared, "not_found", identity=SHORT_CODE, choose=lambda *_: SECOND) == Diverted({"toll-free": 3}, 0)
    assert divert(shared, "not_found", identity=SECOND.identity) == Diverted({}, 5)
    found = [(each.identity, each.reason, each.moved, each.held) for each in shared.breakers()]
    assert sorted(found) == [
        (TOLL_FREE, "inactive", 2, 0), (SECOND.identity, "not_found", 0, 5), (SHORT_CODE, "not_found", 3, 0),
    ]  # fmt: skip


@pytest.fixture
def abroad(path: Path, clock: StandingClock) -> Iterator[SqliteLedger]:
    """ACME has a bucket in the US, rows 1 to 3, and one in Canada, rows 4 and 5; TOLL_FREE has row 6."""
    buckets = [Bucket("ACME/US", 10), Bucket("ACME/CA", 20), Bucket("toll-free", 3)]
    acme = [Origin("ACME", "ACME/US"), Origin("ACME", "ACME/CA")]
    rows = [replace(pending(row, country="US"), **asdict(acme[0])) for row in (1, 2, 3)]
    rows += [replace(pending(row, country="CA"), **asdict(acme[1])) for row in (4, 5)]
    write_plan(path, [*rows, pending(6)], clock=clock, buckets=buckets, identities=[*acme, IDENTITIES[0]])
    with SqliteLedger.open_for_writing(path, clock=clock) as opened:
        yield opened


def test_an_identity_is_refused_in_all_its_buckets(abroad: SqliteLedger) -> None:
    """What is wrong with a sender id is wrong wherever it has a limit of its own; one breaker is noted."""
    assert divert(abroad, identity="ACME") == Diverted({}, 5)
    assert [bucket.messages_held for bucket in abroad.counts().buckets] == [3, 2, 0]
    assert abroad.breakers() == [Breaker("ACME", None, "inactive", START, moved=0, held=5)]
    assert claim(abroad) == [6]


def test_a_country_of_an_identity_with_several_buckets_is_held_alone(abroad: SqliteLedger) -> None:
    """The scope is the country; rows to others go on, whatever bucket they are charged to."""
    assert divert(abroad, identity="ACME", country="CA") == Diverted({}, 2)
    assert claim(abroad, "ACME/US") == [1, 2, 3]
    assert claim(abroad, "ACME/CA") == []


def test_rows_move_into_the_bucket_that_is_chosen(abroad: SqliteLedger) -> None:
    """Who takes over may have several buckets: each row is charged to the one named for it."""
    assert divert(abroad, choose=lambda *_: Origin("ACME", "ACME/US")) == Diverted({"ACME/US": 1}, 0)
    assert [(each.row, each.identity) for each in take(abroad, "ACME/US", rows=9)][-1] == (6, "ACME")
    assert exported(abroad, 6)["bucket"] == "ACME/US"
    assert [bucket.messages for bucket in abroad.counts().buckets] == [4, 2, 0]


def test_rows_do_not_move_to_another_bucket_of_the_refused_identity(abroad: SqliteLedger) -> None:
    """It is refused there as well."""
    with abroad.transaction(), pytest.raises(LedgerMisuse, match="cannot take over from 'ACME'"):
        abroad.divert("inactive", Behind("ACME"), lambda *_: Origin("ACME", "ACME/CA"))


def test_what_was_before_goes_along(ledger: SqliteLedger) -> None:
    """A moved row keeps its attempts, and that one of them was lost."""
    claim(ledger, rows=2)
    settle(ledger, unknown(1))
    postpone(ledger, 2)
    give_back(ledger, 2)
    with ledger.transaction():
        ledger.resend_unknown()
    divert(ledger, choose=to_short_code)
    first, second = take(ledger, "short", rows=2)
    assert (first.row, first.attempt, first.lost) == (1, 2, "read_timeout")
    assert (second.row, second.attempt, second.lost) == (2, 2, None)
    settle(ledger, sent(1, 2), sent(2, 2))


@pytest.mark.parametrize("choose", [None, to_short_code])
def test_only_pending_rows_are_diverted(ledger: SqliteLedger, choose: Choose | None) -> None:
    """Rows with an outcome, skipped ones and those held already stay as they are."""
    claim(ledger, rows=4)
    settle(ledger, sent(1), failed(2), unknown(3))
    divert(ledger, "unreachable", country="CA")
    before = list(export_rows(ledger.path))
    assert divert(ledger, choose=choose) == Diverted({}, 0)
    assert list(export_rows(ledger.path)) == before


def test_a_divert_can_be_done_in_slices(ledger: SqliteLedger, clock: StandingClock) -> None:
    """Row numbers bound it on both sides; the breaker is noted once, as it began, with the sums."""

    def choose(destination: str, _: str | None) -> Origin | None:
        return SHORT if destination.endswith(("1", "4", "5")) else None

    diverted = []
    for first in (1, 3, 5, 7, 9):
        with ledger.transaction():
            diverted.append(ledger.divert("inactive", Behind(TOLL_FREE, first=first, last=first + 1), choose))
        clock.advance(1)
    assert [(each.moved, each.held) for each in diverted] == [({"short": 1}, 1)] * 3 + [({}, 0)] * 2
    assert ledger.breakers() == [Breaker(TOLL_FREE, None, "inactive", START, moved=3, held=3)]


def test_breakers_are_noted_by_identity_and_country(ledger: SqliteLedger, clock: StandingClock) -> None:
    """The oldest first; one that diverts again keeps its time and its reason, and adds up."""
    divert(ledger, "unreachable", country="CA")
    clock.advance(1)
    claim(ledger, rows=1)
    divert(ledger, "not_found", choose=to_short_code)
    clock.advance(1)
    divert(ledger, "spend_limit", identity=SHORT_CODE, country="DE")
    give_back(ledger, 1)
    divert(ledger, "another", choose=to_short_code)
    expected = [
        Breaker(TOLL_FREE, "CA", "unreachable", START, moved=0, held=2),
        Breaker(TOLL_FREE, None, "not_found", START + timedelta(seconds=1), moved=4, held=0),
        Breaker(SHORT_CODE, "DE", "spend_limit", START + timedelta(seconds=2), moved=0, held=0),
    ]
    assert ledger.breakers() == expected
    with SqliteLedger.open_for_reading(ledger.path) as reader:
        assert reader.breakers() == expected


def test_a_breaker_without_rows_behind_it_is_noted(ledger: SqliteLedger) -> None:
    """What the service refuses is worth telling, also when the refused row was the last."""
    settle(ledger, *[sent(row) for row in claim(ledger)])
    assert divert(ledger, choose=to_short_code) == Diverted({}, 0)
    assert ledger.breakers() == [Breaker(TOLL_FREE, None, "inactive", START, moved=0, held=0)]


@pytest.mark.parametrize(
    "wrong",
    [Origin("unheard-of", "short"), Origin(TOLL_FREE, "toll-free"), Origin(SHORT_CODE, "toll-free")],
    ids=["unheard-of", "the refused one", "with a bucket that is not its own"],
)
def test_an_identity_that_cannot_take_over_is_refused(ledger: SqliteLedger, wrong: Origin) -> None:
    """A choice that is no other identity of the campaign is a fault: of none of the rows anything is written."""
    before = standing(ledger)
    with ledger.transaction(), pytest.raises(LedgerMisuse, match="identity"):
        ledger.divert("inactive", Behind(TOLL_FREE), lambda _, country: wrong if country == "CA" else SHORT)
    assert standing(ledger) == before


def test_a_choice_that_breaks_changes_nothing(ledger: SqliteLedger) -> None:
    """The transaction takes back what was done; the ledger can be used on."""
    before = standing(ledger)

    def broken(*_: object) -> Origin:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        divert(ledger, choose=broken)
    assert standing(ledger) == before
    assert divert(ledger, choose=to_short_code) == Diverted({"short": 6}, 0)


def test_moved_rows_stay_where_they_are_after_recovery(ledger: SqliteLedger) -> None:
    """Held rows are free again, for the identity they had; rows that found another keep it."""
    divert(ledger, choose=lambda _, country: SHORT if country == "CA" else None)
    with ledger.transaction():
        ledger.recover()
    assert claim(ledger) == [1, 2, 3, 4]
    assert claim(ledger, "short", rows=2) == [5, 6]
