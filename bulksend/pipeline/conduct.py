"""Whether messages may go out now: by the clock, by the recipients' clocks, by order, by the copy of the ledger."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
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
        if self._conditions.timetable.windows is not None:
            self._zones = await self._ledger.zones()
        await self._look()

    async def keep_looking(self) -> None:
        """Look again and again until cancelled. Raises `LedgerError`."""
        while True:
            await self._clock.sleep(min(LOOK_EVERY_S, self._change_in_s()))
            await self._look()

    async def has_more(self) -> bool:
        """Whether lanes that found nothing to claim are to wait: for their time, a person, or the ledger's copy."""
        self._awaited = frozenset()
        if self.cause is not None:
            return False
        pending = await self._ledger.pending_zones(self._conditions.only)
        if self.holds:
            return bool(pending)
        self._awaited = frozenset(zone for zones in pending.values() for zone in zones) & self.closed
        if self._awaited and not self._conditions.timetable.waits:
            self.cause = "it is not the time of day at which recipients may be texted (schedule)"
            return False
        if self._awaited:
            await self._look()
            return True
        # Rows that the copy of the ledger does not permit yet.
        frontier = self._conditions.frontier
        return frontier is not None and any(frontier(bucket) is not None for bucket in pending)

    async def pause(self, reason: str, note: str) -> None:
        """Pause the campaign, by itself, until somebody says that it goes on."""
        self._book.write(replace(self._book.read(), paused=True, reason=reason, note=note, by="", at=self._clock.now()))
        await self._look()

    def stopping(self) -> None:
        """The run awaits its last answers."""
        self.state = RunState(Phase.STOPPING, self.state.reason)

    async def _look(self) -> None:
        now = self._clock.now()
        before, orders = self.orders, self._book.read()
        self.orders = orders
        changed = self._look_at_zones(now)
        if orders.shares != before.shares:
            changed = True
            await self._note("run.slowed", shares=dict(orders.shares), by=orders.by)
        state = self._state(now, orders)
        if state.phase is Phase.STOPPING:
            return
        if (state.phase, state.reason) != (self.state.phase, self.state.reason):
            changed = True
            await self._note_state(state, orders)
        self.state = state
        if changed:
            self._on_change()

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
                return RunState(Phase.WAITING, "window", self._opens_at(now))
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
        never = datetime.max.replace(tzinfo=UTC)
        is_new = closed != self.closed
        if is_new:
            self.closed = closed
            # Whose time is over first goes first: the others can go later.
            closing = {
                zone: windows.closes_at(name, now) or never for zone, name in self._zones.items() if zone not in closed
            }
            self._open = (*sorted(closing, key=lambda zone: (closing[zone], zone)), 0)
        return is_new

    def _opens_at(self, now: datetime) -> datetime | None:
        windows = self._conditions.timetable.windows
        if windows is None:
            return None
        opens = [windows.opens_at(self._zones[zone], now) for zone in self._awaited]
        return min((each for each in opens if each is not None), default=None)

    def _change_in_s(self) -> float:
        """How long it is until time alone changes something."""
        now, timetable = self._clock.now(), self._conditions.timetable
        moments = [timetable.start_at, timetable.last_call]
        if timetable.windows is not None:
            moments += [timetable.windows.next_change(name, now) for name in self._zones.values()]
        soon = now + timedelta(seconds=LOOK_EVERY_S)
        ahead = [moment for moment in moments if moment is not None and now < moment < soon]
        return max(0.001, (min(ahead) - now).total_seconds()) if ahead else LOOK_EVERY_S

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
