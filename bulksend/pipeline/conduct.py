"""Whether messages may go out now: by the clock, by the recipients' clocks, by order, by the copy of the ledger."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType

import structlog

from bulksend.base.clock import Clock
from bulksend.base.orders import OrderBook, Orders
from bulksend.base.ports import Among, Ledger
from bulksend.base.progress import Phase, RunState
from bulksend.schedule.windows import SendWindows

log = structlog.get_logger("bulksend.pipeline")

LOOK_EVERY_S = 0.5
"""How often orders are looked for, and so how long it takes until a pause begins."""

_NEVER = datetime.max.replace(tzinfo=UTC)

Frontier = Callable[[str], int | None]
"""Given a bucket: the highest row that may be claimed for now; None: any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """When messages may go out at all.

    Attributes:
        start_at: not before, UTC; None: at once.
        last_call: not from then on, UTC; None: for ever.
        windows: in recipients' own time; None: at any.
        waits: a run waits for its time; else it ends when there is nothing it may send.
    """

    start_at: datetime | None = None
    last_call: datetime | None = None
    windows: SendWindows | None = None
    waits: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a run has to keep to besides the limits.

    Attributes:
        timetable: when.
        only: the rows that may go, ascending; None: all of them.
        frontier: how far.
    """

    timetable: Timetable = field(default_factory=Timetable)
    only: tuple[int, ...] | None = None
    frontier: Frontier | None = None


class Conduct:
    """Says when lanes have to hold, when they may go on, which rows they may take, and at what share of their limits.

    Attributes:
        state: what the run is doing, and why.
        closed: numbers of the time zones in which it is not the time of day; looked at for every message.
        valid_until: from then on, UTC, `state` and `closed` may not be true any more: a machine may sleep past it.
        cause: why nothing more goes out in this run, as a sentence; None as long as something may.
        orders: that hold.

    Args:
        ledger: of the campaign.
        book: where orders are.
        conditions: see there.
        clock: for everything that waits.
        on_change: called when lanes have to hold, or may go on, or may find rows that they could not take before.
    """

    def __init__(
        self, ledger: Ledger, book: OrderBook, conditions: Conditions, *, clock: Clock, on_change: Callable[[], None]
    ) -> None:
        self._ledger = ledger
        self._book = book
        self._conditions = conditions
        self._clock = clock
        self._on_change = on_change
        self._zones: Mapping[int, str] = MappingProxyType({})
        self._open: tuple[int, ...] = (0,)
        self._awaited: frozenset[int] = frozenset()  # closed zones whose rows are all that is left
        self.closed: frozenset[int] = frozenset()
        self.valid_until = _NEVER
        self.state = RunState()
        self.cause: str | None = None
        self.orders = Orders()

    @property
    def holds(self) -> bool:
        """Whether nothing may go out now."""
        return self.state.phase is not Phase.SENDING

    def among(self, bucket: str) -> Among:
        """Which rows of `bucket` may be claimed now; those whose time is over first come first."""
        frontier = self._conditions.frontier
        return Among(self._open, None if frontier is None else frontier(bucket), self._conditions.only)

    async def begin(self) -> None:
        """Look for the first time."""
        self._zones = await self._ledger.zones()
        if self._conditions.timetable.windows is None:  # a plan may know zones all the same: open, every one
            self._open = (*sorted(self._zones), 0)
        else:
            self.closed = frozenset(self._zones)  # until looked at
        await self._look()

    async def keep_looking(self) -> None:
        """Look again and again until cancelled. Raises `LedgerError`."""
        while True:
            change_in_s = (self.valid_until - self._clock.now()).total_seconds()
            await self._clock.sleep(min(LOOK_EVERY_S, max(0.001, change_in_s)))
            await self._look()

    async def has_more(self) -> bool:
        """Whether lanes that found nothing to claim are to wait: for their time, a person, or the ledger's copy."""
        if self.cause is not None:
            return False
        pending = await self._ledger.pending_zones(self._conditions.only)
        if self.holds:
            return bool(pending)
        zones = frozenset(zone for zones in pending.values() for zone in zones)
        if zones and zones <= self.closed:
            if not self._conditions.timetable.waits:
                self.cause = "it is not the time of day at which recipients may be texted (schedule)"
                return False
            if not self._opens_in_time(zones):
                self.cause = "the time of day at which those who are left may be texted does not come (schedule)"
                return False
            self._awaited = zones
            await self._look()
            return True
        if zones & self.closed and self._conditions.timetable.waits:
            return True
        # Rows that the copy of the ledger does not permit yet; those of closed zones must not hold them up.
        frontier = self._conditions.frontier
        return frontier is not None and any(frontier(bucket) is not None for bucket in pending)

    async def pause(self, reason: str, note: str) -> None:
        """Pause the campaign, by itself, until somebody says that it goes on."""
        now = self._clock.now()
        self._book.change(lambda orders: replace(orders, paused=True, reason=reason, note=note, by="", at=now))
        await self._look()

    def stopping(self) -> None:
        """The run awaits its last answers."""
        self.state = RunState(Phase.STOPPING, self.state.reason)

    async def _look(self) -> None:
        now = self._clock.now()
        before, orders = self.orders, self._book.read()
        self.orders = orders
        changed = self._look_at_zones(now)
        self.valid_until = self._next_change(now)
        is_slowed = orders.shares != before.shares
        was, state = self.state, self._state(now, orders)
        is_other = (state.phase, state.reason) != (was.phase, was.reason)
        self.state = state
        # Before anything is awaited: messages go out while a note is on its way to the disk, and others may look.
        if changed or is_slowed or is_other:
            self._on_change()
        if is_slowed:
            await self._note("run.slowed", shares=dict(orders.shares), by=orders.by)
        if is_other:
            await self._note_state(state, orders)

    def _state(self, now: datetime, orders: Orders) -> RunState:
        timetable = self._conditions.timetable
        if self.state.phase is Phase.STOPPING:
            return self.state
        if timetable.last_call is not None and now >= timetable.last_call:
            self.cause = "the deadline has passed (schedule.deadline)"
            return RunState(Phase.WAITING, "deadline")
        if orders.paused:
            return self._waiting(RunState(Phase.PAUSED, orders.reason), orders.note or "the campaign is paused")
        if timetable.start_at is not None and now < timetable.start_at:
            state = RunState(Phase.WAITING, "start_at", timetable.start_at)
            return self._waiting(state, f"it begins at {timetable.start_at:%Y-%m-%d %H:%M} UTC (schedule.start_at)")
        if self._awaited:
            if self._awaited <= self.closed:
                return RunState(Phase.WAITING, "window", self._opens_at(self._awaited, now))
            self._awaited = frozenset()
        return RunState()

    def _waiting(self, state: RunState, cause: str) -> RunState:
        if not self._conditions.timetable.waits:
            self.cause = cause
        return state

    def _look_at_zones(self, now: datetime) -> bool:
        """Find out where it is the time of day; whether something has opened or closed."""
        windows = self._conditions.timetable.windows
        if windows is None or not self._zones:
            return False
        closed = frozenset(zone for zone, name in self._zones.items() if not windows.is_open(name, now))
        is_new = closed != self.closed
        if is_new:
            self.closed = closed
            # Whose time is over first goes first: the others can go later.
            closing = {
                zone: windows.closes_at(name, now) or _NEVER for zone, name in self._zones.items() if zone not in closed
            }
            self._open = (*sorted(closing, key=lambda zone: (closing[zone], zone)), 0)
        return is_new

    def _opens_in_time(self, zones: Collection[int]) -> bool:
        opens_at, last_call = self._opens_at(zones, self._clock.now()), self._conditions.timetable.last_call
        return opens_at is not None and (last_call is None or opens_at < last_call)

    def _opens_at(self, zones: Collection[int], now: datetime) -> datetime | None:
        windows = self._conditions.timetable.windows
        if windows is None:
            return None
        opens = [windows.opens_at(self._zones[zone], now) for zone in zones]
        return min((each for each in opens if each is not None), default=None)

    def _next_change(self, now: datetime) -> datetime:
        """The next moment after `now` at which time alone changes something."""
        timetable = self._conditions.timetable
        moments = [timetable.start_at, timetable.last_call]
        if timetable.windows is not None:
            moments += [timetable.windows.next_change(name, now) for name in self._zones.values()]
        return min((moment for moment in moments if moment is not None and now < moment), default=_NEVER)

    async def _note_state(self, state: RunState, orders: Orders) -> None:
        detail: dict[str, object] = {"reason": state.reason} if state.reason else {}
        if state.until is not None:
            detail["until"] = state.until.isoformat()
        if state.phase is Phase.PAUSED:
            detail |= {"by": orders.by} if orders.by else {}
            detail |= {"note": orders.note} if orders.note else {}
        names = {Phase.SENDING: "run.resumed", Phase.PAUSED: "run.paused", Phase.WAITING: "run.waiting"}
        await self._note(names[state.phase], **detail)

    async def _note(self, event: str, **detail: object) -> None:
        log.info(event, **detail)
        await self._ledger.note_event(event, detail)
