import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from msgspec.structs import replace as changed

from bulksend.base.errors import LedgerError, ServiceStop, UsageError
from bulksend.base.progress import RunEnd
from bulksend.base.records import Bucket, Claim, Outcome, OutcomeKind, Status
from bulksend.origin.identity import Identity
from bulksend.pipeline.policy import SendPolicy, SendResult
from bulksend.pipeline.sending import Sender
from tests.support.fakes import MemoryLedger, ScriptedGateway, accept, make_claim
from tests.support.virtual import VirtualClock, run_virtual

POLICY = SendPolicy(
    headroom=0.01, base_s=0.25, cap_s=20.0, give_up_after_s=900.0, resend_unknown=False, max_in_flight=1000
)


def send(
    ledger: MemoryLedger,
    gateway: ScriptedGateway,
    *,
    policy: SendPolicy = POLICY,
    stop_after_s: float | None = None,
    identities: Sequence[Identity] = (),
) -> SendResult:
    """One run on a virtual clock, stopped after `stop_after_s` if that is given."""

    async def main() -> SendResult:
        interrupted = asyncio.Event()
        if stop_after_s is not None:
            asyncio.get_running_loop().call_later(stop_after_s, interrupted.set)
        sender = Sender(ledger, gateway, clock=VirtualClock(), random=Random(1), policy=policy, identities=identities)
        return await sender.run(interrupted)

    return run_virtual(main())


def refuse(kind: OutcomeKind, reason: str) -> Outcome:
    """A refusal by the service."""
    return Outcome(kind, reason, None, "SomeException", "said the service")


def test_every_row_is_sent_once_and_the_run_is_complete() -> None:
    """Two hundred rows of a 20 MPS bucket take ten seconds and one request each."""
    ledger = MemoryLedger([make_claim(row) for row in range(1, 201)], [Bucket("b", 20)])
    gateway = ScriptedGateway()
    result = send(ledger, gateway)
    assert result.end is RunEnd.COMPLETE
    assert ledger.count(Status.SENT) == 200
    assert Counter(claim.row for _, claim in gateway.released) == Counter(range(1, 201))
    assert 199 / 20 <= result.seconds <= 199 / 20 * 1.02 + 0.5


def test_rows_leave_in_the_order_of_the_input() -> None:
    """First in the list, first on the wire, whatever the sizes."""
    claims = [make_claim(row, parts=1 + row % 4) for row in range(1, 60)]
    gateway = ScriptedGateway(prepare_s=0.0)
    send(MemoryLedger(claims, [Bucket("b", 20)]), gateway)
    assert [claim.row for _, claim in gateway.released] == list(range(1, 60))


def test_time_zones_that_nothing_depends_on_hold_up_nobody() -> None:
    """A plan may have noted zones though the run has no windows: a column of zones alone, windows taken back."""
    claims = [changed(make_claim(row), zone=row % 3) for row in range(1, 31)]
    ledger = MemoryLedger(claims, [Bucket("b", 20)], zone_names={1: "Europe/Berlin", 2: "Asia/Kolkata"})
    assert send(ledger, ScriptedGateway()).end is RunEnd.COMPLETE
    assert ledger.count(Status.SENT) == 30


def test_a_slow_bucket_does_not_hold_up_a_fast_one() -> None:
    """Each bucket goes at its own limit."""
    slow = [make_claim(row, bucket="slow") for row in range(1, 31)]
    fast = [make_claim(row, bucket="fast") for row in range(31, 1031)]
    gateway = ScriptedGateway()
    send(MemoryLedger(slow + fast, [Bucket("slow", 1), Bucket("fast", 100)]), gateway)
    ends = {claim.bucket: when for when, claim in gateway.released}
    assert ends["fast"] == pytest.approx(10.0, rel=0.02)
    assert ends["slow"] == pytest.approx(29.3, rel=0.02)


def test_slow_answers_do_not_cost_throughput() -> None:
    """With five seconds to an answer the limit is still used, once the allowance has grown to it."""
    ledger = MemoryLedger([make_claim(row) for row in range(1, 6001)], [Bucket("b", 100)])
    gateway = ScriptedGateway(latency_s=5.0)
    send(ledger, gateway)
    late = [when for when, _ in gateway.released if when > 30.0]
    assert (len(late) - 1) / (late[-1] - late[0]) >= 98.0


def test_no_answers_bound_what_is_in_the_air() -> None:
    """When answers stop coming, no more than about a second and a half of messages is let into the silence."""
    ledger = MemoryLedger([make_claim(row) for row in range(1, 1001)], [Bucket("b", 50)])
    gateway = ScriptedGateway(latency_s=10_000.0)
    result = send(ledger, gateway, stop_after_s=60.0)
    assert gateway.most_in_air <= 75
    assert result.end is RunEnd.INTERRUPTED
    assert ledger.count(Status.UNKNOWN) == gateway.most_in_air
    assert ledger.count(Status.PENDING) == 1000 - gateway.most_in_air


def test_a_throttled_row_is_sent_again_and_counted() -> None:
    """ThrottlingException is known not sent: the row waits, pays the meter again, and arrives."""

    def answer(claim: Claim) -> Outcome:
        return refuse(OutcomeKind.THROTTLED, "throttled") if claim.attempt < 3 and claim.row == 7 else accept(claim)

    ledger = MemoryLedger([make_claim(row) for row in range(1, 21)], [Bucket("b", 20)])
    result = send(ledger, ScriptedGateway(answer))
    assert ledger.count(Status.SENT) == 20
    assert ledger.attempts[7] == 3
    assert result.throttled == ledger.throttled == 2


def test_a_row_throttled_for_too_long_fails() -> None:
    """After `give_up_after_s` the row is failed with the reason throttled, and the run ends."""

    def answer(claim: Claim) -> Outcome:
        return refuse(OutcomeKind.THROTTLED, "throttled") if claim.row == 1 else accept(claim)

    ledger = MemoryLedger([make_claim(row) for row in range(1, 4)], [Bucket("b", 3)])
    result = send(ledger, ScriptedGateway(answer), policy=replace(POLICY, give_up_after_s=60.0))
    assert ledger.status[1] is Status.FAILED
    assert ledger.settlements[1].outcome.reason == "throttled"
    assert result.end is RunEnd.COMPLETE


def test_an_unknown_outcome_is_never_sent_again() -> None:
    """One request, status unknown, and the campaign goes on."""

    def answer(claim: Claim) -> Outcome:
        return refuse(OutcomeKind.UNKNOWN, "read_timeout") if claim.row == 2 else accept(claim)

    ledger = MemoryLedger([make_claim(row) for row in range(1, 6)], [Bucket("b", 20)])
    gateway = ScriptedGateway(answer)
    assert send(ledger, gateway).end is RunEnd.COMPLETE
    assert ledger.status[2] is Status.UNKNOWN
    assert Counter(claim.row for _, claim in gateway.released)[2] == 1


def test_an_unknown_outcome_is_sent_again_where_the_operator_accepts_duplicates() -> None:
    """`on_unknown = "resend"` makes another attempt under a new attempt number."""

    def answer(claim: Claim) -> Outcome:
        return refuse(OutcomeKind.UNKNOWN, "read_timeout") if claim.attempt == 1 else accept(claim)

    ledger = MemoryLedger([make_claim(1)], [Bucket("b", 20)])
    send(ledger, ScriptedGateway(answer), policy=replace(POLICY, resend_unknown=True))
    assert ledger.status[1] is Status.SENT
    assert ledger.attempts[1] == 2


def test_a_lost_answer_is_not_forgotten_when_the_second_try_is_stopped() -> None:
    """Waiting to be sent again, then stopped: the row may have been sent, so it is unknown and not pending."""
    ledger = MemoryLedger([make_claim(1)], [Bucket("b", 1)])
    gateway = ScriptedGateway(lambda _: refuse(OutcomeKind.UNKNOWN, "read_timeout"))
    policy = replace(POLICY, resend_unknown=True, base_s=1000.0, cap_s=1000.0)
    assert send(ledger, gateway, policy=policy, stop_after_s=5.0).end is not RunEnd.STOPPED
    assert ledger.status[1] is Status.UNKNOWN
    assert ledger.settlements[1].outcome.reason == "read_timeout"


def test_a_throttled_attempt_keeps_its_number_when_the_run_is_stopped() -> None:
    """The next run's attempt gets the next number."""
    ledger = MemoryLedger([make_claim(1)], [Bucket("b", 1)])
    gateway = ScriptedGateway(lambda _: refuse(OutcomeKind.THROTTLED, "throttled"))
    send(ledger, gateway, policy=replace(POLICY, base_s=1000.0, cap_s=1000.0), stop_after_s=5.0)
    assert ledger.status[1] is Status.PENDING
    assert ledger.attempts[1] == len(gateway.released) >= 1
    assert ledger.throttled_in_all == len(gateway.released)


def test_a_restart_does_not_begin_as_if_nothing_had_been_sent() -> None:
    """Runs of ten rows, one right after the other: no second has more than the limit, over all of them."""

    async def main() -> list[float]:
        ledger = MemoryLedger([make_claim(row) for row in range(1, 101)], [Bucket("b", 20)])
        gateway = ScriptedGateway()
        for _ in range(10):
            sender = Sender(ledger, gateway, clock=VirtualClock(), random=Random(1), policy=replace(POLICY, limit=10))
            await sender.run(asyncio.Event())
        return [when for when, _ in gateway.released]

    released = run_virtual(main())
    assert len(released) == 100
    assert all(later - earlier >= 1.0 for earlier, later in zip(released, released[20:], strict=False))


def test_a_recipient_failure_stops_nothing() -> None:
    """The row fails, the others go on."""

    def answer(claim: Claim) -> Outcome:
        if claim.row == 2:
            return refuse(OutcomeKind.FAILED_RECIPIENT, "destination_phone_number_opted_out")
        return accept(claim)

    ledger = MemoryLedger([make_claim(row) for row in range(1, 6)], [Bucket("b", 20)])
    assert send(ledger, ScriptedGateway(answer)).end is RunEnd.COMPLETE
    assert (ledger.count(Status.SENT), ledger.count(Status.FAILED)) == (4, 1)


def test_a_stopped_identity_holds_its_rows_and_leaves_the_others_alone() -> None:
    """Rows behind an identity breaker stay pending with its reason; another identity in the bucket goes on."""
    bad = [make_claim(row, identity="bad") for row in range(1, 101)]
    good = [make_claim(row, identity="good") for row in range(101, 201)]

    def answer(claim: Claim) -> Outcome:
        if claim.identity == "bad":
            return refuse(OutcomeKind.FAILED_IDENTITY, "resource_not_active")
        return accept(claim)

    ledger = MemoryLedger(bad + good, [Bucket("b", 20)])
    gateway = ScriptedGateway(answer)
    result = send(ledger, gateway)
    tried = {claim.row for _, claim in gateway.released if claim.identity == "bad"}
    assert result.end is RunEnd.STOPPED
    assert isinstance(result.cause, ServiceStop)
    assert 1 <= len(tried) <= 5
    assert ledger.held == dict.fromkeys(range(1, 101), "resource_not_active")
    assert all(ledger.status[row] is Status.PENDING for row in range(1, 101))
    assert {ledger.attempts[row] for row in tried} == {1}
    assert all(ledger.status[row] is Status.SENT for row in range(101, 201))


def test_a_slow_bucket_whose_identity_is_refused_at_once_ends() -> None:
    """The refusal comes while nothing else is prepared: the rows that are claimed go back all the same."""
    ledger = MemoryLedger([make_claim(row) for row in range(1, 40)], [Bucket("b", 3)])
    gateway = ScriptedGateway(lambda _: refuse(OutcomeKind.FAILED_IDENTITY, "resource_not_active"), latency_s=0.001)
    result = send(ledger, gateway)
    assert result.end is RunEnd.STOPPED
    assert result.seconds < 2.0
    assert ledger.count(Status.SENDING) == 0
    assert len(ledger.held) == ledger.count(Status.PENDING) == 39


def test_a_stopped_route_leaves_the_identitys_other_countries_alone() -> None:
    """Only the pair of identity and country stops."""
    claims = [changed(make_claim(row), country="GB" if row % 2 else "US") for row in range(1, 41)]

    def answer(claim: Claim) -> Outcome:
        if claim.country == "GB":
            return refuse(OutcomeKind.FAILED_ROUTE, "no_origination_identities_found")
        return accept(claim)

    ledger = MemoryLedger(claims, [Bucket("b", 20)])
    assert send(ledger, ScriptedGateway(answer)).end is RunEnd.STOPPED
    assert all(ledger.status[row] is Status.SENT for row in range(2, 41, 2))
    assert ledger.count(Status.FAILED) <= 5


def test_the_spend_limit_stops_everything_at_once() -> None:
    """What is left stays pending, the refused rows too; the cause names the reason."""

    def answer(claim: Claim) -> Outcome:
        if claim.row > 10:
            return refuse(OutcomeKind.STOP, "monthly_spend_limit_reached_for_text")
        return accept(claim)

    ledger = MemoryLedger([make_claim(row) for row in range(1, 201)], [Bucket("b", 20)])
    gateway = ScriptedGateway(answer, prepare_s=0.0)
    result = send(ledger, gateway)
    assert result.end is RunEnd.STOPPED
    assert result.cause is not None
    assert "monthly_spend_limit_reached_for_text" in result.cause.what
    assert (ledger.count(Status.SENT), ledger.count(Status.PENDING)) == (10, 190)
    assert len(gateway.released) <= 10 + 4


def test_a_run_of_lost_answers_stops_the_campaign() -> None:
    """A service that takes messages and never says so must not turn a whole list into unknown rows."""
    ledger = MemoryLedger([make_claim(row) for row in range(1, 2001)], [Bucket("b", 20)])
    result = send(ledger, ScriptedGateway(lambda _: refuse(OutcomeKind.UNKNOWN, "read_timeout"), latency_s=30.0))
    assert result.end is RunEnd.STOPPED
    assert isinstance(result.cause, ServiceStop)
    assert ledger.count(Status.UNKNOWN) <= 60
    assert ledger.count(Status.PENDING) == 2000 - ledger.count(Status.UNKNOWN)


def test_resending_is_bounded() -> None:
    """Even where duplicates are accepted, one row is not sent for ever."""

    def answer(claim: Claim) -> Outcome:
        return refuse(OutcomeKind.UNKNOWN, "read_timeout") if claim.row == 1 else accept(claim)

    ledger = MemoryLedger([make_claim(row) for row in range(1, 400)], [Bucket("b", 20)])
    gateway = ScriptedGateway(answer)
    assert send(ledger, gateway, policy=replace(POLICY, resend_unknown=True)).end is RunEnd.COMPLETE
    assert ledger.status[1] is Status.UNKNOWN
    assert sum(claim.row == 1 for _, claim in gateway.released) == 4


def test_a_refusal_after_a_lost_answer_does_not_make_it_certain() -> None:
    """The first attempt may have been sent, whatever became of the second."""

    def answer(claim: Claim) -> Outcome:
        if claim.attempt == 1:
            return refuse(OutcomeKind.UNKNOWN, "read_timeout")
        return refuse(OutcomeKind.FAILED_RECIPIENT, "destination_phone_number_opted_out")

    ledger = MemoryLedger([make_claim(1)], [Bucket("b", 20)])
    send(ledger, ScriptedGateway(answer), policy=replace(POLICY, resend_unknown=True))
    assert ledger.status[1] is Status.UNKNOWN


@pytest.mark.parametrize(("mps", "failing"), [(1, 1), (3, 2), (20, 11)])
def test_rows_that_keep_failing_do_not_hold_up_the_others(mps: int, failing: int) -> None:
    """A few rows that cannot be delivered to the service wait on the side; the limit is used all the same."""

    def answer(claim: Claim) -> Outcome:
        return Outcome(OutcomeKind.NOT_SENT, "connection_failed") if claim.row <= failing else accept(claim)

    ledger = MemoryLedger([make_claim(row) for row in range(1, mps * 90)], [Bucket("b", mps)])
    gateway = ScriptedGateway(answer)
    send(ledger, gateway, stop_after_s=60.0)
    assert len(gateway.released) >= 0.97 * mps * 58


def test_a_message_is_not_prepared_long_before_its_turn() -> None:
    """A connection that is opened early is one that the other side may close: at 3 MPS ten parts take seconds."""
    ledger = MemoryLedger([make_claim(row, parts=10) for row in range(1, 12)], [Bucket("b", 3)])
    asked: dict[int, float] = {}

    def answer(claim: Claim) -> Outcome:
        asked[claim.row] = VirtualClock().monotonic()
        return accept(claim)

    gateway = ScriptedGateway(answer)
    send(ledger, gateway)
    assert max(when - asked[claim.row] for when, claim in gateway.released) <= 1.5


@pytest.mark.parametrize(("mps", "seconds"), [(50, 40), (1000, 5)])
def test_a_slow_set_up_of_connections_does_not_cost_throughput(mps: int, seconds: int) -> None:
    """Half a second to sign and connect, for every message: it is begun that much earlier, for as many as it takes."""
    ledger = MemoryLedger([make_claim(row) for row in range(1, mps * seconds + 1)], [Bucket("b", mps)])
    gateway = ScriptedGateway(prepare_s=0.5)
    send(ledger, gateway)
    late = [when for when, _ in gateway.released if when > seconds / 4]
    assert (len(late) - 1) / (late[-1] - late[0]) >= 0.98 * mps


def test_a_throttled_row_gets_its_place_back() -> None:
    """When it has waited it goes before the rows that came after it."""

    def answer(claim: Claim) -> Outcome:
        return refuse(OutcomeKind.THROTTLED, "throttled") if (claim.row, claim.attempt) == (2, 1) else accept(claim)

    ledger = MemoryLedger([make_claim(row) for row in range(1, 200)], [Bucket("b", 1)])
    gateway = ScriptedGateway(answer, prepare_s=0.0)
    send(ledger, gateway)
    places = [(claim.row, claim.attempt) for _, claim in gateway.released]
    assert places.index((2, 2)) <= 4


def test_a_fault_of_ours_costs_one_row_and_stops_in_order() -> None:
    """An exception that nobody foresaw: the campaign stops, and nothing is left sending."""

    def answer(claim: Claim) -> Outcome:
        if claim.row == 30:
            raise KeyError("a surprise")
        return accept(claim)

    ledger = MemoryLedger([make_claim(row) for row in range(1, 200)], [Bucket("b", 20)])
    result = send(ledger, ScriptedGateway(answer))
    assert result.end is RunEnd.STOPPED
    assert result.cause is not None
    assert result.cause.exit_code == 70
    assert ledger.count(Status.SENDING) == 0


def test_an_interrupt_after_a_breaker_is_an_interrupt() -> None:
    """One route is stopped, the rest had not been sent yet: work is left that the service does not refuse."""
    claims = [changed(make_claim(row), country="GB" if row % 2 else "US") for row in range(1, 401)]

    def answer(claim: Claim) -> Outcome:
        return refuse(OutcomeKind.FAILED_ROUTE, "country_not_enabled") if claim.country == "GB" else accept(claim)

    ledger = MemoryLedger(claims, [Bucket("b", 20)])
    assert send(ledger, ScriptedGateway(answer), stop_after_s=3.0).end is RunEnd.INTERRUPTED


def test_an_outage_is_measured_from_its_own_beginning() -> None:
    """A row that has been throttled for long and then fails to connect once does not end a healthy campaign."""

    def answer(claim: Claim) -> Outcome:
        now = VirtualClock().monotonic()
        if claim.row == 1 and now < 50.0:
            return refuse(OutcomeKind.THROTTLED, "throttled")
        if claim.row == 1 and now < 70.0:
            return Outcome(OutcomeKind.NOT_SENT, "connection_failed")
        return accept(claim)

    ledger = MemoryLedger([make_claim(row) for row in range(1, 300)], [Bucket("b", 3)])
    policy = replace(POLICY, give_up_after_s=60.0)
    assert send(ledger, ScriptedGateway(answer), policy=policy).end is RunEnd.COMPLETE


def test_a_run_of_unexpected_refusals_stops_the_campaign() -> None:
    """Ten in a row fail, the rest is not burnt."""
    ledger = MemoryLedger([make_claim(row) for row in range(1, 201)], [Bucket("b", 20)])
    result = send(ledger, ScriptedGateway(lambda _: refuse(OutcomeKind.FAILED_UNEXPECTED, "something_new")))
    assert result.end is RunEnd.STOPPED
    assert 10 <= ledger.count(Status.FAILED) <= 15


def test_an_unreachable_service_ends_the_run_soon_with_nothing_sent() -> None:
    """Before the service ever answered, five failures to connect are a wrong endpoint, not bad luck."""
    ledger = MemoryLedger([make_claim(row) for row in range(1, 201)], [Bucket("b", 20)])
    result = send(ledger, ScriptedGateway(lambda _: Outcome(OutcomeKind.NOT_SENT, "connection_failed")))
    assert isinstance(result.cause, UsageError)
    assert ledger.count(Status.PENDING) == 200
    assert result.seconds < 10.0


def test_a_network_that_comes_back_costs_nothing_but_time() -> None:
    """Rows that could not be sent for a minute are sent afterwards, once."""

    def answer(claim: Claim) -> Outcome:
        if 5.0 < VirtualClock().monotonic() < 65.0:
            return Outcome(OutcomeKind.NOT_SENT, "connection_failed")
        return accept(claim)

    ledger = MemoryLedger([make_claim(row) for row in range(1, 401)], [Bucket("b", 20)])
    gateway = ScriptedGateway(answer)
    assert send(ledger, gateway).end is RunEnd.COMPLETE
    assert Counter(claim.row for _, claim in gateway.released) == Counter(range(1, 401))


def test_a_stop_returns_what_was_claimed_and_awaits_what_is_on_the_wire() -> None:
    """After an interrupt no row is left sending: sent or pending, nothing between."""
    ledger = MemoryLedger([make_claim(row) for row in range(1, 401)], [Bucket("b", 20)])
    gateway = ScriptedGateway(latency_s=2.0)
    result = send(ledger, gateway, stop_after_s=5.0)
    assert result.end is RunEnd.INTERRUPTED
    assert ledger.count(Status.SENDING) == 0
    assert ledger.count(Status.SENT) == len(gateway.released)
    assert all(when <= 5.0 for when, _ in gateway.released)
    assert result.seconds <= 7.1


def test_a_stop_returns_claimed_rows_before_it_waits_for_answers() -> None:
    """Whoever asked for the stop may kill the process during the grace: only what is on the wire is unknown then."""
    ledger = MemoryLedger([make_claim(row) for row in range(1, 401)], [Bucket("b", 20)], commit_s=0.005)
    gateway = ScriptedGateway(latency_s=10.0)
    sending: list[int] = []

    async def main() -> None:
        interrupted = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.call_later(5.0, interrupted.set)
        loop.call_later(5.1, lambda: sending.append(ledger.count(Status.SENDING)))
        sender = Sender(ledger, gateway, clock=VirtualClock(), random=Random(1), policy=POLICY)
        await sender.run(interrupted)

    run_virtual(main())
    assert sending == [len(gateway.released)]


def test_a_limit_sends_that_many_rows_over_all_buckets() -> None:
    """`--limit 25` claims 25 rows and no more; the rest stays pending."""
    claims = [make_claim(row, bucket="a" if row % 2 else "b") for row in range(1, 101)]
    ledger = MemoryLedger(claims, [Bucket("a", 3), Bucket("b", 20)], commit_s=0.01)
    result = send(ledger, ScriptedGateway(), policy=replace(POLICY, limit=25))
    assert result.end is RunEnd.INTERRUPTED
    assert (ledger.count(Status.SENT), ledger.count(Status.PENDING)) == (25, 75)


def test_a_ledger_that_cannot_be_written_ends_all_sending() -> None:
    """After the first failed write nothing more is let onto the wire."""
    ledger = MemoryLedger([make_claim(row) for row in range(1, 1001)], [Bucket("b", 20)])
    gateway = ScriptedGateway()
    broke_at: list[float] = []

    def answer(claim: Claim) -> Outcome:
        if claim.row == 50:
            ledger.broken = True
            broke_at.append(VirtualClock().monotonic())
        return accept(claim)

    gateway.answer = answer
    with pytest.raises(LedgerError):
        send(ledger, gateway)
    assert max(when for when, _ in gateway.released) <= broke_at[0] + 0.2


def anywhere(*names: str) -> list[Identity]:
    """Identities of 20 MPS that serve any country, each with a bucket of its own name."""
    return [Identity(name, name, 20) for name in names]


@pytest.mark.parametrize("commit_s", [0.0, 0.003, 0.02])
def test_rows_of_a_refused_identity_go_to_another_that_serves_the_country(commit_s: float) -> None:
    """Also the rows that were refused, and also when the other's own rows were sent long before."""
    claims = [make_claim(row, identity="slow", bucket="slow") for row in range(1, 121)]
    claims += [make_claim(row, identity="fast", bucket="fast") for row in range(121, 141)]

    def answer(claim: Claim) -> Outcome:
        if claim.identity == "slow" and claim.row > 60:
            return refuse(OutcomeKind.FAILED_IDENTITY, "resource_not_active")
        return accept(claim)

    ledger = MemoryLedger(claims, [Bucket("slow", 3), Bucket("fast", 20)])
    ledger.commit_s = commit_s
    gateway = ScriptedGateway(answer)
    result = send(ledger, gateway, identities=anywhere("slow", "fast"))
    assert result.end is RunEnd.COMPLETE
    assert ledger.count(Status.SENT) == 140
    refused = [claim for _, claim in gateway.released if claim.identity == "slow" and claim.row > 60]
    assert 1 <= len(refused) <= 3
    assert Counter(claim.identity for _, claim in gateway.released) == {"slow": 60 + len(refused), "fast": 80}
    assert all(
        claim.attempt == 2
        for _, claim in gateway.released
        if claim.row in {each.row for each in refused} and claim.identity == "fast"
    )
    times = [when for when, claim in gateway.released if claim.identity == "fast"]
    assert max(sum(start <= when < start + 1.0 for when in times) for start in times) <= 20


def test_identities_that_fail_one_after_the_other_leave_the_rows_pending() -> None:
    """The last one that serves the country holds what none is left for; no row goes round in circles."""
    claims = [make_claim(row, identity="a", bucket="a") for row in range(1, 41)]
    ledger = MemoryLedger(claims, [Bucket("a", 20), Bucket("b", 20), Bucket("c", 20)])
    gateway = ScriptedGateway(lambda _: refuse(OutcomeKind.FAILED_IDENTITY, "resource_not_active"))
    result = send(ledger, gateway, identities=[*anywhere("a", "b"), Identity("c", "c", 20, frozenset({"DE"}))])
    assert result.end is RunEnd.STOPPED
    assert len(ledger.held) == ledger.count(Status.PENDING) == 40
    assert {claim.identity for _, claim in gateway.released} == {"a", "b"}
    assert len(gateway.released) <= 10


def test_a_route_that_is_stopped_takes_no_rows_over() -> None:
    """Failover heeds which routes are closed."""
    claims = [changed(make_claim(row, identity="a", bucket="a"), country="GB") for row in range(1, 31)]
    claims += [changed(make_claim(row, identity="b", bucket="b"), country="GB") for row in range(31, 61)]

    def answer(claim: Claim) -> Outcome:
        if claim.identity == "b":
            return refuse(OutcomeKind.FAILED_ROUTE, "country_not_enabled")
        if claim.row > 10:
            return refuse(OutcomeKind.FAILED_IDENTITY, "resource_not_active")
        return accept(claim)

    ledger = MemoryLedger(claims, [Bucket("a", 5), Bucket("b", 20)])
    result = send(ledger, ScriptedGateway(answer), identities=anywhere("a", "b"))
    assert result.end is RunEnd.STOPPED
    assert all(ledger.held[row] == "resource_not_active" for row in range(11, 31))


@pytest.mark.parametrize("commit_s", [0.001, 0.01])
def test_a_slow_ledger_does_not_make_claims_and_returns_chase_one_another(commit_s: float) -> None:
    """A row that came back is diverted before anything can claim it again."""
    ledger = MemoryLedger([make_claim(row) for row in range(1, 200)], [Bucket("b", 20)], commit_s=commit_s)
    gateway = ScriptedGateway(lambda _: refuse(OutcomeKind.FAILED_IDENTITY, "resource_not_active"), latency_s=0.04)
    result = send(ledger, gateway)
    assert result.end is RunEnd.STOPPED
    assert len(ledger.held) == 199
    assert ledger.commits <= 60


@pytest.mark.parametrize(("mps", "parts"), [(1, 1), (3, 2), (3, 10), (20, 1), (20, 3), (100, 7)])
def test_claims_stay_small_whatever_waits(mps: int, parts: int) -> None:
    """What is claimed without being on the wire is never more than a second's parts, or one message."""
    random = Random(7)
    most = 0

    def answer(claim: Claim) -> Outcome:
        nonlocal most
        sending = [each for each in ledger.claims if ledger.status[each.row] is Status.SENDING]
        most = max(most, sum(each.parts for each in sending) - gateway.parts_in_air)
        if random.random() < 0.4:
            return refuse(OutcomeKind.THROTTLED, "throttled")
        return accept(claim)

    sizes = [random.randint(1, parts) for _ in range(40 * mps)]
    ledger = MemoryLedger([make_claim(row, parts=size) for row, size in enumerate(sizes, 1)], [Bucket("b", mps)])
    gateway = ScriptedGateway(answer, latency_s=0.3)
    send(ledger, gateway, stop_after_s=90.0)
    assert 0 < most <= max(mps, parts)
    assert ledger.count(Status.SENDING) == 0


def test_a_row_that_waits_to_be_tried_again_is_pending() -> None:
    """Nothing of it is on the wire, and a `kill -9` must not make it unknown."""

    def answer(claim: Claim) -> Outcome:
        return refuse(OutcomeKind.THROTTLED, "throttled") if claim.row <= 30 else accept(claim)

    ledger = MemoryLedger([make_claim(row) for row in range(1, 61)], [Bucket("b", 20)])
    seen: list[int] = []

    def watching(claim: Claim) -> Outcome:
        seen.append(sum(ledger.status[row] is Status.PENDING for row in ledger.postponed))
        return answer(claim)

    policy = replace(POLICY, base_s=300.0, cap_s=300.0)
    send(ledger, ScriptedGateway(watching), policy=policy, stop_after_s=60.0)
    assert max(seen) >= 15
    assert not ledger.postponed
    assert ledger.count(Status.PENDING) == 30


def test_a_lost_row_is_unknown_while_it_waits_to_be_sent_again() -> None:
    """Where duplicates are accepted, a `kill -9` in between does not forget that it may have been sent."""
    stood: list[Status] = []

    def answer(claim: Claim) -> Outcome:
        if claim.row > 1:
            stood.append(ledger.status[1])
        return refuse(OutcomeKind.UNKNOWN, "read_timeout") if (claim.row, claim.attempt) == (1, 1) else accept(claim)

    ledger = MemoryLedger([make_claim(row) for row in range(1, 5)], [Bucket("b", 1)])
    policy = replace(POLICY, resend_unknown=True, base_s=60.0, cap_s=60.0)
    send(ledger, ScriptedGateway(answer, latency_s=0.01), policy=policy)
    assert stood[-2:] == [Status.UNKNOWN] * 2
    assert (ledger.status[1], ledger.attempts[1]) == (Status.SENT, 2)


@pytest.mark.parametrize("stop_after_s", [1.0 + tick / 50 for tick in range(50)])
def test_a_lost_row_is_never_returned_as_if_it_had_not_been_sent(stop_after_s: float) -> None:
    """Whenever the stop comes, also when the row is queued for its next attempt."""

    def answer(claim: Claim) -> Outcome:
        return refuse(OutcomeKind.UNKNOWN, "read_timeout") if claim.attempt == 1 else accept(claim)

    ledger = MemoryLedger([make_claim(row) for row in range(1, 60)], [Bucket("b", 5)], commit_s=0.004)
    gateway = ScriptedGateway(answer, latency_s=0.1)
    send(ledger, gateway, policy=replace(POLICY, resend_unknown=True), stop_after_s=stop_after_s)
    assert {claim.row for _, claim in gateway.released}.isdisjoint(
        row for row, status in ledger.status.items() if status is Status.PENDING
    )


def test_a_refusal_of_a_row_that_was_lost_in_an_earlier_run_does_not_make_it_certain() -> None:
    """Somebody chose to send it again; the service refuses it now, and may have sent it then."""
    ledger = MemoryLedger([changed(make_claim(1), lost="read_timeout"), make_claim(2)], [Bucket("b", 20)])
    send(ledger, ScriptedGateway(lambda _: refuse(OutcomeKind.FAILED_RECIPIENT, "opted_out")))
    assert (ledger.status[1], ledger.settlements[1].outcome.reason) == (Status.UNKNOWN, "read_timeout")
    assert ledger.status[2] is Status.FAILED


def test_a_stop_in_the_very_moment_of_a_start_loses_nothing() -> None:
    """A row whose task is cancelled before its first step goes back like any other."""
    for moment in range(40):
        ledger = MemoryLedger([make_claim(row) for row in range(1, 101)], [Bucket("b", 20)])
        send(ledger, ScriptedGateway(prepare_s=0.0), stop_after_s=moment * 0.0505)
        assert ledger.count(Status.SENDING) == ledger.count(Status.UNKNOWN) == 0


def test_rows_that_a_breaker_gives_back_do_not_use_up_the_limit() -> None:
    """A trial with five rows sends five, also where the first rows of the list belong to a refused identity."""
    claims = [make_claim(row, identity="bad", bucket="bad") for row in range(1, 21)]
    claims += [make_claim(row, identity="good", bucket="good") for row in range(21, 61)]

    def answer(claim: Claim) -> Outcome:
        if claim.identity == "bad":
            return refuse(OutcomeKind.FAILED_IDENTITY, "resource_not_active")
        return accept(claim)

    ledger = MemoryLedger(claims, [Bucket("bad", 20), Bucket("good", 20)], commit_s=0.005)
    result = send(ledger, ScriptedGateway(answer), policy=replace(POLICY, limit=5))
    assert result.end is RunEnd.INTERRUPTED
    assert ledger.count(Status.SENT) == 5


def test_claims_stay_small() -> None:
    """At no moment are more than a second's parts claimed without being on the wire."""
    ledger = MemoryLedger([make_claim(row) for row in range(1, 301)], [Bucket("b", 20)])
    most = 0
    gateway = ScriptedGateway()

    def answer(claim: Claim) -> Outcome:
        nonlocal most
        most = max(most, ledger.count(Status.SENDING) - gateway.in_air)
        return accept(claim)

    gateway.answer = answer
    send(ledger, gateway)
    assert most <= 20
