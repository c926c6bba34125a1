"""What a simulator saw, as it is told to people."""

from typing import Any

import msgspec

from bulksend.report.simulated import simulator_lines
from bulksend.simulator.resources import AccountSettings
from bulksend.simulator.settings import OtherTrafficSettings
from tests.unit.simulator.helpers import TOLL_FREE, account, faults, message, service


def lines(messages: list[tuple[float, dict[str, Any]]], **changes: Any) -> list[str]:
    """What is told of messages that arrived at these seconds."""
    simulated = service(account(**changes))
    for at, params in messages:
        simulated.handle("SendTextMessage", params, arrived_at=at)
    return list(simulator_lines(msgspec.to_builtins(simulated.stats)))


def test_a_good_day_is_told_in_short() -> None:
    """The buckets that were used, and what came twice: no line about what did not happen."""
    assert lines([(0.0, message()), (2.0, message())]) == [
        "What the simulator saw",
        "  bucket                  limit  fullest second   messages     parts  throttled",
        "  20440                     100               1          2         2          0",
        "  1 texts reached somebody twice",
    ]


def test_throttles_are_told_by_cause() -> None:
    """Only the causes that there were, those of DryRun apart."""
    over = [(0.0, message(origination=TOLL_FREE.id))] * 5
    assert lines(over)[-2] == "  throttled 2 by an identity's limit"
    assert lines(over, faults=faults(throttle=1.0))[-2] == "  throttled 5 by chance"
    assert (
        lines(over, request_quotas={"SendTextMessage": 4})[-2]
        == "  throttled 1 by an identity's limit, 1 by the account's requests"
    )
    dry_run = [(0.0, message(DryRun=True))] * 7
    assert lines(dry_run)[-2] == "  throttled (DryRun) 2 by an identity's limit"


def test_a_recipient_that_was_offered_too_much_is_told() -> None:
    """How many messages came for one within a second, where that is more than it can be sent."""
    twice = [(0.0, message()), (0.5, message())]
    assert lines(twice, account=AccountSettings())[-3:-1] == [
        "  throttled 1 by the limit to one recipient",
        "  one recipient was offered 2 messages in a second, 1 is the limit",
    ]
    assert not any(
        "recipient" in line for line in lines(twice, account=AccountSettings(messages_per_recipient_per_second=2))
    )


def test_other_applications_are_told() -> None:
    """What they sent by a bucket stands apart from what we sent."""
    others = (OtherTrafficSettings(bucket="20440", parts_per_second=150.0),)
    told = lines([(1001.99, message())], other_traffic=others)
    assert told[-3:-1] == [
        "  20440                  200 parts of other applications, 99 throttled",
        "  throttled 1 by an identity's limit",
    ]
