"""The sections of a report on how fast it went: throughput, answers, retries."""

from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from bulksend.report.history_charts import (
    answer_chart,
    attempts_chart,
    bucket_chart,
    busiest,
    milliseconds,
    throttled_chart,
)
from bulksend.report.history_parts import (
    behind,
    chart,
    legend,
    long_table,
    marked,
    number,
    rate,
    share,
    side_by_side,
    unbroken,
)
from bulksend.report.page import Figure, Section, figures, paragraph, table, together

_LEGEND = legend(
    ("series-1", "3px solid", "parts let out per second"),
    ("ink", "2px dashed", "the limit"),
    ("series-2", "3px solid", "what was kept to"),
)


def throughput(document: Mapping[str, Any]) -> Section:
    """How fast each bucket went beside its limit."""
    found = document["throughput"]
    if found is None:
        return Section("Throughput", paragraph("Nothing has gone out yet."), "throughput")
    charted = busiest(found)
    charts = [
        chart(
            Markup("<strong>{}</strong>: limit {} parts/s").format(bucket["bucket"], f"{bucket['mps']:,}"),
            bucket_chart(found, bucket, place=place),
        )
        for place, bucket in enumerate(charted, start=1)
    ]
    left_out = sum(1 for bucket in found["buckets"] if bucket["parts"]) - len(charted)
    more = f" The {len(charted)} busiest buckets are drawn; the table has all." if left_out else ""
    words = paragraph(
        f"{_when(found)} Each step is {_step(found['slot_seconds'])}: parts of the messages whose last attempt was"
        f" let onto the wire then. Attempts that were throttled and tried again used the limit too, and are not"
        f" counted.{more}"
    )
    slots = behind("The numbers behind these charts", together(*_slots(charted)))
    width = 22 if len(charts) > 1 else 40
    return Section(
        "Throughput",
        together(
            words,
            _LEGEND,
            side_by_side(charts, width_rem=width),
            slots,
            _buckets(document, found),
        ),
        "throughput",
    )


def _step(seconds: int) -> str:
    """A slot's length, which is whole in one of the units."""
    return next(
        f"{seconds // size} {unit}" for size, unit in ((3600, "h"), (60, "min"), (1, "s")) if seconds % size == 0
    )


def _when(found: Mapping[str, Any]) -> str:
    stretches = [f"{_clock(period['begin'])} to {_clock(period['end'])}" for period in found["periods"]]
    if len(stretches) == 1:
        return f"From {stretches[0]} UTC."
    return f"{len(stretches)} periods with breaks between them: {'; '.join(stretches)} UTC."


def _clock(iso: str) -> str:
    return iso[:19].replace("T", " ")


def _slots(charted: list[Mapping[str, Any]]) -> Iterator[Markup]:
    headers = ("From (UTC)", "Messages", "Parts", "Parts/s", "Kept to", "Throttled", "In the air")
    for bucket in charted:
        rows = [
            (
                _clock(slot["at"]),
                f"{slot['messages']:,}",
                f"{slot['parts']:,}",
                f"{slot['parts_per_second']:,.2f}",
                "" if slot["allowed"] is None else f"{slot['allowed']:,.2f}",
                "" if slot["throttled"] is None else f"{slot['throttled']:,}",
                "" if slot["in_flight"] is None else f"{slot['in_flight']:,}",
            )
            for period in bucket["periods"]
            for slot in period
        ]
        yield table(headers, rows, numeric=range(1, 7), caption=f"{bucket['bucket']}, limit {bucket['mps']:,} parts/s")


def _buckets(document: Mapping[str, Any], found: Mapping[str, Any]) -> Markup:
    rows = []
    for each in found["buckets"]:
        name = each["bucket"]
        allows = next(bucket["allows"] for bucket in document["buckets"] if bucket["bucket"] == name)
        rows.append(
            (
                unbroken(name),
                number(f"bucket/{name}/mps", each["mps"]),
                rate(f"bucket/{name}/mean", each["mean_parts_per_second"]),
                rate(f"bucket/{name}/most", each["most_parts_per_second"]),
                rate(f"bucket/{name}/least_allowed", each["least_allowed"]),
                rate(f"bucket/{name}/allows", allows),
                number(f"bucket/{name}/throttled", each["throttled"]),
            )
        )
    headers = ("Bucket", "Limit", "Mean", "Most", "Kept to, least", "Seems allowed", "Throttled")
    caption = "All buckets, in parts per second; the mean is that of the steps in which it sent"
    return table(headers, rows, numeric=range(1, 7), caption=caption)


def answer_time(document: Mapping[str, Any]) -> Section | None:
    """How long the service took to answer."""
    answer = document["answer_time"]
    if answer is None:
        return None
    tiles = [
        Figure(label, marked(f"answer/{key}", milliseconds(answer[key])))
        for label, key in (
            ("Half within", "p50_ms"),
            ("95 % within", "p95_ms"),
            ("99 % within", "p99_ms"),
            ("The longest", "longest_ms"),
        )
    ]
    rows = [
        (
            f"{milliseconds(each['begin_ms'])} to {milliseconds(each['end_ms'])}",
            number(f"answer/{each['begin_ms']}", each["messages"]),
            share(each["messages"], answer["messages"]),
        )
        for each in answer["bins"]
    ]
    words = Markup(
        "From the moment a message was let onto the wire until its outcome was on disk, for {} messages that the"
        " service accepted or refused. Up to some 10 ms of it are the ledger's: outcomes are written together."
    ).format(number("answer/messages", answer["messages"]))
    return Section(
        "Answer time",
        together(
            figures(tiles),
            paragraph(words),
            side_by_side([chart("Messages by answer time", answer_chart(answer))], width_rem=40),
            behind("The numbers behind this chart", table(("Answer time", "Messages", "Share"), rows, numeric=(1, 2))),
        ),
        "answers",
    )


def retries(document: Mapping[str, Any]) -> Section | None:
    """How often rows were tried, and how often the service throttled."""
    attempts, found = document["attempts"], document["throughput"]
    if not attempts:
        return None
    rows = [(f"{each['attempts']:,}", number(f"attempts/{each['attempts']}", each["rows"])) for each in attempts]
    sampled = sum(bucket["throttled"] for bucket in found["buckets"]) if found else 0
    charts = [chart("Rows by attempts that they took", attempts_chart(attempts))]
    if found and sampled:
        charts.append(chart("Throttled answers over time, all buckets", throttled_chart(found)))
    words = Markup(
        "The service throttled {} times in all runs. A throttled message is known not to have been sent: it waits,"
        " pays the limit again and is tried again, and its bucket slows down."
    ).format(number("throttled", document["throttled"]))
    return Section(
        "Retries and throttling",
        together(
            paragraph(words),
            side_by_side(charts),
            table(("Attempts", "Rows"), rows, numeric=(0, 1)),
            *_throttled(found, sampled=sampled),
        ),
        "retries",
    )


def _throttled(found: Mapping[str, Any] | None, *, sampled: int) -> Iterator[Markup]:
    if not (found and sampled):
        return
    per_slot: dict[str, int] = {}
    for bucket in found["buckets"]:
        for slot in (slot for period in bucket["periods"] for slot in period):
            per_slot[slot["at"]] = per_slot.get(slot["at"], 0) + (slot["throttled"] or 0)
    rows = [(_clock(at), f"{count:,}") for at, count in sorted(per_slot.items()) if count]
    yield behind("When it throttled", long_table(("From (UTC)", "Throttled answers"), rows, numeric=(1,)))
