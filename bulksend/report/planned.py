"""What a plan says, to people."""

from collections.abc import Iterator
from datetime import datetime

from bulksend.config.model import Settings
from bulksend.pipeline.advice import advise
from bulksend.pipeline.finishing import Finish, finish_of
from bulksend.pipeline.plan import Plan
from bulksend.pipeline.suggestions import suggestions_of
from bulksend.pipeline.totals import Example, PlanTotals
from bulksend.report.advised import advice_lines, bound_lines, short
from bulksend.report.planned_cost import cost_lines, country_lines
from bulksend.report.planned_document import auto_buckets, plan_document
from bulksend.report.planned_texts import character_lines, sample_lines, saving_lines
from bulksend.report.planned_times import late_sentences, short_time, time_lines, zone_name
from bulksend.report.words import cut, duration, listed
from bulksend.report.wrapped import folded

__all__ = ["input_sentence", "mode_of", "plan_document", "plan_lines"]

SHOWN_BUCKETS = 20
"""So many buckets are shown to people, the slowest ones; JSON has all."""


def plan_lines(
    settings: Settings, plan: Plan, *, now: datetime | None = None, suggest: bool = False, samples: bool = False
) -> Iterator[str]:
    """A plan for people, in lines of at most 80 characters but for names that are longer.

    Args:
        settings: of the campaign.
        plan: made by them.
        now: to say when it would be done; None: that is left out.
        suggest: whether to say what could be written otherwise.
        samples: whether to show some messages. Their texts are for the person who asked, and for no log.
    """
    totals = plan.totals
    yield f"Campaign {settings.campaign.name}: {mode_of(settings)}"
    yield f"Input    {input_sentence(plan)}"
    skipped = sum(example.count for example in totals.skipped.values())
    yield f"Rows     {totals.rows:,}: {totals.sendable:,} to send, {skipped:,} skipped"
    suggestions = suggestions_of(totals)
    if not totals.sendable:
        yield "There is nothing to send: every row is skipped"
    else:
        finish = None if now is None else finish_of(settings, totals, now=now)
        yield from _parts(totals)
        yield from country_lines(plan)
        yield from cost_lines(settings, plan)
        yield ""
        yield from _buckets(totals, auto_buckets(settings), finish)
        yield from time_lines(totals, finish)
        yield from bound_lines(totals)
        yield from advice_lines(advise(settings, totals), totals)
        if finish is not None:
            for sentence in late_sentences(finish, totals):
                yield from folded(sentence, first="Warning  ", others=" " * 9)
        yield from character_lines(suggestions, suggest=suggest)
        yield from saving_lines(plan, suggestions, suggest=suggest)
    yield from _examples("Skipped", totals.skipped, named=True)
    yield from _examples("Repaired", totals.repairs, named=False)
    if samples:
        yield from sample_lines(totals.examples.shown())


def mode_of(settings: Settings) -> str:
    """Whether anything is sent, and where to."""
    mode = "a rehearsal (DryRun: checked by the service, not sent)" if settings.campaign.dry_run else "a real send"
    return mode + (f", to {settings.aws.endpoint_url}" if settings.aws.endpoint_url else "")


def input_sentence(plan: Plan) -> str:
    """What the rows came from, and how it was read."""
    form = plan.input_format
    delimiter = f"delimiter {form.delimiter!r}" if form.delimiter else ""
    found = ", ".join(each for each in (form.kind.upper(), form.encoding, delimiter, form.compression or "") if each)
    return f"{plan.input_name} ({found})"


def _parts(totals: PlanTotals) -> Iterator[str]:
    encodings = ", ".join(f"{count:,} {encoding.value}" for encoding, count in totals.encodings.items() if count)
    yield f"Parts    {totals.parts:,}; messages {encodings}"
    yield ""
    yield f"{'Parts of a message':<20} {'messages':>17} {'parts':>10}"
    for size, count in sorted(totals.parts_per_message.items()):
        yield f"{size:<20,} {count:>17,} {size * count:>10,}"


def _buckets(totals: PlanTotals, auto: frozenset[str], finish: Finish | None) -> Iterator[str]:
    slowest = [bound.bucket for bound in totals.bounds() if bound.bucket]
    shown, idle = frozenset(slowest[:SHOWN_BUCKETS]), [name for name in totals.buckets if name not in slowest]
    zone = "" if finish is None else f"  finish ({zone_name(finish.begins_at)})"
    yield f"{'Bucket':<20} {'parts/s':>8} {'messages':>9} {'parts':>10} {'time':>11}{zone}"
    for name, bucket in totals.buckets.items():
        if name not in shown:
            continue
        limit = f"auto {bucket.mps:,}" if name in auto else f"{bucket.mps:,}"
        yield (
            f"{cut(short(name), 20):<20} {limit:>8} {bucket.messages:>9,} {bucket.parts:>10,}"
            f" {duration(bucket.eta_seconds):>11}{_at(finish, name)}"
        )
    if rest := [totals.buckets[name] for name in slowest[SHOWN_BUCKETS:]]:
        name = f"and {len(rest):,} faster ones"
        messages, parts = sum(bucket.messages for bucket in rest), sum(bucket.parts for bucket in rest)
        yield f"{name:<20} {'':>8} {messages:>9,} {parts:>10,} {duration(rest[0].eta_seconds):>11}"
    if idle:
        yield f"Without a message: {listed([cut(short(name), 24) for name in idle], 3)}"
    if not auto.isdisjoint(shown):
        yield "auto: assumed, as AWS documents it; `send` takes the account's own limit"


def _at(finish: Finish | None, bucket: str) -> str:
    if finish is None:
        return ""
    ends = finish.buckets.get(bucket)
    return f"  {'not all' if ends is None else short_time(ends)}"


def _examples(title: str, examples: dict[str, Example], *, named: bool) -> Iterator[str]:
    if not examples:
        return
    yield ""
    yield title
    for reason, example in sorted(examples.items(), key=lambda item: -item[1].count):
        rows = ", ".join(f"{row:,}" for row in example.rows) + (", ..." if example.count > len(example.rows) else "")
        word = "row" if example.count == 1 else "rows"
        yield from folded(f"{reason} ({word} {rows})", first=f"{example.count:>10,}  ", others=" " * 12)
        if named:
            for sentence, row in example.sentences.items():
                yield from folded(f"row {row:,}: {sentence}", first=" " * 12, others=" " * 14)
