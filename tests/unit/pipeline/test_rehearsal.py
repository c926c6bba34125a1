from dataclasses import replace

import pytest

from bulksend.pipeline.rehearsal import BucketRun, Cause, Load, Measured, bottleneck

BUCKET = BucketRun(
    bucket="toll-free",
    mps=100,
    messages=1001,
    parts=1001,
    largest=1,
    first_s=0.0,
    last_s=10.1,
    parts_between=1000,
    fullest_released=100,
    fullest_arrived=100,
    throttled=0,
    starved_s=0.0,
)
"""At its limit: 99 parts a second of 100."""

MEASURED = Measured(
    seconds=10.2,
    speed=1,
    headroom=0.01,
    requests_per_second=0,
    buckets=(BUCKET,),
    loop=Load(3.0, 0.5),
    simulator=Load(2.0),
    most_in_flight=9,
    max_in_flight=1000,
    recipient_waits=0,
    median_s=0.06,
    p99_s=0.18,
    process_s=3.5,
    processors=2,
    peak_memory_bytes=80 * 2**20,
)

SLOW = replace(BUCKET, parts_between=600, parts=601, messages=601)
"""Far from its limit: 59 of 100."""


def cause_of(bucket: BucketRun, **figures: object) -> Cause:
    """The cause, where `bucket` is the only one and `figures` are as given."""
    return bottleneck(replace(MEASURED, buckets=(bucket,), **figures)).cause  # type: ignore[arg-type]  # any field


def test_a_limit_that_is_used_up_decides() -> None:
    """With its number: parts per second, of its parts per second; the machine kept up."""
    found = bottleneck(MEASURED)
    assert (found.cause, found.bucket, round(found.value), found.limit) == (Cause.LIMIT, "toll-free", 99, 100)
    assert found.kept_up


def test_a_limit_beats_a_busy_machine() -> None:
    """What is at its limit cannot be faster, however busy the processor is."""
    assert cause_of(BUCKET, loop=Load(10.2)) is Cause.LIMIT


def test_the_headroom_is_not_missed() -> None:
    """A limit of which a half is to be left unused is used up at the other half."""
    half = replace(BUCKET, parts_between=500)
    assert cause_of(half, headroom=0.5) is Cause.LIMIT
    assert cause_of(half) is not Cause.LIMIT


def test_the_bucket_that_is_done_last_is_looked_at() -> None:
    """A fast one that was at its limit does not hide that the slow one was not."""
    fast = replace(BUCKET, bucket="short", last_s=2.0, parts_between=198)
    found = bottleneck(replace(MEASURED, buckets=(fast, SLOW), loop=Load(9.9)))
    assert (found.cause, found.bucket) == (Cause.PROCESSOR, "toll-free")


def test_the_account_decides_over_all_identities() -> None:
    """Requests of all buckets together are held against it."""
    pair = tuple(replace(SLOW, bucket=name) for name in "ab")
    found = bottleneck(replace(MEASURED, buckets=pair, requests_per_second=120))
    assert (found.cause, round(found.value), found.limit) == (Cause.ACCOUNT, 119, 120)


@pytest.mark.parametrize("load", [Load(9.0), Load(4.0, 5.0)])
def test_a_processor_that_is_wanted_all_the_time_decides(load: Load) -> None:
    """Also one that others have: what is waited for counts like what is had. The machine did not keep up."""
    found = bottleneck(replace(MEASURED, buckets=(SLOW,), loop=load))
    assert found.cause is Cause.PROCESSOR
    assert found.value == pytest.approx(9.0 / 10.2)
    assert not found.kept_up


def test_the_simulators_processor_is_told_apart() -> None:
    """At the service it would not be there."""
    assert cause_of(SLOW, loop=Load(8.5), simulator=Load(9.5)) is Cause.SIMULATOR
    assert cause_of(SLOW, loop=Load(9.5), simulator=Load(8.5)) is Cause.PROCESSOR
    assert cause_of(SLOW, loop=Load(9.5), simulator=None) is Cause.PROCESSOR


def test_throttling_decides_where_it_is_more_than_chance() -> None:
    """A fiftieth of the requests, and three at least."""
    assert cause_of(replace(SLOW, throttled=13)) is Cause.THROTTLING
    assert cause_of(replace(SLOW, throttled=12)) is not Cause.THROTTLING
    assert cause_of(replace(SLOW, messages=20, throttled=2)) is not Cause.THROTTLING


def test_connections_decide_when_all_are_in_use() -> None:
    """As many messages in flight as may be."""
    found = bottleneck(replace(MEASURED, buckets=(SLOW,), most_in_flight=50, max_in_flight=50))
    assert (found.cause, found.value, found.limit) == (Cause.CONNECTIONS, 50, 50)


def test_the_ledger_decides_when_there_is_nothing_to_send_at_hand() -> None:
    """For a tenth of the time, at least."""
    assert cause_of(replace(SLOW, starved_s=1.1)) is Cause.LEDGER
    assert cause_of(replace(SLOW, starved_s=0.9)) is not Cause.LEDGER


def test_latency_decides_for_a_short_list() -> None:
    """Where letting it out takes less than half of the time."""
    short = replace(BUCKET, messages=5, parts=5, parts_between=4, last_s=0.05)
    found = bottleneck(replace(MEASURED, buckets=(short,), seconds=0.3, loop=Load(0.1), simulator=None))
    assert (found.cause, found.value, found.limit) == (Cause.LATENCY, 0.18, 0.3)


def test_a_single_message_has_no_rate() -> None:
    """It is let out in one moment; its answer is what takes time."""
    one = replace(BUCKET, messages=1, parts=1, parts_between=0, last_s=0.0)
    assert (one.parts_per_second, one.used) == (None, None)
    assert cause_of(one) is Cause.LATENCY


def test_less_than_a_second_says_nothing_about_a_limit() -> None:
    """The first messages of a list may go out close together; that is no rate."""
    burst = replace(BUCKET, messages=17, parts=17, parts_between=14, last_s=0.9)
    assert (burst.parts_per_second, burst.used) == (None, None)
    assert cause_of(burst, seconds=1.0, loop=Load(0.1), simulator=None) is Cause.LATENCY


def test_recipients_decide_where_somebody_had_to_wait() -> None:
    """One message a second to one recipient."""
    assert cause_of(SLOW, recipient_waits=40) is Cause.RECIPIENT


def test_whole_messages_can_leave_a_limit_unused() -> None:
    """Ten parts do not fill a second of 16 with six left: that is the limit's doing, not the machine's."""
    whole = replace(BUCKET, mps=16, largest=10, parts_between=110)
    found = bottleneck(replace(MEASURED, buckets=(whole,)))
    assert found.cause is Cause.WHOLE_MESSAGES
    assert found.kept_up
    assert cause_of(replace(whole, largest=2)) is Cause.STALLS


def test_what_cannot_be_explained_is_said_to_be_the_machine() -> None:
    """Nothing scarce, and yet short of the limit."""
    found = bottleneck(replace(MEASURED, buckets=(SLOW,)))
    assert (found.cause, found.kept_up) == (Cause.STALLS, False)


def test_nothing_sent_has_no_bottleneck() -> None:
    """Every row was skipped."""
    assert bottleneck(replace(MEASURED, buckets=())).cause is Cause.NOTHING


def test_the_time_at_the_limits_is_that_of_life() -> None:
    """What took 10 s at a sixtieth of the time takes 10 min; the account's limit may be the longest."""
    measured = replace(MEASURED, speed=60, headroom=0.0, buckets=(replace(BUCKET, parts=6000, messages=3000, mps=600),))
    assert measured.seconds_at_limits == pytest.approx(600)
    assert replace(measured, requests_per_second=60).seconds_at_limits == pytest.approx(3000)
    assert replace(measured, buckets=()).seconds_at_limits == 0.0
