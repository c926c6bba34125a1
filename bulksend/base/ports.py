"""What the pipeline needs from the outside world, as Protocols. Real parts are put in by `api`, fakes by tests."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bulksend.base.progress import Counts, RunEnd, Sample
from bulksend.base.records import Claim, Origin, Outcome, Settlement

Release = Callable[[], Awaitable[None]]
"""Returns when the message may go on the wire; the caller writes it at once. Raises `Withheld` when it may not."""


class Withheld(Exception):
    """The message may not go on the wire any more; it was not sent."""


Choose = Callable[[str, str | None], Origin | None]
"""Given a destination (E.164) and its country: whom it is to be sent from; None where nobody serves it."""


@dataclass(frozen=True, slots=True)
class Behind:
    """Which rows are behind a breaker: pending ones of an identity, whatever bucket it is charged to for them.

    Attributes:
        identity: id of the identity.
        country: ISO 3166 alpha-2, where only rows to that country are; None: to any.
        first: lowest number of the rows concerned.
        last: highest number of them; None: the last there is.
    """

    identity: str
    country: str | None = None
    first: int = 1
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Diverted:
    """What became of rows behind a breaker.

    Attributes:
        moved: bucket -> rows that now belong to another identity, and to this bucket.
        held: rows that no other identity can take.
    """

    moved: Mapping[str, int]
    held: int


@dataclass(frozen=True, slots=True)
class Among:
    """Which pending rows of a bucket may be claimed.

    Attributes:
        zones: numbers of the time zones (`Ledger.zones`) whose rows may go, in the order in which they are to; 0 is
            that of the rows that have none.
        last: the highest row number; None: the last there is.
        rows: these rows alone, ascending; None: any.
    """

    zones: tuple[int, ...] = (0,)
    last: int | None = None
    rows: tuple[int, ...] | None = None


ANY = Among()


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

    async def claim(
        self, bucket: str, *, parts: int, rows: int, oversized: bool = True, among: Among = ANY
    ) -> Sequence[Claim]:
        """Take pending rows of `bucket` and make their intent durable: zone by zone, within a zone in input order.

        Takes rows while their parts add up to no more than `parts` and their number to no more than `rows`; with
        `oversized` the first one whatever its parts. Rows that are held or postponed, or not `among` those asked for,
        are passed over. Empty: the next row does not fit, or (with `oversized`) nothing is left.
        """
        ...

    async def postpone(self, row: int, attempt: int, *, throttled: bool, tried: bool = True) -> None:
        """Withdraw the intent of a claimed row that is known not to have been sent, and count the throttle.

        The row is pending again. It is this run's to try again by `retry`: claims pass over it. Without `tried` it
        never went on the wire, and the intent that is withdrawn does not count as an attempt.
        """
        ...

    async def retry(self, attempts: Mapping[int, int]) -> None:
        """Make the intent of another attempt at postponed rows durable: row -> number of the attempt.

        An unknown row may be among them, where duplicates are accepted.
        """
        ...

    async def settle(self, settlement: Settlement) -> None:
        """Record the outcome of a claimed row. A settled row is never settled again with another status."""
        ...

    async def give_back(self, rows: Sequence[int], *, tried: Collection[int] = ()) -> None:
        """Return claimed or postponed rows that are known not to have been sent; they are pending, for anybody.

        The last intent of a claimed row counts as an attempt only if the row is among `tried`: it went on the wire, and
        was refused.
        """
        ...

    async def divert(self, reason: str, behind: Behind, choose: Choose | None = None) -> Diverted:
        """Keep rows from the identity that they are `behind`, and note that and why.

        Each goes to whom `choose` names, unless the input chose its identity; the others are held with `reason`.
        Postponed rows are left alone.
        """
        ...

    async def released_since(self, moment: datetime) -> Mapping[str, int]:
        """Parts of rows whose outcome was recorded at or after `moment` (UTC), by bucket."""
        ...

    async def oversized_since(self, moment: datetime) -> Mapping[str, Sequence[tuple[datetime, int]]]:
        """When and of how many parts, by bucket: rows above its limit with an outcome at or after `moment` (UTC)."""
        ...

    async def recipients_since(self, moment: datetime) -> Collection[str]:
        """Destinations of rows whose outcome was recorded at or after `moment` (UTC)."""
        ...

    async def note_allowed(self, allowed: Mapping[str, float | None]) -> None:
        """Record for buckets what the service seems to allow (`BucketCounts.allows`); the others stay as they are."""
        ...

    async def counts(self) -> Counts:
        """The numbers of this moment, without `reasons`."""
        ...

    async def zones(self) -> Mapping[int, str]:
        """The time zones of rows: number -> IANA names with + between them. Without 0, which is none."""
        ...

    async def pending_zones(self, rows: Sequence[int] | None = None) -> Mapping[str, Collection[int]]:
        """Bucket -> numbers of the time zones, 0 too, of the rows that could be claimed; `rows`: among these alone."""
        ...

    async def add_samples(self, samples: Sequence[Sample]) -> None:
        """Record how fast buckets went."""
        ...

    async def note_event(self, event: str, detail: Mapping[str, object]) -> None:
        """Write something that happened to the campaign into its journal, with the time of now."""
        ...

    async def finish(self, end: RunEnd, cause: str | None, *, throttled: int) -> None:
        """Record how this run ended, and how many throttled answers it had."""
        ...
