"""What has stopped, and how far: a country of an identity, an identity, or the campaign."""

import asyncio
from collections.abc import Callable, Collection, Mapping

import structlog

from bulksend.base.errors import BulksendError, ServiceStop, UsageError
from bulksend.base.ports import Behind, Ledger
from bulksend.base.records import Claim, Outcome, OutcomeKind
from bulksend.pipeline.failover import Failover, Scope
from bulksend.pipeline.refusals import refusal_hint

log = structlog.get_logger("bulksend.pipeline")

UNEXPECTED_IN_A_ROW = 10
"""Refusals for reasons that nobody expects of this operation: after this many without a message accepted between
them, something is wrong that another thousand rows will not cure."""

LOST_IN_A_ROW = 20
"""Messages without a usable answer and none with one between them: going on would make a whole list `unknown`."""

UNREACHED_IN_A_ROW = 5
UNREACHED_S = 2.0
"""So many failures to connect, over so many seconds, before a connection ever stood: endpoint or network is wrong."""


class Breakers:
    """Stops exactly what a refusal condemns, says so once, and keeps the rows behind it from being lost.

    Rows behind a stopped identity go to others that serve their country. Where there is none, and behind a stopped
    route, they stay pending with the refusal as their reason, so that putting the account right and running `resume`
    finishes the job.

    Args:
        ledger: where the rows are.
        failover: who takes over.
        give_up_after_s: after so long without a connection the campaign stops.
        on_moved: called with the buckets that rows were moved to.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        failover: Failover,
        give_up_after_s: float,
        on_moved: Callable[[Collection[str]], None],
    ) -> None:
        self._ledger = ledger
        self._failover = failover
        self._give_up_after_s = give_up_after_s
        self._on_moved = on_moved
        self._stopped: dict[Scope, str] = {}
        self._unexpected = 0
        self._lost = 0
        self._unreached = 0
        self._unreached_since_s: float | None = None
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
    def stopped(self) -> Mapping[Scope, str]:
        """(identity, country; None for all of them) -> reason, for what has stopped so far."""
        return self._stopped

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

    def reached(self) -> None:
        """A connection was there to write a message into."""
        self._reached = True
        self._unreached = 0
        self._unreached_since_s = None

    def accepted(self) -> None:
        """The service took a message."""
        self._lost = self._unexpected = 0

    async def learn(self, claim: Claim, outcome: Outcome, *, now: float) -> None:
        """Draw the consequences of an outcome other than SENT, which came at `now` (monotonic seconds)."""
        if outcome.kind is OutcomeKind.NOT_SENT:
            self._learn_unreached(outcome, now=now)
            return
        reason = outcome.reason or "refused"
        if outcome.kind is OutcomeKind.UNKNOWN:
            self._lost += 1
            if self._lost >= LOST_IN_A_ROW:
                self.stop(
                    ServiceStop(
                        f"{LOST_IN_A_ROW} messages in a row got no answer that says what became of them ({reason})",
                        "find out what is between here and the service, then resume; unknown rows are left alone",
                    )
                )
            return
        self._lost = 0
        match outcome.kind:
            case OutcomeKind.FAILED_ROUTE:
                await self._trip(claim.identity, claim.country, reason)
            case OutcomeKind.FAILED_IDENTITY:
                await self._trip(claim.identity, None, reason)
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

    async def divert_again(self, claims: Collection[Claim]) -> None:
        """Divert rows that came back to the ledger after their breaker had tripped."""
        scopes = {
            scope
            for claim in claims
            for scope in ((claim.identity, None), (claim.identity, claim.country))
            if scope in self._stopped
        }
        rows = [claim.row for claim in claims]
        for identity, country in sorted(scopes, key=str):
            await self._divert(Behind(identity, country, first=min(rows), last=max(rows)))

    async def _trip(self, identity: str, country: str | None, reason: str) -> None:
        if (identity, country) in self._stopped:
            return
        self._stopped[identity, country] = reason
        moved, held = await self._divert(Behind(identity, country))
        log.warning(
            "breaker.tripped",
            identity=identity,
            country=country or "any",
            reason=reason,
            rows_moved=moved,
            rows_held=held,
        )

    async def _divert(self, behind: Behind) -> tuple[int, int]:
        # A route is not worth another try from elsewhere: what forbids it is mostly the country's rules.
        choose = self._failover.without(self._stopped) if behind.country is None else None
        reason = self._stopped[behind.identity, behind.country]
        diverted = await self._ledger.divert(reason, behind, choose)
        if diverted.moved:
            self._on_moved(diverted.moved)
        return sum(diverted.moved.values()), diverted.held

    def _learn_unreached(self, outcome: Outcome, *, now: float) -> None:
        detail = f"{outcome.reason}: {outcome.error_message}" if outcome.error_message else str(outcome.reason)
        hint = "check the network, aws.region and aws.endpoint_url, then run the same command again"
        if self._unreached_since_s is None:
            self._unreached_since_s = now
        self._unreached += 1
        elapsed_s = now - self._unreached_since_s
        if not self._reached and self._unreached >= UNREACHED_IN_A_ROW and elapsed_s >= UNREACHED_S:
            self.stop(UsageError(f"the service cannot be reached ({detail}); nothing was sent in this run", hint))
        elif elapsed_s >= self._give_up_after_s:
            self.stop(ServiceStop(f"the service could not be reached for {elapsed_s:.0f} s ({detail})", hint))


def _refused(outcome: Outcome, what: str) -> ServiceStop:
    # Of most refusals the service's own words say no more than the reason; of this one they say by how much.
    detail = f", {outcome.error_message}" if outcome.reason == "clock_skew" else ""
    return ServiceStop(
        f"{what} ({outcome.error_code}, {outcome.reason}{detail}); what is left stays pending",
        f"{refusal_hint(outcome.reason, 'sms-voice:SendTextMessage')}, then resume",
    )
