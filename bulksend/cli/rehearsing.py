"""What both ways to rehearse need: what is rehearsed, and how it is told."""

from dataclasses import dataclass
from pathlib import Path

from bulksend.cli.running import Watch
from bulksend.cli.view import set_up_watch


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
        return set_up_watch(log_format=self.log_format, verbose=self.verbose)
