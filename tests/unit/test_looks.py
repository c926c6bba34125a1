from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bulksend.base.orders import EVERY, Orders
from bulksend.base.progress import Breaker, BucketCounts, Counts, JournalEntry, Phase, Run, RunEnd, RunState
from bulksend.base.records import Claim, Outcome, OutcomeKind, Status
from bulksend.report.looks import LedgerLook, look_at_ledger, look_at_run
from bulksend.report.picture import Left, Picture, Stop
from tests.support.run_in_view import RunInView, StandingStops, a_lane, a_tally

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def look(run: RunInView) -> Picture:
    """What its own process shows."""
    return look_at_run(run, campaign="sale", ledger="sale.db", now=NOW)


def test_a_run_that_begins() -> None:
    """Before the ledger was looked at there is nothing to tell."""
    picture = look(RunInView())
    assert (picture.standing, picture.buckets, picture.seconds_left) == ("starting", (), None)


def test_a_run_that_goes_on() -> None:
    """What is left takes as long as its bucket is allowed; a limit that was learnt or ordered is told apart."""
    lanes = [
        a_lane("quick"), a_lane("learnt", allowed=4.0, rate=4.0, throttled=9), a_lane("ordered", allowed=2.0),
        a_lane("done", done=100), a_lane("moved here", done=120),
    ]  # fmt: skip
    picture = look(RunInView(RunState(ordered={"ordered": 2.0}), a_tally(), lanes=lanes))
    assert [each.slower for each in picture.buckets] == ["", "throttled", "operator", "", ""]
    assert [each.left for each in picture.buckets] == [120 / 9.9, 30.0, 60.0, Left.DONE, Left.DONE]
    assert (picture.buckets[-1].messages_done, picture.buckets[-1].messages) == (120, 120)
    assert picture.finish == NOW + timedelta(seconds=60)
    assert picture.limit == 30
    assert picture.hints[0] == "bulksend pause sale.db"


def test_what_was_refused_is_shown_once_a_reason() -> None:
    """With the time and the bucket of the last one; throttling has a column of its own."""
    tally = a_tally()
    claim = Claim(7, 1, "+14255550142", "US", "+18885550100", "short", "text", 1)
    for second, outcome in enumerate(
        [
            Outcome(OutcomeKind.FAILED_RECIPIENT, "opted_out"),
            Outcome(OutcomeKind.UNKNOWN, "read_timeout"),
            Outcome(OutcomeKind.FAILED_RECIPIENT, "opted_out"),
            Outcome(OutcomeKind.THROTTLED, "throttled"),
        ]
    ):
        tally.refused(claim, outcome, at_s=NOW.timestamp() + second)
    troubles = look(RunInView(tally=tally, lanes=[a_lane("short")])).troubles
    assert [(each.reason, each.times) for each in troubles] == [("opted_out", 2), ("read_timeout", 1)]
    assert (troubles[0].at, troubles[0].bucket) == (NOW + timedelta(seconds=2), "short")


def test_a_bucket_behind_a_breaker_has_no_time_left() -> None:
    """Where something is refused, a bucket that lets nothing out waits for a person."""
    stops = StandingStops({("ACME", None): "resource_not_active"})
    picture = look(RunInView(tally=a_tally(), breakers=stops, lanes=[a_lane("ACME", rate=0.0), a_lane("other")]))
    assert [each.left for each in picture.buckets] == [Left.HELD, 120 / 9.9]
    assert picture.stops == (Stop("ACME", None, "resource_not_active"),)


def a_ledger(*events: tuple[str, dict[str, object]], **others: Any) -> Picture:
    """What a ledger says whose journal holds these events."""
    fields: dict[str, Any] = {
        "counts": Counts(
            rows=10,
            by_status={Status.SENT: 4, Status.FAILED: 2, Status.PENDING: 4},
            parts_sent=4,
            reasons={Status.FAILED: {"opted_out": 2}},
            buckets=(
                BucketCounts("toll-free", 10, 100, 200, 40, 80, 80),
                BucketCounts("short", 100, 10, 10, 2, 2, 2, 8, allows=40.0, allows_at=NOW),
                BucketCounts("unused", 5),
            ),
        ),
        "recent_parts": {"toll-free": 50, "short": 0, "unused": 0},
        "throttled": {"toll-free": 3},
        "latest": [(NOW, "short", "opted_out")],
        "runs": [Run(NOW, None, None, None, 0)],
        "breakers": [Breaker("ACME", "GB", "country_not_enabled", NOW, 0, 8)],
        "orders": Orders(),
        "headroom": 0.0,
        "is_owned": True,
        **others,
    }
    journal = [JournalEntry(NOW, event, detail) for event, detail in events]
    return look_at_ledger(
        LedgerLook(campaign="sale", ledger="sale.db", span_s=10.0, journal=journal, now=NOW, **fields)
    )


STARTED: tuple[str, dict[str, object]] = ("run.started", {})


def test_a_ledger_that_another_process_sends() -> None:
    """Rates are those of the last ten seconds, what is held waits, what was refused is told."""
    picture = a_ledger(STARTED)
    toll_free, short = picture.buckets
    assert (toll_free.rate, toll_free.left, toll_free.throttled) == (5.0, 12.0, 3)
    assert (short.left, short.held, short.slower, short.allowed) == (Left.HELD, 8, "throttled", 40.0)
    assert [(each.reason, each.times, each.bucket) for each in picture.troubles] == [("opted_out", 2, "short")]
    assert picture.stops == (Stop("ACME", "GB", "country_not_enabled"),)
    assert picture.seconds_left == 12.0


def test_an_order_of_an_operator_counts() -> None:
    """A bucket that was turned down takes longer."""
    picture = a_ledger(STARTED, orders=Orders(shares={EVERY: 0.5}))
    assert (picture.buckets[0].slower, picture.buckets[0].allowed, picture.buckets[0].left) == ("operator", 5.0, 24.0)


def test_a_rate_of_next_to_nothing_has_no_end_in_the_calendar() -> None:
    """It takes longer than there are dates; how long is told all the same."""
    picture = a_ledger(STARTED, orders=Orders(shares={EVERY: 1e-15}))
    assert (picture.finish, picture.finish_of(picture.buckets[0])) == (None, None)
    assert picture.seconds_left == pytest.approx(12.0e15)


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([STARTED], RunState()),
        ([STARTED, ("run.paused", {"reason": "operator", "by": "ada"})], RunState(Phase.PAUSED, "operator")),
        ([STARTED, ("run.paused", {"reason": "operator"}), ("run.slowed", {}), ("run.resumed", {})], RunState()),
        (
            [STARTED, ("run.waiting", {"reason": "window", "until": "2026-11-24T13:00:00+00:00"})],
            RunState(Phase.WAITING, "window", NOW + timedelta(hours=1)),
        ),
        ([("run.paused", {}), ("run.ended", {}), STARTED], RunState()),
    ],
)
def test_the_journal_says_what_a_run_is_doing(events: list[tuple[str, dict[str, object]]], state: RunState) -> None:
    """The latest event of the latest run holds."""
    assert a_ledger(*events).state == state


def test_who_waits_for_a_window_has_no_end_yet() -> None:
    """The first zone that opens ends the wait; the others can open hours later. A start that is set is one."""
    until = {"until": (NOW + timedelta(hours=1)).isoformat()}
    waiting = a_ledger(STARTED, ("run.waiting", {"reason": "window", **until}))
    assert (waiting.seconds_left, waiting.finish) == (None, None)
    starting = a_ledger(STARTED, ("run.waiting", {"reason": "start_at", **until}))
    assert (starting.seconds_left, starting.finish) == (3612.0, NOW + timedelta(seconds=3612))


def test_a_ledger_that_nobody_sends() -> None:
    """The first line says how it was left, and the hint is how it goes on."""
    ended = [STARTED, ("run.ended", {})]
    interrupted = a_ledger(*ended, is_owned=False, runs=[Run(NOW, NOW, RunEnd.INTERRUPTED, None, 0)])
    assert (interrupted.state, interrupted.standing) == (None, "interrupted: nobody sends it")
    assert (interrupted.seconds_left, interrupted.hints[0]) == (None, "bulksend resume sale.db")
    assert a_ledger(STARTED, is_owned=False).standing == "killed: nobody sends it"
    assert a_ledger(STARTED, is_owned=False, orders=Orders(paused=True)).standing == "killed, paused: nobody sends it"
    assert a_ledger(is_owned=False, runs=[]).standing == "not begun"
    assert a_ledger(*ended).standing == "starting"
    done = Counts(rows=1, by_status={Status.SENT: 1}, parts_sent=1)
    assert (a_ledger(is_owned=False, counts=done).standing, a_ledger(is_owned=False, counts=done).hints) == (
        "complete",
        (),
    )
