import asyncio
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulksend.simulator.faults import ServiceFault
from bulksend.simulator.resources import AccountSettings, OptOutListSettings
from bulksend.simulator.service import Delivery, SimulatedService
from bulksend.simulator.settings import LatencySettings
from bulksend.simulator.stats import ThrottleStats
from tests.unit.simulator.helpers import TOLL_FREE, US_NUMBER, FakeClock, account, context, faults, message, service

TEXTS = {parts: "x" * (153 * parts if parts > 1 else 10) for parts in range(1, 6)}


def faulty(**rates: float) -> SimulatedService:
    """A service with faults."""
    return service(account(faults=faults(**rates)))


@settings(max_examples=60)
@given(st.lists(st.tuples(st.floats(0, 0.4), st.integers(1, 5)), max_size=60), st.booleans())
def test_the_limit_holds_through_the_whole_service(arrivals: list[tuple[float, int]], dry_run: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    """No half-open second of arrival time has more parts accepted than the limit, but for a lone oversized message."""
    simulated = service(account(record_messages=True))
    at = 0.0
    accepted = []
    for gap_s, parts in arrivals:
        at += gap_s
        params = message(body=TEXTS[parts], origination=TOLL_FREE.id, DryRun=dry_run)
        answer = simulated.handle("SendTextMessage", params, arrived_at=at)
        if answer.fault is None:
            accepted.append((round(at * 1e9), parts))
        else:
            assert answer.fault.code == "ThrottlingException"
    fullest = 0
    for end, _ in accepted:
        held = [parts for each, parts in accepted if end - 10**9 < each <= end]
        assert sum(held) <= TOLL_FREE.mps or len(held) == 1
        fullest = max(fullest, sum(held))
    stats = simulated.stats
    buckets = stats.dry_run_buckets if dry_run else stats.buckets
    assert buckets[TOLL_FREE.id].fullest_accepted == fullest
    assert buckets[TOLL_FREE.id].oversized == sum(parts > TOLL_FREE.mps for _, parts in accepted)
    assert buckets[TOLL_FREE.id].offered == len(arrivals)


def test_a_pipeline_on_a_virtual_clock() -> None:
    """An hour at 3 parts per second takes no time, and everything that comes on time is accepted."""

    async def main() -> SimulatedService:
        clock = FakeClock()
        simulated = SimulatedService(
            account(latency=LatencySettings(median_ms=80, p99_ms=300)), clock=clock, random=random.Random(1)
        )
        for _ in range(3_600):
            answer = simulated.handle("SendTextMessage", message(origination=TOLL_FREE.id))
            assert answer.http_status == 200
            await clock.sleep(max(answer.delay_s, 1 / 3 + 1e-9))
        return simulated

    stats = asyncio.run(main()).stats
    assert stats.buckets[TOLL_FREE.id].fullest_accepted == stats.buckets[TOLL_FREE.id].fullest_offered == 3
    assert stats.messages.accepted == 3_600


@pytest.mark.parametrize(
    ("fault", "status", "code", "delivery", "accepted"),
    [
        ("throttle", 400, "ThrottlingException", Delivery.REPLY, 0),
        ("internal_error", 500, "InternalServerException", Delivery.REPLY, 0),
        ("internal_error_after", 500, "InternalServerException", Delivery.REPLY, 1),
        ("unavailable", 503, "ServiceUnavailableException", Delivery.REPLY, 0),
        ("drop_before", 200, None, Delivery.CLOSE, 0),
        ("drop_after", 200, None, Delivery.CLOSE, 1),
        ("no_reply", 200, None, Delivery.SILENCE, 1),
    ],
)
def test_faults(fault: str, status: int, code: str | None, delivery: Delivery, accepted: int) -> None:
    """What the caller sees, and whether the message was accepted all the same; it was offered in any case."""
    simulated = faulty(**{fault: 1.0})
    answer = simulated.handle("SendTextMessage", message())
    assert (answer.http_status, answer.fault and answer.fault.code) == (status, code)
    assert answer.delivery is delivery
    stats = simulated.stats
    assert (stats.messages.offered, stats.messages.offered_parts, stats.messages.accepted) == (1, 1, accepted)
    assert stats.faults == {fault: 1}
    assert stats.errors == ({code: 1} if code else {})
    assert stats.messages.throttled == stats.messages.throttled_by.fault == (fault == "throttle")
    assert stats.buckets["20440"].throttled == 0


def test_faults_strike_before_the_request_is_looked_at() -> None:
    """A front end that is down answers 503 to a wrong request too, and that is counted as offered."""
    simulated = faulty(unavailable=1.0)
    assert simulated.handle("SendTextMessage", {"MessageBody": 5}).http_status == 503
    assert simulated.stats.messages.offered == 1
    assert simulated.stats.errors == {"ServiceUnavailableException": 1}
    dropped = faulty(drop_before=1.0)
    assert dropped.handle("SendTextMessage", {}).delivery is Delivery.CLOSE
    assert dropped.stats.errors == {}


def test_a_lost_reply_loses_a_refusal_too() -> None:
    """With drop_after, a request that is refused is closed without an answer as well."""
    simulated = faulty(drop_after=1.0)
    answer = simulated.handle("SendTextMessage", message(to="+999123456"))
    assert answer.delivery is Delivery.CLOSE
    assert answer.fault is not None
    assert simulated.stats.messages.accepted == 0


def test_call_is_free_of_chance() -> None:
    """Only `handle` has bad luck; faults strike SendTextMessage alone."""
    simulated = faulty(throttle=1.0)
    assert "MessageId" in simulated.call("SendTextMessage", message())
    assert simulated.handle("DescribePools", {}).http_status == 200
    assert simulated.disposition("DescribePools").strike is None


def test_unknown_operations() -> None:
    """An operation that is not simulated says so."""
    answer = service().handle("SendMediaMessage", {})
    assert answer.body["__type"] == "com.amazonaws.pinpointsmsvoicev2#UnknownOperationException"
    assert answer.http_status == 400


def test_request_quotas() -> None:
    """So many requests per second, throttled ones not counted; what it refuses never reaches the MPS window."""
    clock = FakeClock()
    simulated = service(account(request_quotas={"DescribePools": 1, "SendTextMessage": 2}), clock)
    for _ in range(2):
        simulated.call("SendTextMessage", message())
    simulated.call("DescribePools", {})
    for operation, params in (("SendTextMessage", message()), ("DescribePools", {})):
        with pytest.raises(ServiceFault, match="ThrottlingException"):
            simulated.call(operation, params)
    clock.at += 1
    simulated.call("DescribePools", {})
    simulated.call("SendTextMessage", message())
    stats = simulated.stats
    assert (stats.messages.offered, stats.messages.accepted, stats.messages.throttled) == (4, 3, 1)
    assert stats.buckets["20440"].throttled == 0
    assert stats.messages.throttled_by == ThrottleStats(identity=0, recipient=0, quota=1, fault=0)
    assert stats.requests == {"SendTextMessage": 4, "DescribePools": 3}


def test_the_quota_of_messages_is_one_for_all_identities() -> None:
    """Arrival times decide, a half-open second of them; DryRun, parts and identities make no difference."""
    simulated = service(account(request_quotas={"SendTextMessage": 3}))
    simulated.call("SendTextMessage", message(body=TEXTS[5]), arrived_at=0.0)
    simulated.call("SendTextMessage", message(origination=TOLL_FREE.id), arrived_at=0.4)
    simulated.call("SendTextMessage", message(DryRun=True), arrived_at=0.8)
    for dry_run in (False, True):
        with pytest.raises(ServiceFault, match="ThrottlingException"):
            simulated.call("SendTextMessage", message(DryRun=dry_run), arrived_at=1.0 - 1e-9)
    simulated.call("SendTextMessage", message(), arrived_at=1.0)
    stats = simulated.stats
    assert stats.messages.throttled_by == ThrottleStats(identity=0, recipient=0, quota=1, fault=0)
    assert stats.dry_run.throttled_by == ThrottleStats(identity=0, recipient=0, quota=1, fault=0)
    assert (stats.messages.accepted, stats.dry_run.accepted) == (3, 1)


def test_throttles_are_counted_by_cause() -> None:
    """Whatever a request is throttled for, it is counted once, and the causes add up."""
    limits = {"account": AccountSettings(), "request_quotas": {"SendTextMessage": 5}, "faults": faults(throttle=0.2)}
    simulated = service(account(**limits))
    for number in range(200):
        to = f"+1425555{1000 + number // 2:04d}"
        simulated.handle("SendTextMessage", message(to=to, origination=TOLL_FREE.id), arrived_at=number * 0.1)
    traffic = simulated.stats.messages
    causes = msgspec.structs.asdict(traffic.throttled_by)
    assert sum(causes.values()) == traffic.throttled == traffic.offered - traffic.accepted
    assert all(causes.values())
    assert causes["fault"] == simulated.stats.faults["throttle"]
    assert causes["identity"] == simulated.stats.buckets[TOLL_FREE.id].throttled


def test_duplicates() -> None:
    """By destination and text, by row, and by attempt, each on its own account."""
    simulated = service()

    def send(row: str, body: str = "Hello", to: str = US_NUMBER, **more: Any) -> None:
        simulated.call("SendTextMessage", message(to=to, body=body, Context=context(row), **more))

    def duplicates() -> tuple[int, int, int]:
        found = simulated.stats.duplicates
        return found.destination_text, found.row, found.attempt

    send("1.1")
    send("2.1", to="+14255550112")
    send("3.1", body="Other")
    assert duplicates() == (0, 0, 0)
    send("4.1", to=US_NUMBER.removeprefix("+"))
    assert duplicates() == (1, 0, 0)
    send("2.2", body="Third")
    assert duplicates() == (1, 1, 0)
    send("3.1", body="Fourth")
    assert duplicates() == (1, 2, 1)
    send("2.2", body="Fifth")
    assert duplicates() == (1, 3, 2)
    simulated.call("SendTextMessage", message(body="Sixth", Context=context("1.1", campaign="autumn")))
    assert duplicates() == (1, 3, 2)


def test_an_attempt_that_is_throttled_may_be_followed_by_another() -> None:
    """Attempts are counted when they arrive, rows and texts when they are accepted."""
    simulated = service()
    for row in range(3):
        simulated.call("SendTextMessage", message(body=str(row), origination=TOLL_FREE.id))
    for attempt in (1, 2, 2):
        with pytest.raises(ServiceFault):
            simulated.call("SendTextMessage", message(origination=TOLL_FREE.id, Context=context(f"9.{attempt}")))
    duplicates = simulated.stats.duplicates
    assert (duplicates.destination_text, duplicates.row, duplicates.attempt) == (0, 0, 1)


def test_concurrent_requests() -> None:
    """The most that were being served at once are remembered; a reset leaves those that are being served."""
    simulated = service()
    simulated.began()
    simulated.began()
    assert simulated.stats.concurrent == 2
    simulated.ended()
    simulated.ended()
    simulated.began()
    assert (simulated.stats.concurrent, simulated.stats.max_concurrent) == (1, 2)
    simulated.reset()
    assert (simulated.stats.concurrent, simulated.stats.max_concurrent) == (1, 1)


def test_recorded_messages() -> None:
    """With record_messages, what was accepted can be compared with a ledger; without, nothing is kept."""
    simulated = service(account(record_messages=True))
    sent = simulated.call("SendTextMessage", message(body="x" * 200, Context=context("7.1")), arrived_at=12.5)
    with pytest.raises(ServiceFault):
        simulated.call("SendTextMessage", message(to="+0"))
    (recorded,) = simulated.messages
    assert msgspec.to_builtins(recorded) == {
        "message_id": sent["MessageId"],
        "destination": US_NUMBER,
        "identity": "20440",
        "bucket": "20440",
        "parts": 2,
        "context": {"bulksend_campaign": "spring", "bulksend_row": "7.1"},
        "arrived_at": 12.5,
    }
    forgetful = service()
    forgetful.call("SendTextMessage", message())
    assert not forgetful.messages


def test_reset() -> None:
    """Everything begins again but the rate limits."""
    simulated = service(account(record_messages=True, opt_out_lists=(OptOutListSettings(),)))
    for _ in range(3):
        simulated.call("SendTextMessage", message(origination=TOLL_FREE.id, Context=context("1.1")))
    fresh = service().stats
    simulated.reset()
    assert simulated.stats == fresh
    assert not simulated.messages
    with pytest.raises(ServiceFault, match="ThrottlingException"):
        simulated.call("SendTextMessage", message(origination=TOLL_FREE.id))


def test_stats_are_ready_for_json() -> None:
    """Every bucket is there from the start, and a snapshot does not change."""
    simulated = service()
    before = simulated.stats
    simulated.call("SendTextMessage", message())
    assert msgspec.to_builtins(before)["buckets"]["20440"] == {
        "mps": 100,
        "offered": 0,
        "offered_parts": 0,
        "accepted": 0,
        "parts": 0,
        "throttled": 0,
        "oversized": 0,
        "fullest_accepted": 0,
        "fullest_offered": 0,
    }
    decoded = msgspec.json.decode(msgspec.json.encode(simulated.stats))
    assert decoded == msgspec.to_builtins(simulated.stats)
    assert decoded["messages"] == {
        "offered": 1,
        "offered_parts": 1,
        "accepted": 1,
        "parts": 1,
        "throttled": 0,
        "throttled_by": {"identity": 0, "recipient": 0, "quota": 0, "fault": 0},
    }
    assert decoded["recipients"] == {"limit": 0, "fullest_offered": 1}
    assert decoded["other_traffic"] == {}
    assert (
        set(decoded["buckets"])
        == set(decoded["dry_run_buckets"])
        == {
            "+18885550100",
            "20440",
            "ACME",
            "10dlc",
            "+16045550123",
        }
    )


@given(
    st.dictionaries(
        st.sampled_from(["DestinationPhoneNumber", "OriginationIdentity", "MessageBody", "Context", "DryRun", "Other"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
            max_leaves=6,
        ),
    )
)
def test_any_json_object_gets_an_answer(params: dict[str, object]) -> None:
    """Whatever the request holds, the service answers as a service does."""
    simulated = service()
    answer = simulated.handle("SendTextMessage", params)
    assert answer.http_status in (200, 400)
    assert msgspec.json.encode(answer.body)
    assert simulated.stats.messages.offered + simulated.stats.dry_run.offered == 1


def test_the_tenth_of_a_second() -> None:
    """Arrival stamps that are sums of decimal fractions meet the window's edge where they should."""
    simulated = service()
    for at in (0.1, 0.2, 0.3):
        simulated.call("SendTextMessage", message(origination=TOLL_FREE.id), arrived_at=at)
    simulated.call("SendTextMessage", message(origination=TOLL_FREE.id), arrived_at=0.1 + 1.0)
    with pytest.raises(ServiceFault, match="ThrottlingException"):
        simulated.call("SendTextMessage", message(origination=TOLL_FREE.id), arrived_at=1.2 - 1e-9)
