"""What a plan says to people."""

from collections.abc import Iterator

from bulksend.config.model import Settings
from bulksend.pipeline.plan import Plan
from bulksend.pipeline.totals import Example
from bulksend.report.words import cut, duration


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
        yield f"{'Bucket':<24} {'parts/s':>8} {'messages':>10} {'parts':>10} {'time':>12}"
        for name, bucket in totals.buckets.items():
            eta = duration(totals.bucket_eta_seconds(name))
            yield f"{cut(name, 24):<24} {bucket.mps:>8,} {bucket.messages:>10,} {bucket.parts:>10,} {eta:>12}"
        yield f"All buckets go at once: about {duration(totals.eta_seconds)} in all"
    yield from _examples("Skipped", totals.skipped, named=True)
    yield from _examples("Repaired", totals.repairs, named=False)


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
