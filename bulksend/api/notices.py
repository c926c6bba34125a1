"""What a run has to say to people while it goes on, as values: the commands make sentences of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bulksend.api.planning import CampaignPlan
from bulksend.base.found import Disagreement


@dataclass(frozen=True, slots=True)
class GoingOn:
    """The ledger exists already and holds this very campaign, which goes on."""

    ledger: Path


@dataclass(frozen=True, slots=True)
class Planned:
    """The whole input has been read, and every row of it is in the ledger."""

    plan: CampaignPlan


@dataclass(frozen=True, slots=True)
class Recovered:
    """An earlier run died with so many rows on the wire or about to be; they are unknown."""

    rows: int


@dataclass(frozen=True, slots=True)
class LimitAssumed:
    """The account states no limit for an identity with `mps = "auto"`.

    Attributes:
        identity: its id.
        mps: parts per second that it goes at.
        of_members: that is what the members of the pool add up to; else what AWS documents for its kind.
    """

    identity: str
    mps: int
    of_members: bool


@dataclass(frozen=True, slots=True)
class NotChecked:
    """The identities could not be compared with the account, or not all of them.

    Attributes:
        cause: why, without a full stop.
    """

    cause: str


@dataclass(frozen=True, slots=True)
class Differing:
    """Where the configuration and the account differ; stops nothing."""

    disagreements: tuple[Disagreement, ...]


@dataclass(frozen=True, slots=True)
class ResendingUnknown:
    """Rows of which nobody knows whether they were sent are to be sent again.

    Attributes:
        rows: how many.
        reasons: why they are unknown, and how many each.
        dry_run: they are only checked.
    """

    rows: int
    reasons: Mapping[str, int]
    dry_run: bool


@dataclass(frozen=True, slots=True)
class OptedOut:
    """Numbers that turned out to have opted out, for `recipients.opted_out_file`.

    Attributes:
        file: that it names.
        added: how many were put into it.
        trouble: why they were not, without a full stop; "" when they were.
    """

    file: str
    added: int
    trouble: str


Notice = GoingOn | Planned | Recovered | LimitAssumed | NotChecked | Differing | ResendingUnknown | OptedOut
"""Anything that a run says."""
