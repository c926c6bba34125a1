"""The copy of a campaign's ledger in S3, as `[ledger]` has it: fetched where there is none here, kept up in a run."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bulksend.api.access import objects_by
from bulksend.api.campaign import Campaign
from bulksend.base.clock import Clock
from bulksend.pipeline.copies import LedgerCopies, fetch_copy
from bulksend.store.group_commit import GroupCommitLedger


async def fetched(campaign: Campaign, path: Path) -> int | None:
    """Make the copy of the ledger the one at `path`, whose lock the caller holds, where there is none.

    Returns how many rows may have been sent by the machine that was lost, and are `unknown`; None: nothing was fetched.
    Raises what `fetch_copy` raises.
    """
    url = campaign.settings.ledger.copy_to
    if not url or path.exists():  # noqa: ASYNC240 - one look
        return None
    async with objects_by(campaign.settings.aws, region=campaign.region) as objects:
        return await fetch_copy(objects, url, path)


@asynccontextmanager
async def copied(campaign: Campaign, ledger: GroupCommitLedger, *, clock: Clock) -> AsyncIterator[LedgerCopies | None]:
    """Keep the copy up as long as the block lasts, and write the last one when it has ended well; None: there is none.

    Raises what `LedgerCopies.start` and `LedgerCopies.finish` raise.
    """
    settings = campaign.settings.ledger
    if not settings.copy_to:
        yield None
        return
    async with objects_by(campaign.settings.aws, region=campaign.region) as objects:
        copies = LedgerCopies(ledger, objects, url=settings.copy_to, every_s=settings.copy_every_s, clock=clock)
        await copies.start()
        keeping = asyncio.create_task(copies.keep_copying())
        try:
            yield copies
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])
            _ = keeping.cancelled() or keeping.exception()  # it has stopped the run, which says why
        await copies.finish()


async def bring_copy_up_to_date(campaign: Campaign, ledger: GroupCommitLedger, *, clock: Clock) -> None:
    """Copy a ledger in which nothing is left to send, where that was not done; raises what `copied` raises."""
    settings = campaign.settings.ledger
    if settings.copy_to:
        async with objects_by(campaign.settings.aws, region=campaign.region) as objects:
            copies = LedgerCopies(ledger, objects, url=settings.copy_to, every_s=settings.copy_every_s, clock=clock)
            await copies.bring_up_to_date()
