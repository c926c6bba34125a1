"""Several people who order at the same moment."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bulksend.base.errors import LedgerError
from bulksend.base.orders import Orders
from bulksend.store.orders import OrdersFile


def turned_down(more: Mapping[str, float], orders: Orders) -> Orders:
    """`orders`, and `more` shares."""
    return replace(orders, shares={**orders.shares, **more})


def test_no_order_is_lost_to_another(tmp_path: Path) -> None:
    """Each finds what those before it have ordered: a rate that is turned down does not undo a pause."""
    ledger = tmp_path / "sale.db"

    def order(bucket: int) -> None:
        book = OrdersFile(ledger)
        for number in range(25):
            more = {f"{bucket}-{number}": 0.5}
            book.change(partial(turned_down, more))

    def pause() -> None:
        OrdersFile(ledger).change(lambda orders: replace(orders, paused=True, reason="operator"))

    with ThreadPoolExecutor(4) as pool:
        done = [*(pool.submit(order, bucket) for bucket in range(3)), pool.submit(pause)]
    for each in done:
        each.result()
    orders = OrdersFile(ledger).read()
    assert orders.paused
    assert len(orders.shares) == 75
    assert [each.name for each in tmp_path.iterdir()] == ["sale.db.orders"]


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    """Neither half an order nor a lock: the next one finds the folder as it was."""
    (tmp_path / "sale.db.orders" / "in the way").mkdir(parents=True)
    book = OrdersFile(tmp_path / "sale.db")
    for _ in range(2):
        with pytest.raises(LedgerError):
            book.write(Orders(paused=True))
    assert [each.name for each in tmp_path.iterdir()] == ["sale.db.orders"]


def test_what_is_changed_is_returned_and_kept(tmp_path: Path) -> None:
    """Also where it is to nothing, and the file goes."""
    book = OrdersFile(tmp_path / "sale.db")
    assert book.change(lambda orders: replace(orders, paused=True)) == book.read() == Orders(paused=True)
    assert book.change(lambda _: Orders()) == book.read() == Orders()
    assert not list(tmp_path.iterdir())
