"""A picture of a campaign as lines of a terminal, never more and never wider than it has room for.

Colours are those that can be read on light and on dark: red for what stands still, magenta for what goes slower or is
not known, green for what was sent. Nothing is said by colour alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from rich.text import Text

from bulksend.base.progress import Phase
from bulksend.base.records import Status
from bulksend.report.columns import Column, cut_to, fitted
from bulksend.report.picture import BucketPicture, Left, Picture, Stop, Trouble
from bulksend.report.words import duration

GOOD, BAD, DOUBTFUL, QUIET = "green", "bold red", "bold magenta", "dim"

LOWEST = 3
"""So many buckets are shown before what went wrong gets any line."""

MOST_STOPS = 4
MOST_TROUBLES = 5

_PHASES = {
    Phase.SENDING: ("sending", GOOD),
    Phase.WAITING: ("waiting", DOUBTFUL),
    Phase.PAUSED: ("paused", DOUBTFUL),
    Phase.STOPPING: ("stopping: the last answers are awaited", DOUBTFUL),
}


@dataclass(frozen=True, slots=True)
class Room:
    """What a terminal offers.

    Attributes:
        width: columns.
        height: lines.
        ascii: it can show nothing else.
        zone: in which its times are told; None: the machine's.
    """

    width: int
    height: int
    ascii: bool = False
    zone: tzinfo | None = None

    @property
    def ellipsis(self) -> str:
        """What stands for what was cut."""
        return "~" if self.ascii else "…"

    def bar(self, share: float, width: int, style: str) -> Text:
        """A bar of which `share` is filled."""
        filled = min(width, max(0, int(share * width + 0.5)))
        full, empty = ("#", "-") if self.ascii else ("━", "─")
        return Text.assemble((full * filled, style), (empty * (width - filled), QUIET))

    def clock(self, moment: datetime, now: datetime) -> str:
        """`moment` as a clock shows it, with the day unless that is the one of `now`."""
        local, today = moment.astimezone(self.zone), now.astimezone(self.zone)
        return f"{local:%H:%M:%S}" if local.date() == today.date() else f"{local:%d %b %H:%M}"


def screen(picture: Picture, room: Room) -> list[Text]:
    """The lines, at most `room.height` of them."""
    lines = [_title(picture, room), _whole(picture, room), *_counted(picture, room)]
    wrong = [*_stops(picture.stops), *_troubles(picture, room)]
    free = room.height - len(lines)
    # The heading and a few buckets first, then what went wrong; an empty line before either where there is room.
    buckets = len(picture.buckets)
    least = 1 + min(buckets, LOWEST) if buckets else 0
    wrong = wrong[: max(0, free - least)]
    spaced = free >= least + len(wrong) + 4
    rows = free - (1 + bool(wrong) if spaced else 0) - len(wrong)
    if buckets and rows >= least:
        table = _table(picture, room, most=rows - 1)
        lines += [*([Text()] if spaced else []), *table]
    if wrong:
        lines += [*([Text()] if spaced else []), *wrong]
    hints = "   ".join(picture.hints)
    if picture.hints and room.height - len(lines) >= 2 and rows >= least:
        one = hints if len(hints) <= room.width else picture.hints[0]
        lines += [Text(), Text(one, style=QUIET)]
    return [_fit(line, room) for line in lines[: room.height]]


def _fit(line: Text, room: Room) -> Text:
    line.no_wrap, line.overflow = True, "crop"
    return cut_to(line, room.width, ellipsis=room.ellipsis)


def _title(picture: Picture, room: Room) -> Text:
    left = Text.assemble((picture.campaign, "bold"), "  " if picture.campaign else "")
    state = picture.state
    if picture.is_complete:
        left.append("complete", GOOD)
    elif state is None:
        left.append(picture.standing)
    else:
        word, style = _PHASES[state.phase]
        left.append(word, style)
        if state.reason and state.phase is not Phase.STOPPING:
            left.append(f" ({state.reason.replace('_', ' ')})")
        if state.until is not None:
            left.append(f" until {room.clock(state.until, picture.now)}")
    seconds, finish = picture.seconds_left, picture.finish
    if seconds is None or finish is None:
        return left
    right = f"done at {room.clock(finish, picture.now)}"
    whole = f"{right}, in {duration(seconds)}"
    right = whole if left.cell_len + 2 + len(whole) <= room.width else right
    return left.append(" " * max(2, room.width - left.cell_len - len(right))).append(right)


def _whole(picture: Picture, room: Room) -> Text:
    """All of the campaign: how far, and how fast."""
    total = sum(each.messages for each in picture.buckets)
    done = sum(each.messages_done for each in picture.buckets)
    share = done / total if total else 0.0
    said = f"  {_percent(share)} of {total:,}"
    if picture.limit:
        said += f"   {picture.rate:,.1f} of {picture.limit:,} parts/s ({_percent(picture.rate / picture.limit)})"
    bar = room.bar(share, max(8, min(60, room.width - len(said))), GOOD)
    return bar.append(said)


def _counted(picture: Picture, room: Room) -> list[Text]:
    """Rows by status, in one line or two."""
    by_status = picture.by_status
    left = by_status.get(Status.PENDING, 0) + by_status.get(Status.SENDING, 0)
    held = sum(each.held for each in picture.buckets)
    counted = [
        ("sent", by_status.get(Status.SENT, 0), GOOD),
        ("failed", by_status.get(Status.FAILED, 0), BAD),
        ("unknown", by_status.get(Status.UNKNOWN, 0), DOUBTFUL),
        ("left", left, ""),
        ("throttled", picture.throttled, DOUBTFUL),
    ]
    counted += [("held", held, BAD)] if held else []
    skipped = by_status.get(Status.SKIPPED, 0)
    counted += [("skipped", skipped, "")] if skipped else []
    lines = [Text()]
    for word, number, style in counted:
        item = Text.assemble((f"{word} ", QUIET), (f"{number:,}", style if number else ""))
        if lines[-1].cell_len and lines[-1].cell_len + 3 + item.cell_len > room.width:
            lines.append(Text())
        lines[-1].append("   " if lines[-1].cell_len else "").append_text(item)
    return lines[:2]


def _table(picture: Picture, room: Room, *, most: int) -> list[Text]:
    """The buckets: all in the campaign's order, or the `most` - 1 that matter most, and the others in one line."""
    buckets = picture.buckets
    if len(buckets) <= most:
        return fitted(_columns(buckets, picture, room), room.width, ellipsis=room.ellipsis)
    shown = sorted(buckets, key=_interest)[: most - 1]
    others = [each for each in buckets if each not in shown]
    if not shown:
        return [_summed(others, room)]
    return [
        *fitted(_columns(shown, picture, room), room.width, ellipsis=room.ellipsis),
        _summed(others, room),
    ]


def _interest(bucket: BucketPicture) -> tuple[bool, bool, float]:
    """Those with trouble before the others, then those that take longest; those that are done come last."""
    seconds = math.inf if isinstance(bucket.left, Left) else bucket.left
    return bucket.is_done, not bucket.has_trouble, -seconds


def _summed(buckets: Sequence[BucketPicture], room: Room) -> Text:
    rate = sum(each.rate for each in buckets if not each.is_done)
    done, messages = sum(each.messages_done for each in buckets), sum(each.messages for each in buckets)
    limit = sum(each.mps for each in buckets if not each.is_done)
    said = f"{len(buckets)} more: {done:,}/{messages:,} messages"
    said += f", {rate:,.1f}/{limit:,} parts/s" if limit else ""
    throttled = sum(each.throttled for each in buckets)
    said += f", {throttled:,} throttled" if throttled else ""
    times = [each.left for each in buckets if not isinstance(each.left, Left)]
    if all(each.is_done for each in buckets):
        said += ", done"
    elif times:
        said += f", {duration(max(times))} left"
    return cut_to(Text(said, style=QUIET), room.width, ellipsis=room.ellipsis)


def _columns(buckets: Sequence[BucketPicture], picture: Picture, room: Room) -> list[Column]:
    wide = room.width >= 120
    notes = [_note(each) for each in buckets]
    finishes = [Text(_finish(each, picture, room)) for each in buckets]
    return [
        Column(head="bucket", cells=[Text(each.bucket) for each in buckets], left=True, narrowest=12),
        Column(head="", cells=[room.bar(_share(each), 24 if wide else 6, GOOD) for each in buckets], rank=8),
        Column(head="messages", cells=[Text(f"{each.messages_done:,}/{each.messages:,}") for each in buckets]),
        Column(head="parts/s", cells=[Text("-" if each.is_done else f"{each.rate:,.1f}") for each in buckets], rank=1),
        Column(head="limit", cells=[_limit(each) for each in buckets], rank=2),
        Column(head="", cells=[_used_bar(each, room) for each in buckets] if wide else (), rank=9),
        Column(head="used", cells=[Text("-" if each.is_done else _percent(_used(each))) for each in buckets], rank=5),
        Column(
            head="throttled" if wide else "thr.",
            cells=[Text(f"{each.throttled:,}", style=DOUBTFUL) if each.throttled else Text("-") for each in buckets],
            rank=4,
        ),
        Column(head="left", cells=[_left(each) for each in buckets], rank=3),
        Column(head="done at", cells=finishes if wide and any(each.plain for each in finishes) else (), rank=7),
        Column(
            head="", cells=notes if any(each.plain for each in notes) else (), rank=6, left=True, narrowest=11
        ),
    ]  # fmt: skip


def _share(bucket: BucketPicture) -> float:
    return bucket.messages_done / bucket.messages if bucket.messages else 0.0


def _used(bucket: BucketPicture) -> float:
    return 0.0 if bucket.is_done else bucket.rate / bucket.mps


def _used_bar(bucket: BucketPicture, room: Room) -> Text:
    return Text() if bucket.is_done else room.bar(_used(bucket), 10, "")


def _limit(bucket: BucketPicture) -> Text:
    if bucket.slower and not bucket.is_done:
        return Text(f"{_number(bucket.allowed)} of {bucket.mps:,}", style=DOUBTFUL)
    return Text(f"{bucket.mps:,}")


def _left(bucket: BucketPicture) -> Text:
    match bucket.left:
        case Left.DONE:
            return Text("done", style=QUIET)
        case Left.HELD:
            return Text("held", style=BAD)
        case Left.UNKNOWN:
            return Text("-")
        case float() | int() as seconds:
            return Text(duration(seconds))


def _finish(bucket: BucketPicture, picture: Picture, room: Room) -> str:
    finish = picture.finish_of(bucket)
    return "" if finish is None else room.clock(finish, picture.now)


def _note(bucket: BucketPicture) -> Text:
    """Why a bucket is not as fast as its limit."""
    if bucket.is_done:
        return Text()
    words = {"operator": "turned down", "throttled": "learnt"}
    said = [words[bucket.slower]] if bucket.slower else []
    said += [f"{bucket.held:,} held"] if bucket.held else []
    return Text(", ".join(said), style=DOUBTFUL)


def _stops(stops: Sequence[Stop]) -> list[Text]:
    said = [
        Text.assemble(
            ("refused   ", BAD), f"{stop.identity} to {stop.country or 'any country'}: {stop.reason.replace('_', ' ')}"
        )
        for stop in stops[:MOST_STOPS]
    ]
    more = len(stops) - MOST_STOPS
    return [*said, Text(f"          and {more:,} more that the service refuses")] if more > 0 else said


def _troubles(picture: Picture, room: Room) -> list[Text]:
    said = []
    for trouble in picture.troubles[:MOST_TROUBLES]:
        at = "" if trouble.at is None else room.clock(trouble.at, picture.now)[:8]
        said.append(
            Text.assemble(
                (f"{at:<8}  ", QUIET), f"{trouble.reason.replace('_', ' ')}: {_times(trouble)}",
                (f"  {trouble.bucket}" if trouble.bucket else "", QUIET),
            )
        )  # fmt: skip
    return said


def _times(trouble: Trouble) -> str:
    return "once" if trouble.times == 1 else f"{trouble.times:,} times"


def _percent(share: float) -> str:
    """In whole percent; all of it only when it is all."""
    return f"{min(99, int(100 * share))}%" if share < 1.0 else f"{100 * share:.0f}%"


def _number(parts_per_second: float) -> str:
    return f"{parts_per_second:,.0f}" if parts_per_second >= 10 else f"{parts_per_second:.2g}"
