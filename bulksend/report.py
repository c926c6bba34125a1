"""What a plan and a ledger say to people and to `--json`: the same numbers, two faces."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from bulksend.base.records import Breaker, Counts, Encoding, Run, RunEnd, Status
from bulksend.config.model import Settings
from bulksend.message.gsm import non_gsm_characters
from bulksend.message.parts import PartCount, too_long
from bulksend.pipeline.plan import Plan
from bulksend.pipeline.totals import Example


def duration(seconds: float) -> str:
    """A duration as people say it: 8 s, 4 min 10 s, 2 h 05 min, 3 d 4 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 48 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


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
            yield f"{_cut(name, 24):<24} {bucket.mps:>8,} {bucket.messages:>10,} {bucket.parts:>10,} {eta:>12}"
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


def summary_document(
    *,
    campaign: str,
    ledger: str,
    dry_run: bool,
    counts: Counts,
    runs: list[Run],
    breakers: list[Breaker],
    now: datetime | None,
) -> dict[str, object]:
    """What `send --json`, `resume --json` and `status --json` print (README, "JSON").

    `now`: when the last message was accepted, or None. A run without an end is over with that: it may be going on, or
    have been killed, and time in which nothing was sent belongs to neither.
    """
    end = _end(counts, runs)
    seconds = sum(
        max(0.0, ((run.finished_at or now or run.started_at) - run.started_at).total_seconds()) for run in runs
    )
    return {
        "campaign": campaign,
        "ledger": ledger,
        "dry_run": dry_run,
        "rows": counts.rows,
        **{status.value: counts.of(status) for status in Status},
        "parts_sent": counts.parts_sent,
        "throttled": sum(run.throttled for run in runs),
        "seconds": round(seconds, 3),
        "parts_per_second": round(counts.parts_sent / seconds, 2) if seconds > 0 else 0.0,
        "end": end.value,
        "cause": runs[-1].cause if end is RunEnd.STOPPED else None,
        "held": sum(bucket.messages_held for bucket in counts.buckets),
        "breakers": [
            {
                "identity": breaker.identity,
                "country": breaker.country,
                "reason": breaker.reason,
                "tripped_at": breaker.tripped_at.isoformat().replace("+00:00", "Z"),
                "moved": breaker.moved,
                "held": breaker.held,
            }
            for breaker in breakers
        ],
        "reasons": {
            status.value: dict(counts.reasons.get(status, {}))
            for status in (Status.SKIPPED, Status.FAILED, Status.UNKNOWN, Status.PENDING)
        },
    }


def _end(counts: Counts, runs: list[Run]) -> RunEnd:
    if counts.of(Status.PENDING) + counts.of(Status.SENDING) == 0:
        return RunEnd.COMPLETE
    # A run without an end is running, or was killed; either way there is work left.
    return (runs[-1].end if runs else None) or RunEnd.INTERRUPTED


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


_BEHIND_A_BREAKER = {"moved": "went to other identities", "held": "wait until the account is put right"}


def summary_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """A campaign's state for people, from `summary_document`."""
    total, rows = document["rows"], [(status, document[status.value]) for status in Status]
    mode = " (DryRun: checked by the service, not sent)" if document["dry_run"] else ""
    ends = {RunEnd.COMPLETE: "complete", RunEnd.INTERRUPTED: "not finished", RunEnd.STOPPED: "stopped by the service"}
    yield f"Campaign {document['campaign']}{mode}: {ends[RunEnd(document['end'])]}"
    for status, count in rows:
        if not count:
            continue
        yield f"  {count:>10,}  {status.value}"
        reasons = document["reasons"].get(status.value, {})
        for reason, number in sorted(reasons.items(), key=lambda item: -item[1]):
            yield f"  {number:>21,}  {reason}"
    yield f"  {total:>10,}  rows in all"
    if document["seconds"]:
        throttled = f", {document['throttled']:,} throttled answers" if document["throttled"] else ""
        yield (
            f"{document['parts_sent']:,} parts in {duration(document['seconds'])}:"
            f" {document['parts_per_second']:,.1f} parts a second{throttled}"
        )
    yield f"Ledger   {document['ledger']}"
    for breaker in document["breakers"]:
        went = [f"{breaker[what]:,} rows {where}" for what, where in _BEHIND_A_BREAKER.items() if breaker[what]]
        yield (
            f"Refused  {breaker['identity']} to {breaker['country'] or 'any country'} ({breaker['reason']}):"
            f" {', '.join(went) or 'no rows behind it'}"
        )
    if document["cause"]:
        yield f"Stopped  {document['cause']}"
    if document[Status.UNKNOWN.value]:
        yield "Unknown  the service may or may not have taken these messages; they are not sent again by themselves"
        yield "         (bulksend reconcile settles them by delivery events, resume --resend-unknown sends them again)"


def next_steps(document: Mapping[str, Any]) -> Iterator[str]:
    """Commands that look further into a ledger."""
    ledger = document["ledger"]
    yield "Look further:"
    yield f"  bulksend status {ledger}"
    yield f"  bulksend export {ledger} --format csv --out results.csv"
    if document[Status.FAILED.value]:
        yield f"  bulksend export {ledger} --format csv --status failed"
    if document[Status.SKIPPED.value]:
        yield f"  bulksend export {ledger} --format csv --status skipped"
    if document.get(Status.PENDING.value):
        yield f"  bulksend resume {ledger}"


def simulator_lines(stats: Mapping[str, Any]) -> Iterator[str]:
    """What a simulator saw, for people."""
    yield "What the simulator saw"
    yield f"  {'bucket':<22} {'limit':>6} {'fullest second':>15} {'messages':>10} {'parts':>9} {'throttled':>10}"
    for kind in ("buckets", "dry_run_buckets"):
        for name, bucket in stats[kind].items():
            if not bucket["offered"]:
                continue
            label = _cut(name if kind == "buckets" else f"{name} (DryRun)", 22)
            yield (
                f"  {label:<22} {bucket['mps']:>6,} {bucket['fullest_offered']:>15,} {bucket['accepted']:>10,}"
                f" {bucket['parts']:>9,} {bucket['throttled']:>10,}"
            )
    duplicates = stats["duplicates"]["destination_text"]
    yield f"  {duplicates:,} texts reached somebody twice"


def bucket_lines(counts: Counts, recent_parts: Mapping[str, int], *, span_s: float) -> Iterator[str]:
    """How far each bucket is, for people. `recent_parts`: sent in the last `span_s` seconds, by bucket."""
    yield ""
    yield f"{'Bucket':<24} {'parts/s':>8} {'limit':>7} {'done':>10} {'of':>10} {'held':>7} {'left':>12}"
    for bucket in counts.buckets:
        left = bucket.parts - bucket.parts_done
        yield (
            f"{_cut(bucket.bucket, 24):<24} {recent_parts.get(bucket.bucket, 0) / span_s:>8,.1f} {bucket.mps:>7,}"
            f" {bucket.messages_done:>10,} {bucket.messages:>10,} {bucket.messages_held:>7,}"
            f" {duration(left / bucket.mps) if left else 'done':>12}"
        )


def parts_lines(text: str, count: PartCount) -> Iterator[str]:
    """Encoding and parts of one text for people, and what forces UCS-2."""
    unit = "septets" if count.encoding is Encoding.GSM_7 else "UTF-16 units"
    yield f"{count.encoding.value}, {count.parts:,} {'part' if count.parts == 1 else 'parts'}, {count.units:,} {unit}"
    if sentence := too_long(count):
        yield f"Too long: {sentence}"
    forcing = non_gsm_characters(text)
    if forcing:
        yield "Characters that force UCS-2:"
        for each in forcing:
            times = "once" if each.count == 1 else f"{each.count:,} times, first"
            yield f"  {each.character!r} {each.code_point} {each.name}: {times} at character {each.first_index + 1:,}"
