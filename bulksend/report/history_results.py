"""The sections of a report on what became of the rows: failures, skipped, countries, cost, deliveries."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from bulksend.base.records import Status
from bulksend.pipeline.prices import Range
from bulksend.pipeline.pricing import dollars as planned_dollars
from bulksend.report.charts import SERIES, VARIABLES
from bulksend.report.history_charts import deliveries_chart, failures_chart
from bulksend.report.history_parts import chart, dollars, legend, long_table, marked, number, share, side_by_side
from bulksend.report.page import Figure, Section, bar, figures, note, paragraph, table, together


def failures(document: Mapping[str, Any]) -> Section:
    """What the service refused, and to where."""
    found = [each for each in document["outcomes"] if each["status"] == Status.FAILED.value]
    if not found:
        return Section("Failures", paragraph("No row failed."), "failures")
    svg, pieces = failures_chart(found)
    colours = [VARIABLES[stand_in].removeprefix("var(--").removesuffix(")") for stand_in in SERIES]
    rows = [
        (
            each["reason"] or "unspecified",
            each["error_code"] or "",
            each["country"] or "unknown",
            number(f"failed/{each['reason']}/{each['error_code'] or ''}/{each['country'] or ''}", each["messages"]),
            share(each["messages"], document[Status.FAILED.value]),
            f"{each['first_row']:,}",
        )
        for each in found
    ]
    return Section(
        "Failures",
        together(
            side_by_side([chart("Failed rows by reason, in pieces by country", svg)], width_rem=40),
            legend(*((colour, ".8em solid", name) for colour, name in zip(colours, pieces, strict=False))),
            long_table(("Reason", "Error", "Country", "Rows", "Share", "First row"), rows, numeric=(3, 4, 5)),
        ),
        "failures",
    )


def skipped(document: Mapping[str, Any]) -> Section:
    """What the plan left out."""
    found = document["skipped_by_reason"]
    if not found:
        return Section("Skipped", paragraph("No row was skipped."), "skipped")
    count = document[Status.SKIPPED.value]
    rows = [
        (
            each["reason"] or "unspecified",
            number(f"skipped/{each['reason']}", each["rows"]),
            share(each["rows"], count),
            bar(each["rows"] / count),
            f"{each['first_row']:,}",
        )
        for each in found
    ]
    return Section("Skipped", table(("Reason", "Rows", "Share", "", "First row"), rows, numeric=(1, 2, 4)), "skipped")


def countries(document: Mapping[str, Any]) -> Section | None:
    """The same by country."""
    found = document["countries"]
    if not found:
        return None
    statuses = [
        status
        for status in (Status.SENT, Status.FAILED, Status.UNKNOWN, Status.SKIPPED, Status.PENDING, Status.SENDING)
        if document[status.value]
    ]
    priced = any(each["price_usd"] is not None for each in found)
    rows = []
    for each in found:
        name = each["country"] or "unknown"
        cells = [name, number(f"country/{name}/rows", each["rows"])]
        cells += [number(f"country/{name}/{status.value}", each[status.value]) for status in statuses]
        cells.append(number(f"country/{name}/parts_sent", each["parts_sent"]))
        if priced:
            cells.append(dollars(f"country/{name}/price_usd", each["price_usd"]))
        rows.append(cells)
    headers = ["Country", "Rows", *(status.value.capitalize() for status in statuses), "Parts sent"]
    headers += ["Billed so far"] if priced else []
    return Section("Countries", long_table(headers, rows, numeric=range(1, len(headers))), "countries")


def cost(document: Mapping[str, Any]) -> Section:
    """Parts, and what they cost as far as anybody has told."""
    found = document["cost"]
    tiles = [
        Figure("Parts sent", number("cost/parts_sent", found["parts_sent"]), "as counted before sending"),
        Figure("Parts of the plan", number("cost/parts", found["parts"]), f"{found['messages']:,} messages"),
    ]
    notes = []
    if found["price_usd"] is not None:
        about = f"{found['priced_messages']:,} messages"
        tiles.append(
            Figure("Billed so far", dollars("cost/price_usd", found["price_usd"]), f"as events tell of {about}")
        )
    if found["billed_messages"]:
        tiles.append(
            Figure(
                "Parts billed",
                number("cost/billed_parts", found["billed_parts"]),
                f"{found['counted_parts']:,} counted",
            )
        )
        if found["billed_parts"] != found["counted_parts"]:
            notes.append(
                note(
                    f"Of {found['billed_messages']:,} messages, {found['counted_parts']:,} parts were counted and"
                    f" {found['billed_parts']:,} were billed: bulksend reconcile lists those that differ.",
                    "warning",
                )
            )
    tiles += _estimate(found["planned"])
    if found["price_usd"] is None:
        notes.append(
            paragraph(
                "No event has told a price yet: bulksend reconcile takes them from the campaign's delivery events."
            )
        )
    return Section("Parts and cost", together(figures(tiles), *notes), "cost")


def _estimate(planned: Mapping[str, Any] | None) -> Iterator[Figure]:
    if planned is None:
        return
    amount = Range(Decimal(planned["low_usd"]), Decimal(planned["high_usd"]))
    without = sum(planned["unpriced"].values())
    more = (
        f"by the price file; without {without:,} messages that it has no price for" if without else "by the price file"
    )
    yield Figure("As planned", marked("cost/planned", planned_dollars(amount)), more)


def deliveries(document: Mapping[str, Any]) -> Section:
    """What delivery events tell, once they were read."""
    found = document["deliveries"]
    if found is None:
        words = paragraph(
            Markup(
                "No delivery events have been read. <code>bulksend reconcile</code> takes them in: until then, sent"
                " means that the service took the message, not that it arrived."
            )
        )
        return Section("Deliveries", together(words, *_settled(document), *_feedback(document)), "deliveries")
    total = found["messages"]
    rows = [
        (
            each["status"],
            "final" if each["final"] else "not final",
            number(f"delivery/{each['status']}/{'final' if each['final'] else 'open'}", each["messages"]),
            share(each["messages"], total),
        )
        for each in found["by_status"]
    ]
    without = Markup("{} sent messages have no event yet.").format(
        number("delivery/without_event", found["without_event"])
    )
    return Section(
        "Deliveries",
        together(
            side_by_side([chart("Messages by what events tell of them", deliveries_chart(found))], width_rem=40),
            table(("Delivery status", "", "Messages", "Share"), rows, numeric=(2, 3)),
            paragraph(without),
            *_settled(document),
            *_feedback(document),
        ),
        "deliveries",
    )


def _settled(document: Mapping[str, Any]) -> Iterator[Markup]:
    if document["settled"]:
        rows = [
            (each["status"], each["reason"] or "", number(f"settled/{each['status']}/{each['reason']}", each["rows"]))
            for each in document["settled"]
        ]
        caption = "Rows that events proved sent, and what they were before"
        yield table(("Was", "Reason", "Rows"), rows, numeric=(2,), caption=caption)


def _feedback(document: Mapping[str, Any]) -> Iterator[Markup]:
    if document["feedback"]:
        rows = [(name, number(f"feedback/{name}", count)) for name, count in document["feedback"].items()]
        yield table(("Feedback", "Messages"), rows, numeric=(1,), caption="What the service was told of messages")
