"""`bulksend export`."""

import io
import os
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from bulksend.base.errors import UsageError
from bulksend.base.records import Status
from bulksend.cli.options import examples
from bulksend.cli.output import print_json, to_standard_output

EPILOG = examples(
    ("Everything, for a spreadsheet", "bulksend export sale.db --format csv --out results.csv"),
    ("What failed, as the next input", "bulksend export sale.db --format csv --status failed --out again.csv"),
    ("With what became of each message", "bulksend export sale.db --format csv --deliveries --out results.csv"),
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
    "--deliveries",
    is_flag=True,
    help="Add what `bulksend reconcile` learnt: delivery status and time, carrier, billed parts, price.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object about what was written; with --out.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this file, mode 0600, which appears when it is complete.  [default: standard output]",
)
def export(
    ledger: Path, file_format: str, statuses: tuple[str, ...], out: Path | None, *, deliveries: bool, as_json: bool
) -> int:
    """Write the results in LEDGER, one record a row, in the order of the input.

    The input's own columns follow the results, so that an export can be fed back as input as it is.
    """
    if as_json and out in (None, Path("-")):
        raise click.UsageError("--json says what was written to a file: add --out")
    wanted = frozenset(Status(status) for status in statuses) or None
    if out is None or out == Path("-"):
        with to_standard_output() as stream:
            _write(ledger, file_format, wanted, stream, deliveries=deliveries)
        return 0
    with _replacing(out) as stream:
        rows = _write(ledger, file_format, wanted, stream, deliveries=deliveries)
    if as_json:
        print_json({"ledger": str(ledger), "out": str(out), "format": file_format, "rows": rows})
    return 0


def _write(
    ledger: Path, file_format: str, statuses: Collection[Status] | None, stream: BinaryIO, *, deliveries: bool
) -> int:
    """Write the rows and return how many there were."""
    from bulksend.store.export import write_csv, write_jsonl

    if file_format == "jsonl":
        return write_jsonl(ledger, stream, statuses=statuses, deliveries=deliveries)
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    try:
        rows = write_csv(ledger, text, statuses=statuses, deliveries=deliveries)
        text.flush()
    finally:
        # Not closed with the wrapper: the stream is its owner's.
        text.detach()
    return rows


@contextmanager
def _replacing(out: Path) -> Iterator[BinaryIO]:
    """A file that gets the name `out` when the block has ended well, readable by its owner alone.

    Raises `UsageError` where it cannot be written, or where it would take the place of a ledger's file.
    """
    with _told_as_usage_error(out):
        # A device or a pipe: there is nothing to take the place of.
        in_place = out.exists() and not out.is_file()
    if in_place:
        with _told_as_usage_error(out), out.open("wb") as device:
            yield device
        return
    if _belongs_to_ledger(out):
        raise UsageError(f"--out {out}: belongs to a ledger", "Name another file")
    with _told_as_usage_error(out):
        descriptor, name = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.absolute().parent)
    partial = Path(name)
    try:
        with _told_as_usage_error(out), os.fdopen(descriptor, "wb") as stream:
            yield stream
        with _told_as_usage_error(out):
            partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _told_as_usage_error(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be written: {error.strerror}", "Name another file") from None


def _belongs_to_ledger(path: Path) -> bool:
    """Whether `path` is a ledger or has the name of a file that one has beside it: log, lock, or half a plan."""
    names = [path.name]
    for suffix in ("-wal", "-shm", "-journal", ".lock", ".partial"):
        names += [name.removesuffix(suffix) for name in names if name.endswith(suffix) and name != suffix]
    # Of a ledger that is still being planned there is only the half.
    return any(_is_database(path.with_name(each)) for name in names for each in (name, f"{name}.partial"))


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(15) == b"SQLite format 3"
    except OSError:
        return False
