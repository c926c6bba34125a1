"""Looks at a ledger that another process may be sending: for a screen, for lines of text, for a program."""

from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from bulksend.api.summary import Summary
from bulksend.base.clock import SystemClock
from bulksend.base.records import Status
from bulksend.cli.output import print_json, print_text
from bulksend.config.snapshot import from_document
from bulksend.report.looks import LedgerLook, look_at_ledger
from bulksend.report.picture import Picture
from bulksend.report.summary import bucket_lines, state_document, state_line, summary_lines
from bulksend.store.latest import LatestLedger
from bulksend.store.orders import OrdersFile
from bulksend.store.owner import holder_of

RATE_SPAN_S = 10.0
REFUSED_SPAN_S = 60.0
MOST_REFUSED = 50
MOST_JOURNAL = 50


class LookAt(AbstractContextManager["LookAt"]):
    """One look at the ledger at `path`, at one moment as far as that can be had.

    Raises `LedgerError` when it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ledger = LatestLedger.open_for_reading(path)
        self._settings = from_document(self._ledger.campaign)
        self.counts = self._ledger.counts_and_reasons()
        self.recent_parts = self._ledger.released_since(self._since(RATE_SPAN_S))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ledger.close()

    @property
    def left(self) -> int:
        """Rows that are still to be sent."""
        return self.counts.of(Status.PENDING) + self.counts.of(Status.SENDING)

    def picture(self) -> Picture:
        """What a screen shows of it."""
        ledger, runs = self._ledger, self._ledger.runs()
        return look_at_ledger(
            LedgerLook(
                campaign=self._settings.campaign.name,
                ledger=str(self._path),
                counts=self.counts,
                recent_parts=self.recent_parts,
                span_s=RATE_SPAN_S,
                throttled=ledger.throttled_since(runs[-1].started_at) if runs else {},
                latest=ledger.refused_since(self._since(REFUSED_SPAN_S), most=MOST_REFUSED),
                journal=ledger.journal(last=MOST_JOURNAL),
                runs=runs,
                breakers=ledger.breakers(),
                orders=OrdersFile(self._path).read(),
                headroom=self._settings.pacing.headroom,
                is_owned=holder_of(self._path) is not None,
                now=SystemClock().now(),
            )
        )

    def print_text(self) -> None:
        """Print it for people, on standard output."""
        lines = bucket_lines(
            self.counts,
            self.recent_parts,
            span_s=RATE_SPAN_S,
            headroom=self._settings.pacing.headroom,
            orders=OrdersFile(self._path).read(),
        )
        print_text([*summary_lines(self._document()), state_line(self.picture()), *lines])

    def print_json(self) -> None:
        """Print it as one JSON object on one line."""
        print_json(self._document() | state_document(self.picture()))

    def _document(self) -> dict[str, object]:
        return Summary.of(self._ledger, self._path).document()

    def _since(self, seconds: float) -> datetime:
        return SystemClock().now() - timedelta(seconds=seconds)
