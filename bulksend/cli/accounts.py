"""What the account says about identities, asked by a command that has no event loop yet."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bulksend.api import accounts
from bulksend.api.accounts import explained
from bulksend.api.campaign import region_of
from bulksend.base.clock import SystemClock
from bulksend.cli.access import campaign_of
from bulksend.cli.notices import say_notice
from bulksend.cli.running import loop_factory
from bulksend.config.model import AwsSettings, Settings
from bulksend.send.account import AccountReader
from bulksend.send.account_opt_outs import OptOutReader

__all__ = ["account_reader", "explained", "opt_out_reader", "resolve_limits"]

Credentials = tuple[str, str] | None


def resolve_limits(settings: Settings, *, credentials: Credentials = None) -> Settings:
    """As `api.accounts.resolve_limits`; starts an event loop of its own, so none may be running."""
    campaign = campaign_of(settings, credentials=credentials)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(accounts.resolve_limits(campaign, say_notice))


@asynccontextmanager
async def account_reader(
    aws: AwsSettings, *, credentials: Credentials = None
) -> AsyncIterator[tuple[AccountReader, str]]:
    """A reader of the account, with the real clock, and the region that it reads."""
    region = region_of(os.environ)
    async with accounts.reader_of_account(aws, region=region, credentials=credentials) as reader:
        yield reader


@asynccontextmanager
async def opt_out_reader(aws: AwsSettings) -> AsyncIterator[tuple[OptOutReader, str]]:
    """A reader of opt-out lists, with the real clock, and the region that it reads."""
    clock = SystemClock()
    async with accounts.client_of_account(aws, region=region_of(os.environ), clock=clock) as client:
        yield OptOutReader(client, clock=clock, random=random.SystemRandom()), client.region
