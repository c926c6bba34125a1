"""One run to whoever watches from outside, although a canary and the others are sent one after the other."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType

from bulksend.api.hooks import Watch
from bulksend.base.errors import BulksendError
from bulksend.base.progress import RunState
from bulksend.pipeline.policy import LaneProgress
from bulksend.pipeline.tally import Tally
from bulksend.pipeline.watched import Stops, Watched


@dataclass(frozen=True, slots=True)
class _NothingStopped:
    stopped: Mapping[tuple[str, str | None], str] = field(default_factory=lambda: MappingProxyType({}))
    cause: BulksendError | None = None


class Relay:
    """A `Watched` that is whatever part of the run began last; before the first, a run that has not begun."""

    def __init__(self) -> None:
        self._part: Watched | None = None

    def behind(self, watch: Watch) -> Watch:
        """`watch`, by which this learns of each part."""

        @asynccontextmanager
        async def both(part: Watched) -> AsyncIterator[None]:
            self._part = part
            async with watch(part):
                yield

        return both

    @property
    def state(self) -> RunState:
        """What the part is doing."""
        return RunState() if self._part is None else self._part.state

    @property
    def tally(self) -> Tally | None:
        """Its running totals; None before the first has begun."""
        return None if self._part is None else self._part.tally

    @property
    def breakers(self) -> Stops:
        """What has stopped."""
        return _NothingStopped() if self._part is None else self._part.breakers

    def progress(self) -> Sequence[LaneProgress]:
        """How far every bucket is."""
        return () if self._part is None else self._part.progress()
