"""Plans: the whole input read and every row decided, in a thread beside the event loop."""

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from bulksend.api.access import objects_by
from bulksend.api.campaign import Campaign
from bulksend.api.threads import Halt, in_thread
from bulksend.base.clock import SystemClock
from bulksend.base.copies import CopiedName
from bulksend.config.model import Settings
from bulksend.pipeline.plan import Plan, make_plan, refuse_changes
from bulksend.pipeline.totals import PlanTotals
from bulksend.report.planned import plan_document, plan_lines
from bulksend.store.owner import OwnerLock

Recipients = str | Path | BinaryIO
"""An input: the path of a file or the address of an object in S3, as commands take it, or an open stream of bytes."""


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """What a plan of a campaign adds up to.

    Attributes:
        settings: it was made with.
        made: what was read, and the totals.
    """

    settings: Settings
    made: Plan

    @property
    def totals(self) -> PlanTotals:
        """Rows, parts, skipped and repaired rows, countries, and the time that each bucket takes."""
        return self.made.totals

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that somebody should read who names earlier ledgers."""
        return self.made.notes

    def document(self, *, now: datetime | None = None) -> dict[str, object]:
        """What `plan --json` prints; `now`: to say when it would be done, if it began then."""
        return plan_document(self.settings, self.made, now=now)

    def lines(self, *, now: datetime | None = None) -> Iterator[str]:
        """What `plan` prints for people, without samples; `now` as of `document`."""
        return plan_lines(self.settings, self.made, now=now)


async def plan(
    campaign: Campaign,
    recipients: Recipients,
    *,
    ledger: str | Path | None = None,
    on_rows: Callable[[int], None] | None = None,
) -> CampaignPlan:
    """Read and check a whole list, send nothing, and open no connection to the service.

    It is work of the processor, about 25 microseconds a row, and done in a thread. Cancelled, it leaves nothing behind.

    Args:
        campaign: of the list.
        recipients: the list.
        ledger: where to write the plan, so that `send` goes on with it; must not exist. None: it is not kept.
        on_rows: called with the number of rows read so far, every thousand.

    Raises:
        UsageError: (ConfigError, InputError) settings or input do not allow a plan.
        LedgerError: the ledger cannot be written, exists, or is in use.
    """

    def work(local: Recipients, halt: Halt) -> CampaignPlan:
        with tempfile.TemporaryDirectory(prefix="bulksend-") as folder:
            path = Path(folder) / "plan.db" if ledger is None else Path(ledger)
            with OwnerLock(path, clock=SystemClock()) as owner:
                return planned(campaign, local, path, owner, halt)

    async with at_hand(recipients, campaign) as local:
        return await in_thread(lambda halt: work(local, halt), told=on_rows)


@asynccontextmanager
async def at_hand(recipients: Recipients, campaign: Campaign) -> AsyncIterator[Recipients]:
    """`recipients`; where they are an object in S3 the name of a copy, as long as the block lasts.

    Region and profile are those of the campaign, else the SDK's; the endpoint is the SDK's.

    Raises:
        UsageError: (InputError) beginning with the address, where it cannot be downloaded.
    """
    if not isinstance(recipients, str) or isinstance(recipients, CopiedName) or not recipients.startswith("s3://"):
        yield recipients
        return
    with tempfile.TemporaryDirectory(prefix="bulksend-") as folder:
        path = Path(folder) / "input"
        async with objects_by(campaign.settings.aws, region=campaign.region) as objects:
            await objects.download(recipients, path)
        yield CopiedName(recipients, path)


def planned(campaign: Campaign, recipients: Recipients, ledger: Path, owner: OwnerLock, halt: Halt) -> CampaignPlan:
    """Plan into `ledger`, which `owner` has locked; blocks."""
    name, stream = _opened(recipients)
    made = make_plan(
        campaign.settings,
        name,
        ledger,
        clock=SystemClock(),
        stdin=stream,
        owner=owner,
        told=halt,
        not_in_key=campaign.not_in_key,
    )
    return CampaignPlan(campaign.settings, made)


def refuse_another(settings: Settings, recipients: Recipients, ledger: Path) -> None:
    """Raise `CampaignChanged` where `ledger` holds another campaign or list; blocks."""
    name, stream = _opened(recipients)
    refuse_changes(settings, name, ledger, stdin=stream)


def _opened(recipients: Recipients) -> tuple[str, BinaryIO | None]:
    """As intake takes it: a name, "-" for the stream beside it."""
    return (str(recipients), None) if isinstance(recipients, str | Path) else ("-", recipients)
