"""What somebody has ordered of a campaign from outside the process that sends it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

EVERY = "*"
"""In place of a bucket's name: all of them."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What holds until it is ordered otherwise, also for the next process that sends the campaign.

    Attributes:
        paused: nothing more goes out.
        reason: why it is paused, in lower snake case: "operator", or what paused it by itself; "" unless `paused`.
        note: the same as a sentence for people; "" where there is nothing to add.
        by: who ordered it, such as "ada@host"; "" where nobody did.
        at: when, UTC; None before the first order.
        shares: bucket, or `EVERY` -> share of its limit that it is turned down to, above 0 and up to 1.
    """

    paused: bool = False
    reason: str = ""
    note: str = ""
    by: str = ""
    at: datetime | None = None
    shares: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def without_pause(self) -> "Orders":
        """The same, but it goes on."""
        return replace(self, paused=False, reason="", note="")

    def share_of(self, bucket: str) -> float:
        """The share of its limit that `bucket` may go at; what is ordered for it alone comes before what is for all."""
        return self.shares.get(bucket, self.shares.get(EVERY, 1.0))


class OrderBook(Protocol):
    """Where the orders of a campaign are kept."""

    def read(self) -> Orders:
        """The orders that hold now. Raises `LedgerError` when they cannot be read."""
        ...

    def change(self, changed: Callable[[Orders], Orders]) -> Orders:
        """Have what `changed` makes of the orders that hold now hold from now on, and return it.

        No other order comes in between. Raises `LedgerError` when they cannot be read or written.
        """
        ...


class NoOrders:
    """An `OrderBook` that nobody outside writes into."""

    def __init__(self) -> None:
        self._orders = Orders()

    def read(self) -> Orders:
        """What was written last, in this process."""
        return self._orders

    def write(self, orders: Orders) -> None:
        """Keep `orders`, in this process."""
        self._orders = orders

    def change(self, changed: Callable[[Orders], Orders]) -> Orders:
        """As `OrderBook.change`, in this process."""
        self._orders = changed(self._orders)
        return self._orders
