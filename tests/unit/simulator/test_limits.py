"""Limits that change and other applications' messages, on given arrival times."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.simulator.faults import ServiceFault
from bulksend.simulator.limits import BucketLimits
from bulksend.simulator.resources import AccountSettings
from bulksend.simulator.service import SimulatedService
from bulksend.simulator.settings import ChangeSettings, OtherTrafficSettings
from bulksend.simulator.stats import OtherStats
from bulksend.simulator.windows import SECOND_NS, to_ns
from tests.unit.simulator.helpers import FakeClock, account, message, running, service

BUCKET = "20440"
LIMIT = 100
START = 1000.0
"""What the clock of these tests says when the service begins."""


def others(parts_per_second: float, **more: Any) -> OtherTrafficSettings:
    """Another application by the short code."""
    return OtherTrafficSettings(bucket=BUCKET, parts_per_second=parts_per_second, **more)


def change(after_s: float, mps: int) -> ChangeSettings:
    """The short code's limit becomes another."""
    return ChangeSettings(after_s=after_s, bucket=BUCKET, mps=mps)


def accepted(simulated: SimulatedService, *, rate: float, from_s: float, until_s: float, parts: int = 1) -> int:
    """How many messages are accepted of those that come at `rate` a second between two moments after the start."""
    before = simulated.stats.buckets[BUCKET].accepted
    body = "x" * (153 * parts if parts > 1 else 10)
    for index in range(round((until_s - from_s) * rate)):
        # Between the moments of others, which send at the beginning of each of their intervals.
        at = START + from_s + (index + 0.5) / rate
        simulated.handle("SendTextMessage", message(body=body), arrived_at=at)
    return simulated.stats.buckets[BUCKET].accepted - before


def told(simulated: SimulatedService, after_s: float) -> object:
    """The limit of the short code that DescribePhoneNumbers tells at a moment."""
    answer: Any = simulated.call("DescribePhoneNumbers", {}, arrived_at=START + after_s)
    (number,) = (each for each in answer["PhoneNumbers"] if each["PhoneNumber"] == BUCKET)
    return number["MessagingLimits"]["RateLimits"]["SMS"]


def test_a_limit_changes_when_it_is_due() -> None:
    """Down and up again, in whatever order the file has them; DescribePhoneNumbers tells the limit of the moment."""
    simulated = service(account(changes=(change(20, 150), change(10, 61))))
    assert accepted(simulated, rate=200, from_s=0, until_s=10) == 10 * LIMIT
    assert told(simulated, 10 - 1e-6) == LIMIT
    assert told(simulated, 10) == 61
    # What was accepted before the change still fills the first second after it.
    assert accepted(simulated, rate=200, from_s=11, until_s=20) == 9 * 61
    assert accepted(simulated, rate=200, from_s=21, until_s=30) == 9 * 150
    assert told(simulated, 30) == simulated.stats.buckets[BUCKET].mps == 150


def test_a_lower_limit_holds_at_once() -> None:
    """In the second after the change nothing is accepted until what came before it has made room."""
    simulated = service(account(changes=(change(10.5, 10),)))
    assert accepted(simulated, rate=100, from_s=10, until_s=10.5) == 50
    assert accepted(simulated, rate=100, from_s=10.5, until_s=11.4) == 0
    assert accepted(simulated, rate=100, from_s=11.4, until_s=11.5) == 10


def test_dry_run_changes_with_it() -> None:
    """Five a second, or the bucket's limit of the moment where that is lower."""
    simulated = service(account(changes=(change(10, 2),)))
    for after_s, limit in ((0.0, 5), (20.0, 2)):
        for _ in range(limit):
            simulated.call("SendTextMessage", message(DryRun=True), arrived_at=START + after_s)
        with pytest.raises(ServiceFault, match="ThrottlingException"):
            simulated.call("SendTextMessage", message(DryRun=True), arrived_at=START + after_s)
        assert simulated.stats.dry_run_buckets[BUCKET].mps == limit


def test_others_leave_less_than_the_account_tells() -> None:
    """The account says 100, another application sends 39 of them, and 61 get through; none of the 39 counts as ours."""
    simulated = service(account(other_traffic=(others(39),)))
    assert accepted(simulated, rate=61, from_s=0, until_s=100) == 6100
    stats = simulated.stats
    assert stats.other_traffic == {BUCKET: OtherStats(parts=3900, throttled=0)}
    assert (stats.messages.offered, stats.messages.accepted) == (6100, 6100)
    assert stats.buckets[BUCKET].fullest_accepted == 61
    assert accepted(simulated, rate=120, from_s=100, until_s=110) < 10 * LIMIT * 0.85
    assert told(simulated, 110) == LIMIT


def test_others_at_random() -> None:
    """As many in the long run, at moments that fill the limit at times although on average there is room."""
    simulated = service(account(other_traffic=(others(39, spacing="poisson"),)))
    ours = accepted(simulated, rate=55, from_s=0, until_s=100)
    assert 5500 * 0.95 < ours < 5500
    theirs = simulated.stats.other_traffic[BUCKET]
    assert theirs.parts + theirs.throttled == pytest.approx(3900, rel=0.05)


def test_others_come_and_go() -> None:
    """From one moment until another; before and after, all of the limit is there."""
    simulated = service(account(other_traffic=(others(1000, from_s=10, until_s=20),)))
    assert accepted(simulated, rate=100, from_s=0, until_s=10) == 10 * LIMIT
    assert accepted(simulated, rate=100, from_s=11, until_s=20) < 9 * LIMIT / 2
    assert accepted(simulated, rate=100, from_s=21, until_s=30) == 9 * LIMIT
    theirs = simulated.stats.other_traffic[BUCKET]
    assert theirs.parts + theirs.throttled == 10_000


def test_others_of_one_bucket_slow_no_other() -> None:
    """A full bucket is nothing to the bucket beside it."""
    simulated = service(account(other_traffic=(others(1000),)))
    for index in range(30):
        params = message(origination="+18885550100")
        simulated.call("SendTextMessage", params, arrived_at=START + 5 + index / 3 + 1e-6 * index)
    assert simulated.stats.buckets["+18885550100"].accepted == 30


def test_others_use_neither_a_quota_nor_a_recipient() -> None:
    """They are felt in their bucket alone."""
    settings = account(other_traffic=(others(50),), request_quotas={"SendTextMessage": 20}, account=AccountSettings())
    simulated = service(settings)
    for index in range(200):
        to = f"+1425555{1000 + index:04d}"
        simulated.call("SendTextMessage", message(to=to), arrived_at=START + index / 20 + 1e-6 * index)
    assert simulated.stats.requests == {"SendTextMessage": 200}


def test_an_oversized_message_is_paid_off_at_the_limit_of_the_moment() -> None:
    """Ten parts at 1 a second, and from the fifth second on at 100: what is left is paid within 50 ms."""
    simulated = service(account(changes=(change(0, 1), change(5, 100))))
    assert accepted(simulated, rate=1, from_s=-0.5, until_s=0.5, parts=10) == 1
    assert accepted(simulated, rate=100, from_s=0.5, until_s=5) == 0
    assert accepted(simulated, rate=1000, from_s=5, until_s=5.05) == 0
    assert accepted(simulated, rate=100, from_s=5.05, until_s=6) == 95


def test_a_spell_without_requests_costs_nothing() -> None:
    """What others sent long before is passed over: it can be felt no more; what they sent last still is."""
    for spacing in ("even", "poisson"):
        simulated = service(account(other_traffic=(others(1000, spacing=spacing),)))
        a_year = 365 * 86_400.0
        assert accepted(simulated, rate=100, from_s=a_year, until_s=a_year + 1) < LIMIT / 2
        theirs = simulated.stats.other_traffic[BUCKET]
        assert 2000 < theirs.parts + theirs.throttled < 4000


def test_reset_forgets_what_others_sent() -> None:
    """Their numbers begin again, and they go on."""
    simulated = service(account(other_traffic=(others(10),)))
    assert accepted(simulated, rate=10, from_s=0, until_s=10) == 100
    assert simulated.stats.other_traffic == {BUCKET: OtherStats(parts=100, throttled=0)}
    simulated.reset()
    assert simulated.stats.other_traffic == {BUCKET: OtherStats(parts=0, throttled=0)}
    assert accepted(simulated, rate=10, from_s=10, until_s=20) == 100
    assert simulated.stats.other_traffic == {BUCKET: OtherStats(parts=100, throttled=0)}


def test_the_same_seed_meets_the_same_others() -> None:
    """Luck is the seed's, and how others are spaced takes nothing from the luck of ours."""
    with_others = account(other_traffic=(others(80, spacing="poisson"),))
    first, again = service(with_others), service(with_others)
    for simulated in (first, again):
        accepted(simulated, rate=90, from_s=0, until_s=20)
    assert first.stats == again.stats
    ids = []
    for pause_s in (0.5, 3.0):
        simulated = service(with_others)
        ids.append(
            [
                simulated.call("SendTextMessage", message(), arrived_at=START + index * pause_s)["MessageId"]
                for index in range(5)
            ]
        )
    assert ids[0] == ids[1]


MOMENTS = st.lists(
    st.tuples(st.one_of(st.integers(0, 60).map(lambda tenth: tenth / 10), st.floats(0, 6)), st.integers(1, 4)),
    max_size=80,
).map(sorted)


@given(
    MOMENTS,
    st.lists(st.tuples(st.integers(0, 50).map(lambda tenth: tenth / 10), st.integers(1, 12)), max_size=4),
    st.floats(0.5, 30),
    st.sampled_from(["even", "poisson"]),
)
def test_nothing_gets_past_the_limit_of_the_moment(
    arrivals: list[tuple[float, int]], changes: list[tuple[float, int]], rate: float, spacing: Any
) -> None:
    """Ours and others' together never hold more in a second than the limit that was in force when the last came."""
    settings = account(changes=tuple(change(*each) for each in changes), other_traffic=(others(rate, spacing=spacing),))
    limits = BucketLimits(settings, {BUCKET: LIMIT // 10}, started_at=0.0, rng=random.Random(1))
    window = limits.windows[BUCKET]
    entries: list[tuple[int, int]] = []
    for at, parts in arrivals:
        at_ns = to_ns(at)
        limits.advance(at_ns)
        in_force = LIMIT // 10
        for after_s, mps in sorted(changes, key=lambda each: each[0]):
            in_force = mps if to_ns(after_s) <= at_ns else in_force
        assert window.limit == in_force
        if not window.has_room(at_ns, parts):
            continue
        window.add(at_ns, parts)
        entries.append((at_ns, parts))
        held = [each for end, each in entries if end > at_ns - SECOND_NS]
        assert sum(held) <= in_force or len(held) == 1


def test_over_http_the_seconds_are_the_servers_own() -> None:
    """A change that was due at the start, and one that is not due yet."""
    with running(account(changes=(change(0, 2), change(3600, 50)))) as simulator, simulator.client() as client:
        (number,) = (each for each in client.describe_phone_numbers()["PhoneNumbers"] if each["PhoneNumber"] == BUCKET)
        assert number["MessagingLimits"]["RateLimits"] == {"SMS": 2}
        for _ in range(2):
            client.send_text_message(**message())
        with pytest.raises(client.exceptions.ThrottlingException):
            client.send_text_message(**message())
        stats = simulator.get("stats")
    assert stats["messages"]["throttled_by"] == {"identity": 1, "recipient": 0, "quota": 0, "fault": 0}


def test_on_a_clock_that_moves_by_itself() -> None:
    """Without arrival times, the clock's are taken, counted from when the service was made."""
    clock = FakeClock(50.0)
    simulated = service(account(changes=(change(10, 1),)), clock)
    clock.at += 9
    simulated.call("SendTextMessage", message())
    assert simulated.stats.buckets[BUCKET].mps == LIMIT
    clock.at += 1
    simulated.call("DescribePools", {})
    assert simulated.stats.buckets[BUCKET].mps == 1
