"""A plan as a page (`plan --html`)."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from markupsafe import Markup

from bulksend.config.model import Settings
from bulksend.pipeline.advice import advise
from bulksend.pipeline.finishing import Finish, finish_of
from bulksend.pipeline.plan import Plan
from bulksend.pipeline.pricing import dollars
from bulksend.pipeline.suggestions import Suggestions, suggestions_of
from bulksend.pipeline.totals import Example
from bulksend.report.advised import advice_sentences
from bulksend.report.page import Figure, Section, bar, figures, note, page, paragraph, table, together, verbatim
from bulksend.report.planned import input_sentence, mode_of
from bulksend.report.planned_cost import cost_sentences, country_parts
from bulksend.report.planned_document import auto_buckets
from bulksend.report.planned_texts import described, heading, instead_of, saving_sentences, where
from bulksend.report.planned_times import finish_sentence, late_sentences, long_time, short_time, zone_name
from bulksend.report.words import duration

MOST_CHARACTERS = 100
"""So many characters that force UCS-2 are on a page, those of most messages."""


def plan_page(settings: Settings, plan: Plan, *, now: datetime, suggest: bool = False) -> str:
    """A plan as one HTML file. It shows messages, so it is for the person who asked.

    Args:
        settings: of the campaign.
        plan: made by them.
        now: to say when it would be done.
        suggest: whether to say what could be written otherwise.
    """
    totals = plan.totals
    sections = [Section("Overview", _overview(settings, plan, now), "overview")]
    if totals.sendable:
        suggestions = suggestions_of(totals)
        sections += [
            Section("Time", _time(settings, plan, finish_of(settings, totals, now=now)), "time"),
            Section("Countries and cost", _countries(settings, plan), "countries"),
            Section("Parts and encodings", _parts(plan, suggestions, suggest=suggest), "parts"),
        ]
    if totals.skipped:
        sections.append(Section("Skipped rows", _examples(totals.skipped, "Reason"), "skipped"))
    if totals.repairs:
        sections.append(Section("Repaired numbers", _examples(totals.repairs, "Repair"), "repaired"))
    if shown := totals.examples.shown():
        texts = [together(paragraph(heading(one)), verbatim(one.row.text or "")) for one in shown]
        sections.append(Section("Messages as they would go out", together(*texts), "messages"))
    return page(
        f"Plan of {settings.campaign.name}",
        f"{input_sentence(plan)}: {mode_of(settings)}",
        sections,
        footer=f"Planned at {long_time(now)}. Nothing has been sent by it. It holds messages: keep it private.",
    )


def _overview(settings: Settings, plan: Plan, now: datetime) -> Markup:
    totals = plan.totals
    skipped = totals.rows - totals.sendable
    some = [
        Figure("Rows", f"{totals.rows:,}"),
        Figure("To send", f"{totals.sendable:,}", tone="good" if totals.sendable else "bad"),
        Figure("Skipped", f"{skipped:,}", tone="warning" if skipped else ""),
        Figure("Parts", f"{totals.parts:,}"),
    ]
    if totals.sendable:
        finish = finish_of(settings, totals, now=now)
        ends = "not all of it" if finish.ends_at is None else f"until {long_time(finish.ends_at)}"
        some.append(Figure("Time", duration(totals.eta_seconds), ends, "" if finish.ends_at else "bad"))
    if plan.cost is not None:
        priced = Figure("Cost", dollars(plan.cost.total))
        some.append(replace(priced, more="not all of it", tone="warning") if plan.cost.unpriced else priced)
    notes = [note(_sentence(each)) for each in plan.notes]
    if not totals.sendable:
        notes.append(note("There is nothing to send: every row is skipped.", "bad"))
    return together(figures(some), *notes)


def _time(settings: Settings, plan: Plan, finish: Finish) -> Markup:
    totals = plan.totals
    auto = auto_buckets(settings)
    used = sorted(((name, one) for name, one in totals.buckets.items()), key=lambda item: -item[1].eta_seconds)
    rows = []
    for name, bucket in used:
        ends = finish.buckets.get(name)
        rows.append(
            (
                name,
                f"{bucket.mps:,}{' (assumed)' if name in auto else ''}",
                f"{bucket.messages:,}",
                f"{bucket.parts:,}",
                duration(bucket.eta_seconds),
                short_time(ends) if ends is not None else "not all" if bucket.messages else "-",
                bar(bucket.eta_seconds / totals.eta_seconds),
            )
        )
    headers = ("Bucket", "Parts/s", "Messages", "Parts", "Time", f"Done ({zone_name(finish.begins_at)})", "")
    warned = [note(_sentence(each), "warning") for each in late_sentences(finish, totals)]
    advised = [
        note(_sentence(each), "warning" if label == "Warning" else "")
        for label, each in advice_sentences(advise(settings, totals), totals)
    ]
    return together(
        paragraph(_sentence(finish_sentence(finish))),
        table(headers, rows, numeric=(1, 2, 3, 4, 5), caption="All buckets go at once; the slowest first"),
        *warned,
        *advised,
    )


def _countries(settings: Settings, plan: Plan) -> Markup:
    cost = plan.cost
    headers = ["Country", "Messages", "Parts", "US dollars"][: 3 if cost is None else 4]
    rows: list[tuple[str, ...]] = []
    for country, (messages, parts) in country_parts(plan).items():
        cells = ("unknown" if country == "-" else country, f"{messages:,}", f"{parts:,}")
        if cost is None:
            rows.append(cells)
        else:
            amount = cost.countries[country].range
            rows.append((*cells, "no price" if amount is None else dollars(amount)))
    sentences = () if cost is None else tuple(cost_sentences(settings, plan, cost))
    return together(
        *(paragraph(_sentence(each)) for each in sentences),
        table(headers, rows, numeric=(1, 2, 3)),
    )


def _parts(plan: Plan, suggestions: Suggestions, *, suggest: bool) -> Markup:
    totals = plan.totals
    most = max(totals.parts_per_message.values())
    sizes = [
        (f"{size:,}", f"{count:,}", f"{size * count:,}", bar(count / most))
        for size, count in sorted(totals.parts_per_message.items())
    ]
    encodings = [(encoding.value, f"{count:,}") for encoding, count in totals.encodings.items()]
    found = [
        table(("Parts of a message", "Messages", "Parts", ""), sizes, numeric=(1, 2)),
        table(("Encoding", "Messages"), encodings, numeric=(1,)),
    ]
    if suggestions.characters:
        found += _characters(plan, suggestions, suggest=suggest)
    return together(*found)


def _characters(plan: Plan, suggestions: Suggestions, *, suggest: bool) -> Iterator[Markup]:
    headers = ["Character", "Messages", "Where"] + (["Instead"] if suggest else [])
    rows = [
        (described(one), f"{one.forced.messages:,}", where(one), *((instead_of(one),) if suggest else ()))
        for one in suggestions.characters[:MOST_CHARACTERS]
    ]
    more = len(suggestions.characters) - len(rows)
    caption = "Characters that force UCS-2" + (f"; {more:,} more are not shown" if more else "")
    yield table(headers, rows, numeric=(1,), caption=caption)
    for sentence in saving_sentences(plan, suggestions, suggest=suggest):
        yield paragraph(_sentence(sentence))
    if suggest and suggestions.template is not None:
        yield paragraph("The template as it could be; nothing is changed by itself:")
        yield verbatim(suggestions.template)


def _examples(examples: Mapping[str, Example], header: str) -> Markup:
    rows = []
    for reason, example in sorted(examples.items(), key=lambda item: -item[1].count):
        numbers = ", ".join(f"{row:,}" for row in example.rows) + (", ..." if example.count > len(example.rows) else "")
        said = [Markup("<br>").join(f"row {row:,}: {sentence}" for sentence, row in example.sentences.items())]
        rows.append((reason, f"{example.count:,}", numbers, *(said if header == "Reason" else [])))
    headers = (header, "Rows", "First rows", "For instance")[: 4 if header == "Reason" else 3]
    return table(headers, rows, numeric=(1,))


def _sentence(clause: str) -> str:
    return f"{clause[0].upper()}{clause[1:]}" + ("" if clause.endswith((".", "--suggest")) else ".")
