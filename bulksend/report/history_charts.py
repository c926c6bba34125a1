"""The charts of a report, from its document."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup

from bulksend.report.charts import SERIES, WARNING, Panel, bar_chart, column_chart, count_chart, rate_chart
from bulksend.report.clock_axis import TimeAxis

CHARTED_BUCKETS = 6
CHARTED_REASONS = 8
CHARTED_COUNTRIES = 5


def busiest(throughput: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The buckets that have charts of their own: those with the most parts, at most `CHARTED_BUCKETS`."""
    active = [bucket for bucket in throughput["buckets"] if bucket["parts"]]
    return sorted(active, key=lambda bucket: -bucket["parts"])[:CHARTED_BUCKETS]


def bucket_chart(throughput: Mapping[str, Any], bucket: Mapping[str, Any], *, place: int) -> Markup:
    """Parts per second of one bucket over time, beside its limit. `place`: of the chart among those of its kind."""
    panels = [
        Panel(axis, [slot["parts_per_second"] for slot in slots], _held([slot["allowed"] for slot in slots]))
        for axis, slots in zip(_axes(throughput), bucket["periods"], strict=True)
    ]
    description = (
        f"Mean {bucket['mean_parts_per_second']:,} parts per second while active, at most"
        f" {bucket['most_parts_per_second']:,}; the limit is {bucket['mps']:,}. The table below has all numbers."
    )
    return rate_chart(
        f"rate-{place}", f"Throughput of {bucket['bucket']} over time", description, panels, limit=bucket["mps"]
    )


def throttled_chart(throughput: Mapping[str, Any]) -> Markup:
    """Throttled answers of all buckets over time."""
    totals = [
        [
            sum(bucket["periods"][period][slot]["throttled"] or 0 for bucket in throughput["buckets"])
            for slot in range(length)
        ]
        for period, length in enumerate(each["slots"] for each in throughput["periods"])
    ]
    panels = [Panel(axis, values) for axis, values in zip(_axes(throughput), totals, strict=True)]
    description = f"{sum(map(sum, totals)):,} in all. The table below has all numbers."
    return count_chart(
        "throttled", "Throttled answers over time", description, panels, label="throttled answers", colour=WARNING
    )


def answer_chart(answer: Mapping[str, Any]) -> Markup:
    """How long answers took, as a histogram with three percentiles."""
    bins = answer["bins"]
    marks = [
        (_place(bins, answer[key]), f"{name}: {milliseconds(answer[key])}")
        for key, name in (("p50_ms", "half"), ("p95_ms", "95 %"), ("p99_ms", "99 %"))
    ]
    spoken = ", ".join(f"{text} or less" for _, text in marks)
    return column_chart(
        "answers",
        "Answer time",
        f"{spoken}. The table below has all numbers.",
        [(milliseconds(each["begin_ms"]), each["messages"]) for each in bins],
        labels=("from here on, to the next", "messages"),
        marks=marks,
    )


def attempts_chart(attempts: Sequence[Mapping[str, Any]]) -> Markup:
    """How many attempts rows took."""
    most = max(each["attempts"] for each in attempts)
    rows = {each["attempts"]: each["rows"] for each in attempts}
    numbers = range(min(rows), most + 1) if most < 40 else sorted(rows)
    return column_chart(
        "attempts",
        "Attempts per row",
        f"{rows.get(1, 0):,} rows took one attempt, the most was {most:,}. The table below has all numbers.",
        [(str(each), rows.get(each, 0)) for each in numbers],
        labels=("attempts", "rows"),
    )


def failures_chart(outcomes: Sequence[Mapping[str, Any]]) -> tuple[Markup, list[str]]:
    """Failed rows by reason, in pieces by country; and what the pieces are, in the order of `SERIES`."""
    by_reason: dict[str, dict[str, int]] = {}
    by_country: dict[str, int] = {}
    for each in outcomes:
        reason, country = each["reason"] or "unspecified", each["country"] or "unknown country"
        counts = by_reason.setdefault(reason, {})
        counts[country] = counts.get(country, 0) + each["messages"]
        by_country[country] = by_country.get(country, 0) + each["messages"]
    countries = sorted(by_country, key=lambda country: (-by_country[country], country))
    named, others = countries[:CHARTED_COUNTRIES], countries[CHARTED_COUNTRIES:]
    reasons = sorted(by_reason, key=lambda reason: (-sum(by_reason[reason].values()), reason))
    bars = [
        (
            reason,
            [
                *(by_reason[reason].get(country, 0) for country in named),
                sum(by_reason[reason].get(country, 0) for country in others),
            ],
        )
        for reason in reasons[:CHARTED_REASONS]
    ]
    if rest := reasons[CHARTED_REASONS:]:
        columns = [sum(by_reason[reason].get(country, 0) for reason in rest) for country in named]
        beyond = sum(by_reason[reason].get(country, 0) for reason in rest for country in others)
        bars.append((f"{len(rest):,} other reasons", [*columns, beyond]))
    description = f"{', '.join(f'{name}: {sum(pieces):,}' for name, pieces in bars)}. The table below has all numbers."
    colours = SERIES[: len(named) + 1]
    svg = bar_chart("failures", "Failed rows by reason and country", description, bars, colours=colours)
    return svg, [*named, *(["other countries"] if others else [])]


def deliveries_chart(deliveries: Mapping[str, Any]) -> Markup:
    """Messages by what delivery events tell of them."""
    bars = [(each["status"], [each["messages"]]) for each in deliveries["by_status"]]
    description = f"{', '.join(f'{name}: {pieces[0]:,}' for name, pieces in bars)}. The table below has all numbers."
    return bar_chart("deliveries", "Messages by delivery status", description, bars, colours=SERIES[:1])


def milliseconds(duration: int) -> str:
    """A short duration as people read it: 85 ms, 1.5 s, 3 min."""
    if duration < 1000:
        return f"{duration:,} ms"
    return f"{duration / 1000:,.4g} s" if duration < 120_000 else f"{duration / 60_000:,.4g} min"


def _axes(throughput: Mapping[str, Any]) -> list[TimeAxis]:
    return [
        TimeAxis(datetime.fromisoformat(period["begin"]), throughput["slot_seconds"], period["slots"])
        for period in throughput["periods"]
    ]


def _held(allowed: Sequence[float | None]) -> list[float | None]:
    """What was kept to holds until somebody notes otherwise; a sample is taken every few seconds, a slot may be one."""
    held: list[float | None] = []
    for each in allowed:
        held.append(each if each is not None or not held else held[-1])
    return held


def _place(bins: Sequence[Mapping[str, Any]], duration: int) -> float:
    """Where a duration is, counted in bins; within one as if it were spread evenly."""
    for number, each in enumerate(bins):
        if duration < each["end_ms"]:
            within: float = (duration - each["begin_ms"]) / (each["end_ms"] - each["begin_ms"])
            return number + within
    return len(bins)
