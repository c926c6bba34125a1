"""A rehearsal at the service: a sample of the list, which it checks with DryRun and does not send."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from msgspec.structs import replace

from bulksend.base.clock import SystemClock
from bulksend.base.errors import BulksendError, ExitCode, UsageError
from bulksend.base.progress import Counts, RunEnd
from bulksend.base.records import Status
from bulksend.cli.access import access_of
from bulksend.cli.accounts import resolve_limits
from bulksend.cli.measuring import Measures, measured_by
from bulksend.cli.output import print_json, print_text, say, standard_input
from bulksend.cli.rehearsing import Rehearsal
from bulksend.cli.running import RunOptions, Watch, loop_factory, run_ledger
from bulksend.config.model import Settings
from bulksend.config.request import request_members
from bulksend.pipeline.plan import campaign_buckets, make_plan, refuse_changes
from bulksend.pipeline.policy import SendResult
from bulksend.pipeline.refused import Route, by_reason
from bulksend.pipeline.sample import stratified
from bulksend.report.dry_run import Place, dry_run_document, dry_run_lines
from bulksend.report.words import duration
from bulksend.send.client import ServiceClient
from bulksend.store.ledger import SqliteLedger
from bulksend.store.owner import OwnerLock
from bulksend.store.sampling import Asked, keep_only, noted_sample, pending_kinds, refused_rows, route_counts

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def rehearse_at_service(settings: Settings, rehearsal: Rehearsal, *, ledger: Path | None, sample: int | None) -> int:
    """Have the service check a sample of the list with DryRun, print what it refused, return the exit code.

    Nothing is sent, whatever the settings say.

    Args:
        settings: of the campaign.
        rehearsal: what to rehearse.
        ledger: where to keep it, or where one is that was not finished; None: it is not kept.
        sample: rows to choose; None: all.
    """
    settings = _with_dry_run(settings)
    watch = rehearsal.set_up_watch()
    place = _place_of(settings)
    settings = resolve_limits(settings)
    clock = SystemClock()
    measures = Measures(clock)
    with ExitStack() as stack:
        path = ledger or Path(stack.enter_context(TemporaryDirectory(prefix="bulksend-"))) / "rehearsal.db"
        owner = stack.enter_context(OwnerLock(path, clock=clock))
        stdin = standard_input()
        if path.exists():
            refuse_changes(settings, rehearsal.input_name, path, stdin=stdin)
        else:
            make_plan(settings, rehearsal.input_name, path, clock=clock, stdin=stdin, owner=owner)
        chosen = _choose(owner, path, settings, Asked(sample))
        result = None
        if chosen.of(Status.PENDING):
            parts_per_second = settings.pacing.dry_run_mps
            _announce(place, chosen, parts_per_second)
            options = RunOptions(parts_per_second=parts_per_second, interpose=measured_by(measures, {}))
            result = _run_dry(owner, settings, options, watch)
        with SqliteLedger.open_for_writing(path, clock=clock, owner=owner) as written:
            counts = written.counts_and_reasons()
            breakers = written.breakers()
        refusals = by_reason(refused_rows(path))
        document = dry_run_document(
            campaign=settings.campaign.name,
            place=place,
            ledger=None if ledger is None else str(ledger),
            wanted=sample,
            counts=counts,
            routes=[Route(*each) for each in route_counts(path)],
            refusals=refusals,
            breakers=breakers,
            seconds=0.0 if result is None else result.seconds,
            throttled=0 if result is None else result.throttled,
            answers_s=(measures.latencies.quantile(0.5), measures.latencies.quantile(0.99)),
            end=RunEnd.COMPLETE if result is None else result.end,
            cause=None if result is None else result.cause,
        )
    if rehearsal.as_json:
        print_json(document)
    else:
        print_text(dry_run_lines(document))
    if document["left"]:
        return _why_left(result)
    return ExitCode.COMPLETE_WITH_FAILURES if document["refused"] or document["unknown"] or breakers else 0


def _why_left(result: SendResult | None) -> int:
    """The exit code where rows of the sample were not asked about; raises what a person has to act on first."""
    cause: BulksendError | None = None if result is None else result.cause
    if isinstance(cause, UsageError):
        raise cause
    return ExitCode.INTERRUPTED if cause is None else cause.exit_code


def _with_dry_run(settings: Settings) -> Settings:
    """`settings`, with which nothing can be sent."""
    settings = replace(settings, campaign=replace(settings.campaign, dry_run=True))
    if request_members(settings).get("DryRun") is not True:
        raise AssertionError("a rehearsal at the service is with DryRun, or not at all")
    return settings


def _run_dry(owner: OwnerLock, settings: Settings, options: RunOptions, watch: Watch) -> SendResult:
    """The only run at the service in here, and it cannot be anything but a DryRun."""
    return run_ledger(owner, _with_dry_run(settings), options, watch)


def _choose(owner: OwnerLock, path: Path, settings: Settings, asked: Asked) -> Counts:
    """Have the ledger keep the sample alone, unless it does already; return the numbers then."""
    noted = noted_sample(path)
    if noted is not None and noted != asked:
        of_what = "all rows" if noted.rows is None else f"a sample of {noted.rows:,}"
        raise UsageError(f"{path} holds a rehearsal of {of_what}", "Ask for the same, or name another ledger")
    with SqliteLedger.open_for_writing(path, clock=SystemClock(), owner=owner) as ledger:
        if noted is None and ledger.runs():
            raise UsageError(f"{path} holds a campaign, and not a rehearsal", "Name another ledger")
        chosen = None
        if noted is None and asked.rows is not None:
            chosen = stratified(pending_kinds(path), asked.rows)
        with ledger.transaction():
            ledger.recover()
            if noted is None:
                keep_only(ledger, chosen, asked=asked)
            ledger.set_mps({name: bucket.mps for name, bucket in campaign_buckets(settings).items()})
        return ledger.counts()


def _place_of(settings: Settings) -> Place:
    """Where the SDK would send to, with these settings and in this environment. No connection is made."""
    access = access_of(settings.aws, max_connections=1)

    async def look() -> Place:
        async with ServiceClient(access, clock=SystemClock()) as client:
            return Place(client.endpoint_url, client.region)

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(look())


def _announce(place: Place, counts: Counts, parts_per_second: int) -> None:
    parts = sum(bucket.parts - bucket.parts_done for bucket in counts.buckets)
    what = "the service on this machine" if urlsplit(place.endpoint_url).hostname in _LOOPBACK else "the real service"
    say(
        [
            f"Asking {what} about {counts.of(Status.PENDING):,} messages: {place.endpoint_url} ({place.region}).",
            f"With DryRun it checks them and sends none; {parts:,} parts at {parts_per_second} a second"
            f" take {duration(parts / parts_per_second)} or more.",
        ]
    )
