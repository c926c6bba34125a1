"""What reconciling says to people and to `--json`: the same numbers, two faces."""

from collections.abc import Iterator

from bulksend.base.records import Status
from bulksend.pipeline.reconcile import Reconciliation

SHOWN = 10
"""How many rows or files are named to people, where there may be any number."""


def reconciled_document(ledger: str, result: Reconciliation) -> dict[str, object]:
    """What `reconcile --json` prints (REFERENCE, "JSON")."""
    figures = result.figures
    return {
        "ledger": ledger,
        "campaign": result.campaign,
        "files": result.files,
        "events": result.events,
        "others": result.others,
        "foreign": result.foreign,
        "unreadable": [
            {"file": each.file, "count": each.count, "line": each.line, "cause": each.cause}
            for each in result.unreadable
        ],
        "interrupted": result.interrupted,
        "settled": {status.value: count for status, count in result.settled.items()},
        "unknown": result.unknown,
        "deliveries": dict(figures.by_status),
        "without_event": figures.without_event,
        "parts": {
            "messages": figures.billed_messages,
            "counted": figures.counted_parts,
            "billed": figures.billed_parts,
            "differ": figures.billed_otherwise,
            "rows": [
                {"row": each.row, "counted": each.counted, "billed": each.billed}
                for each in figures.first_billed_otherwise
            ],
        },
        "price_usd": None if figures.price_usd is None else round(figures.price_usd, 5),
        "accepted_again": list(figures.accepted_again),
    }


def reconciled_lines(ledger: str, result: Reconciliation) -> Iterator[str]:
    """What came of reconciling, for people."""
    figures = result.figures
    files = "1 file" if result.files == 1 else f"{result.files:,} files"
    yield f"Campaign {result.campaign}: {result.events:,} delivery events in {files}"
    settled = sum(result.settled.values())
    before = ", ".join(f"{count:,} {status.value}" for status, count in result.settled.items())
    yield f"  {settled:>10,}  rows are settled: sent{f' (before: {before})' if settled else ''}"
    yield f"  {result.unknown:>10,}  rows are still {Status.UNKNOWN.value}"
    if result.foreign:
        yield f"  {result.foreign:>10,}  events belong to no row of this ledger"
    if result.others:
        yield f"  {result.others:>10,}  records are not about text messages"
    unreadable = sum(each.count for each in result.unreadable)
    if unreadable:
        yield f"  {unreadable:>10,}  records could not be read"
        for each in result.unreadable[:SHOWN]:
            yield f"  {each.count:>21,}  {each.file}, line {each.line}: {each.cause}"
        if len(result.unreadable) > SHOWN:
            yield f"  {'':>21}  and in {len(result.unreadable) - SHOWN:,} more files"
    yield "Delivery"
    for status, count in figures.by_status.items():
        yield f"  {count:>10,}  {status}"
    yield f"  {figures.without_event:>10,}  sent, without an event so far"
    if figures.billed_messages:
        yield (
            f"Parts    {figures.billed_parts:,} billed, {figures.counted_parts:,} counted,"
            f" in {figures.billed_messages:,} messages"
        )
    if figures.billed_otherwise:
        yield f"         {figures.billed_otherwise:,} messages were billed otherwise than counted:"
        for row in figures.first_billed_otherwise:
            yield f"           row {row.row:,}: {row.billed:,} billed, {row.counted:,} counted"
    if figures.price_usd is not None:
        yield f"Price    {figures.price_usd:,.5f} US dollars"
    again = figures.accepted_again
    if again:
        named = ", ".join(f"{row:,}" for row in again[:SHOWN]) + (", ..." if len(again) > SHOWN else "")
        yield f"Twice    {len(again):,} rows were accepted by the service more than once: row {named}"
    yield f"Ledger   {ledger}"
    if result.unknown:
        yield "Unknown  no event proves that these messages were sent, and events may come for 72 hours"
