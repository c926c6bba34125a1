"""Operations on their way from the event loop to the ledger's thread, and results on their way back."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from bulksend.base.errors import LedgerError
from bulksend.store.grouping import CLAIM_SLICE_ROWS, Operation, SlicedClaim

GATHER_S = 0.008
"""How long outcomes and claims wait for others to share their commit. A commit costs as much processor time as 60
outcomes; without a wait a fast disk makes one for every ten or twenty of them."""

RESOLVE_AT_ONCE = 200
"""Callers that are woken in one turn of the loop; sockets and timers get theirs before the next ones are."""

CLAIM_COST_ROWS = 20
"""What a claim costs beside its rows, in rows. Claims of a group cost no more than one slice, about: where many lanes
claim at the same time, outcomes would wait for all of them."""

CLAIM_ROWS_PER_S = 160_000
"""How fast rows are claimed, about."""

Group = list[tuple[Operation, "asyncio.Future[object]"]]
"""Operations, each with the future of its result."""


class Handover:
    """Between the loop that it belongs to and one thread.

    The loop uses `submit`, `hand_over` and `end`, the thread `next_group`, `answer_group` and `answer`. Operations keep
    their order, but for claims, which others overtake: they are no one's before they are answered.

    Args:
        monotonic: the clock that tells how long a group took.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._loop = asyncio.get_running_loop()
        self._gathered: Group = []
        self._timer: asyncio.TimerHandle | None = None
        self._groups: SimpleQueue[Group | None] = SimpleQueue()
        self._claims: deque[tuple[SlicedClaim, asyncio.Future[object]]] = deque()
        self._ended = False
        self._began_s = self._took_s = 0.0
        self._answers: deque[tuple[asyncio.Future[Any], object]] = deque()

    def submit(self, operation: Operation, *, at_once: bool) -> "asyncio.Future[object]":
        """Return the future result of `operation`; `at_once`: neither it nor what was submitted before waits longer."""
        future: asyncio.Future[object] = self._loop.create_future()
        self._gathered.append((operation, future))
        if at_once:
            self.hand_over()
        elif self._timer is None:
            self._timer = self._loop.call_later(GATHER_S, self.hand_over)
        return future

    def hand_over(self) -> None:
        """Let the thread have what has been gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._gathered:
            self._groups.put(self._gathered)
            self._gathered = []

    def end(self) -> None:
        """Hand over the rest, and tell the thread that nothing comes after it."""
        self.hand_over()
        self._groups.put(None)

    def next_group(self) -> Group | None:
        """What was handed over, once there is something, without claims that are too many; None: nothing comes."""
        group: Group = []
        with suppress(Empty):
            while not self._ended:
                found = self._groups.get(block=not group and not self._claims)
                if found is None:
                    self._ended = True
                else:
                    for operation, future in found:
                        if isinstance(operation, SlicedClaim):
                            self._claims.append((operation, future))
                        else:
                            group.append((operation, future))
        # Half as long as the last group took, where that is more: what waits for a slow disk may wait for claims too.
        room = max(CLAIM_SLICE_ROWS, int(self._took_s * CLAIM_ROWS_PER_S / 2))
        while self._claims and room > 0:
            claim, future = self._claims.popleft()
            claim.slice_rows = max(CLAIM_SLICE_ROWS, room)
            room -= claim.next_rows + CLAIM_COST_ROWS
            group.append((claim, future))
        self._began_s = self._monotonic()
        return group or None

    def answer_group(self, group: Group, results: Sequence[object]) -> None:
        """Have the futures of `group` resolved, but for those of claims that are to go on: they come again."""
        self._took_s = self._monotonic() - self._began_s
        answers: list[tuple[asyncio.Future[Any], object]] = []
        for (operation, future), result in zip(group, results, strict=True):
            if result is None and isinstance(operation, SlicedClaim):
                self._claims.append((operation, future))  # behind the others: a small claim does not wait for a large
            else:
                answers.append((future, result))
        self.answer(answers)

    def answer(self, answers: "Sequence[tuple[asyncio.Future[Any], object]]") -> None:
        """Have futures resolved, in order; an exception is raised to who waits."""
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._take, answers)

    def _take(self, answers: "Sequence[tuple[asyncio.Future[Any], object]]") -> None:
        resolving = bool(self._answers)
        self._answers.extend(answers)
        if not resolving:
            self._resolve()

    def _resolve(self) -> None:
        for _ in range(min(len(self._answers), RESOLVE_AT_ONCE)):
            future, result = self._answers.popleft()
            if future.done():  # cancelled
                continue
            if isinstance(result, LedgerError):
                future.set_exception(_again(result))
            elif isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
        if self._answers:
            self._loop.call_soon(self._resolve)


def _again(error: LedgerError) -> LedgerError:
    """A copy of `error`: many callers raise it, each with its own traceback."""
    copy = type(error).__new__(type(error), *error.args)
    copy.__dict__.update(error.__dict__)
    copy.__cause__ = error.__cause__
    return copy
