"""What the ledger's tests share: a clock that stands still, small plans, and steps with a transaction of their own."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from bulksend.base.ports import Behind, Choose, Diverted
from bulksend.base.records import Bucket, Claim, Encoding, Origin, Outcome, OutcomeKind, PlannedRow, Settlement, Status
from bulksend.store.export import export_rows
from bulksend.store.ledger import SqliteLedger
from bulksend.store.plan_writer import PlanWriter

START = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)

TOLL_FREE = "+18885550100"
SHORT_CODE = "20440"
BUCKET_OF: Mapping[str, str] = {TOLL_FREE: "toll-free", SHORT_CODE: "short"}
SHORT = Origin(SHORT_CODE, "short")
IDENTITIES = (Origin(TOLL_FREE, "toll-free"), SHORT)
BUCKETS = (Bucket("toll-free", 3), Bucket("short", 100))


@dataclass
class StandingClock:
    """The port `Clock`: time goes on only when a test says so."""

    moment: datetime = START

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)

    def monotonic(self) -> float:
        return (self.moment - START).total_seconds()

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)


def pending(
    row: int,
    *,
    identity: str = TOLL_FREE,
    country: str | None = "US",
    parts: int = 1,
    text: str = "Hello",
    pinned: bool = False,
) -> PlannedRow:
    """A row that can be sent."""
    return PlannedRow(
        row=row,
        line=row + 1,
        source=f'{{"phone": "+1425555{row:04d}", "name": "N{row}"}}',
        status=Status.PENDING,
        destination=f"+1425555{row:04d}",
        country=country,
        identity=identity,
        bucket=BUCKET_OF[identity],
        encoding=Encoding.GSM_7,
        parts=parts,
        text=text,
        pinned=pinned,
    )


def skipped(row: int, *, reason: str = "invalid_number", note: str = "too short") -> PlannedRow:
    """A row that the plan leaves out."""
    return replace(
        pending(row),
        status=Status.SKIPPED,
        reason=reason,
        note=note,
        destination=None,
        identity=None,
        bucket=None,
        encoding=None,
        parts=0,
        text=None,
    )


def write_plan(
    path: Path,
    rows: Iterable[PlannedRow],
    *,
    clock: StandingClock | None = None,
    summary: Mapping[str, object] | None = None,
    buckets: Sequence[Bucket] = BUCKETS,
    identities: Sequence[Origin] = IDENTITIES,
) -> Path:
    """Plan a campaign of `rows` into `path`."""
    with PlanWriter(path, clock=clock or StandingClock()) as writer:
        writer.begin(campaign={"name": "c"}, fingerprint={"config": "1"}, buckets=buckets, identities=identities)
        writer.add(list(rows))
        writer.finish(input_name="list.csv", summary=summary or {}, fingerprint={"input": "2"})
    return path


def sent(row: int, attempt: int = 1, *, message_id: str | None = None) -> Settlement:
    """The outcome of a row that was sent."""
    return Settlement(row, attempt, Status.SENT, Outcome(OutcomeKind.SENT, message_id=message_id or f"m-{row}"))


def failed(row: int, attempt: int = 1, *, reason: str | None = "opted_out") -> Settlement:
    """The outcome of a row that the service refused."""
    outcome = Outcome(OutcomeKind.FAILED_RECIPIENT, reason, error_code="ConflictException", error_message="no")
    return Settlement(row, attempt, Status.FAILED, outcome)


def unknown(row: int, attempt: int = 1, *, reason: str | None = "read_timeout") -> Settlement:
    """The outcome of a row whose answer never came."""
    return Settlement(row, attempt, Status.UNKNOWN, Outcome(OutcomeKind.UNKNOWN, reason, error_code="ReadTimeoutError"))


def take(ledger: SqliteLedger, bucket: str = "toll-free", *, parts: int = 100, rows: int = 100) -> list[Claim]:
    """Claim in a transaction of its own."""
    with ledger.transaction():
        return list(ledger.claim(bucket, parts=parts, rows=rows))


def claim(
    ledger: SqliteLedger, bucket: str = "toll-free", *, parts: int = 100, rows: int = 100, oversized: bool = True
) -> list[int]:
    """Claim in a transaction of its own; return the row numbers."""
    with ledger.transaction():
        return [each.row for each in ledger.claim(bucket, parts=parts, rows=rows, oversized=oversized)]


def settle(ledger: SqliteLedger, *settlements: Settlement) -> None:
    """Settle in a transaction of its own."""
    with ledger.transaction():
        for settlement in settlements:
            ledger.settle(settlement)


def postpone(ledger: SqliteLedger, row: int, attempt: int = 1, *, throttled: bool = True, tried: bool = True) -> None:
    """Postpone in a transaction of its own."""
    with ledger.transaction():
        ledger.postpone(row, attempt, throttled=throttled, tried=tried)


def retry(ledger: SqliteLedger, attempts: Mapping[int, int]) -> None:
    """Note other attempts in a transaction of its own."""
    with ledger.transaction():
        ledger.retry(attempts)


def give_back(ledger: SqliteLedger, *rows: int, tried: Collection[int] = ()) -> None:
    """Give rows back in a transaction of their own."""
    with ledger.transaction():
        ledger.give_back(rows, tried=tried)


def divert(
    ledger: SqliteLedger,
    reason: str = "inactive",
    *,
    identity: str = TOLL_FREE,
    country: str | None = None,
    choose: Choose | None = None,
) -> Diverted:
    """Divert in a transaction of its own."""
    with ledger.transaction():
        return ledger.divert(reason, Behind(identity, country), choose)


def exported(ledger: SqliteLedger, row: int) -> dict[str, object]:
    """What the export says of a row."""
    return next(each for each in export_rows(ledger.path) if each["row"] == row)
