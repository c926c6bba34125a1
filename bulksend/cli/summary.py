"""What a ledger holds, printed. Apart from sending: `status` needs nothing else, and is not to load the SDK."""

from pathlib import Path

from bulksend.cli.output import print_json, print_text
from bulksend.report.summary import summary_document, summary_lines
from bulksend.store.reading import ReadableLedger


def print_summary(path: Path, ledger: ReadableLedger, *, as_json: bool) -> None:
    """Print what the ledger holds, as JSON or for people."""
    settings = ledger.campaign.get("campaign")
    campaign = settings if isinstance(settings, dict) else {}
    document = summary_document(
        campaign=str(campaign.get("name", "")),
        ledger=str(path),
        dry_run=bool(campaign.get("dry_run")),
        counts=ledger.counts_and_reasons(),
        runs=ledger.runs(),
        breakers=ledger.breakers(),
        now=ledger.last_sent_at(),
    )
    if as_json:
        print_json(document)
    else:
        print_text(summary_lines(document))
