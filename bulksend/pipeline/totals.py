"""What a plan adds up to, for people and for `plan --json`."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from bulksend.base.records import Bucket, Encoding, PlannedRow, Status

FIRST_ROWS = 5
"""How many row numbers are remembered of each reason, so that a person can look some of them up."""


FIRST_SENTENCES = 3
"""How many different explanations of one reason are remembered."""


@dataclass(slots=True)
class BucketTotals:
    """What a plan puts on one bucket; `mps` in parts per second."""

    mps: int
    messages: int = 0
    parts: int = 0

    def eta_seconds(self, headroom: float) -> float:
        """How long the parts take at the limit less `headroom`."""
        return self.parts / (self.mps * (1.0 - headroom))


@dataclass(slots=True)
class Example:
    """Where a reason occurred: how often, the first rows of it, and the first sentences that were said of it."""

    count: int = 0
    rows: list[int] = field(default_factory=list)
    sentences: dict[str, int] = field(default_factory=dict)


class PlanTotals:
    """Counts planned rows as they pass.

    Args:
        buckets: of the campaign.
        headroom: share of each limit left unused, for the times.
    """

    def __init__(self, buckets: Mapping[str, Bucket], *, headroom: float) -> None:
        self._headroom = headroom
        self.rows = 0
        self.sendable = 0
        self.parts = 0
        self.encodings: Counter[Encoding] = Counter(dict.fromkeys(Encoding, 0))
        self.countries: Counter[str] = Counter()
        self.parts_per_message: Counter[int] = Counter()
        self.skipped: dict[str, Example] = {}
        self.repairs: dict[str, Example] = {}
        self.buckets = {name: BucketTotals(bucket.mps) for name, bucket in buckets.items()}

    def add(self, row: PlannedRow) -> None:
        """Count one row."""
        self.rows += 1
        if row.status is Status.SKIPPED:
            _note(self.skipped, row.reason or "-", row)
            return
        self.sendable += 1
        self.parts += row.parts
        if row.encoding is not None:
            self.encodings[row.encoding] += 1
        self.countries[row.country or "-"] += 1
        self.parts_per_message[row.parts] += 1
        if row.note is not None:
            _note(self.repairs, row.note, row)
        if row.bucket is not None:
            bucket = self.buckets[row.bucket]
            bucket.messages += 1
            bucket.parts += row.parts

    @property
    def eta_seconds(self) -> float:
        """How long the campaign takes: as long as its slowest bucket."""
        return max((bucket.eta_seconds(self._headroom) for bucket in self.buckets.values()), default=0.0)

    def bucket_eta_seconds(self, name: str) -> float:
        """How long one bucket takes."""
        return self.buckets[name].eta_seconds(self._headroom)

    def document(self) -> dict[str, object]:
        """The totals as `plan --json` prints them (README, "plan --json")."""
        return {
            "rows": self.rows,
            "sendable": self.sendable,
            "parts": self.parts,
            "encodings": {encoding.value: count for encoding, count in self.encodings.items()},
            "skipped": {reason: example.count for reason, example in self.skipped.items()},
            "repaired": {sentence: example.count for sentence, example in self.repairs.items()},
            "countries": dict(self.countries.most_common()),
            "parts_per_message": {
                str(parts): self.parts_per_message[parts] for parts in sorted(self.parts_per_message)
            },
            "buckets": [
                {
                    "bucket": name,
                    "mps": bucket.mps,
                    "messages": bucket.messages,
                    "parts": bucket.parts,
                    "eta_seconds": round(bucket.eta_seconds(self._headroom), 1),
                }
                for name, bucket in self.buckets.items()
            ],
            "eta_seconds": round(self.eta_seconds, 1),
        }


def _note(examples: dict[str, Example], key: str, row: PlannedRow) -> None:
    example = examples.setdefault(key, Example())
    example.count += 1
    if row.note is not None and len(example.sentences) < FIRST_SENTENCES:
        example.sentences.setdefault(row.note, row.row)
    if len(example.rows) < FIRST_ROWS:
        example.rows.append(row.row)
