"""What throttling taught about the limits: in the ledger, where `status` and the next run look."""

from collections.abc import Mapping
from datetime import timedelta

import structlog

from bulksend.base.clock import Clock
from bulksend.base.ports import Ledger
from bulksend.base.progress import BucketCounts
from bulksend.rate.meter import Meter

log = structlog.get_logger("bulksend.pipeline")

RECENT_S = 600.0
"""For how long a later run trusts what an earlier one found that the service allows; then it finds out anew."""

NOTE_EVERY_S = 2.0
NOTEWORTHY = 0.02
"""How often, and from which share of change on, it is recorded what the service seems to allow."""


class LearntLimits:
    """Records what the service seems to allow, bucket by bucket, when it is new.

    Args:
        ledger: of the campaign.
        clock: for the time between two looks.
    """

    def __init__(self, ledger: Ledger, *, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._noted: dict[str, float | None] = {}

    def before(self, counts: BucketCounts) -> float | None:
        """What an earlier run found, unless that was long ago."""
        self._noted[counts.bucket] = counts.allows
        recent = counts.allows_at is not None and self._clock.now() - counts.allows_at < timedelta(seconds=RECENT_S)
        return counts.allows if recent else None

    async def keep_noting(self, meters: Mapping[str, Meter]) -> None:
        """Look again and again until cancelled; `meters` by bucket."""
        while True:
            await self._clock.sleep(NOTE_EVERY_S)
            await self.note(meters)

    async def note(self, meters: Mapping[str, Meter]) -> None:
        """Look once. Raises `LedgerError`."""
        found = {name: meter.allows for name, meter in meters.items()}
        changed = {name: allows for name, allows in found.items() if _differs(allows, self._noted.get(name))}
        if not changed:
            return
        await self._ledger.note_allowed(changed)
        self._noted.update(changed)
        for name, allows in changed.items():
            rounded = None if allows is None else round(allows, 1)
            log.info("bucket.learnt", bucket=name, mps=meters[name].bucket.mps, allows=rounded)


def _differs(allows: float | None, noted: float | None) -> bool:
    if allows is None or noted is None:
        return allows is not noted
    return abs(allows - noted) > NOTEWORTHY * noted
