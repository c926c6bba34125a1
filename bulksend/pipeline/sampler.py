"""How fast every bucket went, every few seconds of a run: what is looked at the morning after."""

from collections.abc import Collection

from bulksend.base.clock import Clock
from bulksend.base.ports import Ledger
from bulksend.base.progress import Sample
from bulksend.pipeline.lane import Lane

SAMPLE_EVERY_S = 5.0
"""Eight hours of thirty busy buckets are 170,000 samples, some megabytes of the ledger."""


class Sampler:
    """Records what each bucket let onto the wire since the last look.

    Args:
        ledger: of the campaign.
        clock: for the time between two looks.
    """

    def __init__(self, ledger: Ledger, *, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._before: dict[str, tuple[int, int, int]] = {}

    async def keep_sampling(self, lanes: Collection[Lane]) -> None:
        """Look again and again until cancelled. Raises `LedgerError`."""
        while True:
            await self._clock.sleep(SAMPLE_EVERY_S)
            await self.sample(lanes)

    async def sample(self, lanes: Collection[Lane]) -> None:
        """Look once; buckets in which nothing happened are left out. Raises `LedgerError`."""
        samples = []
        for lane in lanes:
            name, meter = lane.bucket.name, lane.instruments.meter
            now = (meter.messages, meter.parts, meter.throttles)
            messages, parts, throttled = self._before.get(name, (0, 0, 0))
            if now != (messages, parts, throttled) or lane.in_flight:
                samples.append(
                    Sample(
                        at=self._clock.now(),
                        bucket=name,
                        messages=now[0] - messages,
                        parts=now[1] - parts,
                        throttled=now[2] - throttled,
                        allowed=meter.allowed,
                        in_flight=lane.in_flight,
                    )
                )
                self._before[name] = now
        if samples:
            await self._ledger.add_samples(samples)
