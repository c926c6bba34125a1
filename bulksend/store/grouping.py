"""One transaction for many operations: the same effect as one after the other, in as few statements as possible."""

from collections.abc import Callable, Sequence

from bulksend.base.ports import ANY, Among
from bulksend.base.records import Claim, Settlement
from bulksend.store.faults import LedgerMisuse
from bulksend.store.ledger import Postponement, SqliteLedger

CLAIM_SLICE_ROWS = 500
"""Rows claimed in one step, so that outcomes wait 3 ms for them, and not until a second's worth is claimed."""


class SlicedClaim:
    """A claim, as `Ledger.claim` takes it, that is done in slices: one each time it is called.

    Attributes:
        slice_rows: rows of the next slice, at most.
    """

    def __init__(
        self,
        bucket: str,
        *,
        parts: int,
        rows: int,
        oversized: bool,
        among: Among = ANY,
        slice_rows: int = CLAIM_SLICE_ROWS,
    ) -> None:
        self._bucket = bucket
        self._parts = parts
        self._rows = rows
        self._oversized = oversized
        self._among = among
        self.slice_rows = slice_rows
        self._claims: list[Claim] = []

    @property
    def next_rows(self) -> int:
        """How many rows the next slice has at most."""
        return min(self._rows, self.slice_rows)

    def __call__(self, ledger: SqliteLedger) -> Sequence[Claim] | None:
        """Claim a slice. Returns all that has been claimed; None: another slice is to follow."""
        rows = self.next_rows
        found = ledger.claim(self._bucket, parts=self._parts, rows=rows, oversized=self._oversized, among=self._among)
        self._claims += found
        self._rows -= len(found)
        self._parts -= sum(claim.parts for claim in found)
        self._oversized = False
        return None if len(found) == rows and self._rows > 0 and self._parts > 0 else self._claims


Operation = Settlement | Postponement | Callable[[SqliteLedger], object]
"""An outcome, a refusal for the moment, or anything else to be done with the ledger."""

_OF_A_ROW = (Settlement, Postponement)


def run_together(ledger: SqliteLedger, operations: Sequence[Operation]) -> list[object]:
    """Run `operations` in order, in one transaction; when this returns, all of it is on disk.

    Returns for each its result, or the `LedgerMisuse` with which it alone was refused.

    Raises:
        LedgerError: nothing of any of them counts; the ledger is not to be used any more.
    """
    results: list[object] = [None] * len(operations)
    with ledger.transaction():
        batch = _Batch(ledger, results)
        for index, operation in enumerate(operations):
            if isinstance(operation, _OF_A_ROW):
                batch.add(index, operation)
                continue
            batch.flush()
            try:
                results[index] = operation(ledger)
            except LedgerMisuse as refusal:
                results[index] = refusal
        batch.flush()
    return results


class _Batch:
    """Outcomes and postponements of different rows, in any order: it makes no difference which comes first."""

    def __init__(self, ledger: SqliteLedger, results: list[object]) -> None:
        self._ledger = ledger
        self._results = results
        self._indexes: dict[int, int] = {}
        self._settlements: list[Settlement] = []
        self._postponements: list[Postponement] = []

    def add(self, index: int, operation: Settlement | Postponement) -> None:
        if operation.row in self._indexes:
            self.flush()
        self._indexes[operation.row] = index
        if isinstance(operation, Settlement):
            self._settlements.append(operation)
        else:
            self._postponements.append(operation)

    def flush(self) -> None:
        refused: dict[int, LedgerMisuse] = {}
        if self._settlements:
            refused |= self._ledger.settle_all(self._settlements)
        if self._postponements:
            refused |= self._ledger.postpone_all(self._postponements)
        for row, refusal in refused.items():
            self._results[self._indexes[row]] = refusal
        self._indexes.clear()
        self._settlements.clear()
        self._postponements.clear()
