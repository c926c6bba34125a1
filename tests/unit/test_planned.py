import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bulksend.base.records import PlannedRow, Status
from bulksend.config.load import load_settings
from bulksend.config.model import Settings
from bulksend.intake import InputFormat
from bulksend.pipeline.plan import Plan, campaign_buckets, make_plan
from bulksend.pipeline.totals import PlanTotals
from bulksend.report.planned import plan_document, plan_lines
from bulksend.report.words import listed
from tests.support.virtual import VirtualClock

TOLL_FREE = {"id": "+18885550100", "mps": 3, "countries": ["US"], "bucket": "toll-free"}
SENDER = {"id": "ACME", "mps": 10, "countries": ["DE"]}


def settings_of(identities: Sequence[Mapping[str, Any]], **changes: str) -> Settings:
    """A campaign of these identities; `campaign__dry_run="true"` sets `campaign.dry_run`."""
    given = {
        "campaign__name": "test",
        "campaign__template": "Hi {{ name }}",
        "identities": json.dumps(identities),
        **changes,
    }
    return load_settings(
        None, environ={f"BULKSEND_{key.replace('__', '_').upper()}": value for key, value in given.items()}
    )


def planned(folder: Path, settings: Settings, us: int = 0, de: int = 0) -> Plan:
    """Plan a list of so many American and German numbers."""
    rows = [f"+1425{2000000 + n},Ann" for n in range(us)] + [f"+49171{2000000 + n},Bo" for n in range(de)]
    (folder / "list.csv").write_text("\n".join(["phone,name", *rows]))
    return make_plan(settings, str(folder / "list.csv"), folder / "plan.db", clock=VirtualClock())


def told(folder: Path, identities: Sequence[Mapping[str, Any]], us: int = 0, de: int = 0, **changes: str) -> str:
    """The plan as people read it, lines joined by one space where they were wrapped."""
    settings = settings_of(identities, **changes)
    lines = list(plan_lines(settings, planned(folder, settings, us, de)))
    assert max(len(line) for line in lines if str(folder) not in line) <= 100
    return "\n".join(lines).replace("\n         ", " ")


def test_the_slowest_bucket_is_named_with_the_next(tmp_path: Path) -> None:
    """Each has its time in the table; a sentence has both."""
    text = told(tmp_path, [TOLL_FREE, SENDER], 600, 400)
    assert "toll-free                   3       600        600  3 min 22 s" in text
    assert "Slowest  toll-free: 3 min 22 s; next is ACME: 40 s" in text


def test_another_identity_is_told_with_what_it_changes_and_what_it_risks(tmp_path: Path) -> None:
    """The time with it and without, and that carriers filter the same text from several numbers."""
    text = told(tmp_path, [TOLL_FREE, SENDER], 600, 400)
    assert (
        "Faster   another toll-free number with 3 parts/s of its own for US would make it about 1 min 41 s instead of"
        " 3 min 22 s; but carriers filter the same text from several numbers"
    ) in text
    assert "Warning" not in text


@pytest.mark.parametrize(
    ("identity", "words"),
    [
        (
            {"id": "+14255550142", "mps": 1, "countries": ["US"]},
            "a 10DLC number of another campaign with 1 part/s of its own",
        ),
        ({"id": "20440", "mps": 2, "countries": ["US"]}, "another short code with 2 parts/s"),
        ({"id": "pool-0123456789abcdef", "mps": 2, "countries": ["US"]}, "another identity with 2 parts/s"),
    ],
)
def test_another_identity_is_of_the_same_kind(identity: dict[str, Any], words: str, tmp_path: Path) -> None:
    """One more number of a 10DLC campaign would share its limit, so it has to be of another campaign."""
    text = told(tmp_path, [identity], 200)
    assert words in text
    assert ("carriers filter" in text) == identity["id"].startswith("+")


def test_a_bucket_that_is_alone_has_no_next(tmp_path: Path) -> None:
    """No mark and no sentence."""
    text = told(tmp_path, [TOLL_FREE], 60)
    assert "lowest" not in text
    assert "All buckets go at once: about 20 s in all" in text


def test_a_rehearsal_is_not_made_faster_by_another_identity(tmp_path: Path) -> None:
    """Its limits are DryRun's."""
    assert "Faster" not in told(tmp_path, [TOLL_FREE], 600, campaign__dry_run="true")


TWO_NUMBERS = [TOLL_FREE, {**TOLL_FREE, "id": "+18885550101", "bucket": "second"}]


def test_the_same_text_from_two_numbers_is_warned_of(tmp_path: Path) -> None:
    """The numbers, the country, what carriers call it and what to do instead; not where texts are the list's own."""
    text = told(tmp_path, TWO_NUMBERS, 100)
    assert (
        "Warning  2 phone numbers (+18885550100, +18885550101) send the same template to US: carriers call this"
        " snowshoeing and may filter it; use one with a higher limit, or a short code"
    ) in text
    (tmp_path / "plan.db").unlink()
    assert "Warning" not in told(tmp_path, TWO_NUMBERS, 100, campaign__template="", recipients__body="name")


def test_numbers_that_share_a_limit_are_spread_for_nothing(tmp_path: Path) -> None:
    """One of them is as fast, and the plan says so."""
    text = told(tmp_path, [{**number, "bucket": "10dlc"} for number in TWO_NUMBERS], 100)
    assert "may filter it; they share a limit, so one is as fast" in text


def test_a_limit_that_the_account_tells_is_marked(tmp_path: Path) -> None:
    """It is assumed until the account is asked."""
    text = told(tmp_path, [{**TOLL_FREE, "mps": "auto"}, SENDER], 10, 10)
    assert "toll-free              auto 3" in text
    assert "auto: assumed" in text
    (tmp_path / "plan.db").unlink()
    assert "auto" not in told(tmp_path, [TOLL_FREE, SENDER], 10, 10)


def test_the_document_has_what_people_are_told(tmp_path: Path) -> None:
    """Slowest bucket, another identity, warnings and assumed limits, beside the sums."""
    settings = settings_of([*TWO_NUMBERS, {**SENDER, "mps": "auto"}])
    document = plan_document(settings, planned(tmp_path, settings, 900, 10))
    slowest = max(document["buckets"], key=lambda bucket: bucket["eta_seconds"])  # type: ignore[call-overload]
    assert document["slowest_bucket"] == slowest["bucket"]
    assert document["limited_by"] == "bucket"
    assert document["auto_buckets"] == ["ACME"]
    another = document["another_identity"]
    assert isinstance(another, dict)
    assert another["eta_seconds"] < document["eta_seconds"] == slowest["eta_seconds"]
    assert another["warning"].startswith("carriers filter the same text")
    assert {key: another[key] for key in ("mps", "countries", "type")} == {
        "mps": 3,
        "countries": ["US"],
        "type": "toll_free",
    }
    assert [sentence.split(" send")[0] for sentence in document["warnings"]] == [  # type: ignore[attr-defined]
        "2 phone numbers (+18885550100, +18885550101)"
    ]
    assert json.loads(json.dumps(document)) == document


def test_a_document_without_anything_to_say(tmp_path: Path) -> None:
    """A few rows from one sender: null and empty lists."""
    settings = settings_of([SENDER])
    document = plan_document(settings, planned(tmp_path, settings, de=5))
    assert (document["another_identity"], document["warnings"], document["auto_buckets"]) == (None, [], [])


def test_of_many_buckets_the_slowest_are_shown(tmp_path: Path) -> None:
    """Twenty in the order of the configuration, the others in one line, those without a message by name."""
    identities = [{"id": f"20{n:03}", "mps": 40 - n, "countries": ["US"]} for n in range(30)]
    idle = [{"id": f"IDLE{n}", "mps": 1, "countries": ["FR"]} for n in range(5)]
    settings = settings_of([*identities, *idle])
    plan = planned(tmp_path, settings, 3000)
    lines = list(plan_lines(settings, plan))
    table = lines[next(number for number, line in enumerate(lines) if line.startswith("Bucket")) :]
    shown = [line.split()[0] for line in table[1:21]]
    assert shown == sorted(shown)
    times = {name: bucket.eta_seconds for name, bucket in plan.totals.buckets.items()}
    assert set(shown) == set(sorted(times, key=lambda name: -times[name])[:20])
    assert table[21].startswith("and 10 faster ones")
    assert sum(int(line[30:39].replace(",", "")) for line in table[1:22]) == 3000
    assert table[22] == "Without a message: IDLE0, IDLE1, IDLE2 and 2 more"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"requests_per_second": 2}, "Slowest  100 requests at pacing.requests_per_second: 51 s; next is ACME: 10 s"),
        ({"repeats": True}, "Slowest  one message a second to the number that gets 60 or more: 1 min 00 s; next"),
    ],
)
def test_what_slows_the_whole_campaign_is_named_first(given: dict[str, Any], words: str) -> None:
    """What all buckets have in common, where it takes longer than any of them; nobody is then told to add one."""
    settings = settings_of([SENDER])
    totals = PlanTotals(campaign_buckets(settings), headroom=0.01, **given)
    for number in range(100):
        totals.add(
            PlannedRow(
                row=number,
                line=number,
                source="{}",
                status=Status.PENDING,
                destination=f"+49171{2000000 + max(0, number - 59)}",
                country="DE",
                identity="ACME",
                bucket="ACME",
                parts=1,
            )
        )
    lines = plan_lines(settings, Plan(totals, "list.csv", InputFormat("csv", "utf-8", None, ",")))
    text = "\n".join(lines).replace("\n         ", " ")
    assert words in text
    assert "Faster" not in text


def test_long_names_keep_the_table_in_shape(tmp_path: Path) -> None:
    """Of an ARN the end is shown."""
    arn = "arn:aws:sms-voice:us-east-1:123456789012:phone-number/phone-0123456789abcdef0123456789abcdef"
    text = told(tmp_path, [{"id": arn, "mps": 3, "countries": ["US"]}, SENDER], 600, 10)
    assert "phone-0123456789abc…        3       600" in text
    assert "Slowest  phone-0123456789abcdef0123456789abcdef: 3 min 22 s" in text


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["US"], "US"), (["US", "CA"], "US, CA"), (["US", "CA", "GB", "DE"], "US, CA and 2 more")],
)
def test_names_are_listed_up_to_a_number(names: list[str], text: str) -> None:
    """What is left out is counted."""
    assert listed(names, 2) == text
