"""A look at a campaign: the picture that its run gives of it, or its ledger."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bulksend.base.orders import Orders
from bulksend.base.progress import Breaker, BucketCounts, Counts, JournalEntry, Phase, Run, RunEnd, RunState
from bulksend.base.records import OutcomeKind, Status
from bulksend.report.picture import BucketPicture, Left, Picture, Stop, Trouble, hints

if TYPE_CHECKING:  # a look at a ledger need not load what sends
    from bulksend.pipeline.policy import LaneProgress
    from bulksend.pipeline.tally import Tally
    from bulksend.pipeline.watched import Watched

SLOWER = 0.95
"""Below this share of its limit a bucket counts as one that goes slower than it might."""

MOST_TROUBLES = 8

OPERATOR = "operator"
THROTTLED = "throttled"


def look_at_run(watched: "Watched", *, campaign: str, ledger: str, now: datetime) -> Picture:
    """How a run of this process is going.

    Args:
        watched: the run.
        campaign: its name; "" where that says nothing.
        ledger: its path, for people; "" where nobody else can use it.
        now: UTC.
    """
    tally, state = watched.tally, watched.state
    if tally is None:
        return Picture(campaign=campaign, now=now, state=None, standing="starting")
    stops = tuple(Stop(identity, country, reason) for (identity, country), reason in watched.breakers.stopped.items())
    lanes = [lane for lane in watched.progress() if lane.messages or lane.messages_done]
    return Picture(
        campaign=campaign,
        now=now,
        state=state,
        by_status=tally.by_status,
        throttled=tally.throttled,
        buckets=tuple(_lane(lane, state, is_stopped=bool(stops)) for lane in lanes),
        stops=stops,
        troubles=_troubles(tally),
        hints=hints(ledger, state.phase) if ledger else (),
    )


def _lane(lane: "LaneProgress", state: RunState, *, is_stopped: bool) -> BucketPicture:
    # Rows that came here from another bucket are on top of what the plan gave this one.
    messages = max(lane.messages, lane.messages_done)
    slower = THROTTLED if lane.throttled and lane.allowed < SLOWER * lane.mps else ""
    left: float | Left = Left.UNKNOWN
    if lane.messages_done >= messages:
        left = Left.DONE
    elif is_stopped and not lane.rate and state.phase is Phase.SENDING:
        left = Left.HELD
    elif lane.allowed:
        left = max(0, lane.parts - lane.parts_done) / lane.allowed
    return BucketPicture(
        bucket=lane.bucket,
        mps=lane.mps,
        allowed=lane.allowed,
        rate=lane.rate,
        messages=messages,
        messages_done=lane.messages_done,
        throttled=lane.throttled,
        slower=OPERATOR if lane.bucket in state.ordered else slower,
        left=left,
    )


def _troubles(tally: "Tally") -> tuple[Trouble, ...]:
    """What was refused last, each reason once. Throttling has a column of its own."""
    found: dict[tuple[OutcomeKind, str], Trouble] = {}
    for each in reversed(tally.latest):
        key = (each.kind, each.reason)
        if each.kind is not OutcomeKind.THROTTLED and key not in found:
            at = datetime.fromtimestamp(each.at_s, UTC)
            found[key] = Trouble(at, each.bucket, each.reason, tally.refusals[key])
    return tuple(found.values())[:MOST_TROUBLES]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLook:
    """What a ledger says at one moment.

    Attributes:
        campaign: its name.
        ledger: its path, for people.
        counts: with reasons.
        recent_parts: let out in the last `span_s` seconds, by bucket.
        span_s: seconds.
        throttled: answers of the latest run, by bucket.
        latest: rows that failed or became unknown lately, the latest first: when, bucket, reason.
        journal: its latest entries, the oldest of them first.
        runs: all of them, the oldest first.
        breakers: of the latest run.
        orders: that hold.
        headroom: share of each limit that the campaign leaves unused.
        is_owned: a process has the ledger to itself.
        now: UTC.
    """

    campaign: str
    ledger: str
    counts: Counts
    recent_parts: Mapping[str, int]
    span_s: float
    throttled: Mapping[str, int]
    latest: Sequence[tuple[datetime, str, str]]
    journal: Sequence[JournalEntry]
    runs: Sequence[Run]
    breakers: Sequence[Breaker]
    orders: Orders
    headroom: float
    is_owned: bool
    now: datetime


def look_at_ledger(look: LedgerLook) -> Picture:
    """How a campaign is going that another process sends, or nobody."""
    counts = look.counts
    state = _state(look.journal) if look.is_owned else None
    buckets = tuple(_bucket(each, look, state) for each in counts.buckets if each.messages)
    return Picture(
        campaign=look.campaign,
        now=look.now,
        state=state,
        standing="" if state is not None else _standing(look),
        by_status=counts.by_status,
        throttled=sum(look.throttled.values()),
        buckets=buckets,
        stops=tuple(Stop(each.identity, each.country, each.reason) for each in look.breakers),
        troubles=_ledger_troubles(look),
        hints=hints(look.ledger, None if state is None else state.phase) if _left(counts) else (),
    )


def _left(counts: Counts) -> int:
    return counts.of(Status.PENDING) + counts.of(Status.SENDING)


def _standing(look: LedgerLook) -> str:
    if look.is_owned:
        return "starting"
    if not _left(look.counts):
        return "complete"
    if not look.runs:
        return "not begun"
    end = look.runs[-1].end
    said = {RunEnd.STOPPED: "stopped", RunEnd.INTERRUPTED: "interrupted", RunEnd.COMPLETE: "complete"}
    return f"{'killed' if end is None else said[end]}{', paused' if look.orders.paused else ''}: nobody sends it"


def _state(journal: Iterable[JournalEntry]) -> RunState | None:
    """What the latest run is doing; None: it has ended, and whoever has the ledger has not begun another yet."""
    state: RunState | None = RunState()
    phases = {"run.paused": Phase.PAUSED, "run.waiting": Phase.WAITING}
    for entry in journal:
        if entry.event in ("run.started", "run.resumed"):
            state = RunState()
        elif entry.event == "run.ended":
            state = None
        elif entry.event in phases:
            until = entry.detail.get("until")
            state = RunState(
                phases[entry.event],
                str(entry.detail.get("reason", "")),
                datetime.fromisoformat(until) if isinstance(until, str) else None,
            )
    return state


def _bucket(counts: BucketCounts, look: LedgerLook, state: RunState | None) -> BucketPicture:
    share = look.orders.share_of(counts.bucket)
    known = counts.mps if counts.allows is None else min(counts.mps, counts.allows)
    allowed = min(known, counts.mps * share) * (1.0 - look.headroom)
    slower = OPERATOR if share < 1.0 else THROTTLED if known < SLOWER * counts.mps else ""
    parts_left = counts.parts - counts.parts_done
    left: float | Left = Left.UNKNOWN
    if counts.messages_done >= counts.messages:
        left = Left.DONE
    elif counts.messages_done + counts.messages_held >= counts.messages:
        left = Left.HELD
    elif state is not None and allowed:
        left = parts_left / allowed
    return BucketPicture(
        bucket=counts.bucket,
        mps=counts.mps,
        allowed=allowed,
        rate=look.recent_parts.get(counts.bucket, 0) / look.span_s,
        messages=counts.messages,
        messages_done=counts.messages_done,
        held=counts.messages_held,
        throttled=look.throttled.get(counts.bucket, 0),
        slower=slower,
        left=left,
    )


def _ledger_troubles(look: LedgerLook) -> tuple[Trouble, ...]:
    """Reasons of rows that failed or are unknown: those met lately first, then the most frequent."""
    counted: dict[str, int] = {}
    for status in (Status.FAILED, Status.UNKNOWN):
        for reason, rows in look.counts.reasons.get(status, {}).items():
            counted[reason] = counted.get(reason, 0) + rows
    found: dict[str, Trouble] = {}
    for at, bucket, reason in look.latest:
        if reason in counted and reason not in found:
            found[reason] = Trouble(at, bucket, reason, counted[reason])
    for reason, rows in sorted(counted.items(), key=lambda item: -item[1]):
        found.setdefault(reason, Trouble(None, "", reason, rows))
    return tuple(found.values())[:MOST_TROUBLES]
