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
    for words in ("finish (", "Slowest  ", "Faster   another toll-free number", "auto 3", "auto: ", "snowshoeing"):
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
        "skipped_rows",
        "begins_at",
        "finish_at",
        "finish_at_by_bucket",
        "parts_left",
        "ucs2",
        "cost",
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


def test_a_plan_with_a_page_and_prices(folder: Path) -> None:
    """The page is private and shows messages; a plan above the limit is one line, exit code 2, by `send` too."""
    (folder / "prices.toml").write_text("[default]\nprice = 0.01\n")
    (folder / "sale.toml").write_text(
        CAMPAIGN.replace("Hi {{ name }},", "Hi {{ name }} \u2013").replace('"auto"', "3")
        + '[pricing]\nfile = "prices.toml"\nmax_total = "20"\n'
    )
    plan = ("plan", "list.csv", "--config", "sale.toml")
    done = bulksend(*plan, "--html", "plan.html", "--suggest", folder=folder)
    assert done.code == 0, done
    assert "$15.00 for 1,500 parts" in done.out.replace("\n         ", " ")
    assert "    | Hi {{ name }} - your code is 12345" in done.out
    page = folder / "plan.html"
    assert page.stat().st_mode & 0o777 == 0o600
    assert "Hi Ann \u2013 your code is 12345" in page.read_text()
    assert "+14252" not in page.read_text() + done.out
    document = bulksend(*plan, "--json", "--samples", folder=folder).json
    assert document["cost"]["high_usd"] == "15"
    assert len(document["samples"]) == 3
    refused = bulksend(*plan, "--json", "--set", "pricing.max_total=14.99", folder=folder)
    assert (refused.code, refused.json["cost"]["high_usd"]) == (2, "15")
    assert "pricing.max_total is $14.99" in refused.error
    sent = bulksend("send", *plan[1:], "--ledger", "a.db", "--yes", "--set", "pricing.max_total=14", folder=folder)
    assert (sent.code, (folder / "a.db").exists()) == (2, False)
    assert "pricing.max_total is $14" in sent.error
    taken = bulksend(*plan, "--html", "missing/plan.html", folder=folder)
    assert taken.code == 2
    assert "--html missing/plan.html: cannot be written" in taken.error
    list_before = (folder / "list.csv").read_bytes()
    for name, read in (("list.csv", "INPUT"), ("./sale.toml", "--config")):
        assert f"is the file of {read}, which it would replace" in bulksend(*plan, "--html", name, folder=folder).error
    assert (folder / "list.csv").read_bytes() == list_before
