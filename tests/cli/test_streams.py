"""Streams that are closed, full or gone, and signals before sending has begun."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.test_campaign import SERVICE, prepare
from tests.support.command import CREDENTIALS, ROOT, bulksend, command_line, environment, simulator, wait_until


def shell(line: str, folder: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a shell line in which `bulksend` is the real command."""
    command = " ".join(command_line([]))
    return subprocess.run(
        ["bash", "-c", line.replace("bulksend ", f"{command} ")],
        cwd=folder,
        env={**environment(folder, env), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_a_reader_that_goes_early_is_no_error(tmp_path: Path) -> None:
    """`| head -1` ends quietly."""
    prepare(tmp_path, us=1, ca=300, de=0)
    shell("bulksend send list.csv -c campaign.toml --ledger l.db --yes", tmp_path)
    done = shell("bulksend export l.db --format jsonl | head -1; echo ${PIPESTATUS[0]} >&2", tmp_path)
    assert done.stderr.split() == ["0"]


@pytest.mark.parametrize("stream", ["2>/dev/full", "2>&-", ">/dev/full", ">&-"])
def test_a_campaign_does_not_depend_on_who_listens(stream: str, tmp_path: Path) -> None:
    """A full or closed stream costs words, not messages; the exit code stays the campaign's."""
    prepare(tmp_path, us=0, ca=6, de=20)
    with simulator(tmp_path, SERVICE) as running:
        line = f"bulksend send list.csv -c campaign.toml --ledger l.db --endpoint-url {running.url} --yes -v {stream}"
        done = shell(line, tmp_path, CREDENTIALS)
        assert running.stats()["messages"]["accepted"] == 26
    assert done.returncode == 0, done.stderr
    assert bulksend("status", "l.db", "--json", folder=tmp_path).json["sent"] == 26


@pytest.mark.parametrize("line", ["plan list.csv -c campaign.toml >/dev/full", "parts Hi >/dev/full", "parts Hi >&-"])
def test_output_that_cannot_be_written_is_said(line: str, tmp_path: Path) -> None:
    """One line, exit code 2."""
    prepare(tmp_path, us=1, ca=0, de=0)
    done = shell(f"bulksend {line}", tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("bulksend: error: standard output")


def test_closed_standard_input_is_empty(tmp_path: Path) -> None:
    """An empty list, said as such."""
    prepare(tmp_path, us=1, ca=0, de=0)
    done = shell("bulksend plan - -c campaign.toml <&-", tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_an_export_never_takes_the_place_of_a_ledger(tmp_path: Path) -> None:
    """Refused by name, the ledger untouched; a good export appears at once or not at all."""
    prepare(tmp_path, us=1, ca=2, de=0)
    shell("bulksend send list.csv -c campaign.toml --ledger l.db --yes", tmp_path)
    shell("bulksend send list.csv -c campaign.toml --ledger other.db --yes", tmp_path)
    done = bulksend("export", "l.db", "--format", "csv", "--out", "other.db", folder=tmp_path)
    assert (done.code, "other.db" in done.error) == (2, True)
    assert bulksend("status", "other.db", folder=tmp_path).code == 0
    done = bulksend("export", "l.db", "--format", "csv", "--out", "r.csv", "--json", folder=tmp_path)
    assert (done.code, done.json["rows"]) == (0, 3)
    assert (tmp_path / "r.csv").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.glob(".r.csv*")] == []


def test_a_simulator_that_nobody_feeds_ends(tmp_path: Path) -> None:
    """`--until-eof` with an empty standard input, of whatever kind."""
    done = shell("bulksend simulate --port 0 --until-eof --json </dev/null", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("{")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_planning_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    """Exit code 3, and no half a plan, lock or copy of the list."""
    prepare(tmp_path, us=1, ca=1, de=0)
    reading, writing = os.pipe()
    process = subprocess.Popen(
        command_line(["send", "-", "-c", "campaign.toml", "--ledger", "l.db", "--yes"]),
        cwd=tmp_path,
        env={**environment(tmp_path, CREDENTIALS), "PYTHONPATH": str(ROOT)},
        stdin=reading,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(reading)
    # More than the first look at the input takes, so that the plan has begun; its end never comes.
    os.write(writing, b"phone,name,note\n" + b"+16045550100,Ann,hello\n" * 20_000)
    wait_until((tmp_path / "l.db.partial").exists, "planning did not begin")
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    os.close(writing)
    assert process.returncode == 3
    assert "interrupted" in err
    assert list(tmp_path.glob("*l.db*")) == []


def test_time_in_which_nothing_ran_is_not_counted(tmp_path: Path) -> None:
    """After a `kill -9` the rate is that of the sending, not higher than the limits and not falling for ever."""
    prepare(tmp_path, us=0, ca=100, de=0)
    with simulator(tmp_path, SERVICE) as running:
        arguments = [
            "send",
            "list.csv",
            "-c",
            "campaign.toml",
            "--ledger",
            "l.db",
            "--endpoint-url",
            running.url,
            "--yes",
        ]
        process = subprocess.Popen(
            command_line(arguments),
            cwd=tmp_path,
            env={**environment(tmp_path, CREDENTIALS), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(lambda: running.stats()["messages"]["accepted"] >= 30, "nothing was sent")
        process.kill()
        process.wait()
        killed = bulksend("status", "l.db", "--json", folder=tmp_path).json
        done = bulksend("resume", "l.db", "--yes", "--json", folder=tmp_path, env=CREDENTIALS)
        stats = running.stats()
    assert killed["parts_per_second"] <= 21
    assert done.json["parts_per_second"] <= 21
    assert done.code == 1
    assert 0 < done.json["unknown"] <= 45
    assert done.json["reasons"]["unknown"] == {"interrupted": done.json["unknown"]}
    assert done.json["sent"] + done.json["unknown"] == 100
    assert stats["duplicates"]["row"] == 0
