"""One message a second to one recipient: an account's limit that no identity and no quota has to do with."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.simulator.faults import ServiceFault
from bulksend.simulator.resources import AccountSettings, OptOutListSettings
from bulksend.simulator.service import SimulatedService
from bulksend.simulator.settings import SimulatorSettings
from bulksend.simulator.stats import RecipientStats, ThrottleStats
from bulksend.simulator.windows import SECOND_NS, RecipientCounts, to_ns
from tests.unit.simulator.helpers import GB_NUMBER, TOLL_FREE, US_NUMBER, account, faults, message, service

OTHER_NUMBER = "+14255550112"
PEOPLE = [US_NUMBER, OTHER_NUMBER, "+14255550113"]


def limited(limit: int = 1, **changes: Any) -> SimulatedService:
    """An account in which a recipient can be sent so many messages in a second."""
    settings = account(account=AccountSettings(messages_per_recipient_per_second=limit), **changes)
    return service(settings)


def send(simulated: SimulatedService, at: float, **more: Any) -> bool:
    """Send at a moment; return whether it was accepted. Whatever is not was throttled."""
    answer = simulated.handle("SendTextMessage", message(**more), arrived_at=at)
    assert answer.fault is None or answer.fault.code == "ThrottlingException"
    return answer.fault is None


def test_it_is_on_unless_it_is_switched_off() -> None:
    """An account file that says nothing has the limit that no account can have raised."""
    identities = account().identities
    by_default = service(SimulatorSettings(identities=identities))
    assert [send(by_default, at) for at in (0.0, 0.5)] == [True, False]
    off = limited(0)
    assert all(send(off, 0.0) for _ in range(50))
    assert off.stats.recipients == RecipientStats(limit=0, fullest_offered=50)


def test_the_second_is_half_open() -> None:
    """A nanosecond early is throttled, a second later is not; what is refused does not push the moment back."""
    simulated = limited()
    assert send(simulated, 0.0)
    assert not send(simulated, 0.9)
    assert not send(simulated, 1.0 - 1e-9)
    assert send(simulated, 1.0)
    assert simulated.stats.recipients.fullest_offered == 3


def test_it_is_the_accounts() -> None:
    """Whichever identity, however many parts, with its plus sign or without: it is the recipient that counts."""
    simulated = limited()
    assert send(simulated, 0.0, body="x" * 1000)
    assert not send(simulated, 0.1, origination=TOLL_FREE.id)
    assert not send(simulated, 0.2, to=US_NUMBER.removeprefix("+"))
    assert send(simulated, 0.3, to=OTHER_NUMBER)
    assert send(simulated, 0.4, to=GB_NUMBER, origination="ACME")


def test_the_destination_simulators_are_no_exception() -> None:
    """AWS names none."""
    simulated = limited()
    assert [send(simulated, at, to="+14254147755") for at in (0.0, 0.5)] == [True, False]


def test_its_throttles_are_counted_apart() -> None:
    """The answer is the one of every throttle; no bucket counts it, and it takes no room there."""
    simulated = limited()
    send(simulated, 0.0, origination=TOLL_FREE.id)
    for _ in range(20):
        with pytest.raises(ServiceFault) as caught:
            simulated.call("SendTextMessage", message(origination=TOLL_FREE.id), arrived_at=0.5)
        assert caught.value.body() == {
            "__type": "com.amazonaws.pinpointsmsvoicev2#ThrottlingException",
            "Message": "Rate exceeded",
        }
    stats = simulated.stats
    assert stats.messages.throttled == 20
    assert stats.messages.throttled_by == ThrottleStats(identity=0, recipient=20, quota=0, fault=0)
    assert stats.buckets[TOLL_FREE.id].throttled == 0
    assert all(send(simulated, 0.6, to=to, origination=TOLL_FREE.id) for to in PEOPLE[1:])
    assert msgspec.to_builtins(stats)["recipients"] == {"limit": 1, "fullest_offered": 21}


def test_what_is_refused_for_something_else_takes_no_room() -> None:
    """Who was throttled by the bucket, or refused, can be tried again at once."""
    simulated = limited(opt_out_lists=(OptOutListSettings(numbers=("+14255550199",)),))
    for index in range(3):
        send(simulated, 0.0, to=f"+1425555{1000 + index}", origination=TOLL_FREE.id)
    assert not send(simulated, 0.1, origination=TOLL_FREE.id)
    assert simulated.stats.messages.throttled_by.identity == 1
    assert send(simulated, 0.2)
    for at in (0.3, 0.4):
        with pytest.raises(ServiceFault, match="ConflictException"):
            simulated.call("SendTextMessage", message(to="+14255550199"), arrived_at=at)


def test_an_accepted_message_whose_answer_is_lost_takes_room() -> None:
    """Whoever tries again at once meets the limit as well as the recipient's patience."""
    simulated = limited(faults=faults(internal_error_after=1.0))
    assert simulated.handle("SendTextMessage", message(), arrived_at=0.0).http_status == 500
    assert simulated.handle("SendTextMessage", message(), arrived_at=0.5).http_status == 400


def test_dry_run_is_left_out() -> None:
    """Nothing reaches the recipient: it neither waits for a message nor keeps one waiting."""
    simulated = limited()
    assert all(send(simulated, 0.1 * index, DryRun=True) for index in range(5))
    assert send(simulated, 0.6)
    assert send(simulated, 1.5, DryRun=True)
    assert simulated.stats.recipients.fullest_offered == 1


def test_reset_forgives_no_limit() -> None:
    """Counting begins again; the recipient has still had a message."""
    simulated = limited()
    assert send(simulated, 0.0)
    simulated.reset()
    assert simulated.stats.recipients == RecipientStats(limit=1, fullest_offered=0)
    assert not send(simulated, 0.5)


ARRIVALS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 40).map(lambda tenth: tenth / 10), st.floats(0, 4)),
        st.sampled_from(PEOPLE),
        st.booleans(),
    ),
    max_size=80,
).map(sorted)
"""Tenths of a second too, so that the edges of windows are met all the time."""


@given(st.integers(1, 4), ARRIVALS)
def test_no_recipient_has_more_whatever_arrives(limit: int, arrivals: list[tuple[float, str, bool]]) -> None:
    """No half-open second holds more messages to anybody than the limit, and only what would have is throttled."""
    simulated = limited(limit)
    accepted: list[tuple[int, str]] = []
    for at, to, dry_run in arrivals:
        at_ns = to_ns(at)
        held = sum(each == to for end, each in accepted if end > at_ns - SECOND_NS)
        before = simulated.stats
        is_accepted = send(simulated, at, to=to, DryRun=dry_run)
        if dry_run:
            assert simulated.stats.messages == before.messages
        else:
            assert is_accepted == (held < limit)
            if is_accepted:
                accepted.append((at_ns, to))
    stats = simulated.stats
    assert stats.messages.throttled == stats.messages.throttled_by.recipient
    offered = [(to_ns(at), to) for at, to, dry_run in arrivals if not dry_run]
    fullest = [sum(each == to and end - SECOND_NS < at <= end for at, each in offered) for end, to in offered]
    assert stats.recipients == RecipientStats(limit=limit, fullest_offered=max(fullest, default=0))


@given(st.lists(st.tuples(st.integers(0, 50), st.sampled_from(PEOPLE)), max_size=80))
def test_only_the_last_seconds_recipients_are_known(arrivals: list[tuple[int, str]]) -> None:
    """However long it runs, memory holds those of one second; a moment before the last one counts as that one."""
    counts = RecipientCounts()
    entries: list[tuple[int, str]] = []
    latest_ns = 0
    for tenth, to in arrivals:
        latest_ns = max(latest_ns, tenth * SECOND_NS // 10)
        entries.append((latest_ns, to))
        recent = [each for at, each in entries if at > latest_ns - SECOND_NS]
        assert counts.add(tenth * SECOND_NS // 10, to) == recent.count(to)
        assert len(counts) == len(set(recent))
        assert counts.count(0, OTHER_NUMBER) == recent.count(OTHER_NUMBER)


def test_sixty_a_second() -> None:
    """A rehearsal that compresses a minute into a second has a limit sixty times as high."""
    simulated = limited(60)
    assert [send(simulated, 0.001 * index) for index in range(61)] == [True] * 60 + [False]
