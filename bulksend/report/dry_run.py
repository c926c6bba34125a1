"""What a rehearsal at the service has shown, to people and to `--json`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bulksend.base.errors import BulksendError
from bulksend.base.progress import Breaker, Counts, RunEnd
from bulksend.base.records import Status
from bulksend.pipeline.refused import Refusal, Route
from bulksend.report.words import cut, duration, listed
from bulksend.report.wrapped import wrapped

MOST_ROUTES = 20
"""Routes that are shown to people; `--json` has all."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a service is: its endpoint and its region."""

    endpoint_url: str
    region: str


def dry_run_document(
    *,
    campaign: str,
    place: Place,
    ledger: str | None,
    wanted: int | None,
    counts: Counts,
    routes: Sequence[Route],
    refusals: Sequence[Refusal],
    breakers: Sequence[Breaker],
    seconds: float,
    throttled: int,
    answers_s: tuple[float, float],
    end: RunEnd,
    cause: BulksendError | None,
) -> dict[str, object]:
    """What `rehearse --at service --json` prints (REFERENCE, "JSON").

    Args:
        campaign: its name.
        place: where it was asked.
        ledger: where its ledger is; None: it was not kept.
        wanted: rows that the sample was to have; None: all.
        counts: of the ledger.
        routes: that the plan would send by.
        refusals: by reason.
        breakers: what was refused for more than one recipient.
        seconds: of asking, in this run.
        throttled: throttled answers in this run.
        answers_s: median and 99th percentile of the answers in this run, in seconds.
        end: of this run.
        cause: of a stop.
    """
    median_s, p99_s = answers_s
    held = sum(refusal.held for refusal in refusals)
    left = counts.of(Status.PENDING) + counts.of(Status.SENDING) - held
    return {
        "at": "service",
        "campaign": campaign,
        "endpoint_url": place.endpoint_url,
        "region": place.region,
        "dry_run": True,
        "ledger": ledger,
        "rows": counts.rows,
        "listed": sum(route.listed for route in routes),
        "wanted": wanted,
        "sample": sum(route.chosen for route in routes),
        "fine": counts.of(Status.SENT),
        "refused": counts.of(Status.FAILED) + held,
        "unknown": counts.of(Status.UNKNOWN),
        "left": left,
        "refusals": [
            {
                "reason": each.reason,
                "rows": each.rows,
                "held": each.held,
                "identities": dict(each.identities.most_common()),
                "countries": dict(each.countries.most_common()),
                "first_rows": list(each.first_rows),
            }
            for each in refusals
        ],
        "breakers": [
            {
                "identity": each.identity,
                "country": each.country,
                "reason": each.reason,
                "moved": each.moved,
                "held": each.held,
            }
            for each in breakers
        ],
        "routes": [
            {
                "identity": each.identity,
                "country": each.country,
                "listed": each.listed,
                "sample": each.chosen,
                "fine": each.fine,
            }
            for each in routes
        ],
        "reasons": {status.value: dict(reasons) for status, reasons in counts.reasons.items()},
        "seconds": round(seconds, 3),
        "throttled": throttled,
        "answers": {"median_ms": round(median_s * 1000, 1), "p99_ms": round(p99_s * 1000, 1)},
        # What is held has its answer: that of the row it is held for.
        "end": end.value if left else RunEnd.COMPLETE.value,
        "cause": cause.what if left and cause is not None else None,
    }


def dry_run_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """A rehearsal at the service for people, from `dry_run_document`; no line is wider than 80 columns."""
    yield f"Rehearsal of {document['campaign']} at the service with DryRun: checked, not sent"
    yield f"Service   {document['endpoint_url']} ({document['region']})"
    listed_rows, sample = document["listed"], document["sample"]
    yield f"Rows      {document['rows']:,}: {listed_rows:,} to send, {sample:,} of them in the sample"
    if document["wanted"] is not None and sample > document["wanted"]:
        yield "          (one of every country, identity and number of parts, which is more than asked for)"
    results = [f"{document[word]:,} {word}" for word in ("fine", "refused", "unknown", "left") if document[word]]
    yield f"Answers   {', '.join(results) or 'none'}, in {duration(document['seconds'])}"
    if document["fine"]:
        answers = document["answers"]
        yield f"          {answers['median_ms']:,.0f} ms median, {answers['p99_ms']:,.0f} ms in 1 of 100"
    if document["end"] == RunEnd.INTERRUPTED:
        yield "Interrupted: what is left was not asked about"
    elif document["left"] and document["cause"]:
        yield from wrapped("Stopped", str(document["cause"]))
    yield from _route_lines(document["routes"])
    yield from _refusal_lines(document)
    if document["ledger"]:
        yield f"Ledger    {document['ledger']}"


def _route_lines(routes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not routes:
        return
    yield ""
    yield f"{'Identity':<32} {'country':>8} {'to send':>10} {'sample':>8} {'fine':>8} {'not':>8}"
    for each in routes[:MOST_ROUTES]:
        yield (
            f"{cut(each['identity'], 32):<32} {each['country'] or '-':>8} {each['listed']:>10,} {each['sample']:>8,}"
            f" {each['fine']:>8,} {each['sample'] - each['fine'] or '-':>8}"
        )
    if len(routes) > MOST_ROUTES:
        yield f"and {len(routes) - MOST_ROUTES:,} more, which --json has"


def _refusal_lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    if not (document["refusals"] or document["breakers"] or document["unknown"]):
        unanswered = "There is no answer about any row." if document["sample"] else "Nothing was asked."
        yield "Nothing was refused." if document["fine"] else unanswered
        return
    if document["refusals"]:
        yield "Refused"
    for each in document["refusals"]:
        rows = ", ".join(f"{row:,}" for row in each["first_rows"])
        more = ", ..." if each["rows"] > len(each["first_rows"]) else ""
        yield f"  {each['rows']:>8,}  {each['reason']}"
        where = f"from {_named(each['identities'])} to {_named(each['countries'])}; row {rows}{more}"
        yield from wrapped(" " * 11, where)
        if each["held"]:
            yield from wrapped(" " * 11, f"{each['held']:,} of them by what another row met: not asked about again")
    for each in document["breakers"]:
        if each["moved"]:
            yield from wrapped(
                "Moved",
                f"{each['moved']:,} rows of {each['identity']} went to other identities, as in a real send:"
                f" it is refused ({each['reason']})",
            )
    for reason, number in document["reasons"].get(Status.UNKNOWN.value, {}).items():
        yield f"  {number:>8,}  without an answer ({reason})"


def _named(counts: Mapping[str, int]) -> str:
    """The first three of `counts`, with their numbers."""
    return listed([f"{name or 'unknown'} ({number:,})" for name, number in counts.items()], 3)
