"""Every kind of limit at once, on a virtual clock, against the simulator's core."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from bulksend.base.progress import RunEnd
from bulksend.base.records import Bucket, Claim, Status
from bulksend.pipeline.policy import SendPolicy, SendResult
from bulksend.pipeline.sending import Sender
from bulksend.simulator.service import SimulatedService
from bulksend.simulator.settings import SimulatorSettings
from tests.simulated.test_pipeline import POLICY, SimulatedGateway
from tests.support.fakes import MemoryLedger
from tests.support.virtual import VirtualClock, run_virtual


def simulator(mps: Mapping[str, int], **more: object) -> SimulatorSettings:
    """An account with a number of each limit; `more` are tables of simulator.toml."""
    identities = [
        {"id": identity, "type": "long_code", "country": "US", "mps": limit} for identity, limit in mps.items()
    ]
    return msgspec.convert(
        {"seed": 3, "record_messages": True, "latency": {"median_ms": 60, "p99_ms": 300}, "identities": identities}
        | more,
        SimulatorSettings,
    )


def identity(number: int) -> str:
    """One of our numbers."""
    return f"+1425555{number:04d}"


def claim(row: int, sender: str, *, to: int, parts: int = 1) -> Claim:
    """A row from `sender` to the `to`-th of many people."""
    text = "x" * (160 if parts == 1 else 153 * parts)
    return Claim(row, 1, f"+1206{5550000 + to}", "US", sender, sender, text, parts)


def run(
    ledger: MemoryLedger,
    service: SimulatorSettings,
    *,
    policy: SendPolicy = POLICY,
    stop_after_s: float | None = None,
) -> tuple[SendResult, SimulatedService]:
    """One run; its result, and the service as it was left."""

    async def main() -> tuple[SendResult, SimulatedService]:
        clock = VirtualClock()
        simulated = SimulatedService(service, clock=clock, random=random.Random(service.seed))
        interrupted = asyncio.Event()
        if stop_after_s is not None:
            asyncio.get_running_loop().call_later(stop_after_s, interrupted.set)
        gateway = SimulatedGateway(simulated, {"Context": {"bulksend_campaign": "limits"}})
        sender = Sender(ledger, gateway, clock=clock, random=random.Random(9), policy=policy)
        return await sender.run(interrupted), simulated

    return run_virtual(main())


def closest_s(service: SimulatedService) -> float:
    """The shortest time between two messages to one person."""
    arrivals: dict[str, list[float]] = defaultdict(list)
    for message in service.messages:
        arrivals[message.destination].append(message.arrived_at)
    return min(
        (later - earlier for each in arrivals.values() for earlier, later in pairwise(each)),
        default=float("inf"),
    )


def test_fifty_identities_each_at_its_own_limit() -> None:
    """Limits from 1 to 20, all busy for about ten seconds: none over its limit, none under it, none throttled."""
    mps = {identity(number): 1 + number % 20 for number in range(50)}
    claims = [
        claim(row, sender, to=row)
        for row, sender in enumerate((sender for sender, limit in mps.items() for _ in range(10 * limit)), start=1)
    ]
    random.Random(1).shuffle(claims)
    claims = [changed(each, row=row) for row, each in enumerate(claims, start=1)]
    ledger = MemoryLedger(claims, [Bucket(sender, limit) for sender, limit in mps.items()])
    result, service = run(ledger, simulator(mps))
    assert (result.end, result.throttled) == (RunEnd.COMPLETE, 0)
    assert ledger.count(Status.SENT) == len(claims)
    last = {message.identity: message.arrived_at for message in service.messages}
    for sender, limit in mps.items():
        assert service.stats.buckets[sender].fullest_offered <= limit
        assert (10 * limit - 1) / last[sender] >= 0.97 * limit


def test_the_accounts_request_quota_is_kept_and_used() -> None:
    """Three numbers that could send 90 a second, in an account that may make 30 requests a second."""
    mps = {identity(number): 30 for number in range(3)}
    claims = [claim(row, identity(row % 3), to=row) for row in range(1, 901)]
    ledger = MemoryLedger(claims, [Bucket(sender, limit) for sender, limit in mps.items()])
    policy = replace(POLICY, requests_per_second=30)
    result, service = run(ledger, simulator(mps, request_quotas={"SendTextMessage": 30}), policy=policy)
    assert (result.end, result.throttled) == (RunEnd.COMPLETE, 0)
    assert service.stats.messages.accepted == 900
    assert result.seconds <= 900 / (0.98 * 30) + 1.0


def test_one_message_a_second_to_one_recipient_holds_up_nobody_else() -> None:
    """Ten people get five texts each, in the order of the list, among others who get one: nobody waits for them."""
    mps = {identity(1): 20, identity(2): 20}
    claims, row = [], 0
    for turn in range(5):
        for person in range(10):
            row += 1
            claims.append(claim(row, identity(1 + person % 2), to=person))
        for other in range(20):
            row += 1
            claims.append(claim(row, identity(1 + other % 2), to=100 + turn * 20 + other))
    ledger = MemoryLedger(claims, [Bucket(sender, limit) for sender, limit in mps.items()])
    result, service = run(ledger, simulator(mps))
    assert (result.end, result.throttled) == (RunEnd.COMPLETE, 0)
    assert closest_s(service) >= 1.0
    assert set(ledger.attempts.values()) == {1}
    assert result.seconds <= 6.5
    rows: dict[str, list[int]] = defaultdict(list)
    for message in service.messages:
        rows[message.destination].append(int(message.context["bulksend_row"].split(".")[0]))
    assert all(each == sorted(each) for each in rows.values())


def test_hundreds_of_texts_to_one_person_leave_the_others_alone() -> None:
    """Three hundred rows for one number stand first: those behind them are sent at the limit all the same."""
    claims = [claim(row, identity(1), to=0) for row in range(1, 301)]
    claims += [claim(row, identity(1), to=row) for row in range(301, 501)]
    ledger = MemoryLedger(claims, [Bucket(identity(1), 20)])
    result, service = run(ledger, simulator({identity(1): 20}))
    assert (result.end, result.throttled) == (RunEnd.COMPLETE, 0)
    others = [message.arrived_at for message in service.messages if not message.destination.endswith("5550000")]
    assert max(others) <= 15.0
    assert 299.0 <= result.seconds <= 315.0


def test_a_late_answer_does_not_free_a_recipient_that_another_message_has_taken() -> None:
    """Answers that take longer than a second, and three rows for one number: still a second between any two."""
    claims = [claim(row, identity(1), to=0 if row in (61, 88, 91) else row) for row in range(1, 121)]
    ledger = MemoryLedger(claims, [Bucket(identity(1), 20)])
    _, service = run(ledger, simulator({identity(1): 20}, latency={"median_ms": 1120, "p99_ms": 1120}))
    assert closest_s(service) >= 1.0
    assert service.stats.messages.throttled == 0


@pytest.mark.parametrize("mps", [1, 3])
def test_lost_answers_do_not_stop_a_slow_number(mps: int) -> None:
    """Where only a few messages are in the air, two lost answers in a row are no reason to wait for their time-outs."""
    claims = [claim(row, identity(1), to=row) for row in range(1, 400 * mps)]
    ledger = MemoryLedger(claims, [Bucket(identity(1), mps)])
    _, service = run(ledger, simulator({identity(1): mps}, faults={"no_reply": 0.05}))
    last = max(message.arrived_at for message in service.messages)
    assert len(claims) / last >= 0.97 * mps


def test_a_refused_message_keeps_its_distance_too() -> None:
    """A throttled text is not tried again within a second: nobody says that what is refused does not count."""
    claims = [claim(row, identity(1), to=row) for row in range(1, 41)]
    ledger = MemoryLedger(claims, [Bucket(identity(1), 20)])
    service = simulator({identity(1): 20}, faults={"throttle": 0.2})
    result, simulated = run(ledger, service)
    assert ledger.count(Status.SENT) == 40
    assert result.throttled > 0
    assert simulated.stats.recipients.fullest_offered == 1


def test_restarts_every_few_seconds_never_begin_with_a_burst() -> None:
    """A job that is started again and again, each time for three seconds: no second has more than the limit."""
    mps = {identity(1): 20}
    claims = [claim(row, identity(1), to=row % 30, parts=1 + row % 3) for row in range(1, 301)]
    ledger = MemoryLedger(claims, [Bucket(identity(1), 20)])

    async def main() -> SimulatedService:
        clock = VirtualClock()
        simulated = SimulatedService(simulator(mps), clock=clock, random=random.Random(3))
        gateway = SimulatedGateway(simulated, {"Context": {"bulksend_campaign": "limits"}})
        for _ in range(20):
            interrupted = asyncio.Event()
            asyncio.get_running_loop().call_later(3.0, interrupted.set)
            await Sender(ledger, gateway, clock=clock, random=random.Random(9), policy=POLICY).run(interrupted)
            await clock.sleep(0.1)
        return simulated

    service = run_virtual(main())
    assert ledger.count(Status.SENT) == 300
    assert service.stats.buckets[identity(1)].fullest_offered <= 20
    assert service.stats.messages.throttled == 0
    assert closest_s(service) >= 1.0


def test_what_was_learnt_is_where_the_next_run_begins() -> None:
    """Configured 100, and another application uses 60: the second run throttles hardly at all, and both say 40."""
    claims = [claim(row, identity(1), to=row) for row in range(1, 1601)]
    ledger = MemoryLedger(claims, [Bucket(identity(1), 100)])
    others = [{"bucket": identity(1), "parts_per_second": 60}]

    async def main() -> tuple[int, int]:
        clock = VirtualClock()
        settings = simulator({identity(1): 100}, other_traffic=others)
        simulated = SimulatedService(settings, clock=clock, random=random.Random(3))
        gateway = SimulatedGateway(simulated, {"Context": {"bulksend_campaign": "limits"}})
        throttled = []
        for _ in range(2):
            interrupted = asyncio.Event()
            asyncio.get_running_loop().call_later(18.0, interrupted.set)
            sender = Sender(ledger, gateway, clock=clock, random=random.Random(9), policy=POLICY)
            throttled.append((await sender.run(interrupted)).throttled)
            (counts,) = (await ledger.counts()).buckets
            assert counts.allows == pytest.approx(40, rel=0.2)
        return throttled[0], throttled[1]

    first, second = run_virtual(main())
    assert first >= 10
    assert second <= 10


def test_throttling_on_one_bucket_never_slows_another() -> None:
    """One number allows a tenth of what is configured; the other goes at its limit, to the second."""
    claims = [claim(row, identity(1 + row % 2), to=row) for row in range(1, 601)]
    ledger = MemoryLedger(claims, [Bucket(identity(1), 50), Bucket(identity(2), 50)])
    _, service = run(ledger, simulator({identity(1): 5, identity(2): 50}))
    arrivals = [message.arrived_at for message in service.messages if message.identity == identity(2)]
    assert service.stats.buckets[identity(2)].throttled == 0
    assert max(arrivals) <= 300 / (0.98 * 50) + 0.2


@pytest.mark.parametrize("lost", [0.01, 0.02, 0.05])
def test_lost_answers_do_not_cost_throughput(lost: float) -> None:
    """Messages that wait half a minute for an answer that never comes do not keep others from going."""
    claims = [claim(row, identity(1), to=row) for row in range(1, 6001)]
    ledger = MemoryLedger(claims, [Bucket(identity(1), 100)])
    _, service = run(ledger, simulator({identity(1): 100}, faults={"no_reply": lost}))
    assert service.stats.buckets[identity(1)].fullest_offered <= 100
    last = max(message.arrived_at for message in service.messages)
    assert 6000 / last >= 0.97 * 100
    assert ledger.count(Status.UNKNOWN) == pytest.approx(6000 * lost, rel=0.3)


@settings(max_examples=25, deadline=None)
@given(
    mps=st.lists(st.sampled_from([1, 3, 5, 20, 100]), min_size=1, max_size=5),
    rows=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 40), st.integers(1, 10)), min_size=1, max_size=60),
    stops_s=st.lists(st.floats(0.05, 4.0), max_size=4),
    requests=st.none() | st.integers(2, 50),
    throttle=st.sampled_from([0.0, 0.1]),
)
def test_no_window_of_any_kind_is_ever_too_full(
    mps: list[int],
    rows: list[tuple[int, int, int]],
    stops_s: list[float],
    requests: int | None,
    throttle: float,
) -> None:
    """Any list, any limits, stops and restarts at any moment: every limit holds, and every row is sent once."""
    limits = {identity(number): limit for number, limit in enumerate(mps)}
    claims = [
        claim(row, identity(sender % len(mps)), to=person, parts=parts)
        for row, (sender, person, parts) in enumerate(rows, start=1)
    ]
    ledger = MemoryLedger(claims, [Bucket(sender, limit) for sender, limit in limits.items()])
    quotas = {"SendTextMessage": requests} if requests else {}
    service = simulator(limits, request_quotas=quotas, faults={"throttle": throttle})

    async def main() -> SimulatedService:
        clock = VirtualClock()
        simulated = SimulatedService(service, clock=clock, random=random.Random(3))
        gateway = SimulatedGateway(simulated, {"Context": {"bulksend_campaign": "limits"}})
        policy = replace(POLICY, requests_per_second=requests)
        for stop_s in [*stops_s, None]:
            interrupted = asyncio.Event()
            if stop_s is not None:
                asyncio.get_running_loop().call_later(stop_s, interrupted.set)
            await Sender(ledger, gateway, clock=clock, random=random.Random(9), policy=policy).run(interrupted)
        return simulated

    simulated = run_virtual(main())
    sizes: Counter[str] = Counter()
    for each in claims:
        sizes[each.bucket] = max(sizes[each.bucket], each.parts)
    for sender, limit in limits.items():
        assert simulated.stats.buckets[sender].fullest_offered <= max(limit, sizes[sender])
    by_fault = simulated.stats.faults.get("throttle", 0)
    assert simulated.stats.messages.throttled == by_fault
    assert simulated.stats.recipients.fullest_offered <= 1
    assert ledger.count(Status.SENT) == len(claims)
    assert closest_s(simulated) >= 1.0
