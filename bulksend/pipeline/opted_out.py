"""What a campaign learns of people who have opted out, for the campaigns after it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import structlog

from bulksend.base.errors import LedgerError
from bulksend.config.model import Settings
from bulksend.pipeline.suppressed import SuppressionReader
from bulksend.store.number_files import OURS, locked, replaced, write_lines
from bulksend.store.reached import opted_out

log = structlog.get_logger("bulksend.pipeline")

HEAD = (
    f"{OURS}: numbers that turned out to have opted out when they were sent to. Lines may be added and removed.",
    "# Campaigns whose recipients.opted_out_file or recipients.suppress names this file leave them out.",
)
"""The first lines of a file that begins empty."""


@dataclass(frozen=True, slots=True)
class Noted:
    """What became of the numbers that a ledger has learnt.

    Attributes:
        added: how many were put into the file; those that were in it already do not count.
        trouble: why they are not in it, for people; "" when they are.
    """

    added: int = 0
    trouble: str = ""


def note_opted_out(ledger: Path, settings: Settings) -> Noted:
    """Add the numbers of rows that failed because their recipients have opted out to `recipients.opted_out_file`.

    What is in the file stays as it is, and no number comes in twice; it is replaced as a whole, and campaigns that do
    so at the same moment wait for one another. So it may be called again and again: when a run begins, for what a dead
    one has left, and when it ends. Without such rows, or without the setting, nothing happens, at next to no cost.

    Never raises for what it cannot read or write, as the campaign does not depend on it; that is in the log too.
    """
    name = settings.recipients.opted_out_file
    if not name:
        return Noted()
    file = Path(name)
    try:
        numbers = opted_out(ledger)
        added = _add(numbers, file, SuppressionReader(settings)) if numbers else 0
    except (OSError, ValueError) as error:
        cause = "it is no text in UTF-8" if isinstance(error, ValueError) else str(error.strerror or error)
        return _not_noted(f"recipients.opted_out_file: {file} cannot be written: {cause}")
    except LedgerError as error:
        return _not_noted(f"recipients.opted_out_file: {error.what}")
    if added:
        log.info("opted_out.noted", file=name, added=added)
    return Noted(added)


def _not_noted(trouble: str) -> Noted:
    log.warning("opted_out.not_noted", cause=trouble)
    return Noted(trouble=trouble)


def _add(numbers: Iterable[str], file: Path, reader: SuppressionReader) -> int:
    """Add those of `numbers` that `file` lacks and return how many; it is left alone when it lacks none."""
    missing = dict.fromkeys(numbers)
    with locked(file) as held:
        for line in held:
            if (number := reader.number_of(line.decode("utf-8-sig"))) is not None:
                missing.pop(number, None)
        if not missing:
            return 0
        with replaced(file) as stream:
            if not _copy(held, stream):
                write_lines(stream, HEAD)
            write_lines(stream, missing)
    return len(missing)


def _copy(held: BinaryIO, stream: BinaryIO) -> bool:
    """Copy all of `held`, with an end to its last line; False: there is nothing in it."""
    held.seek(0)
    line = b""
    for line in held:
        stream.write(line)
    if line and not line.endswith(b"\n"):
        stream.write(b"\n")
    return bool(line)
