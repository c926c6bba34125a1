"""`bulksend status`."""

import sys
import time
from contextlib import nullcontext, suppress
from pathlib import Path

import click

from bulksend.cli.options import examples, json_option

EPILOG = examples(
    ("How far it is", "bulksend status sale.db"),
    ("Watch it from another terminal", "bulksend status sale.db --watch"),
    ("For a script", "bulksend status sale.db --json"),
    ("For a program that follows it", "bulksend status sale.db --watch --json --interval 10"),
)


@click.command(epilog=EPILOG)
@click.argument("ledger", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--watch", is_flag=True, help="Show it again every --interval seconds until all is done or Ctrl-C.")
@click.option(
    "--interval",
    "interval_s",
    type=click.FloatRange(min=0.2),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="How often --watch looks.",
)
@json_option
def status(ledger: Path, interval_s: float, *, watch: bool, as_json: bool) -> int:
    """Show how far the campaign in LEDGER is: counts, rate and time left, by bucket.

    A bucket that the service has throttled although it kept to its limit shows what the service seems to allow, and
    its time left follows from that.

    With --watch, a terminal shows what `send` shows; elsewhere each look is printed below the one before, with --json
    as one JSON object on a line of its own.

    Works while it is being sent, from any process that can read the file.
    """
    # Whoever watches has seen enough when they say so; a single look that was broken off is not one.
    with suppress(KeyboardInterrupt) if watch else nullcontext():
        if watch and not as_json and _is_terminal():
            _watch(ledger, interval_s)
        else:
            _print(ledger, interval_s if watch else None, as_json=as_json)
    return 0


def _print(path: Path, interval_s: float | None, *, as_json: bool) -> None:
    """Print a look at the ledger; with `interval_s` again and again, until all is done."""
    from bulksend.cli.output import output_is_gone
    from bulksend.cli.watching import LookAt

    while True:
        with LookAt(path) as look:
            if as_json:
                look.print_json()
            else:
                look.print_text()
            left = look.left
        # Nobody looks any more when the reader of a pipe has gone.
        if interval_s is None or not left or output_is_gone():
            return
        time.sleep(interval_s)


def _is_terminal() -> bool:
    from bulksend.cli.view import can_redraw

    return sys.stdout is not None and sys.stdout.isatty() and can_redraw()


def _watch(path: Path, interval_s: float) -> None:
    """Show the campaign on the terminal until all of it is done."""
    from rich.live import Live

    from bulksend.cli.view import console_on, drawn
    from bulksend.cli.watching import LookAt

    console = console_on(sys.stdout)
    with Live(console=console, auto_refresh=False) as live:
        while True:
            with LookAt(path) as look:
                picture, left = look.picture(), look.left
            live.update(drawn(picture, console), refresh=True)
            if not left:
                return
            time.sleep(interval_s)
