"""`bulksend rehearse` at its own simulator: the real command, in a subprocess."""

import csv
import json
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_campaign import CAMPAIGN, write_list
from tests.support.command import Finished, bulksend, started, wait_until
from tests.support.margin import at_most

ONE_IDENTITY = """
[campaign]
name = "test"
template = "Hi {{{{ name }}}}"
[recipients]
default_country = "US"
[[identities]]
id = "ACME"
mps = {mps}
countries = ["DE"]
"""


def prepare(folder: Path, *, rows: int, mps: int) -> None:
    """A folder with a list of `rows` messages of one part, and a campaign with one identity."""
    with (folder / "list.csv").open("w", newline="") as out:
        csv.writer(out).writerows([["phone", "name"], *([f"+49171{3920000 + row}", f"N{row}"] for row in range(rows))])
    (folder / "campaign.toml").write_text(ONE_IDENTITY.format(mps=mps))


def rehearse(folder: Path, *flags: str, env: dict[str, str] | None = None) -> Finished:
    """`bulksend rehearse` of that folder's campaign."""
    return bulksend("rehearse", "list.csv", "--config", "campaign.toml", *flags, folder=folder, env=env)


def test_a_rehearsal_ends_with_a_verdict(tmp_path: Path) -> None:
    """The whole list is sent at the limit, nobody needs credentials, and nothing is left behind."""
    prepare(tmp_path, rows=9, mps=2)
    done = rehearse(tmp_path, "--json", "--latency", "fast")
    assert done.code == 0, done.err
    found = done.json
    assert (found["at"], found["rows"], found["sent"], found["end"]) == ("simulator", 9, 9, "complete")
    assert found["latency"] == {"median_ms": 15.0, "p99_ms": 60.0}
    (bucket,) = found["buckets"]
    assert (bucket["bucket"], bucket["mps"], bucket["messages"], bucket["parts"]) == ("ACME", 2, 9, 9)
    assert bucket["fullest_released"] <= 2
    assert bucket["fullest_arrived"] <= at_most(2)
    assert bucket["used"] == pytest.approx(0.99, abs=0.04)
    assert found["verdict"]["cause"] == "limit"
    assert found["verdict"]["bucket"] == "ACME"
    assert found["verdict"]["kept_up"] is True
    assert 0 < found["answers"]["median_ms"] <= found["answers"]["p99_ms"]
    assert found["peak_memory_bytes"] > 2**20
    assert found["cpu"]["process_seconds"] > 0
    assert {path.name for path in tmp_path.iterdir()} == {"list.csv", "campaign.toml"}


def test_people_are_told_in_80_columns(tmp_path: Path) -> None:
    """Buckets, time, answers, processors, memory and the verdict."""
    write_list(tmp_path / "list.csv", us=2, ca=10, de=40)
    (tmp_path / "campaign.toml").write_text(CAMPAIGN)
    done = rehearse(tmp_path, "--speed", "2")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= 80
    for word in ("+18885550100", "+16045550199", "ACME", "Time", "Answers", "CPU", "Memory", "Verdict"):
        assert any(line.startswith(word) for line in lines), word


@contextmanager
def listener() -> Iterator[tuple[str, list[int]]]:
    """A socket that nobody is to connect to: its URL, and a list that gets an item at the end if somebody has."""
    visits: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        yield f"http://127.0.0.1:{server.getsockname()[1]}", visits
        try:
            server.accept()[0].close()
        except TimeoutError:
            return
        visits.append(1)


@pytest.mark.parametrize("where", ["config", "environment", "proxy"])
def test_nothing_reaches_another_endpoint(where: str, tmp_path: Path) -> None:
    """Whatever the settings and the environment name: endpoint, profile, region, credentials or proxy."""
    prepare(tmp_path, rows=5, mps=50)
    flags: tuple[str, ...] = ()
    with listener() as (url, visits):
        env = {"AWS_PROFILE": "nobody", "AWS_REGION": "eu-central-1", "BULKSEND_CAMPAIGN_DRY_RUN": "true"}
        if where == "config":
            flags = ("--set", f"aws.endpoint_url={url}", "--set", "aws.profile=nobody")
        elif where == "environment":
            env |= {
                "AWS_ENDPOINT_URL": url,
                "AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2": url,
                "BULKSEND_AWS_ENDPOINT_URL": url,
            }
        else:
            env |= {"HTTP_PROXY": url, "http_proxy": url, "ALL_PROXY": url, "NO_PROXY": "", "no_proxy": ""}
        done = rehearse(tmp_path, "--json", *flags, env=env)
    assert visits == []
    assert done.code == 0, done.err
    assert (done.json["sent"], done.json["buckets"][0]["fullest_arrived"]) == (5, 5)


def test_time_can_be_compressed(tmp_path: Path) -> None:
    """Ten times the limit, a tenth of the latency and of the time; the verdict tells of life."""
    prepare(tmp_path, rows=40, mps=2)
    done = rehearse(tmp_path, "--json", "--speed", "10", "--latency", "slow")
    assert done.code == 0, done.err
    found = done.json
    assert (found["speed"], found["buckets"][0]["mps"]) == (10, 20)
    assert 1.5 < found["seconds"] < 10
    assert found["seconds_at_limits"] == pytest.approx(40 / (2 * 0.99), abs=0.1)
    assert found["latency"] == {"median_ms": 250.0, "p99_ms": 2000.0}
    assert found["answers"]["median_ms"] < 125
    assert found["verdict"]["kept_up"] is True
    assert "of its 2 parts a second" in found["verdict"]["sentence"]


def test_a_processor_that_cannot_keep_up_is_named(tmp_path: Path) -> None:
    """100,000 parts a second are more than any machine sends: the verdict says what it is that cannot."""
    prepare(tmp_path, rows=20_000, mps=1000)
    done = rehearse(tmp_path, "--json", "--speed", "100", "--latency", "fast")
    assert done.code == 0, done.err
    verdict = done.json["verdict"]
    assert verdict["cause"] in ("processor", "simulator")
    assert verdict["kept_up"] is False
    assert verdict["value"] >= 0.8
    assert (done.json["buckets"][0]["used"] or 0.0) < 0.5


def test_connections_that_are_too_few_are_named(tmp_path: Path) -> None:
    """Two at a time, a quarter of a second each, cannot carry fifty parts a second."""
    prepare(tmp_path, rows=20, mps=50)
    (tmp_path / "day.toml").write_text("[latency]\nmedian_ms = 250.0\n")
    done = rehearse(tmp_path, "--json", "--simulator", "day.toml", "--set", "aws.max_concurrency=2")
    assert done.code == 0, done.err
    assert done.json["verdict"]["cause"] == "connections"
    assert done.json["in_flight"] == {"most": 2, "max": 2}


def test_the_accounts_limit_on_requests_is_rehearsed(tmp_path: Path) -> None:
    """The simulator has it too, and it decides where it is the lowest."""
    prepare(tmp_path, rows=16, mps=50)
    done = rehearse(tmp_path, "--json", "--set", "pacing.requests_per_second=4")
    assert done.code == 0, done.err
    assert (done.json["verdict"]["cause"], done.json["verdict"]["limit"]) == ("account", 4)
    assert done.json["seconds"] > 3


def test_one_recipient_is_not_sent_two_in_a_second(tmp_path: Path) -> None:
    """The simulator would throttle that; in compressed time it is as much more often."""
    prepare(tmp_path, rows=1, mps=50)
    (tmp_path / "list.csv").write_text("phone,name\n" + "+491713920000,N\n" * 5)
    done = rehearse(tmp_path, "--json", "--speed", "5", "--set", "recipients.duplicates=send")
    assert done.code == 0, done.err
    assert (done.json["sent"], done.json["throttled"]) == (5, 0)
    assert done.json["seconds"] >= 0.8


def test_faults_of_a_day_are_rehearsed(tmp_path: Path) -> None:
    """What has no answer is unknown, exit code 1; identities of the file are none of the campaign's."""
    prepare(tmp_path, rows=20, mps=50)
    day = '[faults]\ninternal_error = 1.0\n[[identities]]\nid = "ACME"\ntype = "sender_id"\ncountry = "US"\nmps = 1\n'
    (tmp_path / "day.toml").write_text(day)
    done = rehearse(tmp_path, "--json", "--simulator", "day.toml", "--set", "pacing.headroom=0.5")
    assert done.code in (1, 4), done.err
    assert done.json["unknown"] == 20
    assert done.json["buckets"][0]["mps"] == 50


def test_every_form_of_an_identity_is_rehearsed(tmp_path: Path) -> None:
    """Pools, ids and ARNs send at the limit that the campaign gives them."""
    prepare(tmp_path, rows=12, mps=50)
    ids = ("pool-0123456789abcdef", "arn:aws:sms-voice:us-east-1:123456789012:phone-number/phone-0123456789abcdef")
    tables = [f'[[identities]]\nid = "{id}"\nmps = 40\ncountries = ["DE"]\n' for id in ids]  # noqa: A001
    (tmp_path / "campaign.toml").write_text(ONE_IDENTITY.format(mps=50) + "".join(tables))
    done = rehearse(tmp_path, "--json")
    assert done.code == 0, done.err
    assert done.json["sent"] == 12
    assert {each["bucket"] for each in done.json["buckets"]} <= {"ACME", *ids}
    assert all(each["fullest_arrived"] > 0 for each in done.json["buckets"])


def test_an_interrupted_rehearsal_tells_what_it_knows(tmp_path: Path) -> None:
    """Exit code 3, the figures until then, and no ledger left."""
    prepare(tmp_path, rows=60, mps=3)
    process = started(
        "rehearse", "list.csv", "-c", "campaign.toml", "--json", "--log-format", "json", folder=tmp_path, env=None
    )
    assert process.stderr is not None
    while "send.progress" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 3
    found: dict[str, Any] = json.loads(out)
    assert (found["end"], found["sent"] + found["pending"]) == ("interrupted", 60)
    assert 0 < found["sent"] < 60
    wait_until(lambda: {path.name for path in tmp_path.iterdir()} == {"list.csv", "campaign.toml"}, "files are left")


def test_a_list_without_anything_to_send(tmp_path: Path) -> None:
    """Nothing to rehearse is no failure."""
    prepare(tmp_path, rows=1, mps=3)
    (tmp_path / "list.csv").write_text("phone,name\n123,N\n")
    done = rehearse(tmp_path)
    assert done.code == 0, done.err
    assert "There was nothing to send." in done.out
    assert "1 skipped" in done.out


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--sample", "5"), "--sample"),
        (("--all",), "--all"),
        (("--ledger", "l.db"), "--ledger"),
        (("--endpoint-url", "http://127.0.0.1:1"), "--endpoint-url"),
        (("--at", "service", "--speed", "2"), "--speed"),
        (("--at", "service", "--latency", "fast"), "--latency"),
        (("--at", "service", "--simulator", "day.toml"), "--simulator"),
        (("--at", "service", "--all", "--sample", "5"), "--sample"),
        (("--latency", "fast", "--simulator", "day.toml"), "--latency"),
        (("--simulator", "missing.toml"), "missing.toml"),
        (("--simulator", "day.toml"), "weather"),
        (("--speed", "0"), "--speed"),
        (("--speed", "2000"), "--speed"),
        (("--at", "home"), "--at"),
        (("--set", "campaign.template="), "campaign.template"),
    ],
)
def test_what_does_not_fit_is_refused(flags: tuple[str, ...], named: str, tmp_path: Path) -> None:
    """Exit code 2, and the option or key is named, before anything is planned."""
    prepare(tmp_path, rows=1, mps=3)
    (tmp_path / "day.toml").write_text("weather = 1\n")
    done = rehearse(tmp_path, *flags)
    assert (done.code, named in done.error) == (2, True), done.err
    assert {path.name for path in tmp_path.iterdir()} == {"list.csv", "campaign.toml", "day.toml"}


def test_an_input_that_is_missing_is_named(tmp_path: Path) -> None:
    """As by every command."""
    prepare(tmp_path, rows=1, mps=3)
    done = bulksend("rehearse", "other.csv", "-c", "campaign.toml", folder=tmp_path)
    assert (done.code, "other.csv" in done.error) == (2, True)
    assert {path.name for path in tmp_path.iterdir()} == {"list.csv", "campaign.toml"}
