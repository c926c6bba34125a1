"""Orders in a small file beside the ledger, where any process of its owner can leave them for the one that sends."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec

from bulksend.base.errors import LedgerError
from bulksend.base.orders import Orders
from bulksend.store.faults import told_as_ledger_error
from bulksend.store.files import beside, create_private, real_path, sync


class _Stored(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """`Orders` as JSON."""

    paused: bool = False
    reason: str = ""
    note: str = ""
    by: str = ""
    at: datetime | None = None
    shares: dict[str, Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]] = {}


_decode = msgspec.json.Decoder(_Stored).decode


class OrdersFile:
    """An `OrderBook` in `<ledger>.orders`. It is replaced as a whole, so a reader finds the old orders or the new.

    A read costs a look at the file's time stamp, unless the file is another one.

    Args:
        ledger: path of the ledger.
    """

    def __init__(self, ledger: Path) -> None:
        self._path = beside(real_path(ledger), ".orders")
        self._seen: tuple[int, int, int] | None = None
        self._orders = Orders()

    def read(self) -> Orders:
        """As `OrderBook.read`; without a file nothing is ordered."""
        with told_as_ledger_error(self._path):
            try:
                found = self._path.stat()
                seen = (found.st_ino, found.st_mtime_ns, found.st_size)
                if seen != self._seen:
                    self._orders = self._parsed(self._path.read_bytes())
                    self._seen = seen
            except FileNotFoundError:  # there is none, or it went between the two
                self._seen, self._orders = None, Orders()
        return self._orders

    def change(self, changed: Callable[[Orders], Orders]) -> Orders:
        """As `OrderBook.change`: of two that order at the same moment, the second finds what the first has ordered."""
        with told_as_ledger_error(self._path), self._alone():
            orders = changed(self.read())
            self.write(orders)
        return orders

    def write(self, orders: Orders) -> None:
        """Have `orders` hold, whatever held before; where nothing is ordered any more, the file goes."""
        with told_as_ledger_error(self._path):
            if not (orders.paused or orders.shares):
                self._path.unlink(missing_ok=True)
                return
            stored = _Stored(orders.paused, orders.reason, orders.note, orders.by, orders.at, dict(orders.shares))
            fresh = beside(self._path, f".{os.getpid()}")
            fresh.unlink(missing_ok=True)
            create_private(fresh)
            try:
                fresh.write_bytes(msgspec.json.encode(stored))
                sync(fresh)
                fresh.replace(self._path)
            finally:
                fresh.unlink(missing_ok=True)
            sync(self._path.parent)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep others from changing orders for as long as it takes to write a file.

        The folder is locked: the file itself is another one after each order, and a second one would be left behind.
        """
        descriptor = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _parsed(self, text: bytes) -> Orders:
        try:
            stored = _decode(text)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            # Whoever paused the campaign must not see it go on because a byte is wrong.
            hint = "Delete it, then pause the campaign again if it is to be paused"
            raise LedgerError(f"{self._path} does not hold orders ({error})", hint) from None
        return Orders(stored.paused, stored.reason, stored.note, stored.by, stored.at, stored.shares)
