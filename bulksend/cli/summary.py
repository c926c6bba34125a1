"""What a ledger holds, as a document. Apart from sending: `status` needs nothing else, and is not to load the SDK."""

from pathlib import Path

from bulksend.report.summary import summary_document
from bulksend.store.reading import ReadableLedger


def document_of(path: Path, ledger: ReadableLedger) -> dict[str, object]:
    """What `status --json` prints of the campaign in `ledger`, which is called `path`."""
    settings = ledger.campaign.get("campaign")
    campaign = settings if isinstance(settings, dict) else {}
    return summary_document(
        campaign=str(campaign.get("name", "")),
        ledger=str(path),
        dry_run=bool(campaign.get("dry_run")),
        counts=ledger.counts_and_reasons(),
        runs=ledger.runs(),
        breakers=ledger.breakers(),
        now=ledger.last_sent_at(),
    )
