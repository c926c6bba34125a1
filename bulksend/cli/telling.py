"""A run of `feedback` from the command line: real clock, real service, signals."""

import asyncio
import random
from collections.abc import Iterator, Mapping
from typing import Any

import structlog

from bulksend.base.clock import SystemClock
from bulksend.base.errors import ExitCode
from bulksend.base.progress import RunEnd
from bulksend.cli.access import access_of
from bulksend.cli.output import print_json, print_text, say, standard_input
from bulksend.cli.running import loop_factory
from bulksend.cli.signals import interrupted_by_signals
from bulksend.config.model import Settings
from bulksend.intake import open_recipients
from bulksend.pipeline.feedback import MAX_IN_FLIGHT, FeedbackPolicy, FeedbackResult, FeedbackSender
from bulksend.pipeline.feedback_input import FeedbackReader, match_file
from bulksend.send.feedback import FeedbackClient
from bulksend.store.feedback import FeedbackLedger, FeedbackRecorder, Match
from bulksend.store.owner import OwnerLock

log = structlog.get_logger("bulksend.cli")

LOG_EVERY_S = 5.0


def tell(
    owner: OwnerLock, ledger: FeedbackLedger, file_name: str, settings: Settings, *, as_json: bool
) -> FeedbackResult:
    """Tell the service what the file says, and print what came of it.

    Args:
        owner: of the lock of the ledger.
        ledger: open for reading.
        file_name: "-" for standard input.
        settings: of the campaign.
        as_json: print one JSON object.
    """
    numbers = settings.recipients.phone
    with open_recipients(file_name, stdin=standard_input(), number_column=numbers) as recipients:
        name = recipients.name
        match = match_file(ledger, FeedbackReader(settings.recipients).read(recipients), name=name)
    if match.not_sent:
        say([f"{match.not_sent:,} rows mean no message that is sent; the first is line {match.first_not_sent_line}"])
    if match.todo:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            result = runner.run(_put(owner, ledger, match, settings))
    else:
        result = FeedbackResult(0, {}, 0, RunEnd.COMPLETE, None)
    document = _document(str(ledger.path), name, match, result)
    if as_json:
        print_json(document)
    else:
        print_text(_lines(document))
    return result


def exit_code(result: FeedbackResult) -> ExitCode:
    """The exit code of a run that nothing stopped."""
    if result.end is RunEnd.INTERRUPTED:
        return ExitCode.INTERRUPTED
    return ExitCode.COMPLETE_WITH_FAILURES if result.refused else ExitCode.COMPLETE


async def _put(owner: OwnerLock, ledger: FeedbackLedger, match: Match, settings: Settings) -> FeedbackResult:
    clock = SystemClock()
    interrupted = interrupted_by_signals()
    access = access_of(settings.aws, max_connections=MAX_IN_FLIGHT)
    policy = FeedbackPolicy(
        headroom=settings.pacing.headroom,
        base_s=settings.retry.base_s,
        cap_s=settings.retry.cap_s,
        give_up_after_s=settings.retry.give_up_after_s,
        stop_grace_s=settings.aws.stop_grace_s,
    )
    async with (
        FeedbackClient(access, clock=clock) as service,
        FeedbackRecorder(ledger.path, clock=clock, owner=owner) as recorder,
    ):
        sender = FeedbackSender(
            ledger,
            recorder.record,
            service,
            todo=match.todo,
            clock=clock,
            random=random.SystemRandom(),
            policy=policy,
        )
        progress = asyncio.create_task(_log_progress(sender, match.todo))
        try:
            return await sender.run(interrupted)
        finally:
            progress.cancel()


async def _log_progress(sender: FeedbackSender, todo: int) -> None:
    while True:
        await asyncio.sleep(LOG_EVERY_S)
        log.info("feedback.progress", put=sender.put, todo=todo)


def _document(ledger: str, file: str, match: Match, result: FeedbackResult) -> dict[str, Any]:
    """What `--json` prints; `rows` is the sum of the counts below it."""
    return {
        "ledger": ledger,
        "file": file,
        "rows": match.rows,
        "put": result.put,
        "already": match.already,
        "repeated": match.repeated,
        "not_sent": match.not_sent,
        "refused": dict(result.refused),
        "left": result.left,
        "end": result.end.value,
    }


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The same for people."""
    yield f"Feedback of {document['file']}"
    yield f"  {document['put']:>10,}  put"
    for key, meaning in (
        ("already", "put before"),
        ("repeated", "said twice in the file"),
        ("not_sent", "not sent in this ledger"),
        ("left", "left; the same command goes on with them"),
    ):
        if document[key]:
            yield f"  {document[key]:>10,}  {meaning}"
    for reason, count in sorted(document["refused"].items(), key=lambda item: -item[1]):
        yield f"  {count:>10,}  refused: {reason}"
    yield f"  {document['rows']:>10,}  rows in all"
