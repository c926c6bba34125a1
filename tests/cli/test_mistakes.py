"""What people get wrong: each ends with one line that names the place and what to do, and nothing is sent."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import CREDENTIALS, ROOT, Finished, bulksend, command_line, environment

CAMPAIGN = """
[campaign]
name = "test"
template = "Hi {{ name }}"
[recipients]
default_country = "US"
[[identities]]
id = "+18885550100"
mps = 3
"""

LIST = "phone,name\n+14255550100,Ann\n+14255550101,Ben\n"


def folder_with(folder: Path, *, campaign: str = CAMPAIGN, recipients: str = LIST) -> Path:
    """`folder` with a campaign and a list."""
    (folder / "campaign.toml").write_text(campaign)
    (folder / "list.csv").write_text(recipients)
    return folder


def plan(folder: Path, *flags: str) -> Finished:
    """`bulksend plan` in that folder."""
    return bulksend("plan", "list.csv", "-c", "campaign.toml", *flags, folder=folder)


def planned(folder: Path) -> Path:
    """`folder` with a campaign in `l.db` of which nothing is sent: the region is missing."""
    folder_with(folder)
    done = bulksend("send", "list.csv", "-c", "campaign.toml", "--ledger", "l.db", "--yes", folder=folder)
    assert done.code == 2
    return folder


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("mps = 3", "mps = 0", "identities[0].mps"),
        ("mps = 3", "mps = 3\ncolour = 1", "identities[0].colour"),
        ('name = "test"', 'name = "test"\ntime_to_live = "1s"', "campaign.time_to_live"),
        ('name = "test"', 'name = "test"\nmessage_type = "URGENT"', "campaign.message_type"),
        ('name = "test"', 'name = "test"\nmax_price = "1"', "campaign.max_price"),
        ("[recipients]", "[recipient]", "recipient"),
        ("{{ name }}", "{{ name", "template"),
        ('id = "+18885550100"', 'id = "no identity!"', "identities[0].id"),
        ("[campaign]", "[campaign", "TOML"),
    ],
)
def test_a_wrong_setting_is_named_with_its_file(old: str, new: str, named: str, tmp_path: Path) -> None:
    """Exit code 2, the file and the key."""
    done = plan(folder_with(tmp_path, campaign=CAMPAIGN.replace(old, new)))
    assert done.code == 2
    assert named in done.error
    assert "campaign.toml" in done.error or "template" in done.error


def test_a_missing_column_is_named_beside_those_that_are_there(tmp_path: Path) -> None:
    """The setting, the column, and what the header has."""
    done = plan(folder_with(tmp_path, recipients=LIST.replace("phone,", "mobile,")))
    assert done.code == 2
    for part in ("list.csv", "'phone'", "recipients.phone", "'mobile'"):
        assert part in done.error


def test_a_column_that_the_template_needs_is_missed_at_once(tmp_path: Path) -> None:
    """Not a thousand skipped rows: one error before anything is planned."""
    done = plan(folder_with(tmp_path, campaign=CAMPAIGN.replace("{{ name }}", "{{ code }}")))
    assert done.code == 2
    assert "'code'" in done.error


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_an_input_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    """No such file, a folder."""
    done = bulksend("plan", name, "-c", "campaign.toml", folder=folder_with(tmp_path))
    assert done.code == 2
    assert name in done.error


def test_a_list_without_rows_is_an_error(tmp_path: Path) -> None:
    """A header alone is no campaign."""
    done = plan(folder_with(tmp_path, recipients="phone,name\n"))
    assert done.code == 2
    assert "list.csv" in done.error


def test_missing_credentials_are_said_before_anything_is_claimed(tmp_path: Path) -> None:
    """Exit code 2; the plan is kept and nothing of it has begun."""
    folder_with(tmp_path)
    done = bulksend(
        "send", "list.csv", "-c", "campaign.toml", "--ledger", "l.db", "--yes", folder=tmp_path,
        env={"AWS_REGION": "us-east-1"},
    )  # fmt: skip
    assert done.code == 2
    assert "credentials" in done.error
    status = bulksend("status", "l.db", "--json", folder=tmp_path)
    assert (status.json["pending"], status.json["sending"]) == (2, 0)


def test_an_unreachable_endpoint_is_said_within_seconds(tmp_path: Path) -> None:
    """Exit code 2, and every row is pending."""
    folder_with(tmp_path)
    done = bulksend(
        "send", "list.csv", "-c", "campaign.toml", "--ledger", "l.db", "--yes", "--json",
        "--endpoint-url", "http://127.0.0.1:9", folder=tmp_path, env=CREDENTIALS,
    )  # fmt: skip
    assert done.code == 2
    assert "cannot be reached" in done.error
    assert (done.json["pending"], done.json["sent"], done.json["end"]) == (2, 0, "stopped")


def test_an_identity_that_no_setting_knows_skips_its_row(tmp_path: Path) -> None:
    """The row's own column names it, the plan says which row."""
    campaign = CAMPAIGN.replace("[recipients]", '[recipients]\nidentity = "from"')
    done = plan(folder_with(tmp_path, campaign=campaign, recipients="phone,name,from\n+14255550100,Ann,NOBODY\n"))
    assert done.code == 0
    assert "no_identity" in done.out
    assert "NOBODY" in done.out


def test_an_identity_that_the_service_does_not_know_stops_with_exit_code_4(tmp_path: Path) -> None:
    """The service refuses it: the rows behind stay pending, and the error names the identity."""
    from tests.support.command import simulator

    folder_with(tmp_path, recipients=LIST + "".join(f"+142555501{n},C\n" for n in range(10, 60)))
    service = '[[identities]]\nid = "20440"\ntype = "short_code"\ncountry = "US"\nmps = 100\n'
    with simulator(tmp_path, service) as running:
        done = bulksend(
            "send", "list.csv", "-c", "campaign.toml", "--ledger", "l.db", "--yes", "--json",
            "--endpoint-url", running.url, folder=tmp_path, env=CREDENTIALS,
        )  # fmt: skip
    assert done.code == 4
    assert "+18885550100" in done.error
    assert "phone_number_not_found" in done.error
    assert done.json["pending"] > 40


def test_a_send_that_nobody_can_confirm_is_refused(tmp_path: Path) -> None:
    """Off a terminal it needs --yes; nothing is written before that is clear."""
    done = bulksend("send", "list.csv", "-c", "campaign.toml", "--ledger", "l.db", folder=folder_with(tmp_path))
    assert done.code == 2
    assert "--yes" in done.error
    assert list(tmp_path.glob("l.db*")) == []


@pytest.mark.parametrize("command", ["status", "resume"])
def test_a_ledger_that_is_not_there_or_none_is_named(command: str, tmp_path: Path) -> None:
    """Missing, or another kind of file."""
    missing = bulksend(command, "nothing.db", folder=tmp_path)
    assert (missing.code, "nothing.db" in missing.error) == (2, True)
    (tmp_path / "other.db").write_text("not a database, but long enough to be looked at " * 20)
    other = bulksend(command, "other.db", folder=tmp_path)
    assert (other.code, "other.db" in other.error) == (2, True)


def test_an_unknown_option_points_to_the_help(tmp_path: Path) -> None:
    """One line, exit code 2."""
    done = bulksend("plan", "list.csv", "--nonsense", folder=tmp_path)
    assert done.code == 2
    assert "bulksend plan --help" in done.error


def test_a_wrong_environment_variable_is_named(tmp_path: Path) -> None:
    """The variable and the nearest that exists."""
    done = bulksend(
        "plan", "list.csv", "-c", "campaign.toml", folder=folder_with(tmp_path), env={"BULKSEND_CAMPAIGN_NAM": "x"}
    )
    assert done.code == 2
    assert "BULKSEND_CAMPAIGN_NAM" in done.error


NO_NETWORK = """
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.bind"):
        raise SystemExit(f"network: {event}")

sys.addaudithook(refuse)
from bulksend.cli.app import run
sys.exit(run(["plan", "list.csv", "-c", "campaign.toml", "--json"]))
"""


def test_plan_opens_no_connection(tmp_path: Path) -> None:
    """The interpreter itself reports every connection, name look-up and listening socket; there are none."""
    folder_with(tmp_path)
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", NO_NETWORK],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert '"sendable":2' in done.stdout


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"reconcile l.db {'a' * 5000}", "cannot be opened"),
        (["reconcile", "l.db", ""], "is empty"),
        ("feedback l.db f.csv", "f.csv, line 2: row must be"),
        (f"export l.db --format csv --out {'a' * 5000}", "cannot be written"),
    ],
)
def test_input_that_nobody_means_is_no_fault_of_ours(line: str | list[str], words: str, tmp_path: Path) -> None:
    """Names that no file can have, a row of 5,000 digits: exit code 2."""
    planned(tmp_path)
    (tmp_path / "f.csv").write_text(f"row,feedback\n{'9' * 5000},received\n")
    done = bulksend(*(line.split() if isinstance(line, str) else line), folder=tmp_path)
    assert done.code == 2
    assert words in done.error


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal", ".lock", ".orders", ".partial", ".partial-wal"])
def test_an_export_does_not_take_a_name_that_a_ledger_needs(suffix: str, tmp_path: Path) -> None:
    """Whether the file is there at the moment or not; the same name beside no ledger is free."""
    planned(tmp_path)
    before = (tmp_path / "l.db").read_bytes()
    export = ("export", "l.db", "--format", "csv", "--out")
    done = bulksend(*export, f"l.db{suffix}", folder=tmp_path)
    assert done.code == 2
    assert "belongs to a ledger" in done.error
    assert (tmp_path / "l.db").read_bytes() == before
    assert bulksend(*export, f"other.csv{suffix}", folder=tmp_path).code == 0


def test_an_export_does_not_take_the_name_of_a_ledger_that_is_being_planned(tmp_path: Path) -> None:
    """Nor that of its lock."""
    planned(tmp_path)
    (tmp_path / "l.db").rename(tmp_path / "new.db.partial")
    for name in ("new.db", "new.db.lock"):
        done = bulksend("export", "new.db.partial", "--format", "csv", "--out", name, folder=tmp_path)
        assert done.code == 2
        assert "belongs to a ledger" in done.error


def test_a_list_without_a_header_shows_no_number(tmp_path: Path) -> None:
    """In the error that quotes its first line as the names of columns."""
    done = plan(folder_with(tmp_path, recipients="+14255550142,Ann\n+14255550143,Ben\n"), "--json")
    assert done.code == 2
    assert "'[number]', 'Ann'" in done.json["error"]
    assert "header line missing" in done.error
    assert "5550142" not in done.out + done.err


def test_a_later_run_that_reaches_nobody_speaks_of_itself(tmp_path: Path) -> None:
    """Earlier ones have sent, so `nothing was sent` would be wrong; it is kept as the cause of this run."""
    from tests.support.command import simulator

    folder_with(tmp_path)
    service = '[[identities]]\nid = "+18885550100"\ntype = "toll_free"\ncountry = "US"\nmps = 3\n'
    with simulator(tmp_path, service) as running:
        first = bulksend(
            "send", "list.csv", "-c", "campaign.toml", "--ledger", "l.db", "--yes", "--limit", "1", "--json",
            "--endpoint-url", running.url, folder=tmp_path, env=CREDENTIALS,
        )  # fmt: skip
    assert first.json["sent"] == 1
    done = bulksend(
        "resume", "l.db", "--yes", "--json", "--endpoint-url", "http://127.0.0.1:9", folder=tmp_path, env=CREDENTIALS
    )
    assert (done.code, done.json["sent"]) == (2, 1)
    assert "nothing was sent in this run" in done.error
    assert "nothing was sent in this run" in done.json["cause"]


def test_a_watch_whose_reader_has_gone_ends(tmp_path: Path) -> None:
    """`status --watch | head -1`, with work left in the ledger."""
    planned(tmp_path)
    with subprocess.Popen(
        command_line(["status", "l.db", "--watch", "--interval", "0.2"]),
        cwd=tmp_path,
        env={**environment(tmp_path), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.readline()
            process.stdout.close()
            assert process.wait(30) == 0
            assert process.stderr.read() == b""
        finally:
            process.kill()
