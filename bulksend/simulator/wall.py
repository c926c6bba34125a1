"""The service's own wall clock, which need not agree with this machine's."""

from datetime import datetime, timedelta

from bulksend.base.clock import Clock


class ServiceClock:
    """The port `Clock`, with a calendar that is ahead of another clock's by `offset_s` seconds."""

    def __init__(self, clock: Clock, *, offset_s: float) -> None:
        self._clock = clock
        self._offset = timedelta(seconds=offset_s)

    def monotonic(self) -> float:
        """As the other clock."""
        return self._clock.monotonic()

    def now(self) -> datetime:
        """The service's time, in UTC."""
        return self._clock.now() + self._offset

    async def sleep(self, seconds: float) -> None:
        """As the other clock."""
        await self._clock.sleep(seconds)
