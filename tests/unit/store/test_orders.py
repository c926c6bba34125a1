"""Orders in their file beside the ledger."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bulksend.base.errors import LedgerError
from bulksend.base.orders import EVERY, Orders
from bulksend.store.orders import OrdersFile

PAUSED = Orders(
    paused=True,
    reason="operator",
    note="wrong link, says Zoë",
    by="ada@host",
    at=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
    shares={EVERY: 0.5, "toll free": 0.25},
)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Where a ledger would be."""
    return tmp_path / "sale.db"


@pytest.fixture
def file(ledger: Path) -> Path:
    """Where its orders are."""
    return ledger.with_name("sale.db.orders")


def test_without_a_file_nothing_is_ordered(ledger: Path) -> None:
    """And reading makes none."""
    assert OrdersFile(ledger).read() == Orders()
    assert not list(ledger.parent.iterdir())


def test_what_was_written_is_read_by_anybody(ledger: Path, file: Path) -> None:
    """Every member, by another process as by this one; the file is private and nothing else is left."""
    book = OrdersFile(ledger)
    book.write(PAUSED)
    assert OrdersFile(ledger).read() == book.read() == PAUSED
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(ledger.parent.iterdir()) == [file]


def test_a_reader_sees_every_change(ledger: Path) -> None:
    """Whatever it has read before, and however soon the next comes."""
    reader, writer = OrdersFile(ledger), OrdersFile(ledger)
    for number in range(1, 60):
        orders = Orders(paused=number % 2 == 0, reason="operator", shares={EVERY: number / 100})
        writer.write(orders)
        assert reader.read() == orders


def test_where_nothing_is_ordered_any_more_the_file_goes(ledger: Path, file: Path) -> None:
    """Twice is as good as once; a share alone keeps it."""
    book, reader = OrdersFile(ledger), OrdersFile(ledger)
    book.write(PAUSED)
    assert reader.read().paused
    book.write(Orders(shares={"b": 0.5}))
    assert file.exists()
    for _ in range(2):
        book.write(Orders(by="ada@host", at=PAUSED.at))
        assert reader.read() == Orders()
        assert not file.exists()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b'{"paused": "yes"}',
        b'{"shares": {"*": 0}}',
        b'{"shares": {"*": 1.5}}',
        b'{"pauzed": true}',
        b"\xff\xfe",
    ],
)
def test_a_damaged_file_is_no_leave_to_go_on(ledger: Path, file: Path, text: bytes) -> None:
    """It is an error that names the file and says what to do, also where good orders were read before."""
    book = OrdersFile(ledger)
    book.write(PAUSED)
    book.read()
    file.write_bytes(text)
    with pytest.raises(LedgerError, match=r"sale\.db\.orders does not hold orders") as caught:
        book.read()
    assert "Delete it" in (caught.value.hint or "")
    with pytest.raises(LedgerError):
        book.read()


def test_a_file_that_cannot_be_read_is_an_error(ledger: Path, file: Path) -> None:
    """Nobody knows what it says."""
    file.mkdir()
    with pytest.raises(LedgerError):
        OrdersFile(ledger).read()


def test_orders_that_go_while_they_are_read_are_none(ledger: Path, file: Path) -> None:
    """A file that is seen, and is gone when it is opened."""
    file.symlink_to(ledger.with_name("nowhere"))
    assert OrdersFile(ledger).read() == Orders()


def test_a_ledger_by_another_name_has_the_same_orders(ledger: Path) -> None:
    """A link to it is the same campaign."""
    ledger.touch()
    link = ledger.with_name("link.db")
    link.symlink_to(ledger)
    OrdersFile(link).write(PAUSED)
    assert OrdersFile(ledger).read() == PAUSED
