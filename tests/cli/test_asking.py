"""A signal while a person is asked whether to send: it ends the command, and nothing has been sent."""

import os
import pty
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.test_campaign import SERVICE, prepare
from tests.support.command import CREDENTIALS, ROOT, bulksend, command_line, environment, simulator


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_the_question_is_no(number: signal.Signals, tmp_path: Path) -> None:
    """Exit code 3 at once, without an answer; the plan is kept, and its lock is given back."""
    prepare(tmp_path, us=0, ca=0, de=5)
    with simulator(tmp_path, SERVICE) as running:
        ours, theirs = pty.openpty()
        arguments = ["send", "list.csv", "-c", "campaign.toml", "--ledger", "l.db", "--endpoint-url", running.url]
        process = subprocess.Popen(
            command_line([*arguments, "--set", "aws.check_identities=false"]),
            cwd=tmp_path,
            env={**environment(tmp_path, CREDENTIALS), "PYTHONPATH": str(ROOT), "TERM": "xterm"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        seen, told = b"", False
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if not select.select([ours], [], [], 1.0)[0]:
                continue
            try:
                seen += os.read(ours, 4096)
            except OSError:  # Linux: nobody has the other end any more
                break
            if not told and b"[y/N]" in seen:
                time.sleep(0.1)  # the question is on the screen, and now it is waited for
                process.send_signal(number)
                told = True
        os.close(ours)
        assert process.wait(10) == 3, seen
        assert running.stats()["messages"]["offered"] == 0
    assert b"bulksend: error: interrupted" in seen
    assert not (tmp_path / "l.db.lock").exists()
    assert bulksend("status", "l.db", "--json", folder=tmp_path).json["pending"] == 5
