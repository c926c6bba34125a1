"""What a plan says, to people and to `plan --json`."""

from collections.abc import Iterator

from bulksend.config.model import Settings
from bulksend.pipeline.advice import advise
from bulksend.pipeline.plan import Plan
from bulksend.pipeline.totals import Example, PlanTotals
from bulksend.report.advised import advice_lines, another_warning, bound_lines, short, warnings
from bulksend.report.words import cut, duration, listed

SHOWN_BUCKETS = 20
"""So many buckets are shown to people, the slowest ones; JSON has all."""


def plan_document(settings: Settings, plan: Plan) -> dict[str, object]:
    """A plan as `plan --json` prints it (README, "plan --json")."""
    advice = advise(settings, plan.totals)
    another = advice.another
    return plan.totals.document() | {
        "auto_buckets": sorted(_auto_buckets(settings)),
        "another_identity": None
        if another is None
        else {
            "like": another.like,
            "type": another.type,
            "mps": another.mps,
            "countries": list(another.countries),
            "eta_seconds": round(another.eta_seconds, 1),
            "warning": another_warning(another),
        },
        "warnings": warnings(advice),
    }


def plan_lines(settings: Settings, plan: Plan) -> Iterator[str]:
    """A plan for people, at most 100 columns wide."""
    totals = plan.totals
    form = plan.input_format
    found = ", ".join(
        each
        for each in (
            form.kind.upper(),
            form.encoding,
            f"delimiter {form.delimiter!r}" if form.delimiter else "",
            form.compression or "",
        )
        if each
    )
    mode = "a rehearsal (DryRun: checked by the service, not sent)" if settings.campaign.dry_run else "a real send"
    where = f", to {settings.aws.endpoint_url}" if settings.aws.endpoint_url else ""
    yield f"Campaign {settings.campaign.name}: {mode}{where}"
    yield f"Input    {plan.input_name} ({found})"
    skipped = sum(example.count for example in totals.skipped.values())
    yield f"Rows     {totals.rows:,}: {totals.sendable:,} to send, {skipped:,} skipped"
    encodings = ", ".join(f"{count:,} {encoding.value}" for encoding, count in totals.encodings.items() if count)
    sizes = ", ".join(f"{count:,} of {parts}" for parts, count in sorted(totals.parts_per_message.items()))
    if not totals.sendable:
        yield "There is nothing to send: every row is skipped"
    else:
        yield f"Parts    {totals.parts:,} ({sizes}; messages {encodings})"
        countries = ", ".join(f"{country} {count:,}" for country, count in totals.countries.most_common(8))
        more = len(totals.countries) - 8
        yield f"Country  {countries}{f' and {more} more' if more > 0 else ''}"
        yield ""
        yield from _buckets(totals, _auto_buckets(settings))
        yield f"All buckets go at once: about {duration(totals.eta_seconds)} in all"
        yield from bound_lines(totals)
        yield from advice_lines(advise(settings, totals), totals)
    yield from _examples("Skipped", totals.skipped, named=True)
    yield from _examples("Repaired", totals.repairs, named=False)


def _buckets(totals: PlanTotals, auto: frozenset[str]) -> Iterator[str]:
    slowest = [bound.bucket for bound in totals.bounds() if bound.bucket]
    shown, idle = frozenset(slowest[:SHOWN_BUCKETS]), [name for name in totals.buckets if name not in slowest]
    yield f"{'Bucket':<24} {'parts/s':>9} {'messages':>10} {'parts':>10} {'time':>12}"
    for name, bucket in totals.buckets.items():
        if name not in shown:
            continue
        limit = f"auto {bucket.mps:,}" if name in auto else f"{bucket.mps:,}"
        mark = "  slowest" if len(slowest) > 1 and name == slowest[0] else ""
        yield (
            f"{cut(short(name), 24):<24} {limit:>9} {bucket.messages:>10,} {bucket.parts:>10,}"
            f" {duration(bucket.eta_seconds):>12}{mark}"
        )
    if rest := [totals.buckets[name] for name in slowest[SHOWN_BUCKETS:]]:
        name = f"and {len(rest):,} faster ones"
        messages, parts = sum(bucket.messages for bucket in rest), sum(bucket.parts for bucket in rest)
        yield f"{name:<24} {'':>9} {messages:>10,} {parts:>10,} {duration(rest[0].eta_seconds):>12}"
    if idle:
        yield f"Without a message: {listed([cut(short(name), 24) for name in idle], 3)}"
    if not auto.isdisjoint(shown):
        yield "auto: assumed, as AWS documents it; `send` takes the account's own limit"


def _auto_buckets(settings: Settings) -> frozenset[str]:
    """Buckets whose limit is the account's to tell: that of a plan is an assumption."""
    records = zip(settings.identities, settings.identity_records(), strict=True)
    return frozenset(record.bucket for one, record in records if one.is_auto)


def _examples(title: str, examples: dict[str, Example], *, named: bool) -> Iterator[str]:
    if not examples:
        return
    yield ""
    yield title
    for reason, example in sorted(examples.items(), key=lambda item: -item[1].count):
        rows = ", ".join(str(row) for row in example.rows) + (", ..." if example.count > len(example.rows) else "")
        yield f"  {example.count:>8,}  {reason} (row {rows})"
        if named:
            yield from (f"            row {row}: {sentence}" for sentence, row in example.sentences.items())
