"""What rehearsals say to people: complete, and in 80 columns."""

from dataclasses import replace
from typing import Any

import pytest

from bulksend.base.errors import ServiceStop
from bulksend.base.progress import Breaker, Counts, RunEnd
from bulksend.base.records import Status
from bulksend.pipeline.refused import Refusal, Route
from bulksend.pipeline.rehearsal import Cause, Measured, bottleneck
from bulksend.report.dry_run import MOST_ROUTES, Place, dry_run_document, dry_run_lines
from bulksend.report.rehearsal import simulated_document, simulated_lines
from bulksend.report.wrapped import wrapped
from tests.unit.pipeline.test_rehearsal import BUCKET, MEASURED, SLOW
from tests.unit.test_report import START

LONG_NAME = "arn:aws:sms-voice:us-east-1:123456789012:phone-number/phone-0123456789abcdef0123456789abcdef"
COUNTS = Counts(
    rows=1_234_567,
    by_status={Status.SENT: 1_234_000, Status.FAILED: 560, Status.SKIPPED: 7},
    parts_sent=2_000_000,
    reasons={Status.FAILED: {"destination_country_blocked_by_protect_configuration": 560}},
)


def simulated(measured: Measured, *, end: RunEnd = RunEnd.COMPLETE, cause: ServiceStop | None = None) -> Any:
    """The document of a rehearsal at the simulator."""
    return simulated_document(
        campaign="spring-sale",
        counts=COUNTS,
        measured=measured,
        throttled=0,
        end=end,
        cause=cause,
        planning_s=42.0,
        latency_ms=(60.0, 180.0),
    )


WIDEST = replace(BUCKET, bucket=LONG_NAME, mps=9_900_000, fullest_released=9_801_000, fullest_arrived=9_900_000)
SHORT = replace(BUCKET, last_s=0.05)
WHOLE = replace(BUCKET, mps=16, largest=20, parts_between=80)
EVERY_CAUSE: dict[Cause, Measured] = {
    Cause.NOTHING: replace(MEASURED, buckets=()),
    Cause.LIMIT: MEASURED,
    Cause.WHOLE_MESSAGES: replace(MEASURED, buckets=(WHOLE,)),
    Cause.ACCOUNT: replace(MEASURED, buckets=(SLOW,), requests_per_second=60),
    Cause.RECIPIENT: replace(MEASURED, buckets=(SLOW,), recipient_waits=1234),
    Cause.THROTTLING: replace(MEASURED, buckets=(replace(SLOW, throttled=100),)),
    Cause.PROCESSOR: replace(MEASURED, buckets=(SLOW, WIDEST), loop=replace(MEASURED.loop, waited_s=9.0)),
    Cause.SIMULATOR: replace(MEASURED, buckets=(SLOW,), simulator=replace(MEASURED.loop, waited_s=7.0)),
    Cause.CONNECTIONS: replace(MEASURED, buckets=(SLOW,), most_in_flight=1000),
    Cause.LEDGER: replace(MEASURED, buckets=(replace(SLOW, starved_s=9.0),)),
    Cause.LATENCY: replace(MEASURED, buckets=(replace(SHORT, parts_between=2),)),
    Cause.STALLS: replace(MEASURED, buckets=(SLOW,)),
}


def test_there_is_an_example_of_every_cause() -> None:
    """And it is one."""
    assert {cause: bottleneck(measured).cause for cause, measured in EVERY_CAUSE.items()} == {
        cause: cause for cause in Cause
    }


@pytest.mark.parametrize("speed", [1, 60, 1000])
@pytest.mark.parametrize("cause", Cause)
def test_every_verdict_fits_80_columns_and_has_its_number(cause: Cause, speed: int) -> None:
    """One sentence, also with long names and large numbers."""
    document = simulated(replace(EVERY_CAUSE[cause], speed=speed))
    lines = list(simulated_lines(document))
    assert max(map(len, lines)) <= 80, [line for line in lines if len(line) > 80]
    sentence = document["verdict"]["sentence"]
    assert sentence.endswith(".")
    assert any(letter.isdigit() for letter in sentence) or cause is Cause.NOTHING
    assert " ".join(sentence.split()) in " ".join(" ".join(lines).split())
    assert ("kept up" in " ".join(lines) or "keep up" in " ".join(lines)) == (speed > 1 and cause is not Cause.NOTHING)


def test_rates_of_a_verdict_are_those_of_life() -> None:
    """At 20 times the speed a limit of 5 is rehearsed as 100."""
    assert (
        "4.95 of its 5 parts a second are used (99.0%)" in simulated(replace(MEASURED, speed=20))["verdict"]["sentence"]
    )


def test_a_rehearsal_that_did_not_end_well_says_so() -> None:
    """Interrupted, or stopped with the cause."""
    assert any("Interrupted" in line for line in simulated_lines(simulated(MEASURED, end=RunEnd.INTERRUPTED)))
    stopped = simulated(MEASURED, end=RunEnd.STOPPED, cause=ServiceStop("20 messages in a row got no answer"))
    assert any("20 messages in a row" in line for line in simulated_lines(stopped))


def test_a_message_above_the_limit_is_explained() -> None:
    """Its second is fuller than the limit, and that is as it should be."""
    lines = list(simulated_lines(simulated(EVERY_CAUSE[Cause.WHOLE_MESSAGES])))
    assert any("20 parts is more than this limit" in line for line in lines)
    assert not any("more than this limit" in line for line in simulated_lines(simulated(MEASURED)))


def checked(**changes: Any) -> Any:
    """The document of a rehearsal at the service."""
    arguments: dict[str, Any] = {
        "campaign": "spring-sale",
        "place": Place("https://sms-voice.us-east-1.amazonaws.com", "us-east-1"),
        "ledger": None,
        "wanted": 100,
        "counts": Counts(rows=500, by_status={Status.SENT: 100, Status.SKIPPED: 400}, parts_sent=100),
        "routes": [Route("ACME", "DE", 450, 100, 100)],
        "refusals": [],
        "breakers": [],
        "seconds": 25.0,
        "throttled": 0,
        "answers_s": (0.08, 0.2),
        "end": RunEnd.COMPLETE,
        "cause": None,
    }
    return dry_run_document(**arguments | changes)


def refusal(**changes: Any) -> Refusal:
    """Seven rows, six of them held."""
    found = Refusal("invalid_identity_for_destination_country", rows=7, held=6, first_rows=[1, 22, 333, 4_444, 55_555])
    found.identities.update({LONG_NAME: 5, "ACME": 1, "20440": 1, "B": 1})
    found.countries.update({"DE": 6, "": 1})
    for name, value in changes.items():
        setattr(found, name, value)
    return found


def test_a_clean_rehearsal_says_that_nothing_was_refused() -> None:
    """And where it was asked."""
    text = "\n".join(dry_run_lines(checked()))
    assert "Nothing was refused." in text
    assert "https://sms-voice.us-east-1.amazonaws.com (us-east-1)" in text
    assert "100 fine, in 25 s" in text


def test_refusals_name_reason_identities_countries_and_rows() -> None:
    """In 80 columns, but for a name that is longer itself."""
    counts = Counts(rows=107, by_status={Status.SENT: 100, Status.FAILED: 1, Status.PENDING: 6}, parts_sent=100)
    document = checked(counts=counts, refusals=[refusal()], ledger="check.db")
    assert (document["fine"], document["refused"], document["left"], document["end"]) == (100, 7, 0, "complete")
    lines = list(dry_run_lines(document))
    assert max(len(line) for line in lines if LONG_NAME not in line) <= 80
    text = " ".join(" ".join(lines).split())
    for part in ("7 invalid_identity_for_destination_country", f"{LONG_NAME} (5)", "DE (6), unknown (1)"):
        assert part in text
    assert "row 1, 22, 333, 4,444, 55,555, ..." in text
    assert "6 of them by what another row met" in text
    assert "Ledger check.db" in text


def test_what_was_not_asked_about_is_left() -> None:
    """With the reason of a stop, or as interrupted."""
    counts = Counts(rows=100, by_status={Status.SENT: 10, Status.PENDING: 90}, parts_sent=10)
    stopped = checked(counts=counts, end=RunEnd.STOPPED, cause=ServiceStop("the service refused the campaign"))
    assert (stopped["left"], stopped["end"]) == (90, "stopped")
    assert any("refused the campaign" in line for line in dry_run_lines(stopped))
    interrupted = checked(counts=counts, end=RunEnd.INTERRUPTED)
    assert any(line.startswith("Interrupted") for line in dry_run_lines(interrupted))


def test_an_identity_whose_rows_went_to_others_is_named() -> None:
    """No row of it failed, and yet it was refused."""
    breaker = Breaker("+18885550100", None, "resource_not_active", START, moved=12, held=0)
    text = " ".join(" ".join(dry_run_lines(checked(breakers=[breaker]))).split())
    assert "12 rows of +18885550100 went to other identities" in text
    assert "resource_not_active" in text
    assert "Nothing was refused" not in text


def test_rows_without_an_answer_are_told() -> None:
    """Nobody knows what the service would say to them."""
    counts = Counts(
        rows=2,
        by_status={Status.SENT: 1, Status.UNKNOWN: 1},
        parts_sent=1,
        reasons={Status.UNKNOWN: {"read_timeout": 1}},
    )
    assert any("1  without an answer (read_timeout)" in line for line in dry_run_lines(checked(counts=counts)))


def test_many_routes_are_cut_for_people() -> None:
    """The rest is in --json."""
    routes = [Route(LONG_NAME, f"{at}", 10, 1, 1) for at in range(MOST_ROUTES + 3)]
    document = checked(routes=routes)
    lines = list(dry_run_lines(document))
    assert len(document["routes"]) == MOST_ROUTES + 3
    assert any(line.startswith("and 3 more") for line in lines)
    assert max(map(len, lines)) <= 80


def test_a_sample_that_is_larger_than_asked_for_is_explained() -> None:
    """Every kind of row is in it."""
    assert any("more than asked for" in line for line in dry_run_lines(checked(wanted=3)))
    assert not any("more than asked for" in line for line in dry_run_lines(checked()))


def test_a_rehearsal_without_rows_says_so() -> None:
    """Every row is skipped by the plan."""
    counts = Counts(rows=5, by_status={Status.SKIPPED: 5}, parts_sent=0)
    assert any("Nothing was asked." in line for line in dry_run_lines(checked(counts=counts, routes=[])))


def test_sentences_are_wrapped_without_losing_a_word() -> None:
    """Also with a word that is longer than a line."""
    text = f"{'word ' * 40}{'x' * 100} end"
    lines = list(wrapped("Title", text))
    assert " ".join(" ".join(lines).split()) == f"Title {' '.join(text.split())}"
    assert max(len(line) for line in lines if "x" not in line) <= 80
