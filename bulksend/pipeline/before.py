"""What an earlier run has just released: a job that is started every few seconds must not begin as if it had not."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from bulksend.base.clock import Clock
from bulksend.base.ports import Ledger
from bulksend.base.progress import Counts

LATELY_S = 1.2
"""How far back to look for what was released: a second, and the headroom, and the answer's way back."""

MAX_PARTS = 11
"""Of the longest text, and so the seconds that it takes at the lowest limit."""


@dataclass(frozen=True, slots=True)
class Before:
    """What earlier runs of a campaign leave to the next one.

    Attributes:
        parts: released within the last moments, by bucket.
        owed_s: for how long each bucket still pays for a message of more parts than its limit.
        recipients: who was sent something within the last moments.
    """

    parts: Mapping[str, int]
    owed_s: Mapping[str, float]
    recipients: Collection[str]


async def look_back(ledger: Ledger, counts: Counts, *, headroom: float, clock: Clock) -> Before:
    """Ask `ledger`, of which `counts` are the numbers, what was released shortly before now."""
    now = clock.now()
    lately = now - timedelta(seconds=LATELY_S)
    rates = {bucket.bucket: bucket.mps * (1.0 - headroom) for bucket in counts.buckets}
    oversized = await ledger.oversized_since(now - timedelta(seconds=MAX_PARTS + LATELY_S))
    return Before(
        parts=await ledger.released_since(lately),
        owed_s={
            name: max(parts / rates[name] - (now - at).total_seconds() for at, parts in found)
            for name, found in oversized.items()
        },
        recipients=await ledger.recipients_since(lately),
    )
