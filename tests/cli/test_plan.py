from pathlib import Path

import pytest

from tests.support.command import bulksend

CAMPAIGN = """
[campaign]
name = "sale"
template = "Hi {{ name }}, your code is 12345"

[[identities]]
id = "+18885550100"
mps = 3
countries = ["US"]
bucket = "toll-free"

[[identities]]
id = "+18885550101"
mps = "auto"
countries = ["US"]

[[identities]]
id = "ACME"
mps = 10
countries = ["DE"]

"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a campaign and a list: 1,200 rows to the US, 300 to Germany."""
    (tmp_path / "sale.toml").write_text(CAMPAIGN)
    numbers = [f"+1425{2000000 + n}" for n in range(1200)] + [f"+49171{2000000 + n}" for n in range(300)]
    (tmp_path / "list.csv").write_text("phone,name\n" + "".join(f"{number},Ann\n" for number in numbers))
    return tmp_path


def test_a_plan_tells_what_is_slow_what_would_help_and_what_is_risky(folder: Path) -> None:
    """On standard output, no line wider than 100 columns, and no recipient's number in it."""
    done = bulksend("plan", "list.csv", "--config", "sale.toml", folder=folder)
    assert done.code == 0, done
    for words in ("slowest", "Slowest  ", "Faster   another toll-free number", "auto 3", "auto: ", "snowshoeing"):
        assert words in done.out
    assert max(map(len, done.out.splitlines())) <= 100
    assert "+14252" not in done.out
    assert done.err == ""


def test_a_plan_for_programs_has_the_documented_fields(folder: Path) -> None:
    """Those of the README, and sums that agree."""
    document = bulksend("plan", "list.csv", "--config", "sale.toml", "--json", folder=folder).json
    assert {
        "rows",
        "sendable",
        "parts",
        "encodings",
        "skipped",
        "buckets",
        "eta_seconds",
        "limited_by",
        "slowest_bucket",
        "requests_eta_seconds",
        "recipient_eta_seconds",
        "auto_buckets",
        "another_identity",
        "warnings",
    } <= document.keys()
    assert [bucket.keys() for bucket in document["buckets"]] == [
        {"bucket", "mps", "messages", "parts", "eta_seconds"} for _ in range(3)
    ]
    assert sum(bucket["messages"] for bucket in document["buckets"]) == document["sendable"] == 1500
    assert document["eta_seconds"] == max(bucket["eta_seconds"] for bucket in document["buckets"])
    assert document["auto_buckets"] == ["+18885550101"]
    assert document["another_identity"]["eta_seconds"] < document["eta_seconds"]
    assert len(document["warnings"]) == 1


@pytest.mark.parametrize(
    ("rows", "override", "limited_by", "seconds"),
    [
        (1500, "pacing.requests_per_second=2", "requests", 1500 / 1.98),
        (300, "recipients.duplicates=send", "recipient", 299 / 0.99),
    ],
)
def test_what_holds_for_the_whole_campaign_is_in_its_time(
    rows: int, override: str, limited_by: str, seconds: float, folder: Path
) -> None:
    """The account's requests, and a message a second to one recipient."""
    if limited_by == "recipient":
        (folder / "list.csv").write_text("phone,name\n" + "+491713920001,Ann\n" * rows)
    document = bulksend("plan", "list.csv", "--config", "sale.toml", "--json", "--set", override, folder=folder).json
    assert (document["sendable"], document["limited_by"]) == (rows, limited_by)
    assert document["eta_seconds"] == pytest.approx(seconds, abs=0.1)
    assert document["another_identity"] is None


def test_a_plan_on_a_narrow_terminal(folder: Path) -> None:
    """Its sentences are broken at 80 columns, also those with long names in them."""
    text = CAMPAIGN.replace('"+18885550101"', '"phone-0123456789abcdef0123456789abcdef0123456789abcdef"')
    (folder / "sale.toml").write_text(text.replace('mps = "auto"', "mps = 3"))
    done = bulksend("plan", "list.csv", "--config", "sale.toml", folder=folder)
    assert "snowshoeing" in done.out
    assert max(map(len, done.out.splitlines())) <= 80
