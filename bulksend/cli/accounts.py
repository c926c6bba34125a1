"""What the account says about the identities of a campaign: limits that are its to tell, and where the two differ."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog

from bulksend.base.account import Account, AccountUnreadable, Wanted
from bulksend.base.clock import SystemClock
from bulksend.base.errors import UsageError
from bulksend.cli.access import access_of
from bulksend.cli.output import say
from bulksend.cli.running import loop_factory
from bulksend.config.model import AwsSettings, IdentitySettings, Settings, with_limits
from bulksend.origin.disagreements import disagreements
from bulksend.origin.limits import limit_of, wanted_for
from bulksend.pipeline.refusals import refusal_hint
from bulksend.report.account import disagreement_lines
from bulksend.send.account import AccountReader
from bulksend.send.client import ServiceClient

log = structlog.get_logger("bulksend.cli")

CHECK_LIMIT_S = 8.0
"""How long a check may keep a campaign waiting; what was not read by then is not compared."""

READ_TIMEOUT_S = 10.0
"""For an answer about the account, unless less is configured: a page of a list takes well under a second."""

Credentials = tuple[str, str] | None


def resolve_limits(settings: Settings, *, credentials: Credentials = None) -> Settings:
    """Return `settings` with a number for every `mps = "auto"`; no request is made where there is none.

    Starts an event loop of its own, so none may be running.

    Args:
        settings: of a campaign.
        credentials: access key and secret instead of those of the environment, for the simulator.

    Raises:
        UsageError: the account cannot be read, or does not know an identity; nothing else is wrong.
    """
    if not settings.has_auto:
        return settings
    account, _ = _asked(settings, checked=None, credentials=credentials)
    return _resolved(settings, account)


def resolve_and_check(settings: Settings, *, credentials: Credentials = None) -> Settings:
    """As `resolve_limits`; then tell, on standard error and in the log, where configuration and account differ.

    The check (`aws.check_identities`) takes no longer than `CHECK_LIMIT_S`, and never fails: what it could not read, it
    names.
    """
    if not settings.aws.check_identities:
        return resolve_limits(settings, credentials=credentials)
    account, trouble = _asked(settings, checked=wanted_for(settings.identity_records()), credentials=credentials)
    resolved = _resolved(settings, account)
    if trouble:
        log.warning("identities.not_checked", cause=trouble)
        say([f"The identities could not be checked: {trouble}."])
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
    say(disagreement_lines(found))
    return resolved


@asynccontextmanager
async def account_reader(
    aws: AwsSettings, *, credentials: Credentials = None
) -> AsyncIterator[tuple[AccountReader, str]]:
    """A reader of the account, with the real clock, and the region that it reads."""
    clock = SystemClock()
    access = access_of(aws, max_connections=1, credentials=credentials)
    access = replace(access, read_timeout_s=min(access.read_timeout_s, READ_TIMEOUT_S))
    async with ServiceClient(access, clock=clock) as client:
        yield AccountReader(client, clock=clock, random=random.SystemRandom()), client.region


def explained(error: AccountUnreadable) -> AccountUnreadable:
    """`error` with what to do about it."""
    hint = error.hint or refusal_hint(error.reason, error.action)
    return AccountUnreadable(error.operation, error.reason, error.what, hint)


def _asked(settings: Settings, *, checked: Wanted | None, credentials: Credentials) -> tuple[Account, str]:
    """What is known after asking, and why something of `checked` is not; "": nothing is missing."""
    auto = [one for one in settings.identities if one.is_auto]

    async def ask() -> tuple[Account, str]:
        async with account_reader(settings.aws, credentials=credentials) as (reader, _):
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

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(ask())


def _not_told(auto: Sequence[IdentitySettings], error: AccountUnreadable) -> UsageError:
    others = f" and {len(auto) - 1} more" if len(auto) > 1 else ""
    what = f'identities: "{auto[0].id}"{others} has mps = "auto", and {error.what}'
    return UsageError(what, f"{error.hint}; or write the limit, such as mps = {auto[0].known_mps}")


def _resolved(settings: Settings, account: Account) -> Settings:
    def told(one: IdentitySettings) -> int:
        limit = limit_of(account, one.to_identity())
        if limit is None:
            where = f" for {', '.join(one.countries)}" if account.knows(one.id) and one.countries else ""
            why = f"can send nothing by it{where}" if account.knows(one.id) else "does not have it in this region"
            hint = f"correct the id or the region, or write the limit, such as mps = {one.known_mps}"
            raise UsageError(f'identities: "{one.id}" has mps = "auto", and the account {why}', hint)
        log.info("identity.limit", identity=one.id, mps=limit.mps, stated=limit.stated)
        if not limit.stated:
            source = "what its members add up to" if account.pool(one.id) else "what AWS documents for its kind"
            say([f"{one.id}: the account states no limit; {limit.mps} parts/s is {source}."])
        return limit.mps

    return with_limits(settings, told)
