"""Hand-made stand-ins for the ledger and the gateway."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace as changed

from bulksend.base.errors import LedgerError
from bulksend.base.ports import ANY, Among, Behind, Choose, Diverted, Release
from bulksend.base.progress import BucketCounts, Counts, RunEnd, Sample
from bulksend.base.records import Bucket, Claim, Outcome, OutcomeKind, Settlement, Status
from tests.support.virtual import VirtualClock


def make_claim(row: int, *, parts: int = 1, bucket: str = "b", identity: str = "+18885550100") -> Claim:
    """A claim of row `row`, first attempt, to a number made from the row."""
    return Claim(row, 1, f"+1425555{row:04d}", "US", identity, bucket, f"text {row}", parts)


@dataclass
class MemoryLedger:
    """The ledger port in memory. `broken` makes every later write fail, as a full disk does.

    `most_claimed`: bucket -> the most parts that were `sending` at once.
    """

    claims: list[Claim]
    buckets: list[Bucket]
    commit_s: float = 0.0
    broken: bool = False
    status: dict[int, Status] = field(default_factory=dict)
    held: dict[int, str] = field(default_factory=dict)
    postponed: set[int] = field(default_factory=set)
    allowed: dict[str, float | None] = field(default_factory=dict)
    allowed_at: dict[str, datetime] = field(default_factory=dict)
    most_claimed: Counter[str] = field(default_factory=Counter)
    settlements: dict[int, Settlement] = field(default_factory=dict)
    settled_at: dict[int, datetime] = field(default_factory=dict)
    attempts: Counter[int] = field(default_factory=Counter)
    commits: int = 0
    zone_names: dict[int, str] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    journal: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    throttled: int = 0
    throttled_in_all: int = 0
    end: RunEnd | None = None
    cause: str | None = None

    def __post_init__(self) -> None:
        self.status = {claim.row: Status.PENDING for claim in self.claims}
        self._clock = VirtualClock()

    async def _commit(self) -> None:
        self.commits += 1
        await self._clock.sleep(self.commit_s)
        if self.broken:
            raise LedgerError("ledger: no space left on the device", "make room, then resume")

    async def claim(
        self, bucket: str, *, parts: int, rows: int, oversized: bool = True, among: Among = ANY
    ) -> Sequence[Claim]:
        await self._commit()
        taken: list[Claim] = []
        order = {zone: place for place, zone in enumerate(among.zones)}
        wanted = [
            claim
            for claim in self.claims
            if claim.zone in order
            and (among.last is None or claim.row <= among.last)
            and (among.rows is None or claim.row in among.rows)
        ]
        for claim in sorted(wanted, key=lambda claim: order[claim.zone]):
            passed_over = claim.row in self.held or claim.row in self.postponed
            if claim.bucket != bucket or self.status[claim.row] is not Status.PENDING or passed_over:
                continue
            fits = sum(each.parts for each in taken) + claim.parts <= parts or (oversized and not taken)
            if len(taken) == rows or not fits:
                break
            self.status[claim.row] = Status.SENDING
            self.attempts[claim.row] += 1
            taken.append(changed(claim, attempt=self.attempts[claim.row]))
        self._watch()
        return taken

    async def postpone(self, row: int, attempt: int, *, throttled: bool, tried: bool = True) -> None:
        await self._commit()
        assert (self.status[row], self.attempts[row]) == (Status.SENDING, attempt)
        self.attempts[row] -= not tried
        self.status[row] = Status.PENDING
        self.postponed.add(row)
        self.throttled += throttled

    async def retry(self, attempts: Mapping[int, int]) -> None:
        await self._commit()
        for row, attempt in attempts.items():
            assert row in self.postponed or self.status[row] is Status.UNKNOWN
            assert self.attempts[row] == attempt - 1
            self.postponed.discard(row)
            self.status[row] = Status.SENDING
            self.attempts[row] = attempt
        self._watch()

    async def settle(self, settlement: Settlement) -> None:
        await self._commit()
        assert self.status[settlement.row] is Status.SENDING, "settled twice, or never claimed"
        self.status[settlement.row] = settlement.status
        self.settlements[settlement.row] = settlement
        self.settled_at[settlement.row] = self._clock.now()

    async def give_back(self, rows: Sequence[int], *, tried: Collection[int] = ()) -> None:
        await self._commit()
        for row in rows:
            if row in self.postponed:
                self.postponed.remove(row)
                continue
            assert self.status[row] is Status.SENDING
            self.status[row] = Status.PENDING
            self.attempts[row] -= row not in tried

    async def divert(self, reason: str, behind: Behind, choose: Choose | None = None) -> Diverted:
        await self._commit()
        moved: Counter[str] = Counter()
        held = 0
        for index, claim in enumerate(self.claims):
            in_range = behind.first <= claim.row and (behind.last is None or claim.row <= behind.last)
            in_scope = claim.identity == behind.identity and behind.country in (None, claim.country)
            free = self.status[claim.row] is Status.PENDING and claim.row not in self.postponed | self.held.keys()
            if not (in_range and in_scope and free):
                continue
            other = choose(claim.destination, claim.country) if choose else None
            if other is None:
                self.held[claim.row] = reason
                held += 1
            else:
                self.claims[index] = changed(claim, identity=other.identity, bucket=other.bucket)
                moved[other.bucket] += 1
        return Diverted(moved, held)

    async def released_since(self, moment: datetime) -> Mapping[str, int]:
        parts: Counter[str] = Counter()
        for claim in self.claims:
            if claim.row in self.settled_at and self.settled_at[claim.row] >= moment:
                parts[claim.bucket] += claim.parts
        return parts

    async def oversized_since(self, moment: datetime) -> Mapping[str, Sequence[tuple[datetime, int]]]:
        limits = {bucket.name: bucket.mps for bucket in self.buckets}
        oversized: dict[str, list[tuple[datetime, int]]] = {}
        for claim in self.claims:
            settled_at = self.settled_at.get(claim.row)
            if settled_at is not None and settled_at >= moment and claim.parts > limits[claim.bucket]:
                oversized.setdefault(claim.bucket, []).append((settled_at, claim.parts))
        return oversized

    async def recipients_since(self, moment: datetime) -> Collection[str]:
        return {
            claim.destination
            for claim in self.claims
            if claim.row in self.settled_at and self.settled_at[claim.row] >= moment
        }

    async def note_allowed(self, allowed: Mapping[str, float | None]) -> None:
        await self._commit()
        self.allowed |= allowed
        self.allowed_at |= dict.fromkeys(allowed, self._clock.now())

    async def zones(self) -> Mapping[int, str]:
        return self.zone_names

    async def pending_zones(self, rows: Sequence[int] | None = None) -> Mapping[str, Collection[int]]:
        found: dict[str, set[int]] = {}
        for claim in self.claims:
            free = claim.row not in self.postponed | self.held.keys() and (rows is None or claim.row in rows)
            if free and self.status[claim.row] is Status.PENDING:
                found.setdefault(claim.bucket, set()).add(claim.zone)
        return found

    async def add_samples(self, samples: Sequence[Sample]) -> None:
        await self._commit()
        self.samples += samples

    async def note_event(self, event: str, detail: Mapping[str, object]) -> None:
        await self._commit()
        self.journal.append((event, dict(detail)))

    async def counts(self) -> Counts:
        return Counts(
            rows=len(self.claims),
            by_status=Counter(self.status.values()),
            parts_sent=sum(claim.parts for claim in self.claims if self.status[claim.row] is Status.SENT),
            buckets=tuple(
                BucketCounts(
                    bucket.name,
                    bucket.mps,
                    messages=sum(claim.bucket == bucket.name for claim in self.claims),
                    parts=sum(claim.parts for claim in self.claims if claim.bucket == bucket.name),
                    messages_held=sum(
                        claim.bucket == bucket.name
                        and claim.row in self.held
                        and self.status[claim.row] is Status.PENDING
                        for claim in self.claims
                    ),
                    allows=self.allowed.get(bucket.name),
                    allows_at=None if self.allowed.get(bucket.name) is None else self.allowed_at[bucket.name],
                )
                for bucket in self.buckets
            ),
        )

    async def finish(self, end: RunEnd, cause: str | None, *, throttled: int) -> None:
        await self._commit()
        self.throttled_in_all = throttled
        self.end, self.cause = end, cause

    def _watch(self) -> None:
        """Note the most parts that are claimed in each bucket, those on the wire included."""
        claimed: Counter[str] = Counter()
        for claim in self.claims:
            if self.status[claim.row] is Status.SENDING:
                claimed[claim.bucket] += claim.parts
        self.most_claimed |= claimed

    def count(self, status: Status) -> int:
        """Rows with `status`."""
        return sum(each is status for each in self.status.values())


Answer = Callable[[Claim], Outcome]


def accept(claim: Claim) -> Outcome:
    """What a service does that has nothing against a message."""
    return Outcome(OutcomeKind.SENT, message_id=f"id-{claim.row}.{claim.attempt}")


@dataclass
class ScriptedGateway:
    """Answers as `answer` says, `latency_s` after release; `prepare_s` passes before the release."""

    answer: Answer = accept
    latency_s: float = 0.05
    prepare_s: float = 0.001
    released: list[tuple[float, Claim]] = field(default_factory=list)
    in_air: int = 0
    parts_in_air: int = 0
    most_in_air: int = 0

    async def send(self, claim: Claim, release: Release) -> Outcome:
        clock = VirtualClock()
        await clock.sleep(self.prepare_s)
        planned = self.answer(claim)
        if planned.kind is OutcomeKind.NOT_SENT:
            return planned
        await release()
        self.released.append((clock.monotonic(), claim))
        self.in_air += 1
        self.parts_in_air += claim.parts
        self.most_in_air = max(self.most_in_air, self.in_air)
        try:
            await clock.sleep(self.latency_s)
        finally:
            self.in_air -= 1
            self.parts_in_air -= claim.parts
        return planned
