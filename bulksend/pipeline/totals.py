"""What a plan adds up to, for people and for `plan --json`."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bulksend.base.records import Bucket, Encoding, PlannedRow, Status
from bulksend.pipeline.eta import Forecast
from bulksend.pipeline.examples import SHOWN, Examples
from bulksend.pipeline.forcing import Forcing
from bulksend.pipeline.repeats import Repeats

FIRST_ROWS = 5
"""How many row numbers are remembered of each reason, so that a person can look some of them up."""


FIRST_SENTENCES = 3
"""How many different explanations of one reason are remembered."""


class BucketTotals:
    """What a plan puts on one bucket; `mps` in parts per second."""

    __slots__ = ("forecast", "messages", "mps", "parts")

    def __init__(self, mps: int, *, headroom: float) -> None:
        self.mps = mps
        self.messages = 0
        self.parts = 0
        self.forecast = Forecast(mps, headroom=headroom)

    @property
    def eta_seconds(self) -> float:
        """How long it takes, all messages waiting from the first moment on."""
        return self.forecast.seconds


@dataclass(frozen=True, slots=True)
class Route:
    """The rows that go from one identity to one country.

    Attributes:
        bucket: that they are charged to.
        identity: that they go out from.
        country: ISO 3166 alpha-2; None where unknown.
        pinned: the list itself named the identity.
        messages: how many.
        parts: of all of them.
    """

    bucket: str
    identity: str
    country: str | None
    pinned: bool
    messages: int
    parts: int


class BoundKind(StrEnum):
    """What can decide how long a campaign takes."""

    BUCKET = "bucket"
    REQUESTS = "requests"
    RECIPIENT = "recipient"


@dataclass(frozen=True, slots=True)
class Bound:
    """Something that a campaign cannot be faster than.

    Attributes:
        kind: a bucket's limit, one on the requests of all buckets, or a message a second to one recipient.
        seconds: that it takes.
        bucket: its name; "" for the other kinds.
    """

    kind: BoundKind
    seconds: float
    bucket: str = ""


@dataclass(slots=True)
class Example:
    """Where a reason occurred: how often, the first rows of it, and the first sentences that were said of it."""

    count: int = 0
    rows: list[int] = field(default_factory=list)
    sentences: dict[str, int] = field(default_factory=dict)


class PlanTotals:
    """Counts planned rows as they pass, in the order of the input.

    Args:
        buckets: of the campaign.
        headroom: share of each limit left unused, for the times.
        requests_per_second: over all buckets; 0: no such limit.
        repeats: whether a number may be sent to more than once (`recipients.duplicates = "send"`).
        template: of the campaign; "" where a column has the texts.

    Attributes:
        forcing: the messages in UCS-2, and what makes them so.
        examples: a few messages; their texts are in no document of these totals.
        zones: bucket -> time zones of recipients (`PlannedRow.zone`) -> parts; rows without one are not in it.
    """

    def __init__(
        self,
        buckets: Mapping[str, Bucket],
        *,
        headroom: float,
        requests_per_second: int = 0,
        repeats: bool = False,
        template: str = "",
    ) -> None:
        self._headroom = headroom
        self._requests_per_second = requests_per_second
        self._repeats = Repeats() if repeats else None
        self._routes: dict[tuple[str, str, str | None, bool], list[int]] = {}
        self.rows = 0
        self.sendable = 0
        self.parts = 0
        self.encodings: Counter[Encoding] = Counter(dict.fromkeys(Encoding, 0))
        self.countries: Counter[str] = Counter()
        self.parts_per_message: Counter[int] = Counter()
        self.forcing = Forcing(template)
        self.examples = Examples()
        self.zones: dict[str, Counter[str]] = {}
        self.skipped: dict[str, Example] = {}
        self.repairs: dict[str, Example] = {}
        self.buckets = {name: BucketTotals(bucket.mps, headroom=headroom) for name, bucket in buckets.items()}

    def add(self, row: PlannedRow) -> None:
        """Count one row."""
        self.rows += 1
        if row.status is Status.SKIPPED:
            _note(self.skipped, row.reason or "-", row)
            return
        parts = row.parts
        self.sendable += 1
        self.parts += parts
        if row.encoding is not None:
            self.encodings[row.encoding] += 1
            if row.encoding is Encoding.UCS_2:
                self.forcing.add(row)
                self.examples.add_ucs2(row)
        self.countries[row.country or "-"] += 1
        self.parts_per_message[parts] += 1
        if row.note is not None:
            _note(self.repairs, row.note, row)
        if parts > self.examples.most_parts:
            self.examples.add_longest(row)
        if row.zone is not None and row.bucket is not None:
            self.zones.setdefault(row.bucket, Counter())[row.zone] += parts
        if row.bucket is not None and row.identity is not None:
            bucket = self.buckets[row.bucket]
            bucket.messages += 1
            bucket.parts += parts
            bucket.forecast.add(parts)
            key = (row.bucket, row.identity, row.country, row.pinned)
            route = self._routes.get(key)
            if route is None:
                route = self._routes[key] = [0, 0]
                self.examples.add_route(row)
            route[0] += 1
            route[1] += parts
            if self.sendable <= SHOWN:
                self.examples.add_early(row)
        if self._repeats is not None and row.destination is not None:
            self._repeats.add(row.destination)

    def routes(self) -> Iterator[Route]:
        """The rows by identity and country, as they first occurred."""
        for (bucket, identity, country, pinned), (messages, parts) in self._routes.items():
            yield Route(bucket, identity, country, pinned, messages, parts)

    @property
    def most_to_one(self) -> int:
        """Messages to the number that gets most of them, at least (`Repeats`); 1 where no number may come twice."""
        return self._repeats.most if self._repeats is not None else min(1, self.sendable)

    @property
    def requests_seconds(self) -> float | None:
        """How long the requests take at the account's own limit; None when there is none."""
        if not self._requests_per_second:
            return None
        return self.sendable / (self._requests_per_second * (1.0 - self._headroom))

    @property
    def recipient_seconds(self) -> float | None:
        """How long the most repeated number takes, at least; None where none comes twice.

        One message a second is what the service lets one recipient have ("AWS End User Messaging SMS quotas").
        """
        return (self.most_to_one - 1) / (1.0 - self._headroom) if self.most_to_one > 1 else None

    def bounds(self) -> list[Bound]:
        """What decides how long the campaign takes, the slowest first; buckets without a message are left out."""
        used = ((name, bucket) for name, bucket in self.buckets.items() if bucket.messages)
        found = [Bound(BoundKind.BUCKET, bucket.eta_seconds, name) for name, bucket in used]
        others = {BoundKind.REQUESTS: self.requests_seconds, BoundKind.RECIPIENT: self.recipient_seconds}
        if found:
            found += [Bound(kind, seconds) for kind, seconds in others.items() if seconds is not None]
        return sorted(found, key=lambda bound: -bound.seconds)

    @property
    def eta_seconds(self) -> float:
        """How long the campaign takes: as long as the slowest of `bounds`."""
        return max((bound.seconds for bound in self.bounds()), default=0.0)

    def document(self) -> dict[str, object]:
        """The totals as `plan --json` prints them (REFERENCE, "plan --json")."""
        bounds = self.bounds()
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
                    "eta_seconds": round(bucket.eta_seconds, 1),
                }
                for name, bucket in self.buckets.items()
            ],
            "eta_seconds": round(self.eta_seconds, 1),
            "limited_by": bounds[0].kind.value if bounds else None,
            "slowest_bucket": next((bound.bucket for bound in bounds if bound.bucket), None),
            "requests_eta_seconds": _rounded(self.requests_seconds),
            "recipient_eta_seconds": _rounded(self.recipient_seconds),
        }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _note(examples: dict[str, Example], key: str, row: PlannedRow) -> None:
    example = examples.setdefault(key, Example())
    example.count += 1
    if row.note is not None and len(example.sentences) < FIRST_SENTENCES:
        example.sentences.setdefault(row.note, row.row)
    if len(example.rows) < FIRST_ROWS:
        example.rows.append(row.row)
