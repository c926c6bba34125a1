"""What a service was asked and what it refused: by route, and by reason."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from bulksend.pipeline.totals import FIRST_ROWS
from bulksend.store.sampling import Refused


class Route(NamedTuple):
    """Rows that the plan would send from one identity to one country.

    `country`: ISO 3166 alpha-2, "" where it is not known. `listed`: all of them. `chosen`: those in the sample. `fine`:
    those that the service would have sent.
    """

    identity: str
    country: str
    listed: int
    chosen: int
    fine: int


@dataclass(slots=True)
class Refusal:
    """One reason, and whom it met.

    Attributes:
        reason: of the service, in lower snake case.
        rows: how many.
        held: those of them that were not asked about any more: what another row met holds for them too.
        identities: id -> rows.
        countries: ISO 3166 alpha-2, "" where it is not known -> rows.
        first_rows: numbers of the first of them.
    """

    reason: str
    rows: int = 0
    held: int = 0
    identities: Counter[str] = field(default_factory=Counter)
    countries: Counter[str] = field(default_factory=Counter)
    first_rows: list[int] = field(default_factory=list)


def by_reason(rows: Iterable[Refused]) -> list[Refusal]:
    """Return what was refused, what met most rows first; `rows` in the input's order."""
    found: dict[str, Refusal] = {}
    for row, kind, reason, held in rows:
        refusal = found.setdefault(reason, Refusal(reason))
        refusal.rows += 1
        refusal.held += held
        refusal.identities[kind.identity] += 1
        refusal.countries[kind.country] += 1
        if len(refusal.first_rows) < FIRST_ROWS:
            refusal.first_rows.append(row)
    return sorted(found.values(), key=lambda refusal: (-refusal.rows, refusal.reason))
