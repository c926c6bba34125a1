"""A few messages first, and what has to come of them before the others go."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CanaryRule:
    """What may come of a canary. Shares are of its messages that have an outcome, 0 to 1.

    Attributes:
        max_failed: that failed or are unknown, but for those that count below.
        max_opted_out: whose recipients have opted out.
        max_undelivered: that delivery events call undelivered, of those that have a final event.
    """

    max_failed: float
    max_opted_out: float
    max_undelivered: float


@dataclass(frozen=True, slots=True)
class CanaryFigures:
    """What has come of the rows of a canary so far.

    Attributes:
        messages: rows.
        pending: that have no outcome yet.
        sent, failed, unknown: rows by status.
        opted_out: of the failed ones, those whose recipients have opted out.
        delivered: of the sent ones, those with a final event that says so.
        undelivered: of the sent ones, those with a final event that says something else.
    """

    messages: int
    pending: int
    sent: int
    failed: int
    unknown: int
    opted_out: int
    delivered: int
    undelivered: int

    @property
    def awaited(self) -> int:
        """Sent messages without a final delivery event."""
        return self.sent - self.delivered - self.undelivered

    def __str__(self) -> str:
        delivered = f", {self.delivered:,} delivered, {self.undelivered:,} not" if self.sent > self.awaited else ""
        return (
            f"{self.sent:,} of {self.messages:,} sent{delivered},"
            f" {self.failed:,} failed ({self.opted_out:,} opted out), {self.unknown:,} unknown"
        )


def breaches(rule: CanaryRule, figures: CanaryFigures) -> list[str]:
    """Return in which ways `figures` break `rule`, each as the middle of a sentence; none: the others may go."""
    ended = figures.messages - figures.pending
    told = figures.delivered + figures.undelivered
    found = (
        ("failed or are unknown", figures.failed - figures.opted_out + figures.unknown, ended, rule.max_failed),
        ("opted out", figures.opted_out, ended, rule.max_opted_out),
        ("were not delivered", figures.undelivered, told, rule.max_undelivered),
    )
    return [
        f"{count:,} of {among:,} {what} ({count / among:.1%}, at most {most:.1%})"
        for what, count, among, most in found
        if among and count > most * among
    ]
