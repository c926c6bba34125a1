from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulksend.base.errors import LedgerError
from bulksend.base.records import Claim, Status
from bulksend.store.export import export_rows
from bulksend.store.faults import LedgerMisuse
from bulksend.store.grouping import Operation, run_together
from bulksend.store.ledger import Retry, SqliteLedger
from tests.unit.store.helpers import StandingClock, failed, pending, sent, write_plan

ROWS = st.integers(min_value=1, max_value=5)
ATTEMPTS = st.integers(min_value=1, max_value=3)


def claim_all(ledger: SqliteLedger) -> Sequence[Claim]:
    """Claim two rows, so that some stay pending."""
    return ledger.claim("toll-free", parts=100, rows=2)


def release_first(ledger: SqliteLedger) -> None:
    """Release row 1, claimed or not."""
    ledger.release([1])


OPERATIONS: st.SearchStrategy[Operation] = st.one_of(
    st.builds(sent, ROWS, ATTEMPTS),
    st.builds(failed, ROWS, ATTEMPTS),
    st.builds(Retry, ROWS, ATTEMPTS, st.booleans()),
    st.sampled_from([claim_all, release_first, SqliteLedger.counts]),
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
            outcomes.append((shown, list(export_rows(path)), ledger.counts(), ledger.runs()))
    assert outcomes[0] == outcomes[1]


def test_one_refusal_does_not_cost_the_others(ledger: SqliteLedger) -> None:
    """Who does what does not fit is told so; the others' effects are durable."""
    claims, refused, released, second, misused = run_together(
        ledger, [claim_all, sent(9), lambda each: each.release([1]), sent(2), lambda each: each.release([1])]
    )
    assert isinstance(claims, list)
    assert isinstance(refused, LedgerMisuse)
    assert released is second is None
    assert isinstance(misused, LedgerMisuse)
    assert (ledger.counts().of(Status.SENT), ledger.counts().of(Status.SENDING)) == (1, 0)


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
        each._write("INSERT INTO meta (key, value) VALUES ('x', ?)", ("x" * 100_000,))

    with pytest.raises(LedgerError, match="is full"):
        run_together(ledger, [claim_all, fill])
    assert ledger.counts().of(Status.SENDING) == 0
    with pytest.raises(LedgerError, match="is full"):
        run_together(ledger, [claim_all])


def test_an_empty_group_is_no_matter(planned: Path, clock: StandingClock) -> None:
    """Nothing to do, nothing done."""
    with SqliteLedger.open_for_writing(planned, clock=clock) as ledger:
        assert run_together(ledger, []) == []
