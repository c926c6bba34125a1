"""What the account says about the identities of a campaign: limits that are its to tell, and where the two differ."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog

from bulksend.api.access import Credentials, access_by
from bulksend.api.campaign import Campaign
from bulksend.api.notices import Differing, LimitAssumed, NotChecked, Notice
from bulksend.base.account import Account, AccountUnreadable, Wanted
from bulksend.base.clock import Clock, SystemClock
from bulksend.base.errors import UsageError
from bulksend.config.model import AwsSettings, IdentitySettings, Settings, with_limits
from bulksend.origin.disagreements import disagreements
from bulksend.origin.limits import limit_of, wanted_for
from bulksend.pipeline.refusals import refusal_hint
from bulksend.send.account import AccountReader
from bulksend.send.client import ServiceClient

log = structlog.get_logger("bulksend.api")

CHECK_LIMIT_S = 8.0
"""How long a check may keep a campaign waiting; what was not read by then is not compared."""

READ_TIMEOUT_S = 10.0
"""For an answer about the account, unless less is configured: a page of a list takes well under a second."""

Tell = Callable[[Notice], None]


async def resolve_limits(campaign: Campaign, tell: Tell) -> Settings:
    """Return the settings with a number for every `mps = "auto"`; no request is made where there is none.

    Raises:
        UsageError: the account cannot be read, or does not know an identity; nothing else is wrong.
    """
    if not campaign.settings.has_auto:
        return campaign.settings
    account, _ = await _asked(campaign, checked=None)
    return _resolved(campaign.settings, account, tell)


async def resolve_and_check(campaign: Campaign, tell: Tell) -> Settings:
    """As `resolve_limits`; then tell where configuration and account differ.

    The check (`aws.check_identities`) takes no longer than `CHECK_LIMIT_S`, and never fails: what it could not read, it
    names.
    """
    settings = campaign.settings
    if not settings.aws.check_identities:
        return await resolve_limits(campaign, tell)
    account, trouble = await _asked(campaign, checked=wanted_for(settings.identity_records()))
    resolved = _resolved(settings, account, tell)
    if trouble:
        log.warning("identities.not_checked", cause=trouble)
        tell(NotChecked(trouble))
    by_account = {one.id for one in settings.identities if one.is_auto}
    found = tuple(
        one
        for one in disagreements(
            resolved.identity_records(), account, message_type=settings.campaign.message_type or None
        )
        # Of limits that it stated itself it may have several in one bucket, where the lowest holds.
        if not (one.kind == "mps_below" and one.identity in by_account)
    )
    for one in found:
        log.warning("identity.differs", kind=one.kind, identity=one.identity, says=one.says)
    if found:
        tell(Differing(found))
    return resolved


@asynccontextmanager
async def reader_of_account(
    aws: AwsSettings, *, region: str, credentials: Credentials = None
) -> AsyncIterator[tuple[AccountReader, str]]:
    """A reader of the account, with the real clock, and the region that it reads."""
    clock = SystemClock()
    async with client_of_account(aws, region=region, clock=clock, credentials=credentials) as client:
        yield AccountReader(client, clock=clock, random=random.SystemRandom()), client.region


def client_of_account(aws: AwsSettings, *, region: str, clock: Clock, credentials: Credentials = None) -> ServiceClient:
    """What makes requests about the account, one at a time."""
    access = access_by(aws, region=region, max_connections=1, credentials=credentials)
    return ServiceClient(replace(access, read_timeout_s=min(access.read_timeout_s, READ_TIMEOUT_S)), clock=clock)


def explained(error: AccountUnreadable) -> AccountUnreadable:
    """`error` with what to do about it."""
    hint = error.hint or refusal_hint(error.reason, error.action)
    return AccountUnreadable(error.operation, error.reason, error.what, hint)


async def _asked(campaign: Campaign, *, checked: Wanted | None) -> tuple[Account, str]:
    """What is known after asking, and why something of `checked` is not; "": nothing is missing."""
    settings = campaign.settings
    auto = [one for one in settings.identities if one.is_auto]
    reading = reader_of_account(settings.aws, region=campaign.region, credentials=campaign.credentials)
    async with reading as (reader, _):
        if auto:
            try:
                await reader.read(wanted_for(one.to_identity() for one in auto))
            except AccountUnreadable as error:
                raise _not_told(auto, explained(error)) from None
        try:
            if checked is not None:
                async with asyncio.timeout(CHECK_LIMIT_S):
                    await reader.read(checked)
        except AccountUnreadable as error:
            return reader.account, str(explained(error)).rstrip(".")
        except TimeoutError:
            return reader.account, f"the account was not read in {CHECK_LIMIT_S:g} s"
        return reader.account, ""


def _not_told(auto: Sequence[IdentitySettings], error: AccountUnreadable) -> UsageError:
    others = f" and {len(auto) - 1} more" if len(auto) > 1 else ""
    what = f'identities: "{auto[0].id}"{others} has mps = "auto", and {error.what}'
    return UsageError(what, f"{error.hint}; or write the limit, such as mps = {auto[0].known_mps}")


def _resolved(settings: Settings, account: Account, tell: Tell) -> Settings:
    def told(one: IdentitySettings) -> int:
        limit = limit_of(account, one.to_identity())
        if limit is None:
            where = f" for {', '.join(one.countries)}" if account.knows(one.id) and one.countries else ""
            why = f"can send nothing by it{where}" if account.knows(one.id) else "does not have it in this region"
            hint = f"correct the id or the region, or write the limit, such as mps = {one.known_mps}"
            raise UsageError(f'identities: "{one.id}" has mps = "auto", and the account {why}', hint)
        log.info("identity.limit", identity=one.id, mps=limit.mps, stated=limit.stated)
        if not limit.stated:
            tell(LimitAssumed(one.id, limit.mps, of_members=account.pool(one.id) is not None))
        return limit.mps

    return with_limits(settings, told)
