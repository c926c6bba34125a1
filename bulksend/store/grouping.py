"""One transaction for many operations: the same effect as one after the other, in as few statements as possible."""

from collections.abc import Callable, Sequence

from bulksend.base.records import Settlement
from bulksend.store.faults import LedgerMisuse
from bulksend.store.ledger import Postponement, SqliteLedger

Operation = Settlement | Postponement | Callable[[SqliteLedger], object]
"""An outcome, a refusal for the moment, or anything else to be done with the ledger."""


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
            if isinstance(operation, Settlement | Postponement):
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
