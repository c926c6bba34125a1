from collections.abc import Callable

import pytest

from bulksend.base.errors import LedgerError
from bulksend.cli.tracebacks import anonymous_traceback

QUOTED = "+14255550142 secret"


def parse(cell: str) -> int:
    """Fails, and quotes what it was given."""
    return int(cell)


def caused(cell: str) -> None:
    """An error of ours that came from one of Python's."""
    try:
        parse(cell)
    except ValueError as error:
        raise LedgerError("the ledger x is damaged", "Restore it") from error


def in_passing(cell: str) -> None:
    """An error while another was handled."""
    try:
        caused(cell)
    except LedgerError:
        raise KeyError(cell)  # noqa: B904 - what is tested


def hidden(cell: str) -> None:
    """An error whose origin is nobody's business."""
    try:
        parse(cell)
    except ValueError:
        raise KeyError(cell) from None


@pytest.mark.parametrize(
    ("fail", "names"),
    [
        (parse, ["ValueError"]),
        (caused, ["ValueError", "bulksend.base.errors.LedgerError: the ledger x is damaged"]),
        (in_passing, ["ValueError", "bulksend.base.errors.LedgerError: the ledger x is damaged", "KeyError"]),
        (hidden, ["KeyError"]),
    ],
)
def test_a_traceback_says_where_and_not_about_whom(fail: Callable[[str], object], names: list[str]) -> None:
    """Errors in the order in which they led to one another, with their lines of code; nothing that they quote."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - of any kind
        fail(QUOTED)
    lines = anonymous_traceback(caught.value)
    assert [line for line in lines if line in names] == names
    assert lines[-1] == names[-1]
    assert sum(line.startswith("Traceback") for line in lines) == len(names)
    assert sum("The above" in line or "During handling" in line for line in lines) == len(names) - 1
    assert any("in parse" in line for line in lines) or fail is hidden
    text = "\n".join(lines)
    assert "return int(cell)" in text or fail is hidden
    assert "5550142" not in text
    assert "secret" not in text


def test_a_chain_that_bites_its_tail_ends() -> None:
    """Python allows it."""
    first, second = KeyError(1), KeyError(2)
    first.__context__, second.__context__ = second, first
    assert sum(line.startswith("Traceback") for line in anonymous_traceback(first)) == 2
