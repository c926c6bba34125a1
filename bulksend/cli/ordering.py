"""What `pause`, `rate` and `resume` do alike: leave orders for whoever sends a campaign."""

import getpass
import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from bulksend.base.clock import SystemClock
from bulksend.base.errors import LedgerError, UsageError
from bulksend.base.orders import Orders
from bulksend.base.records import Status
from bulksend.cli.output import print_json, print_text
from bulksend.store.orders import OrdersFile
from bulksend.store.owner import Holder, holder_of
from bulksend.store.reading import ReadableLedger


def orders_of(ledger: Path) -> Orders:
    """The orders that hold for the campaign in `ledger`. Raises `LedgerError` where there is no such ledger."""
    ReadableLedger.open_for_reading(ledger).close()
    return OrdersFile(ledger).read()


def order(ledger: Path, changed: Callable[[Orders], Orders]) -> Orders:
    """Have what `changed` makes of the orders that hold, hold from now on, in the name of this user; return it.

    Raises `LedgerError` where there is no such ledger, `UsageError` where nothing is left of the campaign.
    """
    with ReadableLedger.open_for_reading(ledger) as held:
        counts = held.counts()
    is_over = not counts.of(Status.PENDING) + counts.of(Status.SENDING)
    by, at = _who(), SystemClock().now()

    def signed(before: Orders) -> Orders:
        orders = replace(changed(before), by=by, at=at)
        if is_over and (orders.paused or orders.shares):
            raise UsageError(f"nothing is left to be sent in {ledger}", f"What became of it: bulksend status {ledger}")
        return orders

    return OrdersFile(ledger).change(signed)


def go_on(ledger: Path) -> Orders | None:
    """Let a paused campaign go on. Returns the orders that held before; None: it was not paused."""
    try:
        before = orders_of(ledger)
    except LedgerError:
        return None  # what is to resume it says what is wrong with it
    if not before.paused:
        return None
    order(ledger, Orders.without_pause)
    return before


def told(ledger: Path, before: Orders, holder: Holder, *, as_json: bool) -> None:
    """Say that the process that sends has been told to go on."""
    if as_json:
        print_json(document_of(ledger, orders_of(ledger)))
        return
    why = f" ({before.note or before.reason})" if before.note or before.reason != "operator" else ""
    print_text([f"The campaign in {ledger}, paused{why}, goes on: {holder}."])


def document_of(ledger: Path, orders: Orders) -> dict[str, object]:
    """The orders as `--json` prints them."""
    return {
        "ledger": str(ledger),
        "paused": orders.paused,
        "reason": orders.reason or None,
        "by": orders.by or None,
        "at": orders.at,
        "shares": dict(orders.shares),
        "sending": holder_of(ledger) is not None,
    }


def percent(shares: Mapping[str, float], name: str) -> str:
    """A share for people."""
    return f"{shares[name]:.4g}" if shares[name] < 0.0001 else f"{100 * shares[name]:.4g} %"


def _who() -> str:
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):  # a container's user need not have a name
        return socket.gethostname()
