import json
from pathlib import Path
from typing import Any

import pytest

from bulksend.base.errors import ConfigError, InputError, LedgerError, UsageError
from bulksend.base.records import Bucket, Encoding, Origin
from bulksend.config.load import load_settings
from bulksend.config.model import Settings
from bulksend.pipeline.plan import Plan, make_plan, refuse_changes
from bulksend.store.export import export_rows
from bulksend.store.reading import ReadableLedger
from tests.support.virtual import VirtualClock

IDENTITIES = [
    {"id": "+18885550100", "mps": 3, "countries": ["US"], "bucket": "toll-free"},
    {"id": "ACME", "mps": 10, "countries": ["DE", "GB"]},
]


def settings_with(**changes: str) -> Settings:
    """A small campaign; `recipients__body="text"` sets `recipients.body`."""
    given = {
        "campaign__name": "test",
        "campaign__template": "Hi {{ first_name }}",
        "recipients__default_country": "US",
        "identities": json.dumps(IDENTITIES),
        **changes,
    }
    environ = {f"BULKSEND_{key.replace('__', '_').upper()}": value for key, value in given.items()}
    return load_settings(None, environ=environ)


def planned(
    folder: Path, lines: str, *, settings: Settings | None = None, name: str = "list.csv"
) -> tuple[Plan, list[dict[str, Any]]]:
    """Plan a list and return the plan and all rows as exported."""
    (folder / name).write_text(lines)
    ledger = folder / "plan.db"
    plan = make_plan(settings or settings_with(), str(folder / name), ledger, clock=VirtualClock())
    return plan, list(export_rows(ledger))


def test_a_row_is_composed_counted_and_routed(tmp_path: Path) -> None:
    """Everything that sending needs is in the ledger, and the row's own columns beside it."""
    plan, (row,) = planned(tmp_path, "Phone,First Name\n(425) 555-0100,Zoë\n")
    assert {
        "row": 1,
        "line": 2,
        "destination": "+14255550100",
        "country": "US",
        "identity": "+18885550100",
        "bucket": "toll-free",
        "encoding": "UCS-2",
        "parts": 1,
        "status": "pending",
        "reason": None,
        "source": {"Phone": "(425) 555-0100", "First Name": "Zoë"},
    }.items() <= row.items()
    assert (plan.totals.sendable, plan.totals.encodings[Encoding.UCS_2]) == (1, 1)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ("12345,Ann", "invalid_number"),
        ("1.42555E+10,Ann", "invalid_number"),
        (",Ann", "missing_field"),
        ("+14255550100,", "missing_field"),
        ("+14255550100,   ", "missing_field"),
        ("+61491570156,Ann", "no_identity"),
        ("+14255550100,Ann,extra", "bad_row"),
        (f"+14255550100,{'x' * 1600}", "too_long"),
    ],
)
def test_what_cannot_be_sent_is_skipped_with_its_reason(cells: str, reason: str, tmp_path: Path) -> None:
    """One reason a row, and a sentence that holds no number."""
    _, (row,) = planned(tmp_path, f"phone,first_name\n{cells}\n")
    assert (row["status"], row["reason"]) == ("skipped", reason)
    assert row["error_message"]
    assert "4255550100" not in row["error_message"]


def test_a_duplicate_is_what_repeats_a_row_that_is_sent(tmp_path: Path) -> None:
    """A row that is skipped for another reason does not make the next one with its number a duplicate."""
    plan, rows = planned(tmp_path, "phone,first_name\n+14255550100,\n+14255550100,Ann\n425-555-0100,Ben\n")
    assert [row["reason"] for row in rows] == ["missing_field", None, "duplicate"]
    assert "row 2" in rows[2]["error_message"]
    assert plan.totals.document()["skipped"] == {"missing_field": 1, "duplicate": 1}


def test_duplicates_are_sent_where_that_is_wanted(tmp_path: Path) -> None:
    """`recipients.duplicates = "send"`."""
    _, rows = planned(
        tmp_path,
        "phone,first_name\n+14255550100,Ann\n+14255550100,Ben\n",
        settings=settings_with(recipients__duplicates="send"),
    )
    assert [row["status"] for row in rows] == ["pending", "pending"]


def test_suppressed_numbers_are_left_out_in_any_notation(tmp_path: Path) -> None:
    """The files name numbers, not spellings."""
    (tmp_path / "stop.txt").write_text("# said STOP\n\n(425) 555-0100\n")
    settings = settings_with(recipients__suppress=str(tmp_path / "stop.txt"))
    _, rows = planned(tmp_path, "phone,first_name\n+1 425 555 0100,Ann\n+14255550101,Ben\n", settings=settings)
    assert [row["reason"] for row in rows] == ["suppressed", None]


def test_a_suppressed_number_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """A line that is no number would let somebody be texted who is not to be."""
    (tmp_path / "stop.txt").write_text("+14255550100\nnobody\n")
    settings = settings_with(recipients__suppress=str(tmp_path / "stop.txt"))
    with pytest.raises(ConfigError, match=r"stop\.txt, line 2"):
        planned(tmp_path, "phone,first_name\n+14255550101,Ann\n", settings=settings)


def test_a_finished_text_comes_from_its_column(tmp_path: Path) -> None:
    """`recipients.body`: the text as it stands, braces and all; an empty one is skipped."""
    settings = settings_with(campaign__template="", recipients__body="text")
    _, rows = planned(tmp_path, "phone,text\n+14255550100,Hi {{ you }}\n+14255550101,  \n", settings=settings)
    assert [row["reason"] for row in rows] == [None, "empty_body"]
    assert rows[0]["encoding"] == "GSM-7"


def test_a_row_can_name_its_identity(tmp_path: Path) -> None:
    """By the column of `recipients.identity`; an empty cell is routed as usual, an unknown name is skipped."""
    lines = "phone,first_name,from\n+491713920002,Ben,ACME\n+491713920003,Cy,\n+491713920004,Di,X\n"
    _, rows = planned(tmp_path, lines, settings=settings_with(recipients__identity="from"))
    assert [row["identity"] for row in rows][:2] == ["ACME", "ACME"]
    assert rows[2]["reason"] == "no_identity"


BY_COUNTRY = [
    {"id": "ACME", "mps": 40, "countries": ["GB"]},
    {"id": "ACME", "mps": 10, "countries": ["DE", "FR"]},
]


@pytest.mark.parametrize("sender", ["ACME", ""])
def test_a_row_is_charged_to_the_limit_of_its_country(sender: str, tmp_path: Path) -> None:
    """A sender id with a limit for each country has a bucket for each, whether the row names it or not."""
    settings = settings_with(identities=json.dumps(BY_COUNTRY), recipients__identity="from")
    lines = f"phone,first_name,from\n+447400123456,Ann,{sender}\n+491713920002,Ben,{sender}\n+14255550100,Cy,{sender}\n"
    plan, rows = planned(tmp_path, lines, settings=settings)
    assert [(row["identity"], row["bucket"], row["reason"]) for row in rows] == [
        ("ACME", "ACME/GB", None), ("ACME", "ACME/DE+FR", None), (None, None, "no_identity"),
    ]  # fmt: skip
    assert {name: (totals.mps, totals.messages) for name, totals in plan.totals.buckets.items()} == {
        "ACME/GB": (40, 1), "ACME/DE+FR": (10, 1),
    }  # fmt: skip
    with ReadableLedger.open_for_reading(tmp_path / "plan.db") as ledger:
        assert ledger.identities == (Origin("ACME", "ACME/GB"), Origin("ACME", "ACME/DE+FR"))
        assert ledger.buckets == (Bucket("ACME/GB", 40), Bucket("ACME/DE+FR", 10))


def test_values_are_data_and_never_template(tmp_path: Path) -> None:
    """A cell that looks like a template is printed as it is."""
    _, (row,) = planned(tmp_path, "phone,first_name\n+14255550100,{{ 7*7 }}\n")
    assert row["encoding"] == "GSM-7"
    assert row["parts"] == 1


def test_jsonl_rows_bring_their_own_columns(tmp_path: Path) -> None:
    """Numbers may be JSON numbers, and a broken line is a row with a reason."""
    lines = '{"phone": 14255550100, "First-Name": "Ann"}\n{"phone": "+14255550101"}\nnot json\n'
    _, rows = planned(tmp_path, lines, name="list.jsonl")
    assert [row["reason"] for row in rows] == [None, "missing_field", "bad_row"]
    assert rows[0]["destination"] == "+14255550100"


@pytest.mark.parametrize(
    ("header", "word"), [("mobile,first_name", "recipients.phone"), ("phone,name", "campaign.template")]
)
def test_a_column_that_nobody_has_is_an_error_at_once(header: str, word: str, tmp_path: Path) -> None:
    """Instead of a plan in which every row is skipped."""
    with pytest.raises(InputError, match=word):
        planned(tmp_path, f"{header}\n+14255550100,Ann\n")
    assert not (tmp_path / "plan.db").exists()


def test_a_guarded_column_may_be_missing(tmp_path: Path) -> None:
    """`default` provides for a column that the list does not have."""
    settings = settings_with(campaign__template="Hi {{ nickname | default('there') }}")
    _, (row,) = planned(tmp_path, "phone\n+14255550100\n", settings=settings)
    assert row["status"] == "pending"


def test_a_plan_without_rows_leaves_no_ledger(tmp_path: Path) -> None:
    """A header alone."""
    with pytest.raises(UsageError, match="no rows"):
        planned(tmp_path, "phone,first_name\n")
    assert not (tmp_path / "plan.db").exists()


def test_a_dry_run_is_planned_at_its_own_limit(tmp_path: Path) -> None:
    """The lower of five and the identity's limit."""
    settings = settings_with(campaign__dry_run="true")
    plan, _ = planned(tmp_path, "phone,first_name\n+14255550100,Ann\n", settings=settings)
    assert {name: bucket.mps for name, bucket in plan.totals.buckets.items()} == {"toll-free": 3, "ACME": 5}


def test_totals_add_up(tmp_path: Path) -> None:
    """Rows, parts, encodings, buckets and times of a mixed list."""
    lines = "phone,first_name\n" + "".join(
        f"+1425555{100 + n:04d},{'x' * 200 if n % 2 else 'Ann'}\n" for n in range(60)
    )
    plan, rows = planned(tmp_path, lines + "+491713920001,Bo\nbad,Cy\n")
    document: dict[str, Any] = plan.totals.document()
    assert document["rows"] == len(rows) == 62
    assert document["sendable"] + sum(document["skipped"].values()) == 62
    assert document["parts"] == sum(row["parts"] for row in rows if row["status"] == "pending") == 91
    assert sum(document["encodings"].values()) == document["sendable"] == 61
    assert [(each["bucket"], each["messages"], each["parts"]) for each in document["buckets"]] == [
        ("toll-free", 60, 90),
        ("ACME", 1, 1),
    ]
    assert document["eta_seconds"] == pytest.approx(90 / 2.97, abs=0.1)


class TestTheSameCampaign:
    """A ledger is gone on with only by the campaign that it holds."""

    LINES = "phone,first_name\n+14255550100,Ann\n"

    def refuse(self, folder: Path, settings: Settings, lines: str = LINES) -> str:
        """Plan the original, then ask for `settings` and `lines`; return what was said against it."""
        planned(folder, self.LINES)
        (folder / "list.csv").write_text(lines)
        try:
            refuse_changes(settings, str(folder / "list.csv"), folder / "plan.db")
        except UsageError as error:
            return error.what
        return ""

    def test_nothing_changed(self, tmp_path: Path) -> None:
        """The same settings and input go on."""
        assert self.refuse(tmp_path, settings_with()) == ""

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"campaign__template": "Ho {{ first_name }}"}, "campaign.template"),
            ({"campaign__dry_run": "true"}, "campaign.dry_run"),
            ({"recipients__duplicates": "send"}, "recipients.duplicates"),
            ({"identities": json.dumps(IDENTITIES[:1])}, "identities"),
        ],
    )
    def test_a_changed_setting(self, changes: dict[str, str], named: str, tmp_path: Path) -> None:
        """It is named."""
        assert named in self.refuse(tmp_path, settings_with(**changes))

    def test_a_changed_input(self, tmp_path: Path) -> None:
        """One more row is another campaign."""
        assert "input" in self.refuse(tmp_path, settings_with(), self.LINES + "+14255550101,Ben\n")

    def test_a_changed_suppress_file(self, tmp_path: Path) -> None:
        """Who is never to be texted is part of the campaign, wherever it is written."""
        stop = tmp_path / "stop.txt"
        stop.write_text("+14255550199\n")
        settings = settings_with(recipients__suppress=str(stop))
        planned(tmp_path, self.LINES, settings=settings)
        refuse_changes(settings, str(tmp_path / "list.csv"), tmp_path / "plan.db")
        stop.write_text("+14255550199\n+14255550100\n")
        with pytest.raises(UsageError, match=r"recipients\.suppress"):
            refuse_changes(settings, str(tmp_path / "list.csv"), tmp_path / "plan.db")

    @pytest.mark.parametrize(
        "countries", [[["GB", "FR"], ["DE"]], [["GB"], ["DE"]]], ids=["another division", "one country less"]
    )
    def test_another_limit_for_a_country(self, countries: list[list[str]], tmp_path: Path) -> None:
        """Which entry of an identity serves which country decides what rows are charged to."""
        planned(tmp_path, self.LINES, settings=settings_with(identities=json.dumps(BY_COUNTRY)))
        entries = [{**entry, "countries": served} for entry, served in zip(BY_COUNTRY, countries, strict=True)]
        settings = settings_with(identities=json.dumps(entries))
        with pytest.raises(UsageError, match="identities"):
            refuse_changes(settings, str(tmp_path / "list.csv"), tmp_path / "plan.db")

    def test_speed_may_change_by_country(self, tmp_path: Path) -> None:
        """Entries that serve what they served before, in another order and with other limits, are the same campaign."""
        planned(tmp_path, self.LINES, settings=settings_with(identities=json.dumps(BY_COUNTRY)))
        faster = [{**entry, "mps": 50} for entry in reversed(BY_COUNTRY)]
        settings = settings_with(identities=json.dumps(faster))
        refuse_changes(settings, str(tmp_path / "list.csv"), tmp_path / "plan.db")

    def test_speed_may_change(self, tmp_path: Path) -> None:
        """MPS, [pacing], [retry] and [aws] are how, not what."""
        faster = json.dumps([{**IDENTITIES[0], "mps": 30}, IDENTITIES[1]])
        settings = settings_with(identities=faster, pacing__headroom="0.2", aws__region="eu-west-1")
        assert self.refuse(tmp_path, settings) == ""

    def test_a_ledger_is_never_planned_over(self, tmp_path: Path) -> None:
        """Planning onto an existing ledger is refused."""
        planned(tmp_path, self.LINES)
        with pytest.raises(LedgerError):
            planned(tmp_path, self.LINES)
