"""`bulksend feedback`."""

from pathlib import Path

import click

from bulksend.cli.completing import complete_files
from bulksend.cli.options import aws_options, examples, json_option, log_options, with_flags

EPILOG = examples(
    ("Tell which messages were received", "bulksend feedback sale.db received.csv"),
    ("From another program", "users-who-signed-in | bulksend feedback sale.db -"),
    ("Against the simulator", "bulksend feedback try.db received.csv \\\n  --endpoint-url http://127.0.0.1:8765"),
    after=(
        "What the service was told is recorded in the ledger every second: the same command goes on where the last one"
        " ended. After a crash or a lost answer some of it is said again, which changes nothing at the service. Exit"
        " codes: 0 it was told everything; 1 it refused some; 2 usage or input error, it was told nothing; 3"
        " interrupted; 4 stopped by the service."
    ),
)


@click.command(epilog=EPILOG)
@click.argument("ledger", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("file_name", metavar="FILE", shell_complete=complete_files)
@aws_options
@log_options
@json_option
def feedback(
    ledger: Path,
    file_name: str,
    endpoint_url: str | None,
    region: str | None,
    profile: str | None,
    log_format: str,
    *,
    verbose: bool,
    as_json: bool,
) -> int:
    """Tell the service which messages of LEDGER were received, for campaigns with message feedback.

    FILE is a CSV or JSONL file (each also .gz or .zst), or - for standard input, with a column `feedback` (received or
    failed) and one that names the message: `message_id` or `row`, as exports have them, `destination`, or the
    campaign's own column of numbers. All of it is checked before the service is told anything, at 20 requests a second.
    """
    from bulksend.base.clock import SystemClock
    from bulksend.base.errors import UsageError
    from bulksend.cli.logs import set_up_logs
    from bulksend.cli.telling import exit_code, tell
    from bulksend.config.changes import with_changes
    from bulksend.config.snapshot import from_document
    from bulksend.store.feedback import FeedbackLedger
    from bulksend.store.owner import OwnerLock

    clock = SystemClock()
    flags = {"aws.endpoint_url": endpoint_url, "aws.region": region, "aws.profile": profile}
    set_up_logs(log_format=log_format, verbose=verbose, watched=False)
    with OwnerLock(ledger, clock=clock) as owner:
        with FeedbackLedger.open_for_reading(ledger) as held:
            settings = with_changes(from_document(held.campaign), with_flags((), flags))
            if settings.campaign.dry_run:
                raise UsageError(f"{ledger} holds a DryRun: nobody got a message", "name the ledger of a campaign")
            result = tell(owner, held, file_name, settings, as_json=as_json)
        # The last one to close it is a writer, who takes its log away.
        FeedbackLedger.open_for_writing(ledger, clock=clock, owner=owner).close()
    if result.cause is not None:
        raise result.cause
    return exit_code(result)
