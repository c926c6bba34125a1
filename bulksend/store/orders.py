"""Orders in a small file beside the ledger, where any process of its owner can leave them for the one that sends."""

import os
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
            except FileNotFoundError:
                self._seen, self._orders = None, Orders()
                return self._orders
            seen = (found.st_ino, found.st_mtime_ns, found.st_size)
            if seen != self._seen:
                self._orders = self._parsed(self._path.read_bytes())
                self._seen = seen
        return self._orders

    def write(self, orders: Orders) -> None:
        """As `OrderBook.write`; where nothing is ordered any more, the file goes."""
        with told_as_ledger_error(self._path):
            if not (orders.paused or orders.shares):
                self._path.unlink(missing_ok=True)
                return
            stored = _Stored(orders.paused, orders.reason, orders.note, orders.by, orders.at, dict(orders.shares))
            fresh = beside(self._path, f".{os.getpid()}")
            fresh.unlink(missing_ok=True)
            create_private(fresh)
            fresh.write_bytes(msgspec.json.encode(stored))
            sync(fresh)
            fresh.replace(self._path)
            sync(self._path.parent)

    def _parsed(self, text: bytes) -> Orders:
        try:
            stored = _decode(text)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            # Whoever paused the campaign must not see it go on because a byte is wrong.
            hint = "Delete it, then pause the campaign again if it is to be paused"
            raise LedgerError(f"{self._path} does not hold orders ({error})", hint) from None
        return Orders(stored.paused, stored.reason, stored.note, stored.by, stored.at, stored.shares)
