"""`bulksend rehearse --at service`, where the service is a simulator that can say what reached it."""

import signal
from pathlib import Path

import pytest

from bulksend.cli.demonstrating import RunningSimulator
from tests.cli.test_campaign import SERVICE, prepare, send
from tests.support.command import (
    CREDENTIALS,
    Finished,
    bulksend,
    simulator,
    started,
    wait_until,
)
from tests.support.margin import at_most

OPTED_OUT = "+491713920003"

REFUSING = """
[[identities]]
id = "+18885550100"
type = "toll_free"
country = "US"
status = "PENDING"
mps = 3
[[identities]]
id = "+16045550199"
type = "long_code"
country = "CA"
countries = ["US"]
mps = 20
[[identities]]
id = "ACME"
type = "sender_id"
country = "DE"
countries = ["DE"]
mps = 100
[[opt_out_lists]]
name = "Default"
numbers = ["+491713920003"]
"""
"""An identity that is not active, one that cannot reach the country, and somebody who said STOP."""


def rehearse(folder: Path, running: RunningSimulator, *flags: str, env: dict[str, str] | None = None) -> Finished:
    """`bulksend rehearse --at service` of that folder's campaign, at a simulator."""
    return bulksend(
        "rehearse", "list.csv", "-c", "campaign.toml", "--at", "service", "--endpoint-url", running.url, *flags,
        folder=folder, env={**CREDENTIALS, **(env or {})},
    )  # fmt: skip


@pytest.mark.parametrize("where", ["config", "environment", "flag"])
def test_nothing_is_ever_sent_without_dry_run(where: str, tmp_path: Path) -> None:
    """Whatever settings, environment and flags say of DryRun; and only the sample is asked about."""
    prepare(tmp_path, us=2, ca=4, de=300)
    env, flags = {}, []
    if where == "config":
        text = (tmp_path / "campaign.toml").read_text()
        (tmp_path / "campaign.toml").write_text(text.replace("[campaign]", "[campaign]\ndry_run = false", 1))
    elif where == "environment":
        env = {"BULKSEND_CAMPAIGN_DRY_RUN": "false"}
    else:
        flags = ["--set", "campaign.dry_run=false"]
    with simulator(tmp_path, SERVICE) as running:
        done = rehearse(tmp_path, running, "--sample", "8", "--json", *flags, env=env)
        stats = running.stats()
    assert done.code == 0, done.err
    assert stats["messages"]["offered"] == 0
    assert stats["dry_run"]["offered"] == done.json["sample"] == done.json["fine"] == 8
    assert stats["requests"] == {"SendTextMessage": 8}
    assert (done.json["wanted"], done.json["rows"], done.json["listed"]) == (8, 306, 306)
    assert not list(tmp_path.glob("*.db*"))


def test_five_parts_a_second_hold_over_all_identities(tmp_path: Path) -> None:
    """Three identities that could each be asked about five a second are not."""
    prepare(tmp_path, us=0, ca=30, de=30)
    with simulator(tmp_path, SERVICE) as running:
        done = rehearse(tmp_path, running, "--sample", "20", "--json")
        stats = running.stats()
    assert done.code == 0, done.err
    parts = stats["dry_run"]["offered_parts"]
    assert parts >= 20
    # The first second may hold five; every later one holds five more.
    assert done.json["seconds"] >= (parts - 5 - 3) / 5
    assert all(each["fullest_offered"] <= at_most(5) for each in stats["dry_run_buckets"].values())


def test_what_the_service_refuses_is_told_by_reason(tmp_path: Path) -> None:
    """An inactive identity, a country that cannot be reached, somebody who opted out; the ledger accounts for all."""
    prepare(tmp_path, us=4, ca=20, de=10)
    with simulator(tmp_path, REFUSING) as running:
        done = rehearse(tmp_path, running, "--all", "--json", "--ledger", "check.db")
        assert running.stats()["messages"]["offered"] == 0
    assert done.code == 1, done.err
    found = done.json
    assert (found["wanted"], found["sample"], found["fine"], found["refused"], found["left"]) == (None, 34, 9, 25, 0)
    assert (found["end"], found["cause"], found["ledger"]) == ("complete", None, "check.db")
    by_reason = {each["reason"]: each for each in found["refusals"]}
    opted_out = by_reason["destination_phone_number_opted_out"]
    assert (opted_out["rows"], opted_out["held"], opted_out["identities"]) == (1, 0, {"ACME": 1})
    assert opted_out["countries"] == {"DE": 1}
    unreachable = by_reason["invalid_identity_for_destination_country"]
    assert (unreachable["rows"], unreachable["identities"]) == (20, {"+16045550199": 20})
    assert len(unreachable["first_rows"]) == 5
    inactive = by_reason["resource_not_active"]
    assert (inactive["rows"], inactive["held"], inactive["countries"]) == (4, 4, {"US": 4})
    export = bulksend("export", "check.db", "--format", "csv", "--status", "failed", folder=tmp_path)
    assert OPTED_OUT in export.out
    assert f"{opted_out['first_rows'][0]}," in export.out
    assert OPTED_OUT not in done.out + done.err


def test_rows_of_a_refused_identity_that_another_can_send_are_told(tmp_path: Path) -> None:
    """They are asked about from there, as a real send would; the identity is named all the same, exit code 1."""
    prepare(tmp_path, us=8, ca=0, de=0)
    second = '[[identities]]\nid = "20440"\nmps = 3\ncountries = ["US"]\n'
    (tmp_path / "campaign.toml").write_text((tmp_path / "campaign.toml").read_text() + second)
    service = REFUSING + '[[identities]]\nid = "20440"\ntype = "short_code"\ncountry = "US"\nmps = 3\n'
    with simulator(tmp_path, service) as running:
        done = rehearse(tmp_path, running, "--json")
    assert done.code == 1, done.err
    assert (done.json["fine"], done.json["refused"], done.json["left"]) == (8, 0, 0)
    (breaker,) = done.json["breakers"]
    assert (breaker["identity"], breaker["reason"], breaker["held"]) == ("+18885550100", "resource_not_active", 0)
    assert breaker["moved"] > 0


def test_people_are_told_where_it_was_asked_and_what_was_refused(tmp_path: Path) -> None:
    """Endpoint and region before the first request; 80 columns."""
    prepare(tmp_path, us=0, ca=3, de=3)
    with simulator(tmp_path, REFUSING) as running:
        done = rehearse(tmp_path, running, "--sample", "4", "--region", "eu-west-1")
    assert done.code == 1, done.err
    assert f"{running.url} (eu-west-1)" in done.err
    assert done.err.index(running.url) < done.err.index("send.started")
    assert f"Service   {running.url} (eu-west-1)" in done.out
    assert "invalid_identity_for_destination_country" in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_rows_outside_the_sample_are_skipped_and_counted(tmp_path: Path) -> None:
    """The kept ledger adds up, is a DryRun's, and cannot be taken for the campaign's own."""
    prepare(tmp_path, us=2, ca=20, de=30)
    with simulator(tmp_path, SERVICE) as running:
        done = rehearse(tmp_path, running, "--sample", "6", "--ledger", "l.db")
        assert done.code == 0, done.err
        status = bulksend("status", "l.db", "--json", folder=tmp_path).json
        assert (status["rows"], status["sent"], status["skipped"], status["dry_run"]) == (52, 6, 46, True)
        assert status["reasons"]["skipped"] == {"not_sampled": 46}
        refused = send(tmp_path, running, "--yes")
        assert (refused.code, "campaign.dry_run" in refused.error) == (2, True)
        again = rehearse(tmp_path, running, "--sample", "6", "--ledger", "l.db", "--json")
        assert (again.code, again.json["fine"]) == (0, 6)
        other = rehearse(tmp_path, running, "--sample", "7", "--ledger", "l.db")
        assert (other.code, "sample of 6" in other.error) == (2, True)
        stats = running.stats()
    assert (stats["messages"]["offered"], stats["dry_run"]["offered"]) == (0, 6)


def test_the_ledger_of_a_campaign_is_not_made_a_sample_of(tmp_path: Path) -> None:
    """Neither of a real one nor of `send --dry-run`."""
    prepare(tmp_path, us=0, ca=0, de=6)
    with simulator(tmp_path, SERVICE) as running:
        assert send(tmp_path, running, "--yes", "--limit", "1").code == 3
        real = rehearse(tmp_path, running, "--ledger", "l.db")
        assert (real.code, "campaign.dry_run" in real.error) == (2, True)
        (tmp_path / "l.db").unlink()
        assert send(tmp_path, running, "--dry-run", "--limit", "1").code == 3
        dry = rehearse(tmp_path, running, "--ledger", "l.db")
        assert (dry.code, "not a rehearsal" in dry.error) == (2, True)
        assert running.stats()["requests"]["SendTextMessage"] == 2
    status = bulksend("status", "l.db", "--json", folder=tmp_path).json
    assert (status["pending"], status["skipped"]) == (5, 0)


def test_an_interrupted_rehearsal_goes_on_with_the_same_command(tmp_path: Path) -> None:
    """Exit code 3, what is left is told; then the rest of the very same sample is asked about."""
    prepare(tmp_path, us=0, ca=10, de=30)
    with simulator(tmp_path, SERVICE) as running:
        flags = ["--at", "service", "--endpoint-url", running.url, "--sample", "20", "--ledger", "l.db", "--json"]
        process = started("rehearse", "list.csv", "-c", "campaign.toml", *flags, folder=tmp_path)
        wait_until(lambda: running.stats()["dry_run"]["accepted"] >= 3, "nothing was asked")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, '"end":"interrupted"' in out) == (3, True), err
        done = rehearse(tmp_path, running, "--sample", "20", "--ledger", "l.db", "--json")
        assert done.code == 0, done.err
        assert done.json["fine"] == done.json["sample"] == running.stats()["dry_run"]["accepted"] == 20
        assert running.stats()["messages"]["offered"] == 0


def test_a_stop_by_the_service_is_exit_code_4(tmp_path: Path) -> None:
    """What was not asked about is left, with the cause."""
    prepare(tmp_path, us=0, ca=0, de=9)
    with simulator(tmp_path, SERVICE + '[account]\naccess_denied = "ACCOUNT_DISABLED"\n') as running:
        done = rehearse(tmp_path, running, "--json")
    assert done.code == 4, done.err
    assert (done.json["fine"], done.json["left"], done.json["end"]) == (0, 9, "stopped")
    assert "account_disabled" in done.json["cause"]


def test_a_service_that_cannot_be_reached_is_exit_code_2(tmp_path: Path) -> None:
    """Nothing was asked; the reason is told."""
    prepare(tmp_path, us=0, ca=0, de=9)
    with simulator(tmp_path, SERVICE) as running:
        pass
    done = rehearse(tmp_path, running)
    assert (done.code, "cannot be reached" in done.error) == (2, True), done.err


def test_credentials_and_region_are_looked_for_before_anything_else(tmp_path: Path) -> None:
    """No ledger is made where there are none."""
    prepare(tmp_path, us=0, ca=0, de=9)
    arguments = ("rehearse", "list.csv", "-c", "campaign.toml", "--at", "service", "--ledger", "l.db")
    nobody = bulksend(*arguments, folder=tmp_path, env={"AWS_REGION": "us-east-1"})
    assert (nobody.code, "credentials" in nobody.error) == (2, True)
    nowhere = bulksend(*arguments, folder=tmp_path, env={**CREDENTIALS, "AWS_REGION": ""})
    assert (nowhere.code, "region" in nowhere.error) == (2, True)
    assert not list(tmp_path.glob("l.db*"))


def test_limits_that_are_the_accounts_to_tell_are_asked_for(tmp_path: Path) -> None:
    """`mps = "auto"` costs a look at the account, and --json stays one object."""
    prepare(tmp_path, us=0, ca=0, de=3)
    text = (tmp_path / "campaign.toml").read_text()
    (tmp_path / "campaign.toml").write_text(text.replace("mps = 100", 'mps = "auto"'))
    with simulator(tmp_path, SERVICE) as running:
        done = rehearse(tmp_path, running, "--json")
        requests = running.stats()["requests"]
    assert (done.code, done.json["fine"]) == (0, 3), done.err
    assert requests == {"DescribeSenderIds": 1, "SendTextMessage": 3}
