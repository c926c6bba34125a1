from pathlib import Path

import pytest

from bulksend.base.errors import LedgerError
from bulksend.base.ports import Behind
from bulksend.base.records import Status
from bulksend.store.faults import LedgerMisuse
from bulksend.store.ledger import SqliteLedger
from bulksend.store.sampling import (
    NOT_SAMPLED,
    SLICE_ROWS,
    Asked,
    Kind,
    Refused,
    keep_only,
    noted_sample,
    pending_kinds,
    refused_rows,
)
from tests.unit.store.helpers import (
    SHORT_CODE,
    TOLL_FREE,
    StandingClock,
    failed,
    pending,
    sent,
    skipped,
    take,
    write_plan,
)


def open_ledger(path: Path) -> SqliteLedger:
    """The ledger at `path`, to write to."""
    return SqliteLedger.open_for_writing(path, clock=StandingClock())


def test_the_kinds_of_all_pending_rows(tmp_path: Path) -> None:
    """Country, identity and parts of each, in order; skipped rows are not chosen from."""
    rows = [pending(1), skipped(2), pending(3, identity=SHORT_CODE, country=None, parts=4)]
    path = write_plan(tmp_path / "l.db", rows)
    assert list(pending_kinds(path)) == [(1, Kind("US", TOLL_FREE, 1)), (3, Kind("", SHORT_CODE, 4))]


def test_kinds_come_in_slices_without_a_gap(tmp_path: Path) -> None:
    """A list of more than two slices gives every row once."""
    path = write_plan(tmp_path / "l.db", map(pending, range(1, 2 * SLICE_ROWS + 2)))
    assert [row for row, _ in pending_kinds(path)] == list(range(1, 2 * SLICE_ROWS + 2))


def test_rows_that_are_left_out_are_accounted_for(tmp_path: Path) -> None:
    """They are skipped with a reason of their own; counts add up; claims take the sample alone."""
    path = write_plan(tmp_path / "l.db", [*map(pending, range(1, 10)), skipped(10)])
    with open_ledger(path) as ledger:
        with ledger.transaction():
            assert keep_only(ledger, [2, 7], asked=Asked(2)) == 7
        counts = ledger.counts()
        assert (counts.rows, counts.of(Status.PENDING), counts.of(Status.SKIPPED)) == (10, 2, 8)
        assert ledger.reasons()[Status.SKIPPED] == {NOT_SAMPLED: 7, "invalid_number": 1}
        assert counts.buckets[0].messages == counts.buckets[0].parts == 2
        assert [claim.row for claim in take(ledger)] == [2, 7]
    with open_ledger(path) as ledger, ledger.transaction():
        ledger.recover()  # which compares the counts with the rows


def test_everything_can_be_the_sample(tmp_path: Path) -> None:
    """Without rows to choose, all stay."""
    path = write_plan(tmp_path / "l.db", map(pending, range(1, 4)))
    with open_ledger(path) as ledger, ledger.transaction():
        assert keep_only(ledger, None, asked=Asked(None)) == 0
    assert noted_sample(path) == Asked(None)
    assert len(list(pending_kinds(path))) == 3


def _choose_and_fail(ledger: SqliteLedger) -> None:
    with ledger.transaction():
        keep_only(ledger, [1], asked=Asked(1))
        ledger.settle(sent(1))  # which was never claimed


def test_what_the_sample_was_is_noted_with_it(tmp_path: Path) -> None:
    """In the same transaction: a sample that was not taken is not noted either."""
    path = write_plan(tmp_path / "l.db", map(pending, range(1, 4)))
    assert noted_sample(path) is None
    with open_ledger(path) as ledger:
        with pytest.raises(LedgerMisuse):
            keep_only(ledger, [1], asked=Asked(1))
        with pytest.raises(LedgerMisuse):
            _choose_and_fail(ledger)
    assert noted_sample(path) is None
    assert len(list(pending_kinds(path))) == 3
    with open_ledger(path) as ledger, ledger.transaction():
        keep_only(ledger, [1], asked=Asked(50))
    assert noted_sample(path) == Asked(50)


def test_refused_rows_are_those_that_failed_and_those_behind_a_breaker(tmp_path: Path) -> None:
    """Not what was sent, waits to be tried again, or is left."""
    path = write_plan(tmp_path / "l.db", [*map(pending, range(1, 5)), pending(5, identity=SHORT_CODE, country="CA")])
    with open_ledger(path) as ledger:
        first, second, third, _ = take(ledger)
        with ledger.transaction():
            ledger.settle(sent(first.row))
            ledger.settle(failed(second.row))
            ledger.postpone(third.row, third.attempt, throttled=True)
            ledger.divert("resource_not_active", Behind(SHORT_CODE))
    us, ca = Kind("US", TOLL_FREE, 1), Kind("CA", SHORT_CODE, 1)
    assert list(refused_rows(path)) == [
        Refused(2, us, "opted_out", held=False),
        Refused(5, ca, "resource_not_active", held=True),
    ]


def test_a_ledger_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """Of the kind that a person can act on."""
    with pytest.raises(LedgerError, match="no ledger"):
        list(pending_kinds(tmp_path / "l.db"))
    with pytest.raises(LedgerError, match="no ledger"):
        noted_sample(tmp_path / "l.db")
