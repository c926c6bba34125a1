from bulksend.pipeline.refused import by_reason
from bulksend.pipeline.totals import FIRST_ROWS
from bulksend.store.sampling import Kind, Refused


def refused(row: int, reason: str, *, country: str = "US", identity: str = "20440", held: bool = False) -> Refused:
    """A row that was refused."""
    return Refused(row, Kind(country, identity, 1), reason, held)


def test_refusals_are_counted_by_reason() -> None:
    """What met most rows first; with identities, countries, and how many were not asked about any more."""
    found = by_reason(
        [
            refused(1, "opted_out"),
            refused(2, "not_active", identity="ACME", country="DE"),
            refused(3, "not_active", identity="ACME", country="FR", held=True),
        ]
    )
    assert [(each.reason, each.rows, each.held, each.first_rows) for each in found] == [
        ("not_active", 2, 1, [2, 3]),
        ("opted_out", 1, 0, [1]),
    ]
    assert found[0].identities == {"ACME": 2}
    assert found[0].countries == {"DE": 1, "FR": 1}


def test_only_the_first_rows_are_named() -> None:
    """However many there are."""
    (found,) = by_reason(refused(row, "x") for row in range(1, 10_000))
    assert (found.rows, found.first_rows) == (9_999, list(range(1, FIRST_ROWS + 1)))


def test_nothing_refused_is_no_reason() -> None:
    """An empty list."""
    assert by_reason([]) == []
