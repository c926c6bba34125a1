"""What the pipeline needs from the outside world, as Protocols. Real parts are put in by `cli`, fakes by tests."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bulksend.base.records import Claim, Counts, Outcome, RunEnd, Settlement

Release = Callable[[], Awaitable[None]]
"""Returns when the message may go on the wire; the caller writes it at once. Raises `Withheld` when it may not."""


class Withheld(Exception):
    """The message may not go on the wire any more; it was not sent."""


class Gateway(Protocol):
    """Puts one message on the wire."""

    async def send(self, claim: Claim, release: Release) -> Outcome:
        """Send `claim` once and say what became of it.

        Everything that takes time (serialising, signing, DNS, connecting, TLS) is done first; then `release` is
        awaited exactly once; then the request is written without another wait. A failure before `release` returned
        is NOT_SENT by construction. Never retries, never raises for what the service or the network did; what
        `release` raises goes through.
        """
        ...


class Ledger(Protocol):
    """The durable record of a campaign, as the sender uses it. Every method returns when its effect is on disk.

    All of them raise `LedgerError` when the ledger cannot be written; nothing more may be sent then.
    """

    async def claim(self, bucket: str, *, parts: int, rows: int) -> Sequence[Claim]:
        """Take pending rows of `bucket` in input order and make their intent durable.

        Takes rows while their parts add up to no more than `parts` and their number to no more than `rows`, but
        always at least one where one is left. Rows held by a breaker are passed over. Empty: nothing is left.
        """
        ...

    async def retry(self, row: int, attempt: int, *, throttled: bool) -> None:
        """Make the intent of another attempt at a row that is already claimed durable; count the throttle."""
        ...

    async def settle(self, settlement: Settlement) -> None:
        """Record the outcome of a claimed row. A settled row is never settled again with another status."""
        ...

    async def release(self, rows: Sequence[int], *, tried: Collection[int] = ()) -> None:
        """Return claimed rows that are known not to have been sent; they are pending again.

        The last intent of a row counts as an attempt only if the row is among `tried`: it went on the wire, and was
        refused.
        """
        ...

    async def hold(self, reason: str, *, identity: str, country: str | None = None) -> int:
        """Hold the pending rows of an identity (to one country, if given) with `reason`; return how many."""
        ...

    async def sent_since(self, moment: datetime) -> Mapping[str, int]:
        """Parts whose acceptance was recorded at or after `moment` (UTC), by bucket."""
        ...

    async def counts(self) -> Counts:
        """The numbers of this moment, without `reasons`."""
        ...

    async def finish(self, end: RunEnd, cause: str | None, *, throttled: int) -> None:
        """Record how this run ended, and how many throttled answers it had."""
        ...
