"""The canary of a run: a few messages, a look at what came of them, and the decision about the others."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from bulksend.api.access import objects_by
from bulksend.api.campaign import Campaign
from bulksend.api.threads import in_thread
from bulksend.base.clock import Clock
from bulksend.base.errors import InputError, ServiceStop
from bulksend.base.progress import RunEnd
from bulksend.objects.address import SCHEME
from bulksend.pipeline.canary import CanaryFigures, CanaryRule, breaches
from bulksend.pipeline.policy import SendResult
from bulksend.pipeline.reconcile import EventFile, event_files, reconcile
from bulksend.pipeline.sample import stratified
from bulksend.store.canary import Canary, canary_counts, note_canary, noted_canary
from bulksend.store.deliveries import DeliveryLedger
from bulksend.store.ledger import SqliteLedger
from bulksend.store.owner import OwnerLock
from bulksend.store.reading import ReadableLedger
from bulksend.store.sampling import pending_kinds

log = structlog.get_logger("bulksend.api")

LOOK_AGAIN_S = 10.0
"""How often delivery events are looked for while they are awaited."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a canary.

    Attributes:
        figures: in numbers.
        breaches: which limits they break, as sentences; none: the others may go.
    """

    figures: CanaryFigures
    breaches: tuple[str, ...]


SendRows = Callable[[tuple[int, ...]], Awaitable[SendResult]]
"""Sends these rows and no others."""

Decide = Callable[[Verdict], bool | Awaitable[bool]]
"""Says whether the others go although the canary breaks its limits."""


async def fly_canary(
    owner: OwnerLock,
    campaign: Campaign,
    *,
    clock: Clock,
    send: SendRows,
    decide: Decide | None,
    stopping: asyncio.Event,
) -> SendResult | None:
    """Send the canary of a campaign, if it has one that has not been decided about, and decide.

    Returns how the run ended, if it ends here; None: the others may go.

    Args:
        owner: has the ledger locked.
        campaign: whose it is.
        clock: for the time for which events are awaited.
        send: for the canary's rows.
        decide: asked where limits are broken; None: nobody can be, and nothing more goes out.
        stopping: ends the wait for events.
    """
    path, rules = owner.ledger, campaign.settings.canary
    if rules.messages == 0:
        return None
    canary = await in_thread(lambda _: _chosen(owner, clock, rules.messages))
    if canary is None:
        return None
    log.info("canary.begun", messages=len(canary.rows))
    result = await send(canary.rows)
    figures = await in_thread(lambda _: _figures(path, canary))
    if result.cause is None and figures.pending and (refused := await in_thread(lambda _: _refused(path, canary))):
        cause = ServiceStop(
            f"the service refuses what the canary is sent from: {refused}; all rows behind it stay pending",
            "put the account right, then resume",
        )
        return await _stopped(owner, clock, cause, result)
    if result.cause is not None or figures.pending:
        return result  # stopped, or interrupted: nothing is decided yet
    if rules.events:
        figures = await _with_events(owner, canary, campaign, clock=clock, stopping=stopping)
        if stopping.is_set():
            return result
    rule = CanaryRule(rules.max_failed, rules.max_opted_out, rules.max_undelivered)
    verdict = Verdict(figures, tuple(breaches(rule, figures)))
    goes_on = not verdict.breaches
    if verdict.breaches and decide is not None:
        answer = decide(verdict)
        goes_on = answer if isinstance(answer, bool) else await answer
    await in_thread(lambda _: _note(owner, clock, Canary(canary.rows, goes_on), verdict))
    log.info("canary.judged", passed=goes_on, breaches=list(verdict.breaches))
    if goes_on:
        return None
    cause = ServiceStop(
        f"the canary: {'; '.join(verdict.breaches)}; the rest stays pending",
        "find out why, then resume; it sends another canary, or none with --canary 0",
    )
    return await _stopped(owner, clock, cause, result)


async def _stopped(owner: OwnerLock, clock: Clock, cause: ServiceStop, result: SendResult) -> SendResult:
    def amend(_: object) -> None:
        with SqliteLedger.open_for_writing(owner.ledger, clock=clock, owner=owner) as ledger, ledger.transaction():
            ledger.amend_run(RunEnd.STOPPED, cause.what)

    await in_thread(amend)
    return SendResult(RunEnd.STOPPED, cause, result.throttled, result.seconds)


def _chosen(owner: OwnerLock, clock: Clock, messages: int) -> Canary | None:
    """The rows to begin with; None where that has been decided before, or nothing is left to choose from."""
    path = owner.ledger
    noted = noted_canary(path)
    if noted is not None and noted.passed:
        return None
    if noted is not None and noted.passed is None:
        return noted
    rows = stratified(pending_kinds(path), messages)
    if not rows:
        return None
    canary = Canary(tuple(rows), None)
    with SqliteLedger.open_for_writing(path, clock=clock, owner=owner) as ledger, ledger.transaction():
        note_canary(ledger, canary)
        ledger.note_event("canary.begun", {"messages": len(rows)})
    return canary


def _refused(path: Path, canary: Canary) -> str:
    """What keeps all rows of `canary` that are left from being sent; "" where that is something else."""
    with ReadableLedger.open_for_reading(path) as ledger:
        if ledger.pending_zones(canary.rows):
            return ""
        return ", ".join(
            f"{breaker.identity} to {breaker.country or 'any country'} ({breaker.reason})"
            for breaker in ledger.breakers()
            if breaker.held
        )


def _note(owner: OwnerLock, clock: Clock, canary: Canary, verdict: Verdict) -> None:
    figures = verdict.figures
    detail = {
        "passed": canary.passed,
        "breaches": list(verdict.breaches),
        "messages": figures.messages,
        "sent": figures.sent,
        "failed": figures.failed,
        "unknown": figures.unknown,
        "opted_out": figures.opted_out,
        "delivered": figures.delivered,
        "undelivered": figures.undelivered,
    }
    with SqliteLedger.open_for_writing(owner.ledger, clock=clock, owner=owner) as ledger, ledger.transaction():
        note_canary(ledger, canary)
        ledger.note_event("canary.judged", detail)


def _figures(path: Path, canary: Canary) -> CanaryFigures:
    return CanaryFigures(*canary_counts(path, canary.rows))


async def _with_events(
    owner: OwnerLock, canary: Canary, campaign: Campaign, *, clock: Clock, stopping: asyncio.Event
) -> CanaryFigures:
    """Read delivery events until they tell of every message that was sent, or for as long as that is waited for."""
    until_s = clock.monotonic() + campaign.settings.canary.events_wait_s
    while True:
        with TemporaryDirectory(prefix="bulksend-") as folder:
            files = await _event_files(campaign, Path(folder))
            await in_thread(partial(_reconcile_all, owner, clock, files))
        figures = await in_thread(lambda _: _figures(owner.ledger, canary))
        left_s = until_s - clock.monotonic()
        if figures.awaited <= 0 or left_s <= 0.0 or stopping.is_set():
            return figures
        log.info("canary.awaits_events", messages=figures.awaited, seconds_left=round(left_s))
        waiting = asyncio.ensure_future(stopping.wait())
        sleeping = asyncio.ensure_future(clock.sleep(min(LOOK_AGAIN_S, left_s)))
        try:
            await asyncio.wait((waiting, sleeping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            sleeping.cancel()


async def _event_files(campaign: Campaign, folder: Path) -> list[EventFile]:
    """The files of `canary.events` that are there by now; what is in S3 is downloaded into `folder`."""
    events = campaign.settings.canary.events
    files = await in_thread(lambda _: _files_there([name for name in events if not name.startswith(SCHEME)]))
    for number, name in enumerate(name for name in events if name.startswith(SCHEME)):
        below = folder / str(number)
        await in_thread(partial(_make, below))
        async with objects_by(campaign.settings.aws, region=campaign.region) as store:
            with suppress(InputError):  # nothing there yet
                files += [EventFile(place, path) async for place, path in store.download_all(name, below)]
    return files


def _make(folder: Path, _: object) -> None:
    folder.mkdir()


def _files_there(names: Sequence[str]) -> list[EventFile]:
    """As `event_files`, but what is not there yet, or has nothing in it yet, is passed over."""
    files: list[EventFile] = []
    for name in names:
        with suppress(InputError):
            files += event_files([name] if Path(name).exists() else [])
    return files


def _reconcile_all(owner: OwnerLock, clock: Clock, files: Sequence[EventFile], _: object) -> None:
    if not files:
        return
    try:
        with DeliveryLedger.open_for_writing(owner.ledger, clock=clock, owner=owner) as ledger:
            reconcile(ledger, files)
    except InputError as error:
        log.warning("canary.events_unreadable", cause=error.what)
