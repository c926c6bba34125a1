"""`bulksend pause`."""

from dataclasses import replace
from pathlib import Path

import click

from bulksend.cli.options import examples, json_option

EPILOG = examples(
    ("Let nothing more out", "bulksend pause sale.db"),
    ("Say why, for whoever looks", 'bulksend pause sale.db --note "wrong link in the text?"'),
    ("Go on, from any terminal", "bulksend resume sale.db"),
)


@click.command(epilog=EPILOG)
@click.argument("ledger", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--note", default="", metavar="TEXT", help="Why, as one line; it is shown and kept in the journal.")
@json_option
def pause(ledger: Path, note: str, *, as_json: bool) -> int:
    """Pause the campaign in LEDGER, from any terminal of the machine that sends it.

    Within half a second nothing more goes out; what is on the wire gets its outcome, and the process waits. Where
    nobody is sending, the next `bulksend send` waits instead. `bulksend resume` lets it go on.
    """
    from bulksend.base.errors import UsageError
    from bulksend.base.orders import Orders
    from bulksend.cli.ordering import document_of, order, orders_of
    from bulksend.cli.output import print_json, print_text
    from bulksend.store.owner import holder_of

    if len(note) > 200 or not note.isprintable():
        raise UsageError("--note must be one line of at most 200 characters", "Shorten it")
    before = orders_of(ledger)

    def paused(orders: Orders) -> Orders:
        """Who says nothing does not take back why it was paused before."""
        return orders if orders.paused and not note else replace(orders, paused=True, reason="operator", note=note)

    orders = order(ledger, paused)
    if as_json:
        print_json(document_of(ledger, orders))
        return 0
    holder = holder_of(ledger)
    was = "was paused already" if before.paused else "is paused"
    how = f"{holder}" if holder else "nobody is sending it; the next `bulksend send` will wait"
    print_text([f"The campaign in {ledger} {was} ({how}).", f"Go on: bulksend resume {ledger}"])
    return 0
