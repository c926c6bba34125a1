"""`bulksend rate`."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click

from bulksend.cli.options import examples, json_option

EPILOG = examples(
    ("Half as fast, everywhere", "bulksend rate sale.db 50%"),
    ("Ten parts a second from one bucket", "bulksend rate sale.db 10 --bucket toll-free"),
    ("As fast as the limits allow again", "bulksend rate sale.db 100%"),
    ("What holds now", "bulksend rate sale.db"),
)

_SPEED = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<percent>%?)")


@click.command(epilog=EPILOG)
@click.argument("ledger", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("speed", required=False, metavar="[SPEED]")
@click.option("--bucket", metavar="NAME", help="Of this bucket alone.  [default: of all]")
@json_option
def rate(ledger: Path, speed: str | None, bucket: str | None, *, as_json: bool) -> int:
    """Turn down, or up again, how fast the campaign in LEDGER is sent.

    SPEED is a percentage of the limit, above 0 and up to 100, or parts per second of one bucket. It holds within half a
    second, and for later runs too, until it is changed. Nothing ever goes faster than the limit.
    """
    from bulksend.base.errors import UsageError
    from bulksend.base.orders import EVERY
    from bulksend.cli.ordering import document_of, order, orders_of, percent
    from bulksend.cli.output import print_json, print_text

    if speed is None:
        if bucket is not None:
            raise UsageError("--bucket needs a SPEED", "Without it, what holds for all buckets is shown")
        orders = orders_of(ledger)
    else:
        name, share = _share(ledger, speed, bucket)
        orders = order(ledger, lambda orders: replace(orders, shares=_turned(orders.shares, name, share)))
    if as_json:
        print_json(document_of(ledger, orders))
    elif not orders.shares:
        print_text([f"The campaign in {ledger} goes as fast as its limits allow."])
    else:
        print_text(
            f"{'all buckets' if name == EVERY else name}: {percent(orders.shares, name)} of the limit"
            for name in orders.shares
        )
    return 0


def _turned(before: Mapping[str, float], name: str, share: float) -> dict[str, float]:
    """The shares that hold once that of `name` is `share`."""
    from bulksend.base.orders import EVERY

    # What is ordered for all takes the place of what was ordered for some.
    shares = {} if name == EVERY else {each: held for each, held in before.items() if each != name}
    if share < 1.0 or EVERY in shares:
        shares[name] = share
    return shares


def _share(ledger: Path, speed: str, bucket: str | None) -> tuple[str, float]:
    """The bucket that is meant, and the share of its limit."""
    from bulksend.base.errors import UsageError
    from bulksend.base.orders import EVERY
    from bulksend.store.reading import ReadableLedger

    with ReadableLedger.open_for_reading(ledger) as held:
        limits = {each.name: each.mps for each in held.buckets}
    if bucket is not None and bucket not in limits:
        raise UsageError(f"--bucket: there is no bucket {bucket!r} in {ledger}", f"There are: {', '.join(limits)}")
    found = _SPEED.fullmatch(speed.strip())
    if found is None:
        raise UsageError(f"SPEED is neither a percentage nor parts per second: {speed!r}", "Write 50% or 10")
    number = float(found["number"])
    if found["percent"]:
        share = number / 100
    elif bucket is None:
        raise UsageError("parts per second are of one bucket", "Add --bucket NAME, or give a percentage such as 50%")
    else:
        share = number / limits[bucket]
    if not 0 < share <= 1:
        most = "100%" if found["percent"] or bucket is None else f"its limit, {limits[bucket]}"
        raise UsageError(f"SPEED must be above 0 and at most {most}", "To let nothing out: bulksend pause")
    return bucket or EVERY, share
