"""What a run has to say, in sentences on standard error."""

from collections.abc import Iterable
from typing import assert_never

from bulksend.api.notices import (
    Differing,
    GoingOn,
    LimitAssumed,
    NotChecked,
    Notice,
    OptedOut,
    Planned,
    Recovered,
    ResendingUnknown,
)
from bulksend.base.clock import SystemClock
from bulksend.cli.output import say


def say_notice(notice: Notice) -> None:
    """Tell the person at the terminal."""
    say(_lines(notice))


def _lines(notice: Notice) -> Iterable[str]:
    match notice:
        case GoingOn(ledger):
            return [f"Going on with the campaign in {ledger}"]
        case Planned(plan):
            return (*plan.notes, *plan.lines(now=SystemClock().now()))
        case Recovered(rows):
            return [f"An earlier run died with {rows:,} rows on the wire or about to be: they are unknown."]
        case LimitAssumed(identity, mps, of_members):
            source = "what its members add up to" if of_members else "what AWS documents for its kind"
            return [f"{identity}: the account states no limit; {mps} parts/s is {source}."]
        case NotChecked(cause):
            return [f"The identities could not be checked: {cause}."]
        case Differing(disagreements):
            from bulksend.report.account import disagreement_lines

            return disagreement_lines(disagreements)
        case ResendingUnknown(rows, reasons, dry_run):
            why = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())
            risk = "" if dry_run else ": each of these people may have got the message already"
            return [f"{rows:,} rows are unknown ({why}){risk}."]
        case OptedOut(_, _, trouble) if trouble:
            return [f"Numbers that have opted out were not noted: {trouble}."]
        case OptedOut(file, added, _):
            plural = "number that has" if added == 1 else "numbers that have"
            return [f"{added:,} {plural} opted out: added to {file}"]
    assert_never(notice)
