"""What the guard calls too many."""

import pytest

from bulksend.base.records import Outcome, OutcomeKind, Status
from bulksend.pipeline.guard import Alarm, Guard, GuardRule

SENT = (Status.SENT, Outcome(OutcomeKind.SENT, message_id="m"))
BLOCKED = (Status.FAILED, Outcome(OutcomeKind.FAILED_RECIPIENT, "blocked"))
INVALID = (Status.FAILED, Outcome(OutcomeKind.FAILED_RECIPIENT, "invalid"))
LOST = (Status.UNKNOWN, Outcome(OutcomeKind.UNKNOWN))


def alarms(guard: Guard, *ended: tuple[Status, Outcome]) -> list[Alarm | None]:
    """What the guard says to each of these ends."""
    return [guard.ended(*each) for each in ended]


def test_more_than_the_share_of_the_latest_is_too_many() -> None:
    """Exactly the share is not."""
    guard = Guard(GuardRule(0.5, 10, pauses=True))
    assert alarms(guard, *[BLOCKED] * 5, *[SENT] * 5) == [None] * 10
    assert alarms(guard, BLOCKED) == [None]  # one came, one went
    assert any(alarms(guard, SENT, SENT, *[BLOCKED] * 8))


def test_nothing_is_said_before_there_are_enough() -> None:
    """Nine failures of nine are not ten yet; the tenth says so, once."""
    guard = Guard(GuardRule(0.5, 10, pauses=True))
    assert alarms(guard, *[BLOCKED] * 12) == [None] * 9 + [Alarm("blocked", 10, 10)] + [None] * 2


def test_reasons_are_counted_apart() -> None:
    """Forty per cent of one and forty of another are not eighty; an end without a reason counts by its status."""
    guard = Guard(GuardRule(0.5, 10, pauses=True))
    assert alarms(guard, *[BLOCKED] * 4, *[INVALID] * 4, *[SENT] * 2) == [None] * 10
    assert alarms(guard, *[LOST] * 6)[-1] == Alarm("unknown", 6, 10)


def test_what_is_long_ago_does_not_count() -> None:
    """Only the latest messages do."""
    guard = Guard(GuardRule(0.5, 10, pauses=True))
    assert not any(alarms(guard, *([BLOCKED] * 5 + [SENT] * 5) * 20))


def test_after_forgetting_as_many_have_to_end_anew() -> None:
    """What ended before somebody looked says nothing about what comes."""
    guard = Guard(GuardRule(0.5, 10, pauses=True))
    assert any(alarms(guard, *[BLOCKED] * 10))
    guard.forget()
    assert alarms(guard, *[BLOCKED] * 10) == [None] * 9 + [Alarm("blocked", 10, 10)]


@pytest.mark.parametrize("share", [1.0, 0.9])
def test_what_an_alarm_says(share: float) -> None:
    """The same numbers for people and for logs; all of them are never more than all of them."""
    found = [each for each in alarms(Guard(GuardRule(share, 1000, pauses=False)), *[BLOCKED] * 1000) if each]
    if share == 1.0:
        assert not found
    else:
        assert found[0].sentence == "1,000 of the latest 1,000 messages ended with blocked"
        assert found[0].fields == {"reason": "blocked", "messages": 1000, "among": 1000}
