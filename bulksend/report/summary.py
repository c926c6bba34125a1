"""What became of a campaign, to people and to `--json`."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from bulksend.base.orders import Orders
from bulksend.base.progress import Breaker, BucketCounts, Counts, Run, RunEnd
from bulksend.base.records import Status
from bulksend.report.picture import Picture
from bulksend.report.words import cut, duration


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
    """What `send --json`, `resume --json` and `status --json` print (REFERENCE, "JSON").

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
        "cause": runs[-1].cause if runs and end is not RunEnd.COMPLETE else None,
        "held": sum(bucket.messages_held for bucket in counts.buckets),
        "buckets": [
            {
                "bucket": bucket.bucket,
                "mps": bucket.mps,
                "allows": None if bucket.allows is None else round(bucket.allows, 2),
                "allows_at": None if bucket.allows_at is None else _iso(bucket.allows_at),
                "messages": bucket.messages,
                "messages_done": bucket.messages_done,
                "messages_held": bucket.messages_held,
                "parts": bucket.parts,
                "parts_done": bucket.parts_done,
                "parts_sent": bucket.parts_sent,
            }
            for bucket in counts.buckets
        ],
        "breakers": [
            {
                "identity": breaker.identity,
                "country": breaker.country,
                "reason": breaker.reason,
                "tripped_at": _iso(breaker.tripped_at),
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


def state_document(picture: Picture) -> dict[str, object]:
    """What `status --json` adds: what is being done with the campaign now (REFERENCE, "JSON")."""
    state, seconds, finish = picture.state, picture.seconds_left, picture.finish
    return {
        "state": picture.standing if state is None else state.phase.value,
        "state_reason": state.reason if state is not None and state.reason else None,
        "state_until": None if state is None or state.until is None else _iso(state.until),
        "parts_per_second_now": round(picture.rate, 2),
        "seconds_left": None if seconds is None else round(seconds, 1),
        "finish_at": None if finish is None else _iso(finish),
    }


def state_line(picture: Picture) -> str:
    """The same in a line for people."""
    state, finish = picture.state, picture.finish
    said = picture.standing if state is None else state.phase.value
    if state is not None and state.reason:
        said += f" ({state.reason.replace('_', ' ')})"
    if state is not None and state.until is not None:
        said += f" until {state.until.astimezone():%Y-%m-%d %H:%M:%S}"
    return f"Now      {said}" + (f", done at {finish.astimezone():%Y-%m-%d %H:%M:%S}" if finish is not None else "")


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _end(counts: Counts, runs: list[Run]) -> RunEnd:
    if counts.of(Status.PENDING) + counts.of(Status.SENDING) == 0:
        return RunEnd.COMPLETE
    # A run without an end is running, or was killed; either way there is work left.
    return (runs[-1].end if runs else None) or RunEnd.INTERRUPTED


_MOST_SLOWER = 10
"""So many buckets that are slower than configured are told one by one; `bulksend status` lists all."""

_BEHIND_A_BREAKER = {"moved": "went to other identities", "held": "wait until the account is put right"}


def summary_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """A campaign's state for people, from `summary_document`."""
    total, rows = document["rows"], [(status, document[status.value]) for status in Status]
    mode = " (DryRun: checked by the service, not sent)" if document["dry_run"] else ""
    ends = {RunEnd.COMPLETE: "complete", RunEnd.INTERRUPTED: "not finished", RunEnd.STOPPED: "stopped"}
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
    slower = [bucket for bucket in document["buckets"] if bucket["allows"] is not None]
    for bucket in slower[:_MOST_SLOWER]:
        yield (
            f"Limit    {cut(bucket['bucket'], 28)}: configured {bucket['mps']:,}, the service seems to allow"
            f" {_rate(bucket['allows'])} parts/s"
        )
    if len(slower) > _MOST_SLOWER:
        yield f"         and {len(slower) - _MOST_SLOWER:,} buckets more that the service allows less than configured"
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


def _rate(parts_per_second: float) -> str:
    """To three digits where it is small, without those that say nothing."""
    return f"{parts_per_second:,.0f}" if parts_per_second >= 100 else f"{parts_per_second:.3g}"


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


def bucket_lines(
    counts: Counts, recent_parts: Mapping[str, int], *, span_s: float, headroom: float, orders: Orders
) -> Iterator[str]:
    """How far each bucket is, for people; what is left takes as long as service and operator allow, as far as is known.

    Args:
        counts: of a ledger.
        recent_parts: sent in the last `span_s` seconds, by bucket.
        span_s: seconds.
        headroom: share of each limit that the campaign leaves unused.
        orders: that hold.
    """
    yield ""
    yield (f"{'Bucket':<24} {'parts/s':>8} {'limit':>6} {'allows':>6} {'done':>11} {'of':>11} {'held':>9} {'left':>12}")
    for bucket in counts.buckets:
        allows = "" if bucket.allows is None else _rate(bucket.allows)
        yield (
            f"{cut(bucket.bucket, 24):<24} {recent_parts.get(bucket.bucket, 0) / span_s:>8,.1f} {bucket.mps:>6,}"
            f" {allows:>6} {bucket.messages_done:>11,} {bucket.messages:>11,} {bucket.messages_held:>9,}"
            f" {_left(bucket, headroom=headroom, share=orders.share_of(bucket.bucket)):>12}"
        )


def _left(bucket: BucketCounts, *, headroom: float, share: float) -> str:
    parts = bucket.parts - bucket.parts_done
    if not parts:
        return "done"
    if bucket.messages_done + bucket.messages_held == bucket.messages:
        return "held"
    limit = min(bucket.mps * share, bucket.mps if bucket.allows is None else bucket.allows)
    return duration(parts / (limit * (1.0 - headroom)))
