"""When a campaign goes wrong in a way that no single answer tells: too many messages end for one reason."""

from collections import Counter, deque
from dataclasses import dataclass

from bulksend.base.records import Outcome, Status


@dataclass(frozen=True, slots=True)
class GuardRule:
    """What is too many.

    Attributes:
        max_share: share of the latest messages that may end with one reason; 1.0: all of them.
        of_messages: how many messages are the latest.
        pauses: the campaign is paused; else the run is stopped.
    """

    max_share: float
    of_messages: int
    pauses: bool


@dataclass(frozen=True, slots=True)
class Alarm:
    """More messages than may be ended for one reason.

    Attributes:
        reason: which.
        count: of them.
        among: the latest messages.
    """

    reason: str
    count: int
    among: int

    @property
    def fields(self) -> dict[str, object]:
        """The same for logs."""
        return {"reason": self.reason, "messages": self.count, "among": self.among}

    @property
    def sentence(self) -> str:
        """The same for people."""
        return f"{self.count:,} of the latest {self.among:,} messages ended with {self.reason}"


class Guard:
    """Looks at how messages end. It speaks up once, and again after `forget`, when as many have ended anew.

    Args:
        rule: what is too many.
    """

    def __init__(self, rule: GuardRule) -> None:
        self.rule = rule
        self._latest: deque[str | None] = deque()
        self._counts: Counter[str] = Counter()
        self._is_raised = False

    def ended(self, status: Status, outcome: Outcome) -> Alarm | None:
        """A message ended; returns the alarm that this raises, once."""
        reason = None if status is Status.SENT else outcome.reason or status.value
        self._latest.append(reason)
        if reason is not None:
            self._counts[reason] += 1
        if len(self._latest) > self.rule.of_messages:
            gone = self._latest.popleft()
            if gone is not None:
                self._counts[gone] -= 1
        if reason is None or self._is_raised or len(self._latest) < self.rule.of_messages:
            return None
        count = self._counts[reason]
        if count <= self.rule.max_share * self.rule.of_messages:
            return None
        self._is_raised = True
        return Alarm(reason, count, self.rule.of_messages)

    def forget(self) -> None:
        """Somebody has looked at it and goes on: what has ended so far says nothing about what comes."""
        self._latest.clear()
        self._counts.clear()
        self._is_raised = False
