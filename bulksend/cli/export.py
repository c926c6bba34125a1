"""`bulksend export`."""

import io
import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from bulksend.base.errors import UsageError
from bulksend.base.records import Status
from bulksend.cli.objects import object_options
from bulksend.cli.options import examples
from bulksend.cli.out_files import names_file, written_to
from bulksend.cli.output import print_json, say, to_standard_output

if TYPE_CHECKING:
    from bulksend.store.export import Written

EPILOG = examples(
    ("Everything, for a spreadsheet", "bulksend export sale.db --format csv --out results.csv"),
    ("What failed, as the next input", "bulksend export sale.db --format csv --status failed --out again.csv"),
    ("With what became of each message", "bulksend export sale.db --format csv --deliveries --out results.csv"),
    ("What nobody knows, one object a line", "bulksend export sale.db --format jsonl --status unknown"),
    (
        "For a data lake",
        "bulksend export sale.db --format parquet --deliveries \\\n  --out s3://my-lake/sms/sale.parquet",
    ),
    after=(
        "In a CSV, cells that a spreadsheet would run as a formula get an apostrophe in front, and are counted on"
        " standard error. bulksend takes it off again when it reads the export as an input. Numbers such as -5.2 and"
        " +4915112345678 are no formulas and stay as they are."
    ),
)


@click.command(epilog=EPILOG)
@click.argument("ledger", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["csv", "jsonl", "parquet"]),
    required=True,
    help='How to write it; parquet needs `pip install "bulksend[parquet]"`.',
)
@click.option(
    "--status",
    "statuses",
    type=click.Choice([status.value for status in Status]),
    multiple=True,
    help="Only rows with this status; can be repeated.  [default: all]",
)
@click.option(
    "--deliveries",
    is_flag=True,
    help="Add what `bulksend reconcile` learnt: delivery status and time, carrier, billed parts, price.",
)
@click.option("--raw", is_flag=True, help="CSV: leave cells alone that a spreadsheet would run as a formula.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object about what was written; with --out.")
@click.option(
    "--out",
    metavar="FILE",
    help="Write to this file, mode 0600, which appears when it is complete, or to s3://bucket/key."
    "  [default: standard output]",
)
@object_options
def export(
    ledger: Path,
    file_format: str,
    statuses: tuple[str, ...],
    out: str | None,
    region: str | None,
    profile: str | None,
    *,
    deliveries: bool,
    raw: bool,
    as_json: bool,
) -> int:
    """Write the results in LEDGER, one record a row, in the order of the input.

    The input's own columns follow the results, so that an export (CSV or JSONL) can be fed back as input as it is.
    """
    if as_json and not names_file(out):
        raise click.UsageError("--json says what was written to a file: add --out")
    if raw and file_format != "csv":
        raise click.UsageError(f"--raw is about CSV; in {file_format} nothing is changed")
    wanted = frozenset(Status(status) for status in statuses) or None
    if not names_file(out):
        if file_format == "parquet" and sys.stdout is not None and sys.stdout.isatty():
            raise UsageError("Parquet is nothing for a terminal", "add --out, or pipe it into a program")
        with to_standard_output() as stream:
            _say_made_safe(_write(ledger, file_format, wanted, stream, deliveries=deliveries, raw=raw))
        return 0
    with written_to(out, region=region or "", profile=profile or "") as stream:
        written = _write(ledger, file_format, wanted, stream, deliveries=deliveries, raw=raw)
    _say_made_safe(written)
    if as_json:
        document = {"ledger": str(ledger), "out": out, "format": file_format, "rows": written.rows}
        print_json(document | {"made_safe": _shown(written)})
    return 0


def _write(
    ledger: Path,
    file_format: str,
    statuses: Collection[Status] | None,
    stream: BinaryIO,
    *,
    deliveries: bool,
    raw: bool,
) -> "Written":
    from bulksend.store.export import write_csv, write_jsonl

    if file_format == "jsonl":
        return write_jsonl(ledger, stream, statuses=statuses, deliveries=deliveries)
    if file_format == "parquet":
        try:
            from bulksend.store.parquet import write_parquet
        except ModuleNotFoundError as error:
            if error.name != "pyarrow":
                raise
            hint = 'run: pip install "bulksend[parquet]"'
            raise UsageError("Parquet needs pyarrow, which is not installed", hint) from None
        return write_parquet(ledger, stream, statuses=statuses, deliveries=deliveries)
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    try:
        written = write_csv(ledger, text, statuses=statuses, deliveries=deliveries, raw=raw)
        text.flush()
    finally:
        # Not closed with the wrapper: the stream is its owner's.
        text.detach()
    return written


def _say_made_safe(written: "Written") -> None:
    """Tell of cells that are not as they were."""
    if not written.made_safe:
        return
    columns = ", ".join(f"{name} ({count:,})" for name, count in _shown(written).items())
    say(
        [
            f"{sum(written.made_safe.values()):,} cells would be run as formulas by a spreadsheet, and have an"
            f" apostrophe in front now: {columns}. --raw leaves them alone."
        ]
    )


def _shown(written: "Written") -> dict[str, int]:
    """The columns as they may be named: where a header is missing, they are somebody's data."""
    from bulksend.intake.columns import show_column

    shown: dict[str, int] = {}
    for name, count in written.made_safe.items():
        key = show_column(name)
        shown[key] = shown.get(key, 0) + count
    return shown
