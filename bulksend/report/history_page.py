"""The page that explains a campaign afterwards, from the document that `report --json` prints."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from bulksend.base.progress import RunEnd
from bulksend.base.records import Status
from bulksend.report.history_parts import behind, command, long_table, marked, number, share, unbroken
from bulksend.report.history_results import cost, countries, deliveries, failures, skipped
from bulksend.report.history_speed import answer_time, retries, throughput
from bulksend.report.page import Figure, Section, Tone, bar, figures, note, page, paragraph, table, together
from bulksend.report.words import duration

UNFOLDED_BUCKETS = 8

_STATES: Mapping[RunEnd, tuple[str, Tone]] = {
    RunEnd.COMPLETE: ("Complete: every row has its outcome.", "good"),
    RunEnd.INTERRUPTED: ("Not finished: rows are left to send.", "warning"),
    RunEnd.STOPPED: ("Stopped: rows are left to send.", "bad"),
}

_MEANINGS: Mapping[Status, str] = {
    Status.PENDING: "to be sent",
    Status.SENDING: "on its way: the outcome is not recorded yet",
    Status.SENT: "the service took it and gave a message id",
    Status.FAILED: "the service refused it, for good",
    Status.UNKNOWN: "it may or may not have been sent",
    Status.SKIPPED: "left out by the plan",
}

_TONES: Mapping[Status, Tone] = {Status.SENT: "good", Status.FAILED: "bad", Status.UNKNOWN: "warning"}


def history_page(document: Mapping[str, Any], *, version: str) -> str:
    """The page, as HTML; has no number of a recipient and no text.

    Args:
        document: of `history_document`.
        version: of bulksend.
    """
    found = (
        _outcome(document),
        throughput(document),
        answer_time(document),
        failures(document),
        _unknown(document),
        skipped(document),
        retries(document),
        countries(document),
        cost(document),
        deliveries(document),
        _runs(document),
        _journal(document),
    )
    rehearsal = " · a rehearsal (DryRun)" if document["dry_run"] else ""
    return page(
        f"Campaign {document['campaign']}",
        f"{document['rows']:,} rows of {document['input']}, planned {moment(document['planned_at'])}{rehearsal}",
        [section for section in found if section is not None],
        footer=(
            f"bulksend {version}, from the ledger {document['ledger']} as it was on {moment(document['read_at'])}."
            " All times are UTC."
        ),
    )


def moment(iso: str) -> str:
    """A time of the document for people, to the second."""
    return iso[:19].replace("T", " ")


def _outcome(document: Mapping[str, Any]) -> Section:
    end = RunEnd(document["end"])
    sentence, tone = _STATES[end]
    if not document["rows"]:
        sentence, tone = "The list had no rows.", ""
    notes = [note(f"{sentence} {document['cause'] or ''}".strip(), tone)]
    if document["open_run"]:
        notes.append(
            note(
                "The latest run has no end yet: it is going on, or its process died. These are the numbers of one"
                " moment; make the report again for later ones.",
                "warning",
            )
        )
    if document["dry_run"]:
        notes.append(note("A rehearsal: the service checked every message and delivered none."))
    if document["forgotten_at"]:
        notes.append(
            note(
                f"Numbers, texts and the list's own columns were removed from this ledger on"
                f" {moment(document['forgotten_at'])}; counts, ids and times are what they were."
            )
        )
    tiles = [Figure("Rows", number("rows", document["rows"]), "of the list")]
    tiles += [
        Figure(
            status.value.capitalize(), number(status.value, count), share(count, document["rows"]), _tone(status, count)
        )
        for status in (Status.SENT, Status.FAILED, Status.UNKNOWN, Status.SKIPPED, Status.PENDING, Status.SENDING)
        if (count := document[status.value]) or status not in (Status.PENDING, Status.SENDING)
    ]
    tiles.append(Figure("Parts sent", number("parts_sent", document["parts_sent"]), "billed by the part"))
    if document["seconds"]:
        speed = marked("parts_per_second", f"{document['parts_per_second']:,}")
        tiles.append(Figure("Time", marked("duration", duration(document["seconds"])), f"in {_runs_of(document)}"))
        tiles.append(Figure("Parts a second", speed, "over that time"))
    rows = [
        (
            status.value,
            f"{document[status.value]:,}",
            share(document[status.value], document["rows"]),
            _MEANINGS[status],
            bar(document[status.value] / max(1, document["rows"])),
        )
        for status in Status
    ]
    held = document["reasons"][Status.PENDING.value]
    more = (
        [
            table(
                ("Held because of", "Rows"),
                [(reason, number(f"held/{reason}", count)) for reason, count in held.items()],
                numeric=(1,),
            )
        ]
        if held
        else []
    )
    overview = table(("Status", "Rows", "Share", "What it means", ""), rows, numeric=(1, 2))
    return Section(
        "Outcome",
        together(*notes, figures(tiles), overview, *_buckets(document), *more, *_refused(document)),
        "outcome",
    )


def _tone(status: Status, count: int) -> Tone:
    return _TONES.get(status, "") if count else ""


def _runs_of(document: Mapping[str, Any]) -> str:
    runs = len(document["runs"])
    return "one run" if runs == 1 else f"{runs:,} runs"


def _buckets(document: Mapping[str, Any]) -> Iterator[Markup]:
    rows = [
        (
            unbroken(each["bucket"]),
            number(f"bucket/{each['bucket']}/messages_done", each["messages_done"]),
            number(f"bucket/{each['bucket']}/messages", each["messages"]),
            number(f"bucket/{each['bucket']}/messages_held", each["messages_held"]),
            number(f"bucket/{each['bucket']}/parts_sent", each["parts_sent"]),
            number(f"bucket/{each['bucket']}/parts", each["parts"]),
        )
        for each in document["buckets"]
    ]
    if rows:
        headers = ("Bucket", "Rows done", "of", "Held", "Parts sent", "of")
        whole = table(headers, rows, numeric=range(1, 6), caption="By bucket, without what the plan left out")
        yield whole if len(rows) <= UNFOLDED_BUCKETS else behind(f"By bucket ({len(rows):,})", whole)


def _refused(document: Mapping[str, Any]) -> Iterator[Markup]:
    if not document["breakers"]:
        return
    rows = [
        (
            each["identity"],
            each["country"] or "any",
            each["reason"],
            number(f"breaker/{each['identity']}/{each['country'] or ''}/moved", each["moved"]),
            number(f"breaker/{each['identity']}/{each['country'] or ''}/held", each["held"]),
            unbroken(moment(each["tripped_at"])),
        )
        for each in document["breakers"]
    ]
    headers = ("Identity", "Country", "Reason", "Went to others", "Wait", "Since")
    yield table(headers, rows, numeric=(3, 4), caption="What the service refuses since the latest run began")
    yield paragraph("Put the account right; the rows that wait go on with the next send or resume.")


def _unknown(document: Mapping[str, Any]) -> Section | None:
    count = document[Status.UNKNOWN.value]
    if not count:
        return None
    ledger = shlex.quote(document["ledger"])
    rows = [
        (
            each["reason"] or "unspecified",
            each["error_code"] or "",
            each["country"] or "unknown",
            number(f"unknown/{each['reason']}/{each['error_code'] or ''}/{each['country'] or ''}", each["messages"]),
            f"{each['first_row']:,}",
        )
        for each in document["outcomes"]
        if each["status"] == Status.UNKNOWN.value
    ]
    return Section(
        "Unknown rows, and what to do",
        together(
            note(
                Markup(
                    "{} rows may or may not have been sent: their answer was lost, or the process died while they were"
                    " on their way. They are never sent again by themselves."
                ).format(number("unknown/all", count)),
                "warning",
            ),
            long_table(("Reason", "Error", "Country", "Rows", "First row"), rows, numeric=(3, 4)),
            paragraph("1. See which they are:"),
            command(f"bulksend export {ledger} --format csv --status unknown --out unknown.csv"),
            paragraph(
                "2. Settle them by delivery events, where the campaign has a configuration set: rows that an event"
                " proves sent become sent. After 72 hours the last events have come, and what is still unknown was most"
                " likely not sent:"
            ),
            command(f"bulksend reconcile {ledger} EVENTS..."),
            paragraph(
                "3. Send them again. Whoever did get the message gets it twice, and it is billed twice, so settle them"
                " first:"
            ),
            command(f"bulksend resume {ledger} --resend-unknown"),
        ),
        "unknown",
    )


def _runs(document: Mapping[str, Any]) -> Section:
    if not document["runs"]:
        return Section("Runs", paragraph("Nothing has been sent yet: there was no run."), "runs")
    rows = [
        (
            f"{place}",
            unbroken(moment(run["started_at"])),
            unbroken(moment(run["finished_at"]) if run["finished_at"] else "no end"),
            run["end"] or "",
            number(f"run/{place}/throttled", run["throttled"]),
            run["cause"] or "",
        )
        for place, run in enumerate(document["runs"], start=1)
    ]
    return Section(
        "Runs", long_table(("Run", "Began", "Ended", "How", "Throttled", "Why"), rows, numeric=(0, 4)), "runs"
    )


def _journal(document: Mapping[str, Any]) -> Section | None:
    entries = document["journal"]
    if not entries:
        return None
    rows = [
        (
            unbroken(moment(entry["at"])),
            Markup("<code>{}</code>").format(entry["event"]),
            ", ".join(f"{key}: {_said(value)}" for key, value in entry["detail"].items() if value is not None),
        )
        for entry in entries
    ]
    before = document["journal_before"]
    earlier = [paragraph(f"{before:,} earlier entries are in the ledger's table journal.")] if before else []
    whole = table(("When", "What", "Details"), rows)
    return Section("Journal", together(*earlier, whole), "journal")


def _said(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return f"{value:,.10g}"
        case list():
            return ", ".join(map(_said, value))
        case dict():
            return "; ".join(f"{key} {_said(each)}" for key, each in value.items())
        case _:
            return str(value)
