"""Runs that may not send all the time: paused, turned down, waiting for their time, for a window, for a copy."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from bulksend.base.orders import EVERY, NoOrders, Orders
from bulksend.base.progress import Phase, RunEnd, RunState
from bulksend.base.records import Bucket, Claim, Outcome, OutcomeKind, Status
from bulksend.pipeline.conduct import Conditions, Timetable
from bulksend.pipeline.guard import GuardRule
from bulksend.pipeline.policy import SendPolicy, SendResult
from bulksend.pipeline.sending import Sender
from bulksend.schedule.windows import SendWindows
from tests.support.fakes import MemoryLedger, ScriptedGateway, accept, make_claim
from tests.support.virtual import EPOCH, VirtualClock, run_virtual

POLICY = SendPolicy(
    headroom=0.01, base_s=0.25, cap_s=20.0, give_up_after_s=900.0, resend_unknown=False, max_in_flight=1000
)

EXACTLY_S = 0.002
"""A clock is not asked more often than every millisecond."""

PAUSED = Orders(paused=True, reason="operator", note="wrong link", by="ada@host")

MINUTE_S = 60.0

EAST, WEST = "Etc/GMT-3", "Etc/GMT+3"
"""Three hours ahead of UTC, and three behind. Orders are looked for twice a second, so a test goes through minutes."""

MORNINGS = ("03:05-03:08", "21:10-21:13")
"""Windows that open five minutes after midnight UTC in the east, and ten minutes after it in the west."""


@dataclass
class Scene:
    """A run that things happen to. `at` makes them happen, in seconds of the virtual clock."""

    ledger: MemoryLedger
    gateway: ScriptedGateway = field(default_factory=ScriptedGateway)
    conditions: Conditions = field(default_factory=Conditions)
    policy: SendPolicy = POLICY
    book: NoOrders = field(default_factory=NoOrders)
    happenings: list[tuple[float, Callable[["Scene"], None]]] = field(default_factory=list)
    states: list[RunState] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.interrupted = asyncio.Event()
        self.sender = Sender(
            self.ledger,
            self.gateway,
            clock=VirtualClock(),
            random=Random(1),
            policy=self.policy,
            conditions=self.conditions,
            book=self.book,
        )

    def at(self, moment_s: float, happening: Callable[["Scene"], None]) -> None:
        self.happenings.append((moment_s, happening))

    def order_at(self, moment_s: float, orders: Orders) -> None:
        self.at(moment_s, lambda scene: scene.book.write(orders))

    def look_at(self, moment_s: float) -> None:
        """Note the state at `moment_s`."""
        self.at(moment_s, lambda scene: scene.states.append(scene.sender.state))

    def run(self) -> SendResult:
        async def main() -> SendResult:
            for moment_s, happening in self.happenings:
                asyncio.get_running_loop().call_later(moment_s, happening, self)
            return await self.sender.run(self.interrupted)

        return run_virtual(main())

    @property
    def times(self) -> list[float]:
        return [when for when, _ in self.gateway.released]

    @property
    def events(self) -> list[str]:
        return [event for event, _ in self.ledger.journal]


def rows(first: int, last: int, *, zone: int = 0, bucket: str = "b", parts: int = 1) -> list[Claim]:
    """Rows of a zone and a bucket."""
    return [changed(make_claim(row, bucket=bucket, parts=parts), zone=zone) for row in range(first, last + 1)]


def ledger_of(claims: list[Claim], *, mps: int = 20, zones: dict[int, str] | None = None) -> MemoryLedger:
    """A ledger with one bucket."""
    return MemoryLedger(claims, [Bucket("b", mps)], zone_names=zones or {})


def timetable(**members: object) -> Conditions:
    """Conditions of a timetable alone."""
    return Conditions(timetable=Timetable(**members))  # type: ignore[arg-type]


def between(times: list[float], first_s: float, last_s: float) -> int:
    """How many of `times` are in that span."""
    return sum(first_s <= when < last_s for when in times)


def fullest_second(released: list[tuple[float, Claim]]) -> int:
    """Most parts in any second that begins with a message."""
    return max(sum(claim.parts for when, claim in released if start <= when < start + 1.0) for start, _ in released)


def sent_once(scene: Scene) -> bool:
    """Whether every row is sent, by one request."""
    requests = Counter(claim.row for _, claim in scene.gateway.released)
    return requests == Counter(claim.row for claim in scene.ledger.claims) and set(scene.ledger.status.values()) == {
        Status.SENT
    }


def test_a_pause_begins_within_half_a_second_and_ends_as_soon() -> None:
    """What was in the air gets its outcome, nothing follows, rows are pending, and every row is sent once."""
    scene = Scene(ledger_of(rows(1, 200)), ScriptedGateway(latency_s=2.0))
    pending: list[int] = []
    scene.order_at(3.2, PAUSED)
    scene.at(6.0, lambda each: pending.append(each.ledger.count(Status.PENDING)))
    scene.look_at(6.0)
    scene.order_at(60.1, Orders())
    assert scene.run().end is RunEnd.COMPLETE
    assert between(scene.times, 3.7, 60.1) == 0
    assert between(scene.times, 60.1, 61.6) >= 15
    assert pending == [200 - between(scene.times, 0.0, 3.7)]
    assert (scene.states[0].phase, scene.states[0].reason) == (Phase.PAUSED, "operator")
    assert sent_once(scene)
    assert scene.ledger.journal[1:3] == [
        ("run.paused", {"reason": "operator", "by": "ada@host", "note": "wrong link"}),
        ("run.resumed", {}),
    ]


def test_a_pause_does_not_wait_for_the_ledger() -> None:
    """That it is noted takes as long as the disk takes; nothing goes out meanwhile."""
    ledger = ledger_of(rows(1, 200))
    scene = Scene(ledger)
    scene.at(2.9, lambda each: setattr(each.ledger, "commit_s", 5.0))
    scene.order_at(3.0, PAUSED)
    scene.at(30.0, lambda each: setattr(each.ledger, "commit_s", 0.0))
    scene.order_at(60.0, Orders())
    scene.run()
    assert between(scene.times, 3.51, 60.0) == 0
    assert sent_once(scene)


def test_a_run_that_begins_paused_sends_nothing() -> None:
    """And goes on when somebody says so, a quarter of an hour later."""
    scene = Scene(ledger_of(rows(1, 20)))
    scene.book.write(PAUSED)
    scene.order_at(900.0, Orders())
    assert scene.run().end is RunEnd.COMPLETE
    assert 900.0 <= min(scene.times) <= 900.7
    assert sent_once(scene)


def test_a_paused_run_can_be_stopped() -> None:
    """It ends at once: there is nothing to wait for."""
    scene = Scene(ledger_of(rows(1, 100)))
    scene.order_at(2.0, PAUSED)
    scene.at(10.0, lambda each: each.interrupted.set())
    result = scene.run()
    assert result.end is RunEnd.INTERRUPTED
    assert result.seconds == pytest.approx(10.0, abs=0.05)
    assert scene.ledger.count(Status.PENDING) == 100 - len(scene.times)


@pytest.mark.parametrize("commit_s", [0.0, 0.3])
def test_a_stop_while_a_pause_is_being_noted_is_a_stop(commit_s: float) -> None:
    """The state of a run that ends is not overwritten by what was seen before."""
    ledger = ledger_of(rows(1, 100))
    ledger.commit_s = commit_s
    scene = Scene(ledger, ScriptedGateway(latency_s=3.0))
    scene.order_at(2.6, PAUSED)
    scene.at(3.1, lambda each: each.interrupted.set())
    scene.look_at(4.0)
    assert scene.run().end is RunEnd.INTERRUPTED
    assert scene.states[0].phase is Phase.STOPPING
    assert between(scene.times, 3.15, 100.0) == 0


def test_a_pause_and_a_resume_before_the_last_answer_cost_no_row() -> None:
    """Lanes that are still waiting for what is in the air go on afterwards."""
    scene = Scene(ledger_of(rows(1, 100)), ScriptedGateway(latency_s=4.0))
    for moment_s in range(2, 40, 3):
        scene.order_at(moment_s, PAUSED)
        scene.order_at(moment_s + 1.0, Orders())
    assert scene.run().end is RunEnd.COMPLETE
    assert sent_once(scene)


@pytest.mark.parametrize("mps", [3, 20, 100])
def test_half_the_rate_is_half_the_rate(mps: int) -> None:
    """Within two hundredths; and turned up again it is never above the limit."""
    scene = Scene(ledger_of(rows(1, 100 * mps), mps=mps))
    scene.order_at(10.0, Orders(shares={EVERY: 0.5}))
    scene.look_at(20.0)
    scene.order_at(71.0, Orders())
    assert scene.run().end is RunEnd.COMPLETE
    assert between(scene.times, 11.0, 71.0) == pytest.approx(30 * mps, rel=0.02, abs=1)
    assert fullest_second(scene.gateway.released) <= mps
    last = max(scene.times)
    assert between(scene.times, 73.0, last) >= 0.97 * mps * (last - 73.0) - 1
    assert scene.states[0].ordered == {"b": mps / 2}
    assert scene.events[1:3] == ["run.slowed", "run.slowed"]


def test_one_bucket_is_turned_down_alone() -> None:
    """What is ordered for a bucket comes before what is ordered for all."""
    claims = rows(1, 400, bucket="a") + rows(401, 800, bucket="b")
    ledger = MemoryLedger(claims, [Bucket("a", 20), Bucket("b", 20)])
    scene = Scene(ledger)
    scene.book.write(Orders(shares={EVERY: 0.5, "a": 0.1}))
    scene.at(31.0, lambda each: each.interrupted.set())
    scene.run()
    counts = Counter(claim.bucket for when, claim in scene.gateway.released if 1.0 <= when < 31.0)
    assert counts["a"] == pytest.approx(60, rel=0.02, abs=1)
    assert counts["b"] == pytest.approx(300, rel=0.02, abs=1)


def test_nothing_goes_out_before_start_at() -> None:
    """And the first message goes at that moment, not half a second later."""
    starts = EPOCH + timedelta(seconds=1234.3)
    scene = Scene(ledger_of(rows(1, 40)), conditions=timetable(start_at=starts))
    scene.look_at(100.0)
    assert scene.run().end is RunEnd.COMPLETE
    assert 1234.3 <= min(scene.times) <= 1234.3 + 0.5
    assert replace(scene.states[0], ordered={}) == RunState(Phase.WAITING, "start_at", starts, {})


@pytest.mark.parametrize("commit_s", [0.0, 0.4])
def test_nothing_goes_out_from_the_last_call_on(commit_s: float) -> None:
    """However slow the ledger is. The rest stays pending, and the run ends by itself and says why."""
    ledger = ledger_of(rows(1, 400))
    ledger.commit_s = commit_s
    scene = Scene(ledger, ScriptedGateway(latency_s=1.5), timetable(last_call=EPOCH + timedelta(seconds=7.25)))
    result = scene.run()
    assert result.end is RunEnd.INTERRUPTED
    assert "deadline" in (result.note or "")
    assert scene.ledger.cause == result.note
    assert 6.0 < max(scene.times) < 7.25 + EXACTLY_S
    assert ledger.count(Status.SENT) == len(scene.times)
    assert ledger.count(Status.PENDING) == 400 - len(scene.times)
    assert result.seconds < 12.0


def test_nothing_goes_out_where_the_last_call_is_over() -> None:
    """Nothing is claimed either."""
    ledger = ledger_of(rows(1, 40))
    scene = Scene(ledger, ScriptedGateway(prepare_s=0.0), timetable(last_call=EPOCH - timedelta(seconds=1)))
    assert scene.run().end is RunEnd.INTERRUPTED
    assert not scene.times
    assert not ledger.most_claimed


@pytest.mark.parametrize(
    ("members", "orders", "says"),
    [
        ({"start_at": EPOCH + timedelta(hours=1)}, Orders(), "it begins at 2026-01-01 01:00 UTC"),
        ({}, PAUSED, "wrong link"),
        ({"windows": SendWindows(["mon-fri 09:00-20:00"])}, Orders(), "time of day"),
    ],
)
def test_a_run_that_does_not_wait_ends_at_once_and_says_why(
    members: dict[str, object], orders: Orders, says: str
) -> None:
    """Nothing is claimed, and the rows stay pending."""
    ledger = ledger_of(rows(1, 40, zone=1), zones={1: "Etc/UTC"})
    scene = Scene(ledger, ScriptedGateway(prepare_s=0.0), timetable(waits=False, **members))
    scene.book.write(orders)
    result = scene.run()
    assert (result.end, len(scene.times), ledger.most_claimed.total()) == (RunEnd.INTERRUPTED, 0, 0)
    assert says in (result.note or "")
    assert result.seconds < 2.0


def test_rows_of_an_open_window_go_at_once() -> None:
    """Also where the window of all zones is open from the start."""
    ledger = ledger_of(rows(1, 20, zone=1) + rows(21, 40), zones={1: "Etc/UTC"})
    scene = Scene(ledger, conditions=timetable(windows=SendWindows(["00:00-20:00"])))
    assert scene.run().end is RunEnd.COMPLETE
    assert max(scene.times) < 5.0


def test_each_zone_has_its_window_to_the_moment() -> None:
    """The east goes at five minutes after midnight UTC, the west at ten; in between the run waits and says so."""
    ledger = ledger_of(rows(1, 30, zone=2) + rows(31, 60, zone=1), zones={1: EAST, 2: WEST})
    scene = Scene(ledger, conditions=timetable(windows=SendWindows(MORNINGS)))
    scene.look_at(1 * MINUTE_S)
    scene.look_at(8 * MINUTE_S)
    assert scene.run().end is RunEnd.COMPLETE
    east = [when for when, claim in scene.gateway.released if claim.zone == 1]
    west = [when for when, claim in scene.gateway.released if claim.zone == 2]
    assert 5 * MINUTE_S <= min(east) <= 5 * MINUTE_S + 0.5
    assert 10 * MINUTE_S <= min(west) <= 10 * MINUTE_S + 0.5
    assert sent_once(scene)
    assert [(state.phase, state.reason, state.until) for state in scene.states] == [
        (Phase.WAITING, "window", EPOCH + timedelta(minutes=5)),
        (Phase.WAITING, "window", EPOCH + timedelta(minutes=10)),
    ]


def test_a_zone_that_closes_stops_to_the_moment_and_goes_on_when_it_opens() -> None:
    """What it has left waits; nothing of it is claimed meanwhile, and rows without a zone are not concerned."""
    ledger = ledger_of(rows(1, 2000, zone=1) + rows(2001, 2020), zones={1: "Etc/UTC"})
    scene = Scene(ledger, conditions=timetable(windows=SendWindows(["00:00-00:01", "00:03-00:04"])))
    sending: list[int] = []
    scene.at(90.0, lambda each: sending.append(each.ledger.count(Status.SENDING)))
    scene.at(185.0, lambda each: each.interrupted.set())
    scene.run()
    zoned = [when for when, claim in scene.gateway.released if claim.zone == 1]
    assert between(zoned, 60.0 + EXACTLY_S, 180.0) == 0
    assert between(zoned, 58.0, 60.0) >= 35
    assert between(zoned, 180.0, 185.0) >= 80
    assert sum(claim.zone == 0 for _, claim in scene.gateway.released) == 20
    assert sending == [0]


def test_who_closes_first_goes_first() -> None:
    """Whatever the order in the list."""
    ledger = ledger_of(rows(1, 100, zone=2) + rows(101, 200, zone=1), zones={1: EAST, 2: WEST})
    scene = Scene(ledger, conditions=timetable(windows=SendWindows(["00:00-23:00"])))
    scene.at(5.0, lambda each: each.interrupted.set())
    scene.run()
    assert {claim.zone for when, claim in scene.gateway.released if when < 3.5} == {2}


def test_first_the_east_then_the_west_where_the_east_closes_first() -> None:
    """As the sun goes."""
    ledger = ledger_of(rows(1, 100, zone=2) + rows(101, 200, zone=1), zones={1: EAST, 2: WEST})
    scene = Scene(ledger, conditions=timetable(windows=SendWindows(["00:00-05:00", "20:00-24:00"])))
    scene.at(5.0, lambda each: each.interrupted.set())
    scene.run()
    first = [claim.zone for when, claim in scene.gateway.released if when < 3.5]
    assert set(first) == {1}


def test_a_throttled_row_whose_zone_closes_waits_until_it_opens() -> None:
    """It is pending, and is tried once more when its zone opens again."""

    def answer(claim: Claim) -> Outcome:
        if claim.row == 5 and claim.attempt == 1:
            return Outcome(OutcomeKind.THROTTLED, "throttled", None, "ThrottlingException", "slow down")
        return accept(claim)

    ledger = ledger_of(rows(1, 6, zone=1), zones={1: "Etc/UTC"}, mps=1)
    scene = Scene(
        ledger,
        ScriptedGateway(answer),
        timetable(windows=SendWindows(["00:00-00:01", "00:05-00:06"])),
        replace(POLICY, base_s=1000.0, cap_s=1000.0),
    )
    scene.at(200.0, lambda each: each.states.append(RunState(reason=each.ledger.status[5].value)))
    assert scene.run().end is RunEnd.COMPLETE
    assert [round(when) for when, claim in scene.gateway.released if claim.row == 5][1] == 5 * MINUTE_S
    assert scene.states[0].reason == "pending"
    assert (ledger.attempts[5], ledger.status[5]) == (2, Status.SENT)


def test_a_pause_while_a_window_is_awaited() -> None:
    """It outlasts the opening of the window, and afterwards the run waits for the next zone as before."""
    ledger = ledger_of(rows(1, 10, zone=1) + rows(11, 20, zone=2), zones={1: EAST, 2: WEST})
    scene = Scene(ledger, conditions=timetable(windows=SendWindows(MORNINGS)))
    scene.order_at(1 * MINUTE_S, PAUSED)
    scene.order_at(6 * MINUTE_S, Orders())
    assert scene.run().end is RunEnd.COMPLETE
    assert 6 * MINUTE_S <= min(scene.times) <= 6 * MINUTE_S + 1.0
    assert 10 * MINUTE_S <= max(scene.times) <= 10 * MINUTE_S + 2.0
    assert sent_once(scene)


def test_only_certain_rows_go() -> None:
    """The run ends with them; the others stay pending, and no one waits for their time."""
    ledger = ledger_of(rows(1, 40, zone=1) + rows(41, 80), zones={1: "Etc/UTC"})
    only = (41, 43, 80)
    windows = SendWindows(["09:00-10:00"])
    scene = Scene(ledger, conditions=Conditions(timetable=Timetable(windows=windows), only=only))
    result = scene.run()
    assert (result.end, result.seconds < 3.0) == (RunEnd.INTERRUPTED, True)
    assert sorted(claim.row for _, claim in scene.gateway.released) == list(only)


def raised(frontier: list[int], to: int) -> Callable[[Scene], None]:
    """Raise `frontier` and tell the sender."""

    def happening(scene: Scene) -> None:
        frontier[0] = to
        scene.sender.wake()

    return happening


def test_rows_beyond_the_frontier_wait_until_it_rises() -> None:
    """The run does not end before."""
    frontier = [10]
    scene = Scene(ledger_of(rows(1, 60)), conditions=Conditions(frontier=lambda _: frontier[0]))
    scene.at(100.0, raised(frontier, 30))
    scene.at(200.0, raised(frontier, 60))
    assert scene.run().end is RunEnd.COMPLETE
    for first, last, since_s in ((1, 10, 0.0), (11, 30, 100.0), (31, 60, 200.0)):
        times = [when for when, claim in scene.gateway.released if first <= claim.row <= last]
        assert since_s <= min(times) <= max(times) <= since_s + 3.0
    assert sent_once(scene)


def test_a_limit_ends_a_run_that_would_wait_for_the_frontier() -> None:
    """Nothing more may be claimed, so nothing is awaited."""
    scene = Scene(
        ledger_of(rows(1, 60)), conditions=Conditions(frontier=lambda _: 10), policy=replace(POLICY, limit=10)
    )
    result = scene.run()
    assert (result.end, len(scene.times), result.seconds < 5.0) == (RunEnd.INTERRUPTED, 10, True)


def test_rows_beyond_the_frontier_do_not_wait_for_the_windows_of_others() -> None:
    """It rises while other rows wait for the morning: those that may go then, go."""
    frontier = [10]
    ledger = ledger_of(rows(1, 20) + rows(21, 30, zone=1), zones={1: EAST})
    windows = SendWindows(MORNINGS)
    conditions = Conditions(timetable=Timetable(windows=windows), frontier=lambda _: frontier[0])
    scene = Scene(ledger, conditions=conditions)
    scene.at(100.0, raised(frontier, 30))
    assert scene.run().end is RunEnd.COMPLETE
    assert all(when < 103.0 for when, claim in scene.gateway.released if claim.row <= 20)
    assert all(when >= 5 * MINUTE_S for when, claim in scene.gateway.released if claim.row > 20)


def test_the_guard_pauses_and_forgets_when_somebody_goes_on() -> None:
    """Within its messages the campaign pauses; it goes on by order, and pauses again when it goes wrong again."""

    def answer(_: Claim) -> Outcome:
        return Outcome(OutcomeKind.FAILED_RECIPIENT, "blocked", None, "ConflictException", "no")

    guard = GuardRule(0.5, 20, pauses=True)
    scene = Scene(ledger_of(rows(1, 60)), ScriptedGateway(answer), policy=replace(POLICY, guard=guard))
    scene.look_at(30.0)
    scene.order_at(60.0, Orders())
    scene.at(120.0, lambda each: each.interrupted.set())
    assert scene.run().end is RunEnd.INTERRUPTED
    assert (scene.states[0].phase, scene.states[0].reason) == (Phase.PAUSED, "guard")
    assert 20 <= between(scene.times, 0.0, 60.0) <= 24
    assert 20 <= between(scene.times, 60.0, 120.0) <= 24
    assert scene.book.read().note == "20 of the latest 20 messages ended with blocked"
    assert scene.events == [
        "run.started", "guard.alarmed", "run.paused", "run.resumed", "guard.alarmed", "run.paused", "run.ended",
    ]  # fmt: skip


def test_the_guard_stops_a_run_that_nobody_watches() -> None:
    """The rest stays pending, and what stopped it is said."""
    guard = GuardRule(0.5, 20, pauses=False)
    bad = Outcome(OutcomeKind.FAILED_RECIPIENT, "blocked", None, "ConflictException", "no")
    ledger = ledger_of(rows(1, 100))
    scene = Scene(
        ledger,
        ScriptedGateway(lambda claim: bad if claim.row > 20 else accept(claim)),
        policy=replace(POLICY, guard=guard),
    )
    result = scene.run()
    assert result.end is RunEnd.STOPPED
    assert "11 of the latest 20 messages ended with blocked" in str(result.cause)
    assert ledger.count(Status.PENDING) >= 60


def test_samples_add_up_to_what_was_sent() -> None:
    """A pause leaves none; the last sample is of the end."""
    ledger = MemoryLedger(rows(1, 200, parts=2) + rows(201, 220, bucket="c"), [Bucket("b", 20), Bucket("c", 1)])
    scene = Scene(ledger)
    scene.order_at(10.2, PAUSED)
    scene.order_at(100.0, Orders())
    scene.run()
    for bucket, messages, parts in (("b", 200, 400), ("c", 20, 20)):
        samples = [sample for sample in ledger.samples if sample.bucket == bucket]
        assert sum(sample.messages for sample in samples) == messages
        assert sum(sample.parts for sample in samples) == parts
        assert not [each for each in samples if timedelta(seconds=17) <= each.at - EPOCH <= timedelta(seconds=99)]


def ordered(what: str, share: float) -> Callable[[Scene], None]:
    """Pause, resume or turn down, and leave the other orders as they are."""
    changes: dict[str, dict[str, Any]] = {
        "pause": {"paused": True},
        "resume": {"paused": False},
        "rate": {"shares": {EVERY: share}},
    }
    return lambda scene: scene.book.write(replace(scene.book.read(), **changes[what]))


Happening = tuple[float, str, float]

HAPPENINGS = st.lists(
    st.tuples(st.floats(0.0, 40.0), st.sampled_from(["pause", "resume", "rate", "frontier"]), st.floats(0.05, 1.0)),
    max_size=10,
)


@settings(max_examples=25, deadline=None)
@given(
    happenings=HAPPENINGS,
    latency_s=st.sampled_from([0.01, 0.5, 3.0]),
    commit_s=st.sampled_from([0.0, 0.02, 0.3]),
    mps=st.sampled_from([1, 5, 20]),
    sizes=st.lists(st.integers(1, 8), min_size=5, max_size=60),
    window=st.sampled_from([None, "00:00-00:01", "00:01-00:02", "03:01-03:02"]),
    seed=st.integers(0, 99),
)
def test_whatever_is_ordered_each_row_ends_once_within_the_limit(
    happenings: list[Happening],
    latency_s: float,
    commit_s: float,
    mps: int,
    sizes: list[int],
    window: str | None,
    seed: int,
) -> None:
    """Pauses, speeds, windows and a rising frontier at any moments: every row is sent, by one accepted request."""
    random = Random(seed)
    claims = [
        changed(make_claim(row, parts=parts), zone=random.randrange(3)) for row, parts in enumerate(sizes, start=1)
    ]
    ledger = MemoryLedger(claims, [Bucket("b", mps)], commit_s=commit_s, zone_names={1: "Etc/UTC", 2: EAST})

    def answer(claim: Claim) -> Outcome:
        if claim.attempt <= 2 and random.random() < 0.1:
            return Outcome(OutcomeKind.THROTTLED, "throttled", None, "ThrottlingException", "slow down")
        return accept(claim)

    frontier = [len(sizes) // 2]
    windows = None if window is None else SendWindows([window, "03:03-03:20", "00:04-00:20"])
    conditions = Conditions(timetable=Timetable(windows=windows), frontier=lambda _: frontier[0])
    scene = Scene(ledger, ScriptedGateway(answer, latency_s=latency_s), conditions)
    for moment_s, what, share in happenings:
        if what == "frontier":
            scene.at(moment_s, raised(frontier, len(sizes)))
        else:
            scene.at(moment_s, ordered(what, share))
    scene.at(50.0, raised(frontier, len(sizes)))
    scene.order_at(51.0, Orders())
    assert scene.run().end is RunEnd.COMPLETE
    assert ledger.count(Status.SENT) == len(sizes)
    released = scene.gateway.released
    assert len({(claim.row, claim.attempt) for _, claim in released}) == len(released)
    for start, claim in released:
        within = [(when, other) for when, other in released if start <= when < start + 1.0]
        assert sum(other.parts for _, other in within) <= mps or (claim.parts > mps and len(within) == 1)
