"""With --json, standard output is exactly one JSON object, whatever goes wrong and however early."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_mistakes import folder_with
from tests.support.command import CREDENTIALS, ROOT, Finished, bulksend, command_line, environment, wait_until

SEND = ("send", "list.csv", "-c", "campaign.toml", "--ledger", "l.db", "--yes", "--json")


def assert_told_twice(done: Finished, code: int) -> None:
    """The error is one object for programs and one line for people, and they agree."""
    assert done.code == code, done
    assert done.json["exit_code"] == code
    assert str(done.json["error"]) in done.error
    assert str(done.json["hint"])[1:] in done.error


@pytest.mark.parametrize(
    ("line", "words", "hint"),
    [
        ("send list.csv --nonsense --json", "--nonsense", "bulksend send --help"),
        ("send --json", "INPUT", "bulksend send --help"),
        ("send list.csv --json --limit 0", "--limit", "bulksend send --help"),
        ("export l.db --format csv --json", "--out", "bulksend export --help"),
        ("simulate --json --port x", "--port", "bulksend simulate --help"),
        ("nonsense --json", "nonsense", "bulksend --help"),
        ("status nothing.db --json", "nothing.db", ""),
        ("simulate --json --host 192.0.2.1", "192.0.2.1", "127.0.0.1"),
    ],
)
def test_every_mistake_is_an_object(line: str, words: str, hint: str, tmp_path: Path) -> None:
    """Of a command, of its options, and of what they name."""
    done = bulksend(*line.split(), folder=tmp_path)
    assert_told_twice(done, 2)
    assert words in done.json["error"]
    assert hint in done.json["hint"]


def test_without_json_standard_output_is_empty(tmp_path: Path) -> None:
    """Also where the word is no option but what comes after the end of the options."""
    for line in ("send --nonsense", "plan -- list.csv --json"):
        done = bulksend(*line.split(), folder=tmp_path)
        assert (done.code, done.out) == (2, "")
        assert done.error


def test_a_name_that_is_not_utf8_is_no_fault_of_ours(tmp_path: Path) -> None:
    """It stands in the object, escaped."""
    name = os.fsdecode(b"\xff.csv")
    done = bulksend("plan", name, "-c", "campaign.toml", "--json", folder=folder_with(tmp_path))
    assert done.code == 2
    assert name in done.json["error"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_sending_begins_is_an_object(number: signal.Signals, tmp_path: Path) -> None:
    """Exit code 3 in both places."""
    folder_with(tmp_path)
    process = subprocess.Popen(
        command_line(["send", "-", *SEND[2:]]),
        cwd=tmp_path,
        env={**environment(tmp_path, CREDENTIALS), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write("phone,name\n" + "+16045550100,Ann\n" * 20_000)
    process.stdin.flush()
    wait_until((tmp_path / "l.db.partial").exists, "planning did not begin")
    process.send_signal(number)
    assert process.wait(30) == 3
    out, err = process.communicate(timeout=30)
    done = Finished(process.returncode, out, err)
    assert_told_twice(done, 3)
    assert done.json["error"] == "interrupted"


FAULTY = """
import sys
from bulksend.cli.app import run

def interpose(ledger, gateway):
    raise LookupError("private words")

sys.exit(run(sys.argv[1:], interpose=interpose))
"""


@pytest.mark.parametrize("level", ["info", "debug"])
def test_a_fault_of_ours_is_an_object(level: str, tmp_path: Path) -> None:
    """Exit code 70, the kind of the fault, and how to see where it was: the traceback, which quotes nothing."""
    folder_with(tmp_path)
    ended = subprocess.run(
        [sys.executable, "-c", FAULTY, *SEND],
        cwd=tmp_path,
        env={**environment(tmp_path, CREDENTIALS), "PYTHONPATH": str(ROOT), "BULKSEND_LOG_LEVEL": level},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    done = Finished(ended.returncode, ended.stdout, ended.stderr)
    assert (done.code, done.json["exit_code"]) == (70, 70)
    assert done.json["error"] == "a fault of ours: LookupError"
    assert "BULKSEND_LOG_LEVEL=debug" in done.json["hint"]
    assert "private words" not in done.out + done.err
    assert ("Traceback" in done.err) == (level == "debug")


def test_a_command_that_has_printed_its_object_prints_no_other(tmp_path: Path) -> None:
    """A run that cannot reach the service ends with its summary, and the error beside it."""
    done = bulksend(*SEND, "--endpoint-url", "http://127.0.0.1:9", folder=folder_with(tmp_path), env=CREDENTIALS)
    assert (done.code, done.json["end"]) == (2, "stopped")
    assert "cannot be reached" in done.error


def test_the_many_objects_of_parts_are_followed_by_no_other(tmp_path: Path) -> None:
    """`--jsonl` prints an object a line; the error is on standard error alone."""
    done = bulksend("parts", "--jsonl", folder=tmp_path, stdin=b'"Hi"\nnonsense\n')
    assert done.code == 2
    assert done.json["parts"] == 1
    assert "line 2" in done.error
