"""What `--out` names: a file that appears when it is complete, a device, or an object in S3."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeGuard

from bulksend.base.errors import UsageError
from bulksend.cli.objects import SCHEME, uploaded


def names_file(out: str | None) -> TypeGuard[str]:
    """Whether --out is given, and is not "-" for standard output."""
    return out not in (None, "-")


@contextmanager
def written_to(out: str, *, region: str = "", profile: str = "") -> Iterator[BinaryIO]:
    """A file, mode 0600, that gets the name `out` when the block has ended well; an `s3://` address is uploaded then.

    Args:
        out: path or address.
        region: for S3; "" to leave it to the environment.
        profile: likewise.

    Raises:
        UsageError: it cannot be written, or would take the place of a ledger's file.
    """
    if out.startswith(SCHEME):
        with uploaded(out, region=region, profile=profile) as stream:
            yield stream
        return
    with _replacing(Path(out)) as stream:
        yield stream


@contextmanager
def _replacing(out: Path) -> Iterator[BinaryIO]:
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
    """Whether `path` is a ledger or has the name of a file that one has beside it: log, lock, orders, half a plan."""
    names = [path.name]
    for suffix in ("-wal", "-shm", "-journal", ".lock", ".orders", ".partial"):
        names += [name.removesuffix(suffix) for name in names if name.endswith(suffix) and name != suffix]
    # Of a ledger that is still being planned there is only the half.
    return any(_is_database(path.with_name(each)) for name in names for each in (name, f"{name}.partial"))


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(15) == b"SQLite format 3"
    except OSError:
        return False
