"""When a plan would be done, to people: by the clock of this machine."""

from collections.abc import Iterator
from datetime import datetime

from bulksend.pipeline.finishing import Finish
from bulksend.pipeline.totals import PlanTotals
from bulksend.report.words import duration
from bulksend.report.wrapped import folded


def short_time(at: datetime) -> str:
    """A moment in twelve characters, local: "24 Nov 02:15"."""
    return f"{at.astimezone():%d %b %H:%M}"


def long_time(at: datetime) -> str:
    """A moment with everything that a person may ask, local: "Tue 24 Nov 2026, 02:15:10 CET"."""
    return f"{at.astimezone():%a %d %b %Y, %H:%M:%S %Z}"


def zone_name(at: datetime) -> str:
    """The local zone as it is at that moment: "CET"."""
    return f"{at.astimezone():%Z}"


def finish_sentence(finish: Finish) -> str:
    """When it would begin and be done."""
    begin = f"begun at {long_time(finish.begins_at)} (schedule.start_at)" if finish.is_scheduled else "begun now"
    if finish.ends_at is None:
        return f"{begin}, not all of it finds a time to go out"
    return f"{begin}, the last message goes out at {long_time(finish.ends_at)}"


def late_sentences(finish: Finish, totals: PlanTotals) -> Iterator[str]:
    """What finds no time to go out, a sentence for each bucket."""
    why = "their recipients may be texted"
    if finish.deadline is not None:
        why += f" before the deadline, {long_time(finish.deadline)}"
    for name, parts in finish.parts_left.items():
        yield f"{name}: about {parts:,} of {totals.buckets[name].parts:,} parts find no time at which {why}"


def time_lines(totals: PlanTotals, finish: Finish | None) -> Iterator[str]:
    """How long all of it takes, and when it would be done."""
    yield f"All buckets go at once: about {duration(totals.eta_seconds)} in all"
    if finish is not None:
        yield from folded(finish_sentence(finish), first="Finish   ", others=" " * 9)
