"""A ledger's history as `report --json` prints it; every number of the page is one of these."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from bulksend.base.history import DeliveryGroup, Group, History, Pace, Slot
from bulksend.base.progress import Run
from bulksend.base.records import Status
from bulksend.report.durations import durations
from bulksend.report.summary import summary_document

_NO_SLOT = Slot()


def history_document(history: History, *, ledger: str, now: datetime) -> dict[str, Any]:
    """What `bulksend report --json` prints (REFERENCE, "report --json").

    Args:
        history: of a ledger.
        ledger: where that is.
        now: when it was read, UTC.
    """
    campaign = history.campaign.get("campaign")
    settings = campaign if isinstance(campaign, dict) else {}
    summary = summary_document(
        campaign=str(settings.get("name", "")),
        ledger=ledger,
        dry_run=bool(settings.get("dry_run")),
        counts=history.counts,
        runs=list(history.runs),
        breakers=list(history.breakers),
        now=history.last_sent_at,
    )
    return summary | {
        "input": history.input_name,
        "planned_at": iso(history.planned_at),
        "read_at": iso(now),
        "forgotten_at": None if history.forgotten_at is None else iso(history.forgotten_at),
        "open_run": bool(history.runs) and history.runs[-1].finished_at is None,
        "throughput": None if history.pace is None else _throughput(history, history.pace),
        "answer_time": _answer_time(history.answer_ms),
        "attempts": [{"attempts": attempts, "rows": rows} for attempts, rows in history.attempts.items()],
        "outcomes": [_outcome(group) for group in history.groups if group.status in (Status.FAILED, Status.UNKNOWN)],
        "skipped_by_reason": _skipped(history.groups),
        "countries": _countries(history),
        "cost": _cost(history),
        "deliveries": _deliveries(history),
        "settled": [
            {"status": status.value, "reason": reason, "rows": rows}
            for (status, reason), rows in history.settled.items()
        ],
        "feedback": dict(history.feedback),
        "runs": [_run(run) for run in history.runs],
        "journal": [
            {"at": iso(entry.at), "event": entry.event, "detail": dict(entry.detail)} for entry in history.journal
        ],
        "journal_before": history.journal_before,
    }


def iso(moment: datetime) -> str:
    """`moment` to the millisecond, in UTC, as ISO 8601 has it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _throughput(history: History, pace: Pace) -> dict[str, object]:
    return {
        "slot_seconds": pace.slot_s,
        "periods": [
            {
                "begin": iso(pace.origin + timedelta(seconds=begin * pace.slot_s)),
                "end": iso(pace.origin + timedelta(seconds=(end + 1) * pace.slot_s)),
                "slots": end - begin + 1,
            }
            for begin, end in pace.periods
        ],
        "buckets": [
            _bucket_throughput(bucket.bucket, bucket.mps, pace.buckets.get(bucket.bucket, {}), pace)
            for bucket in history.counts.buckets
        ],
    }


def _bucket_throughput(name: str, mps: int, slots: Mapping[int, Slot], pace: Pace) -> dict[str, object]:
    active = sum(1 for slot in slots.values() if slot.messages)
    parts = sum(slot.parts for slot in slots.values())
    return {
        "bucket": name,
        "mps": mps,
        "messages": sum(slot.messages for slot in slots.values()),
        "parts": parts,
        "active_slots": active,
        "mean_parts_per_second": round(parts / (active * pace.slot_s), 2) if active else 0.0,
        "most_parts_per_second": round(max((slot.parts for slot in slots.values()), default=0) / pace.slot_s, 2),
        "throttled": sum(slot.throttled or 0 for slot in slots.values()),
        "least_allowed": min(
            (round(slot.allowed, 2) for slot in slots.values() if slot.allowed is not None), default=None
        ),
        "most_in_flight": max((slot.in_flight for slot in slots.values() if slot.in_flight is not None), default=None),
        "periods": [
            [_slot(number, slots.get(number, _NO_SLOT), pace) for number in range(begin, end + 1)]
            for begin, end in pace.periods
        ],
    }


def _slot(number: int, slot: Slot, pace: Pace) -> dict[str, object]:
    return {
        "at": iso(pace.origin + timedelta(seconds=number * pace.slot_s)),
        "messages": slot.messages,
        "parts": slot.parts,
        "parts_per_second": round(slot.parts / pace.slot_s, 2),
        "throttled": slot.throttled,
        "allowed": None if slot.allowed is None else round(slot.allowed, 2),
        "in_flight": slot.in_flight,
    }


def _answer_time(by_ms: Mapping[int, int]) -> dict[str, object] | None:
    found = durations(by_ms)
    return None if found is None else asdict(found) | {"bins": [asdict(each) for each in found.bins]}


def _outcome(group: Group) -> dict[str, object]:
    return {
        "status": group.status.value,
        "reason": group.reason,
        "error_code": group.error_code,
        "country": group.country,
        "messages": group.messages,
        "parts": group.parts,
        "first_row": group.first_row,
    }


def _skipped(groups: Iterable[Group]) -> list[dict[str, object]]:
    by_reason: dict[str | None, list[Group]] = defaultdict(list)
    for group in groups:
        if group.status is Status.SKIPPED:
            by_reason[group.reason].append(group)
    found: list[dict[str, object]] = [
        {"reason": reason, "rows": _messages(some), "first_row": min(each.first_row for each in some)}
        for reason, some in sorted(by_reason.items(), key=lambda item: (-_messages(item[1]), item[0] or ""))
    ]
    return found


def _countries(history: History) -> list[dict[str, object]]:
    by_country: dict[str | None, list[Group]] = defaultdict(list)
    for group in history.groups:
        by_country[group.country].append(group)
    prices: dict[str | None, list[float]] = defaultdict(list)
    for delivery in history.deliveries:
        if delivery.price_usd is not None:
            prices[delivery.country].append(delivery.price_usd)
    return [
        {
            "country": country,
            "rows": _messages(some),
            **{status.value: _messages(each for each in some if each.status is status) for status in Status},
            "parts_sent": sum(each.parts for each in some if each.status is Status.SENT),
            "price_usd": round(sum(prices[country]), 5) if prices[country] else None,
        }
        for country, some in sorted(by_country.items(), key=lambda item: (-_messages(item[1]), item[0] or ""))
    ]


def _messages(groups: Iterable[Group]) -> int:
    return sum(group.messages for group in groups)


def _cost(history: History) -> dict[str, object]:
    """What was counted, what was billed, and what the plan made of the price file, each as far as it is known."""
    prices = [each.price_usd for each in history.deliveries if each.price_usd is not None]
    planned = history.summary.get("cost")
    sendable = [group for group in history.groups if group.status is not Status.SKIPPED]
    return {
        "planned": planned if isinstance(planned, dict) else None,
        "messages": _messages(sendable),
        "parts": sum(group.parts for group in sendable),
        "parts_sent": history.counts.parts_sent,
        "priced_messages": sum(each.priced_messages for each in history.deliveries),
        "price_usd": round(sum(prices), 5) if prices else None,
        "billed_messages": sum(each.billed_messages for each in history.deliveries),
        "counted_parts": sum(each.counted_parts for each in history.deliveries),
        "billed_parts": sum(each.billed_parts for each in history.deliveries),
    }


def _deliveries(history: History) -> dict[str, object] | None:
    if not history.deliveries:
        return None
    return {
        "messages": sum(each.messages for each in history.deliveries),
        "without_event": history.without_event,
        "by_status": list(_by_delivery_status(history.deliveries)),
    }


def _by_delivery_status(deliveries: Iterable[DeliveryGroup]) -> Iterator[dict[str, object]]:
    found: dict[tuple[str, bool], int] = defaultdict(int)
    for each in deliveries:
        found[each.status, each.final] += each.messages
    for (status, final), messages in sorted(found.items(), key=lambda item: (-item[1], item[0])):
        yield {"status": status, "final": final, "messages": messages}


def _run(run: Run) -> dict[str, object]:
    return {
        "started_at": iso(run.started_at),
        "finished_at": None if run.finished_at is None else iso(run.finished_at),
        "end": None if run.end is None else run.end.value,
        "cause": run.cause,
        "throttled": run.throttled,
    }
