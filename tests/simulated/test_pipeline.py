"""The whole pipeline on a virtual clock: a list into a real ledger, out through the simulator's core, and back."""

import asyncio
import csv
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulksend.base.ports import Release
from bulksend.base.progress import Counts, RunEnd
from bulksend.base.records import Claim, Outcome, OutcomeKind, Status
from bulksend.base.request import CONTEXT_ROW
from bulksend.config.load import load_settings
from bulksend.config.request import request_members
from bulksend.pipeline.plan import make_plan
from bulksend.pipeline.policy import SendPolicy, SendResult
from bulksend.pipeline.sending import Sender
from bulksend.send.classify import classify
from bulksend.send.fault import Fault
from bulksend.simulator.service import Delivery, SimulatedService
from bulksend.simulator.settings import FaultSettings, LatencySettings, SimulatorSettings
from bulksend.store.export import export_rows
from bulksend.store.ledger import SqliteLedger
from tests.support.inline import InlineLedger
from tests.support.virtual import VirtualClock, run_virtual

CAMPAIGN = {
    "BULKSEND_CAMPAIGN_NAME": "virtual",
    "BULKSEND_CAMPAIGN_TEMPLATE": "Hi {{ name }}, {{ note }}",
    "BULKSEND_IDENTITIES": msgspec.json.encode(
        [
            {"id": "+18885550100", "mps": 3, "countries": ["US"], "bucket": "toll-free"},
            {"id": "20440", "mps": 20, "countries": ["CA"]},
            {"id": "ACME", "mps": 100, "countries": ["DE"]},
        ]
    ).decode(),
}

SERVICE = msgspec.convert(
    {
        "seed": 3,
        "record_messages": True,
        "latency": {"median_ms": 60, "p99_ms": 400},
        "identities": [
            {"id": "+18885550100", "type": "toll_free", "country": "US", "mps": 3, "bucket": "toll-free"},
            {"id": "20440", "type": "short_code", "country": "CA", "mps": 20},
            {"id": "ACME", "type": "sender_id", "country": "DE", "countries": ["DE"], "mps": 100},
        ],
    },
    SimulatorSettings,
)

POLICY = SendPolicy(
    headroom=0.01, base_s=0.25, cap_s=20.0, give_up_after_s=900.0, resend_unknown=False, max_in_flight=1000
)


class SimulatedGateway:
    """The gateway port over the simulator's core: the same classification, no HTTP, virtual time."""

    def __init__(self, service: SimulatedService, members: dict[str, object], *, read_timeout_s: float = 30.0) -> None:
        self._service = service
        self._members = members
        self._read_timeout_s = read_timeout_s

    async def send(self, claim: Claim, release: Release) -> Outcome:
        await release()
        context = {**dict(self._members["Context"]), CONTEXT_ROW: f"{claim.row}.{claim.attempt}"}  # type: ignore[call-overload]
        answer = self._service.handle(
            "SendTextMessage",
            {
                **self._members,
                "DestinationPhoneNumber": claim.destination,
                "OriginationIdentity": claim.identity,
                "MessageBody": claim.text,
                "Context": context,
            },
        )
        if answer.delivery is Delivery.SILENCE or answer.delay_s > self._read_timeout_s:
            await asyncio.sleep(self._read_timeout_s)
            return classify(Fault(released=True, transport="read_timeout"))
        await asyncio.sleep(answer.delay_s)
        if answer.delivery is Delivery.CLOSE:
            return classify(Fault(released=True, transport="connection_lost"))
        if answer.fault is None:
            return Outcome(OutcomeKind.SENT, message_id=str(answer.body["MessageId"]))
        fault = answer.fault
        return classify(Fault(released=True, code=fault.code, reason=fault.reason, http_status=answer.http_status))


def plan(folder: Path, *, us: int, ca: int, de: int, longest: int = 6) -> Path:
    """A ledger with so many rows of each country, in an order that mixes them, with texts of 1 to `longest` parts."""
    numbers = [f"+1425555{100 + n:04d}" for n in range(us)]
    numbers += [f"+1{area}555{100 + n:04d}" for area in (604, 416, 514, 403, 613) for n in range(100)][:ca]
    numbers += [f"+49171{3920000 + n}" for n in range(de)]
    random.Random(5).shuffle(numbers)
    file = folder / "list.csv"
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["phone", "name", "note"])
        for index, number in enumerate(numbers):
            writer.writerow([number, f"N{index}", "x" * (20 + 150 * (index % longest if index % 3 == 0 else 0))])
    ledger = folder / "campaign.db"
    made = make_plan(load_settings(None, environ=CAMPAIGN), str(file), ledger, clock=VirtualClock())
    assert made.totals.sendable == len(numbers)
    return ledger


def run(
    ledger: Path,
    service: SimulatorSettings = SERVICE,
    *,
    policy: SendPolicy = POLICY,
    stop_after_s: float | None = None,
) -> tuple[SendResult, SimulatedService, Counts]:
    """One run over `ledger`; returns its result, the service as it was left, and the ledger's counts."""

    async def main() -> tuple[SendResult, SimulatedService, Counts]:
        clock = VirtualClock()
        simulated = SimulatedService(service, clock=clock, random=random.Random(service.seed))
        interrupted = asyncio.Event()
        if stop_after_s is not None:
            asyncio.get_running_loop().call_later(stop_after_s, interrupted.set)
        with SqliteLedger.open_for_writing(ledger, clock=clock) as opened:
            with opened.transaction():
                opened.recover()
                opened.start_run()
            gateway = SimulatedGateway(simulated, request_members(load_settings(None, environ=CAMPAIGN)))
            sender = Sender(InlineLedger(opened), gateway, clock=clock, random=random.Random(9), policy=policy)
            result = await sender.run(interrupted)
            return result, simulated, opened.counts()

    return run_virtual(main())


def assert_agree(counts: Counts, accepted: Counter[int], ledger: Path) -> None:
    """Whatever happened: rows add up, no row was accepted twice, and nothing accepted is unaccounted for."""
    assert sum(counts.by_status.values()) == counts.rows
    assert counts.of(Status.SENDING) == 0
    assert max(accepted.values(), default=0) <= 1
    statuses = {row["row"]: row["status"] for row in export_rows(ledger)}
    assert {row for row, status in statuses.items() if status is Status.SENT} <= set(accepted)
    assert all(statuses[row] in (Status.SENT, Status.UNKNOWN) for row in accepted)


def accepted_rows(service: SimulatedService) -> Counter[int]:
    """How often the service accepted each row."""
    return Counter(int(message.context[CONTEXT_ROW].split(".")[0]) for message in service.messages)


def test_the_limits_are_used_and_never_exceeded(tmp_path: Path) -> None:
    """Three buckets of 3, 20 and 100 MPS, texts of up to six parts: full use, no second over, nothing throttled."""
    ledger = plan(tmp_path, us=40, ca=400, de=1500)
    result, service, counts = run(ledger)
    assert result.end is RunEnd.COMPLETE
    assert result.throttled == 0
    for name, bucket in service.stats.buckets.items():
        assert bucket.fullest_offered <= bucket.mps or bucket.oversized, name
        assert bucket.oversized == 0 or name == "toll-free"
    assert_agree(counts, accepted_rows(service), ledger)
    slowest = max(bucket.parts / bucket.mps for bucket in counts.buckets)
    assert result.seconds <= slowest * 1.05 + 2


def test_a_bad_day_loses_nothing_and_sends_nothing_twice(tmp_path: Path) -> None:
    """Throttling, 5xx before and after acceptance, lost connections, replies that never come."""
    faults = FaultSettings(
        throttle=0.1,
        internal_error=0.02,
        internal_error_after=0.02,
        unavailable=0.02,
        drop_before=0.02,
        drop_after=0.02,
        no_reply=0.02,
    )
    ledger = plan(tmp_path, us=30, ca=200, de=400, longest=2)
    result, service, counts = run(ledger, msgspec.structs.replace(SERVICE, faults=faults))
    assert result.end is RunEnd.COMPLETE
    assert counts.of(Status.UNKNOWN) > 20
    assert counts.of(Status.SENT) > 500
    assert_agree(counts, accepted_rows(service), ledger)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stops_s=st.lists(st.floats(0.0, 8.0), min_size=1, max_size=4), latency_ms=st.sampled_from([5, 300, 4000]))
def test_stopped_anywhere_and_resumed_it_ends_the_same(
    stops_s: list[float], latency_ms: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Stopped at any moment, any number of times, then finished: every row is sent, each once."""
    ledger = plan(tmp_path_factory.mktemp("stopped"), us=5, ca=60, de=120)
    service = msgspec.structs.replace(SERVICE, latency=LatencySettings(median_ms=latency_ms))
    accepted: Counter[int] = Counter()
    for stop_s in stops_s:
        _, simulated, counts = run(ledger, service, stop_after_s=stop_s)
        accepted += accepted_rows(simulated)
        assert counts.of(Status.SENT) == accepted.total()
    result, simulated, counts = run(ledger, service)
    accepted += accepted_rows(simulated)
    assert result.end is RunEnd.COMPLETE
    assert (counts.of(Status.SENT), counts.of(Status.UNKNOWN)) == (185, 0)
    assert_agree(counts, accepted, ledger)


def test_a_limit_that_is_set_too_high_is_learnt(tmp_path: Path) -> None:
    """Configured 100, allowed 60: the bucket finds its pace, the others are not slowed, and all is sent."""
    identities = tuple(
        msgspec.structs.replace(each, mps=60) if each.id == "ACME" else each for each in SERVICE.identities
    )
    ledger = plan(tmp_path, us=20, ca=200, de=2500, longest=1)
    result, service, counts = run(ledger, msgspec.structs.replace(SERVICE, identities=identities))
    assert counts.of(Status.SENT) == 2720
    assert result.throttled <= 0.04 * 2500
    assert service.stats.buckets["20440"].throttled == service.stats.buckets["toll-free"].throttled == 0
    assert result.seconds <= 2500 / 60 * 1.15


def test_an_hour_passes_in_seconds(tmp_path: Path) -> None:
    """Ten thousand parts through a toll-free number: nearly an hour of sending, at the limit throughout."""
    ledger = plan(tmp_path, us=9000, ca=0, de=0, longest=1)
    result, service, _ = run(ledger, msgspec.structs.replace(SERVICE, record_messages=False))
    assert 0.98 <= 9000 / 3 / result.seconds <= 1.0
    assert service.stats.buckets["toll-free"].fullest_offered == 3


def test_an_outage_of_a_minute_is_survived(tmp_path: Path) -> None:
    """Every answer is 503 for a while: rows wait, and all of them are sent in the end."""
    ledger = plan(tmp_path, us=5, ca=50, de=100, longest=1)
    outage = msgspec.structs.replace(SERVICE, faults=FaultSettings(unavailable=1.0))
    _, _, counts = run(ledger, outage, stop_after_s=60.0)
    assert counts.of(Status.PENDING) == 155
    result, _, counts = run(ledger, policy=replace(POLICY, give_up_after_s=60.0))
    assert (result.end, counts.of(Status.SENT)) == (RunEnd.COMPLETE, 155)
