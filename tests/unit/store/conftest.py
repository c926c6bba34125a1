"""Fixtures of the ledger's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bulksend.store.ledger import SqliteLedger
from tests.unit.store.helpers import SHORT_CODE, StandingClock, pending, skipped, write_plan


@pytest.fixture
def clock() -> StandingClock:
    """A clock that stands still."""
    return StandingClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a ledger may be."""
    return tmp_path / "campaign.db"


@pytest.fixture
def planned(path: Path, clock: StandingClock) -> Path:
    """A ledger of ten rows: 1 to 6 toll-free (of 1 to 3 parts, 5 and 6 to CA), 7 skipped, 8 to 10 short code."""
    rows = [pending(row, parts=(row - 1) % 3 + 1, country="CA" if row > 4 else "US") for row in range(1, 7)]
    rows += [skipped(7)]
    rows += [pending(row, identity=SHORT_CODE) for row in range(8, 11)]
    return write_plan(path, rows, clock=clock)


@pytest.fixture
def ledger(planned: Path, clock: StandingClock) -> Iterator[SqliteLedger]:
    """That ledger, open for writing."""
    with SqliteLedger.open_for_writing(planned, clock=clock) as opened:
        yield opened
