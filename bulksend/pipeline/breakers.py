"""What has stopped, and how far: a country of an identity, an identity, or the campaign."""

import asyncio

import structlog

from bulksend.base.errors import BulksendError, ServiceStop, UsageError
from bulksend.base.ports import Ledger
from bulksend.base.records import Claim, Outcome, OutcomeKind

log = structlog.get_logger("bulksend.pipeline")

UNEXPECTED_IN_A_ROW = 10
"""Refusals for reasons that nobody expects of this operation: after this many without a message accepted between
them, something is wrong that another thousand rows will not cure."""

UNREACHED_IN_A_ROW = 5
"""Failures to reach the service, before it has ever answered in this run: the endpoint or the network is wrong."""


class Breakers:
    """Stops exactly what a refusal condemns, says so once, and holds the rows behind it in the ledger.

    Rows behind a stopped route or identity stay pending with the refusal as their reason, so that putting the account
    right and running `resume` finishes the job.
    """

    def __init__(self, ledger: Ledger, *, give_up_after_s: float) -> None:
        self._ledger = ledger
        self._give_up_after_s = give_up_after_s
        self._stopped: dict[tuple[str, str | None], str] = {}
        self._unexpected = 0
        self._unreached = 0
        self._reached = False
        self.campaign_stopped = asyncio.Event()
        self.cause: BulksendError | None = None

    def reason(self, claim: Claim) -> str | None:
        """Why `claim` may not be sent; None when it may."""
        if self.cause is not None:
            return "campaign_stopped"
        if not self._stopped:
            return None
        return self._stopped.get((claim.identity, None)) or self._stopped.get((claim.identity, claim.country))

    @property
    def stopped(self) -> dict[tuple[str, str | None], str]:
        """(identity, country; None for all of them) -> reason, for what has stopped so far."""
        return dict(self._stopped)

    def summary(self) -> ServiceStop:
        """One line about everything that stopped short of the campaign."""
        scopes = [
            f"{identity} to {country or 'any country'} ({reason})"
            for (identity, country), reason in sorted(self._stopped.items(), key=str)
        ]
        return ServiceStop(
            f"the service refuses {', '.join(scopes)}; the rows behind stay pending",
            "put the account right, then resume",
        )

    async def learn(self, claim: Claim, outcome: Outcome, *, elapsed_s: float) -> None:
        """Draw the consequences of one outcome, `elapsed_s` after the row's first attempt, for all that come after."""
        if outcome.kind is OutcomeKind.NOT_SENT:
            self._learn_unreached(outcome, elapsed_s=elapsed_s)
            return
        self._reached = True
        reason = outcome.reason or "refused"
        match outcome.kind:
            case OutcomeKind.SENT:
                self._unexpected = 0
            case OutcomeKind.FAILED_ROUTE:
                await self._hold(claim.identity, claim.country, reason)
            case OutcomeKind.FAILED_IDENTITY:
                await self._hold(claim.identity, None, reason)
            case OutcomeKind.FAILED_UNEXPECTED:
                self._unexpected += 1
                if self._unexpected >= UNEXPECTED_IN_A_ROW:
                    self.stop(_refused(outcome, f"{UNEXPECTED_IN_A_ROW} messages in a row were refused"))
            case OutcomeKind.STOP:
                self.stop(_refused(outcome, "the service refused the campaign"))
            case _:
                pass

    def stop(self, cause: BulksendError) -> None:
        """Stop the campaign; the first cause is the one that counts."""
        if self.cause is None:
            self.cause = cause
            log.error("campaign.stopped", cause=cause.what)
            self.campaign_stopped.set()

    async def hold_again(self, rows_of: set[tuple[str, str | None]]) -> None:
        """Hold rows that came back to the ledger after their breaker had tripped."""
        for identity, country in rows_of:
            for scope in ((identity, None), (identity, country)):
                if scope in self._stopped:
                    await self._ledger.hold(self._stopped[scope], identity=identity, country=scope[1])
                    break

    async def _hold(self, identity: str, country: str | None, reason: str) -> None:
        if (identity, country) in self._stopped:
            return
        self._stopped[identity, country] = reason
        held = await self._ledger.hold(reason, identity=identity, country=country)
        log.warning("breaker.tripped", identity=identity, country=country or "any", reason=reason, rows_held=held)

    def _learn_unreached(self, outcome: Outcome, *, elapsed_s: float) -> None:
        detail = f"{outcome.reason}: {outcome.error_message}" if outcome.error_message else str(outcome.reason)
        hint = "check the network, aws.region and aws.endpoint_url, then run the same command again"
        self._unreached += 1
        if not self._reached and self._unreached >= UNREACHED_IN_A_ROW:
            self.stop(UsageError(f"the service cannot be reached ({detail}); nothing was sent", hint))
        elif elapsed_s >= self._give_up_after_s:
            self.stop(ServiceStop(f"the service could not be reached for {elapsed_s:.0f} s ({detail})", hint))


def _refused(outcome: Outcome, what: str) -> ServiceStop:
    detail = f": {outcome.error_message}" if outcome.error_message else ""
    hints = {
        "monthly_spend_limit_reached_for_text": "raise the spend limit",
        "access_denied": "allow sms-voice:SendTextMessage (config/iam-policy.json)",
    }
    return ServiceStop(
        f"{what} ({outcome.error_code}, {outcome.reason}{detail}); what is left stays pending",
        f"{hints.get(outcome.reason or '', 'put this right')}, then resume",
    )
