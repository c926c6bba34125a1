"""`bulksend export`."""

import io
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import click

from bulksend.base.errors import UsageError
from bulksend.base.records import Status
from bulksend.cli.options import examples

EPILOG = examples(
    ("Everything, for a spreadsheet", "bulksend export sale.db --format csv --out results.csv"),
    ("What failed, as the next input", "bulksend export sale.db --format csv --status failed --out again.csv"),
    ("What nobody knows, one object a line", "bulksend export sale.db --format jsonl --status unknown"),
)


@click.command(epilog=EPILOG)
@click.argument("ledger", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--format", "file_format", type=click.Choice(["csv", "jsonl"]), required=True, help="How to write it.")
@click.option(
    "--status",
    "statuses",
    type=click.Choice([status.value for status in Status]),
    multiple=True,
    help="Only rows with this status; can be repeated.  [default: all]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this file, which is made with mode 0600.  [default: standard output]",
)
def export(ledger: Path, file_format: str, statuses: tuple[str, ...], out: Path | None) -> int:
    """Write the results in LEDGER, one record a row, in the order of the input.

    The input's own columns follow the results, so that an export can be fed back as input as it is.
    """
    from bulksend.store.export import export_rows, source_columns, write_csv, write_jsonl

    wanted = frozenset(Status(status) for status in statuses) or None
    with ExitStack() as stack:
        # Before the file is made: a ledger that cannot be read must not leave an empty result behind.
        columns = source_columns(ledger, statuses=wanted) if file_format == "csv" else ()
        rows = export_rows(ledger, statuses=wanted)
        stream = sys.stdout.buffer if out is None else stack.enter_context(_private(out, ledger))
        if file_format == "jsonl":
            write_jsonl(rows, stream)
        else:
            text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=False)
            write_csv(rows, text, source_columns=columns)
            text.flush()
            text.detach()
        stream.flush()
    return 0


def _private(out: Path, ledger: Path) -> BinaryIO:
    """`out`, emptied, readable by its owner alone. Raises `UsageError`."""
    if out.exists() and ledger.exists() and out.samefile(ledger):
        raise UsageError(f"--out {out}: is the ledger itself", "Name another file")
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        os.fchmod(descriptor, 0o600)
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be written: {error.strerror}", "Name another file") from None
    return os.fdopen(descriptor, "wb")
