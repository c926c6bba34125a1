"""What type checkers make of the names of the library; for mypy. An ignore that is not needed fails there."""

import asyncio
from pathlib import Path
from typing import assert_type

from bulksend import Campaign, CampaignPlan, Progress, Question, Summary, plan, resume, send, status
from bulksend.base.records import Status


async def agrees(question: Question) -> bool:
    """An asynchronous answer."""
    return question.messages < 10


def shows(progress: Progress) -> None:
    """Progress is typed."""
    assert_type(progress.left, int)
    assert_type(progress.buckets[0].rate, float)


async def everything(path: Path) -> None:
    """What goes in, and what comes out."""
    campaign = Campaign.load(path, environ={}, overrides=["campaign.name=typed"])
    assert_type(campaign, Campaign)
    made = await plan(campaign, path)
    assert_type(made, CampaignPlan)
    assert_type(made.totals.rows, int)
    sent = await send(campaign, "list.csv", ledger=path, confirm=agrees, on_progress=shows, stop=asyncio.Event())
    assert_type(sent, Summary)
    assert_type(sent.counts.of(Status.SENT), int)
    assert_type(await resume("sale.db", limit=5, confirm=lambda question: not question.again), Summary)
    assert_type(await status(path), Summary)


async def mistakes(campaign: Campaign, path: Path) -> None:
    """What is refused before it runs."""
    await send(campaign, "list.csv")  # type: ignore[call-arg]  # without a ledger nothing is sent
    await send(campaign, 7, ledger=path)  # type: ignore[arg-type]
    await send(campaign, "list.csv", ledger=path, resend_unknown=True)  # type: ignore[call-arg]  # `resume` alone
    campaign.region = "eu-west-1"  # type: ignore[misc]  # frozen
