"""What both ways to rehearse need: how they are told, and what a ledger says afterwards."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from bulksend.base.progress import Counts
from bulksend.cli.logs import set_up_logs
from bulksend.cli.output import is_watched
from bulksend.cli.running import Watch
from bulksend.cli.view import watch_in_log, watch_on_terminal
from bulksend.store.reading import ReadableLedger


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What is rehearsed, and how it is told.

    Attributes:
        input_name: INPUT.
        as_json: print the result as JSON.
        log_format: see `set_up_logs`.
        verbose: see `set_up_logs`.
        folder: for a ledger that is not kept, on the disk that is to be rehearsed; None: the system's own.
    """

    input_name: str
    as_json: bool
    log_format: str
    verbose: bool
    folder: Path | None

    def set_up_watch(self) -> Watch:
        """Begin to log, and return who shows the progress of a run."""
        watched = is_watched()
        set_up_logs(log_format=self.log_format, verbose=self.verbose, watched=watched)
        return watch_on_terminal if watched else watch_in_log


def with_reasons(ledger: ReadableLedger) -> Counts:
    """The numbers of a ledger, reasons too."""
    return dataclasses.replace(ledger.counts(), reasons=ledger.reasons())
