"""`bulksend report`."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from bulksend.base.errors import UsageError
from bulksend.cli.objects import object_options
from bulksend.cli.options import examples

EPILOG = examples(
    ("The page, to be opened in a browser", "bulksend report sale.db --out report.html"),
    ("With delivery results", "bulksend reconcile sale.db events/\nbulksend report sale.db --out report.html"),
    ("Into a bucket", "bulksend report sale.db --out s3://my-reports/sale.html"),
    ("Its figures, for a script", "bulksend report sale.db --json"),
    after='The charts need matplotlib: pip install "bulksend[report]". --json alone does not.',
)


@click.command(epilog=EPILOG)
@click.argument("ledger", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--out",
    metavar="FILE",
    help="Write the page to this file, mode 0600, which appears when it is complete, or to s3://bucket/key."
    "  [default: standard output]",
)
@click.option("--json", "as_json", is_flag=True, help="Print all figures as one JSON object; the page only with --out.")
@object_options
def report(ledger: Path, out: str | None, region: str | None, profile: str | None, *, as_json: bool) -> int:
    """Explain the campaign in LEDGER on one HTML page with charts.

    The page is one file: no script, nothing from the network, light or dark as the reader's system is, and printable.
    It has outcomes, throughput beside the limit, answer times, failures by reason and country, skipped and unknown rows
    and what to do about them, retries, parts and cost, delivery results, runs and the journal; no number of a
    recipient and no text of a message.

    Works while the campaign is being sent, from any process that can read the file.
    """
    from bulksend.cli.out_files import names_file, written_to
    from bulksend.cli.output import print_json, to_standard_output

    if as_json and not names_file(out):
        print_json(_document(ledger))
        return 0
    if find_spec("matplotlib") is None:
        raise UsageError("the charts need matplotlib, which is not installed", 'run: pip install "bulksend[report]"')
    document = _document(ledger)
    page = _page(document)
    if not names_file(out):
        with to_standard_output() as stream:
            stream.write(page)
        return 0
    with written_to(out, region=region or "", profile=profile or "") as stream:
        stream.write(page)
    if as_json:
        print_json(document)
    return 0


def _document(path: Path) -> dict[str, Any]:
    """All figures of the ledger at `path`."""
    from bulksend.base.clock import SystemClock
    from bulksend.report.history_document import history_document
    from bulksend.store.history import HistoryLedger

    with HistoryLedger.open_for_reading(path) as ledger:
        return history_document(ledger.history(), ledger=str(path), now=SystemClock().now())


def _page(document: dict[str, Any]) -> bytes:
    """The page; what is no text of Unicode, such as half a surrogate pair in a file's name, is replaced."""
    import logging

    # While it is imported it tells of fonts and of its cache, for which there may be no place: nothing for our readers.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)

    from bulksend import __version__
    from bulksend.report.history_page import history_page

    return history_page(document, version=__version__).encode(errors="replace")
