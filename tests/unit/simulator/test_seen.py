from hypothesis import given
from hypothesis import strategies as st

from bulksend.simulator.seen import SeenHashes, SeenRows


@given(st.lists(st.text(max_size=3)))
def test_hashes(things: list[str]) -> None:
    """A thing was there before exactly when it was."""
    seen, known = SeenHashes(), set[str]()
    for thing in things:
        assert (thing in seen) == (thing in known)
        assert seen.add(thing) == (thing in known)
        known.add(thing)


ROWS = st.one_of(
    st.integers(0, 40).map(str),
    st.integers(2**28 - 2, 2**28 + 2).filter(lambda row: row >= 2**28).map(str),
    st.sampled_from(["", "x", "07", "7", "-1", "²", "9" * 30]),
)


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), ROWS)))
def test_rows(rows: list[tuple[str, str]]) -> None:
    """A row of a campaign was there before exactly when it was, whatever the row is called."""
    seen, known = SeenRows(), set[tuple[str, str]]()
    for campaign, row in rows:
        assert seen.add(campaign, row) == ((campaign, row) in known)
        known.add((campaign, row))
