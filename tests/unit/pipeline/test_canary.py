"""When a canary says that the others must not go."""

from dataclasses import replace

import pytest

from bulksend.pipeline.canary import CanaryFigures, CanaryRule, breaches

RULE = CanaryRule(max_failed=0.05, max_opted_out=0.02, max_undelivered=0.1)

GOOD = CanaryFigures(messages=100, pending=0, sent=93, failed=6, unknown=1, opted_out=2, delivered=45, undelivered=5)
"""At each of the three limits, and above none."""


def test_at_its_limits_a_canary_passes() -> None:
    """Five of a hundred failed or unknown beside the opted out, two opted out, five of fifty not delivered."""
    assert breaches(RULE, GOOD) == []


@pytest.mark.parametrize(
    ("figures", "says"),
    [
        (replace(GOOD, unknown=2), "6 of 100 failed or are unknown (6.0%, at most 5.0%)"),
        (replace(GOOD, failed=7), "6 of 100 failed or are unknown (6.0%, at most 5.0%)"),
        (replace(GOOD, failed=7, opted_out=3), "3 of 100 opted out (3.0%, at most 2.0%)"),
        (replace(GOOD, undelivered=6), "6 of 51 were not delivered (11.8%, at most 10.0%)"),
    ],
)
def test_one_more_is_a_breach(figures: CanaryFigures, says: str) -> None:
    """And is said in numbers."""
    assert breaches(RULE, figures) == [says]


def test_shares_are_of_what_has_ended() -> None:
    """Of ten that ended one failed, whatever else is to come; without an end, or an event, there is no share."""
    figures = CanaryFigures(
        messages=100, pending=90, sent=9, failed=1, unknown=0, opted_out=0, delivered=0, undelivered=0
    )
    assert breaches(RULE, figures) == ["1 of 10 failed or are unknown (10.0%, at most 5.0%)"]
    assert breaches(RULE, replace(figures, pending=100, sent=0, failed=0)) == []


def test_a_limit_of_nothing_and_one_of_everything() -> None:
    """0 lets none through, 1 lets all."""
    none, everything = CanaryRule(0.0, 0.0, 0.0), CanaryRule(1.0, 1.0, 1.0)
    worst = CanaryFigures(messages=9, pending=0, sent=3, failed=3, unknown=3, opted_out=3, delivered=0, undelivered=3)
    assert len(breaches(none, worst)) == 3
    assert breaches(everything, worst) == []


def test_what_is_awaited_are_sent_messages_without_a_final_event() -> None:
    """In numbers and as a sentence."""
    assert GOOD.awaited == 43
    assert str(GOOD) == "93 of 100 sent, 45 delivered, 5 not, 6 failed (2 opted out), 1 unknown"
    assert str(replace(GOOD, delivered=0, undelivered=0)) == "93 of 100 sent, 6 failed (2 opted out), 1 unknown"
