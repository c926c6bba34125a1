from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulksend.base.errors import LedgerError
from bulksend.base.ports import Behind, Diverted
from bulksend.base.records import Claim, Status
from bulksend.store.export import export_rows
from bulksend.store.faults import LedgerMisuse
from bulksend.store.grouping import Operation, run_together
from bulksend.store.ledger import Postponement, SqliteLedger
from tests.unit.store.helpers import (
    SHORT,
    TOLL_FREE,
    StandingClock,
    failed,
    pending,
    sent,
    unknown,
    write_plan,
)

ROWS = st.integers(min_value=1, max_value=5)
ATTEMPTS = st.integers(min_value=1, max_value=3)


def claim_all(ledger: SqliteLedger) -> Sequence[Claim]:
    """Claim two rows, so that some stay pending."""
    return ledger.claim("toll-free", parts=100, rows=2)


def give_back_first(ledger: SqliteLedger) -> None:
    """Give row 1 back, claimed or not."""
    ledger.give_back([1])


def move(ledger: SqliteLedger) -> Diverted:
    """Divert the rows of the toll-free number; the third has to wait."""
    return ledger.divert("inactive", Behind(TOLL_FREE), lambda to, _: None if to.endswith("3") else SHORT)


def retry(attempts: dict[int, int]) -> Operation:
    """Note other attempts."""
    return lambda ledger: ledger.retry(attempts)


OPERATIONS: st.SearchStrategy[Operation] = st.one_of(
    st.builds(sent, ROWS, ATTEMPTS),
    st.builds(failed, ROWS, ATTEMPTS),
    st.builds(unknown, ROWS, ATTEMPTS),
    st.builds(Postponement, ROWS, ATTEMPTS, st.booleans(), st.booleans()),
    st.builds(retry, st.dictionaries(ROWS, ATTEMPTS, max_size=2)),
    st.sampled_from([claim_all, give_back_first, move, SqliteLedger.resend_unknown, SqliteLedger.counts]),
)


@settings(max_examples=60)
@given(operations=st.lists(OPERATIONS, max_size=12))
def test_a_group_does_what_its_operations_would_do_one_by_one(
    tmp_path_factory: pytest.TempPathFactory, operations: list[Operation]
) -> None:
    """Results, refusals and the ledger are the same, whether operations share a transaction or not."""
    folder = tmp_path_factory.mktemp("group")
    outcomes = []
    for name in ("together", "alone"):
        path = write_plan(folder / f"{name}.db", [pending(row) for row in range(1, 5)])
        with SqliteLedger.open_for_writing(path, clock=StandingClock()) as ledger:
            run_together(ledger, [claim_all, SqliteLedger.start_run])
            groups = [operations] if name == "together" else [[each] for each in operations]
            results = [result for group in groups for result in run_together(ledger, group)]
            shown = [str(result) if isinstance(result, LedgerMisuse) else result for result in results]
            outcomes.append((shown, list(export_rows(path)), ledger.counts(), ledger.runs(), ledger.breakers()))
    assert outcomes[0] == outcomes[1]


def test_one_refusal_does_not_cost_the_others(ledger: SqliteLedger) -> None:
    """Who does what does not fit is told so; the others' effects are durable."""
    claims, refused, released, second, misused = run_together(
        ledger, [claim_all, sent(9), lambda each: each.give_back([1]), sent(2), lambda each: each.give_back([1])]
    )
    assert isinstance(claims, list)
    assert isinstance(refused, LedgerMisuse)
    assert released is second is None
    assert isinstance(misused, LedgerMisuse)
    assert (ledger.counts().of(Status.SENT), ledger.counts().of(Status.SENDING)) == (1, 0)


def test_postponements_and_outcomes_of_a_group_keep_to_their_callers(ledger: SqliteLedger) -> None:
    """What does not fit is told to who did it; what is done to the same row is done in the order it came."""
    results = run_together(
        ledger,
        [
            SqliteLedger.start_run,
            claim_all,
            Postponement(9, 1, throttled=True),
            sent(1),
            Postponement(2, 1, throttled=True),
            Postponement(1, 1, throttled=True),
            lambda each: each.retry({2: 2}),
            sent(2, 1),
            sent(2, 2),
        ],
    )
    assert [isinstance(each, LedgerMisuse) for each in results] == [
        False, False, True, False, False, True, False, True, False,
    ]  # fmt: skip
    assert ledger.counts().of(Status.SENT) == 2
    assert [run.throttled for run in ledger.runs()] == [1]


def test_a_refused_operation_leaves_nothing_in_its_group(ledger: SqliteLedger) -> None:
    """Others are committed with it, so what it did before it was refused must be nothing."""
    wrong = [
        lambda each: each.retry({1: 2, 2: 2}),
        lambda each: each.give_back([1, 9]),
        lambda each: each.divert("inactive", Behind("unheard-of"), lambda *_: SHORT),
    ]
    run_together(ledger, [claim_all, Postponement(1, 1, throttled=False)])
    before = list(export_rows(ledger.path)), ledger.breakers()
    assert all(isinstance(each, LedgerMisuse) for each in run_together(ledger, wrong))
    assert (list(export_rows(ledger.path)), ledger.breakers()) == before


def test_an_error_that_is_no_refusal_takes_all_back(ledger: SqliteLedger) -> None:
    """When one operation breaks, nobody is told that his was done."""

    def broken(_: SqliteLedger) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_together(ledger, [claim_all, broken])
    assert ledger.counts().of(Status.SENDING) == 0


def test_a_write_that_fails_takes_all_back(ledger: SqliteLedger) -> None:
    """The same when it is the disk that breaks."""

    def fill(each: SqliteLedger) -> None:
        each._connection.execute("PRAGMA max_page_count = 1").fetchone()
        each.write("INSERT INTO meta (key, value) VALUES ('x', ?)", ("x" * 100_000,))

    with pytest.raises(LedgerError, match="is full"):
        run_together(ledger, [claim_all, fill])
    assert ledger.counts().of(Status.SENDING) == 0
    with pytest.raises(LedgerError, match="is full"):
        run_together(ledger, [claim_all])


def test_an_empty_group_is_no_matter(planned: Path, clock: StandingClock) -> None:
    """Nothing to do, nothing done."""
    with SqliteLedger.open_for_writing(planned, clock=clock) as ledger:
        assert run_together(ledger, []) == []
