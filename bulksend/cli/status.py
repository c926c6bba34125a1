"""`bulksend status`."""

import time
from pathlib import Path

import click

from bulksend.cli.options import examples, json_option

EPILOG = examples(
    ("How far it is", "bulksend status sale.db"),
    ("Watch it from another terminal", "bulksend status sale.db --watch"),
    ("For a script", "bulksend status sale.db --json"),
)

RATE_SPAN_S = 10.0


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

    Works while it is being sent, from any process that can read the file.
    """
    from bulksend.cli.output import output_is_gone

    while True:
        left = _show(ledger, as_json=as_json, clear=watch and not as_json)
        # Nobody looks any more when the reader of a pipe has gone.
        if not (watch and left) or output_is_gone():
            return 0
        try:
            time.sleep(interval_s)
        except KeyboardInterrupt:
            return 0


def _show(path: Path, *, as_json: bool, clear: bool) -> int:
    """Print the state once and return how many rows are left."""
    from datetime import timedelta

    from bulksend.base.clock import SystemClock
    from bulksend.base.records import Status
    from bulksend.cli.output import print_text
    from bulksend.cli.summary import print_summary
    from bulksend.config.snapshot import from_document
    from bulksend.report.summary import bucket_lines
    from bulksend.store.reading import ReadableLedger

    with ReadableLedger.open_for_reading(path) as ledger:
        if clear:
            click.clear()
        counts = ledger.counts()
        print_summary(path, ledger, as_json=as_json)
        if not as_json:
            since = SystemClock().now() - timedelta(seconds=RATE_SPAN_S)
            headroom = from_document(ledger.campaign).pacing.headroom
            recent = ledger.released_since(since)
            print_text(bucket_lines(counts, recent, span_s=RATE_SPAN_S, headroom=headroom))
        return counts.of(Status.PENDING) + counts.of(Status.SENDING)
