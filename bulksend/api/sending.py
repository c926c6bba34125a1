"""`send` and `resume`, for programs and for the commands of those names."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import structlog

from bulksend.api.access import Credentials
from bulksend.api.campaign import NO_VARIABLES, Campaign
from bulksend.api.canary import Decide
from bulksend.api.hooks import Hooks
from bulksend.api.notices import Notice
from bulksend.api.planning import Recipients
from bulksend.api.progress import OnProgress
from bulksend.api.run import Confirm, Manner, Run
from bulksend.api.sender import Extent
from bulksend.api.summary import Summary
from bulksend.api.threads import in_thread, orderly

NO_HOOKS = Hooks()


def unheard(notice: Notice) -> None:
    """Nobody listens."""
    del notice


async def send(
    campaign: Campaign,
    recipients: Recipients,
    *,
    ledger: str | Path,
    limit: int | None = None,
    confirm: Confirm | None = None,
    decide: Decide | None = None,
    stop: asyncio.Event | None = None,
    on_progress: OnProgress | None = None,
    on_notice: Callable[[Notice], None] = unheard,
    hooks: Hooks = NO_HOOKS,
) -> Summary:
    """Plan a campaign, or go on with it, then send it; returns when it is done, or has stopped in order.

    The whole list is read, checked and recorded in the ledger before the first message goes out. Called again with the
    same ledger it goes on where it ended, and nobody is texted twice by it.

    Cancelled, it stops as `stop` would have it, which takes up to `aws.stop_grace_s`, and raises CancelledError then.

    Args:
        campaign: to send.
        recipients: its list.
        ledger: of the campaign; made where it does not exist. One campaign has one, and no two runs share it at once.
        limit: rows to send in this run, at most; the rest stays pending.
        confirm: asked once, when everything is known and nothing is sent; None: the call is consent enough.
        decide: asked whether the campaign goes on although its canary broke a limit of [canary]; None: it does not.
        stop: when it is set, nothing new is sent, and answers on their way are awaited. Before sending has begun that
            raises `Interrupted`; after that a summary is returned.
        on_progress: called every second while messages go out, and once at the end. What it raises stops the run.
        on_notice: called with what a person would be told.
        hooks: what is called in the course of the run.

    Raises:
        CampaignChanged: the ledger holds another campaign or list; nothing was sent.
        UsageError: (ConfigError, InputError) nothing was sent.
        LedgerError: the ledger cannot be used (exit code 2: nothing was sent), or could not be written any more (3).
        CampaignStopped: the service refuses to go on; it has the summary.
        Interrupted: `stop` was set before anything was sent.
    """
    _leave_logs_to_logging()
    manner = Manner(
        extent=Extent(limit=limit),
        resend_unknown=False,
        confirm=confirm,
        decide=decide,
        on_progress=on_progress,
        on_notice=on_notice,
        hooks=hooks,
    )
    return await orderly(Run(campaign, Path(ledger), manner, recipients=recipients).run, stop)


async def resume(
    ledger: str | Path,
    *,
    environ: Mapping[str, str] = NO_VARIABLES,
    overrides: Sequence[str] = (),
    credentials: Credentials = None,
    limit: int | None = None,
    resend_unknown: bool = False,
    confirm: Confirm | None = None,
    decide: Decide | None = None,
    stop: asyncio.Event | None = None,
    on_progress: OnProgress | None = None,
    on_notice: Callable[[Notice], None] = unheard,
    hooks: Hooks = NO_HOOKS,
) -> Summary:
    """Go on with the campaign in `ledger`; needs no list and no settings.

    Args:
        ledger: of the campaign.
        environ: AWS_REGION alone is taken from it.
        overrides: `section.key=value` each, for this run: how, when and how fast it is sent.
        credentials: access key and secret instead of those that the SDK finds.
        limit: as of `send`.
        resend_unknown: send rows again of which nobody knows whether they were sent: some people may get it twice.
        confirm: as of `send`.
        decide: as of `send`.
        stop: as of `send`.
        on_progress: as of `send`.
        on_notice: as of `send`.
        hooks: as of `send`.

    Raises:
        As `send`, but CampaignChanged: what the ledger holds is what is sent.
    """
    _leave_logs_to_logging()
    manner = Manner(
        extent=Extent(limit=limit),
        resend_unknown=resend_unknown,
        confirm=confirm,
        decide=decide,
        on_progress=on_progress,
        on_notice=on_notice,
        hooks=hooks,
    )
    path = Path(ledger)

    async def run(stopping: asyncio.Event) -> Summary:
        campaign = await in_thread(
            lambda _: Campaign.of_ledger(path, environ=environ, overrides=overrides, credentials=credentials)
        )
        return await Run(campaign, path, manner).run(stopping)

    return await orderly(run, stop)


def _leave_logs_to_logging() -> None:
    """Where the program has not set structlog up, which would print: to `logging`, under the name `bulksend`."""
    if not structlog.is_configured():
        logging.getLogger("bulksend").addHandler(logging.NullHandler())
        structlog.configure(
            # In one line of text: as `extra`, a field could have the name of one that a LogRecord has already.
            processors=[structlog.stdlib.filter_by_level, structlog.processors.LogfmtRenderer(key_order=["event"])],
            wrapper_class=structlog.stdlib.BoundLogger,
            logger_factory=structlog.stdlib.LoggerFactory(),
        )
