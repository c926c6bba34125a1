"""What became of a campaign: the figures of its ledger, typed, and as the commands print them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bulksend.api.threads import in_thread
from bulksend.base.errors import BulksendError, ExitCode
from bulksend.base.progress import Breaker, Counts, Run, RunEnd
from bulksend.base.records import Status
from bulksend.report.summary import summary_document, summary_lines
from bulksend.store.reading import ReadableLedger

if TYPE_CHECKING:
    from bulksend.pipeline.policy import SendResult  # who only looks at a ledger need not load what sends


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A campaign as its ledger has it at one moment.

    Attributes:
        campaign: its name.
        ledger: where it is.
        dry_run: the service checks, and sends nothing.
        counts: of rows by status, of parts, by bucket, with reasons.
        runs: over this ledger, the oldest first.
        breakers: what the service refuses.
        last_sent_at: when the last message was accepted, UTC; None before the first.
        result: of the run that has just ended; None where there was nothing to send, and of `status`.
        declined: `confirm` said no, and nothing was sent.
    """

    campaign: str
    ledger: Path
    dry_run: bool
    counts: Counts
    runs: tuple[Run, ...]
    breakers: tuple[Breaker, ...]
    last_sent_at: datetime | None
    result: "SendResult | None" = None
    declined: bool = False

    @classmethod
    def of(
        cls, ledger: ReadableLedger, path: Path, *, result: "SendResult | None" = None, declined: bool = False
    ) -> "Summary":
        """Read it from `ledger`, which is called `path`."""
        settings = ledger.campaign.get("campaign")
        campaign: Mapping[str, object] = settings if isinstance(settings, dict) else {}
        return cls(
            campaign=str(campaign.get("name", "")),
            ledger=path,
            dry_run=bool(campaign.get("dry_run")),
            counts=ledger.counts_and_reasons(),
            runs=tuple(ledger.runs()),
            breakers=tuple(ledger.breakers()),
            last_sent_at=ledger.last_sent_at(),
            result=result,
            declined=declined,
        )

    @property
    def rows(self) -> int:
        """Rows of the input; what has a status adds up to it, always."""
        return self.counts.rows

    @property
    def sent(self) -> int:
        """Rows that the service has accepted."""
        return self.counts.of(Status.SENT)

    @property
    def failed(self) -> int:
        """Rows that were refused for good."""
        return self.counts.of(Status.FAILED)

    @property
    def unknown(self) -> int:
        """Rows of which nobody knows whether they were sent; they are not sent again by themselves."""
        return self.counts.of(Status.UNKNOWN)

    @property
    def skipped(self) -> int:
        """Rows that the plan left out."""
        return self.counts.of(Status.SKIPPED)

    @property
    def left(self) -> int:
        """Rows that wait to be sent: the next `send` or `resume` goes on with them."""
        return self.counts.of(Status.PENDING) + self.counts.of(Status.SENDING)

    @property
    def exit_code(self) -> ExitCode:
        """What the command's exit code would be."""
        if self.result is not None and self.result.cause is not None:
            return self.result.cause.exit_code
        interrupted = self.result is not None and self.result.end is RunEnd.INTERRUPTED
        if self.declined or interrupted or self.counts.of(Status.PENDING):
            return ExitCode.INTERRUPTED
        return ExitCode.COMPLETE_WITH_FAILURES if self.failed or self.unknown else ExitCode.COMPLETE

    def document(self) -> dict[str, object]:
        """What `send --json` prints (REFERENCE, "JSON")."""
        return summary_document(
            campaign=self.campaign,
            ledger=str(self.ledger),
            dry_run=self.dry_run,
            counts=self.counts,
            runs=list(self.runs),
            breakers=list(self.breakers),
            now=self.last_sent_at,
        )

    def lines(self) -> Iterator[str]:
        """What `send` prints for people."""
        return summary_lines(self.document())


class CampaignStopped(BulksendError):
    """The service, or what is between here and it, ended a run; what was left is pending. Its `__cause__` says why.

    Args:
        cause: what ended it; its words, hint and exit code are those of this error.
        summary: of the ledger after the run.
    """

    def __init__(self, cause: BulksendError, summary: Summary) -> None:
        super().__init__(cause.what, cause.hint)
        self.exit_code = cause.exit_code
        self.summary = summary
        self._details = cause.details()

    def details(self) -> dict[str, object]:
        """Those of the cause."""
        return self._details


async def status(ledger: str | Path) -> Summary:
    """Tell how far a campaign is, also while it is being sent, by this process or another.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    path = Path(ledger)

    def read(_: object) -> Summary:
        with ReadableLedger.open_for_reading(path) as held:
            return Summary.of(held, path)

    return await in_thread(read)
