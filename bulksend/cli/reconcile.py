"""`bulksend reconcile`."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from bulksend.cli.completing import complete_files
from bulksend.cli.options import examples, json_option
from bulksend.cli.output import print_json, print_text, say, standard_input

if TYPE_CHECKING:
    from bulksend.pipeline.reconcile import EventFile

EPILOG = examples(
    ("Events that Firehose wrote", "bulksend reconcile sale.db events/"),
    ("Some files, compressed or not", "bulksend reconcile sale.db monday.jsonl.gz tuesday.json"),
    ("From a bucket", "bulksend reconcile sale.db s3://my-events/sms/2026/11/"),
    (
        "From a log group",
        "aws logs filter-log-events --log-group-name sms-events \\\n  | bulksend reconcile sale.db -",
    ),
    ("For a script", "bulksend reconcile sale.db events/ --json"),
    after=(
        "Read are JSON lines, JSON arrays and JSON values in a row, each also .gz or .zst, as they come from SNS, SQS,"
        " CloudWatch Logs, Firehose and EventBridge. Events of EventBridge do not name their row: they tell of rows"
        " whose message id is known."
    ),
)


@click.command(epilog=EPILOG)
@click.argument("ledger", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("events", nargs=-1, required=True, metavar="EVENTS...", shell_complete=complete_files)
@click.option("--region", metavar="NAME", help="AWS region of s3://.  [else: AWS_REGION, the profile's]")
@click.option("--profile", metavar="NAME", help="Profile of ~/.aws/config for s3://.  [else: AWS_PROFILE]")
@json_option
def reconcile(ledger: Path, events: tuple[str, ...], region: str | None, profile: str | None, *, as_json: bool) -> int:
    """Settle unknown rows of LEDGER by delivery events, and record what became of each message.

    EVENTS are files, directories with files, s3://bucket/prefix, or - for standard input. A row becomes sent where an
    event proves it; nothing is ever sent by this. It may be run again at any time, with the same events or more.
    """
    from bulksend.base.clock import SystemClock
    from bulksend.cli.reconciled import reconciled_document, reconciled_lines
    from bulksend.pipeline.reconcile import reconcile as reconcile_files
    from bulksend.store.deliveries import DeliveryLedger
    from bulksend.store.owner import OwnerLock

    clock = SystemClock()
    with (
        OwnerLock(ledger, clock=clock) as owner,
        DeliveryLedger.open_for_writing(ledger, clock=clock, owner=owner) as held,
        _local_files(events, region or os.environ.get("AWS_REGION", ""), profile or "") as files,
    ):
        result = reconcile_files(held, files, stdin=standard_input())
    if result.interrupted:
        say([f"An earlier run died with {result.interrupted:,} rows on the wire or about to be: they were unknown."])
    if as_json:
        print_json(reconciled_document(str(ledger), result))
    else:
        print_text(reconciled_lines(str(ledger), result))
    return 0


@contextmanager
def _local_files(names: Sequence[str], region: str, profile: str) -> "Iterator[list[EventFile]]":
    """The files that `names` mean, as long as the block lasts: what is in S3 is downloaded first, to private files."""
    from bulksend.pipeline.reconcile import event_files

    with ExitStack() as stack:
        files: list[EventFile] = []
        for name in names:
            if not name.startswith("s3://"):
                files += event_files([name])
                continue
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="bulksend-")))
            files += _downloaded(name, folder, region, profile)
        yield files


def _downloaded(url: str, folder: Path, region: str, profile: str) -> "list[EventFile]":
    import asyncio

    from bulksend.objects.s3 import S3Objects
    from bulksend.pipeline.reconcile import EventFile

    async def download() -> list[EventFile]:
        async with S3Objects(region=region, profile=profile) as store:
            return [EventFile(name, path) async for name, path in store.download_all(url, folder)]

    return asyncio.run(download())
