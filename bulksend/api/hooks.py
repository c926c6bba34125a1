"""What a program may put around a run: the command line has its terminal, its signals and its measurements there."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from bulksend.base.ports import Gateway, Ledger
from bulksend.pipeline.watched import Watched

Watch = Callable[[Watched], AbstractAsyncContextManager[None]]
"""Shows the progress of a run while its context is open."""

Interpose = Callable[[Ledger, Gateway], tuple[Ledger, Gateway]]
"""Gets the real ledger and gateway of a run, and returns what is used in their places."""


def nothing_between(ledger: Ledger, gateway: Gateway) -> tuple[Ledger, Gateway]:
    """The real parts as they are."""
    return ledger, gateway


@asynccontextmanager
async def unwatched(run: Watched) -> AsyncIterator[None]:
    """Nobody looks."""
    del run
    yield


def nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What is called in the course of a run.

    Attributes:
        ready: everything is loaded and open, and nothing has been sent: what holds up the event loop is done now.
        interpose: puts something between the pipeline and the real parts; how tests crash a run at a certain point.
        watch: is entered when sending begins, and left when it has ended.
        attended: somebody watches, who will see it when the campaign is paused by itself (guard.action = "auto").
    """

    ready: Callable[[], None] = nothing
    interpose: Interpose = nothing_between
    watch: Watch = unwatched
    attended: bool = False
