"""What a run shows of itself to whoever watches it: a screen, a log, a collector of metrics."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from bulksend.base.errors import BulksendError
from bulksend.base.progress import RunState
from bulksend.pipeline.tally import Tally

if TYPE_CHECKING:
    from bulksend.pipeline.policy import LaneProgress


class Stops(Protocol):
    """What the service refuses for more than one recipient."""

    @property
    def stopped(self) -> Mapping[tuple[str, str | None], str]:
        """(identity, country; None for all of them) -> reason."""
        ...

    @property
    def cause(self) -> BulksendError | None:
        """Why the whole run stops; None as long as it does not."""
        ...


class Watched(Protocol):
    """A run, as it is at this moment. To be looked at from its own event loop alone."""

    @property
    def state(self) -> RunState:
        """What it is doing."""
        ...

    @property
    def tally(self) -> Tally | None:
        """Its running totals; None before it has begun."""
        ...

    @property
    def breakers(self) -> Stops:
        """What has stopped."""
        ...

    def progress(self) -> "Sequence[LaneProgress]":
        """How far every bucket is."""
        ...
