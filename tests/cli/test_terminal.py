"""What happens at a terminal: a question before a real send, and a live table while it goes on."""

import os
import pty
import select
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.test_campaign import SERVICE, prepare
from tests.support.command import CREDENTIALS, ROOT, bulksend, command_line, environment, simulator


def at_a_terminal(folder: Path, url: str, answer: bytes, *, term: str = "xterm") -> tuple[int, str]:
    """Run `bulksend send` on a pseudo-terminal and give `answer` to its question."""
    ours, theirs = pty.openpty()
    arguments = ["send", "list.csv", "-c", "campaign.toml", "--ledger", "l.db", "--endpoint-url", url]
    process = subprocess.Popen(
        command_line(arguments),
        cwd=folder,
        env={**environment(folder, CREDENTIALS), "PYTHONPATH": str(ROOT), "COLUMNS": "80", "TERM": term},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    answered = False
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([ours], [], [], 1.0)[0]:
            continue
        try:
            chunk = os.read(ours, 4096)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
        if not answered and b"[y/N]" in seen:
            os.write(ours, answer)
            answered = True
    os.close(ours)
    return process.wait(timeout=30), seen.decode()


def test_no_is_no(tmp_path: Path) -> None:
    """The plan is shown, the answer is respected, and the plan is kept for later."""
    prepare(tmp_path, us=1, ca=3, de=0)
    with simulator(tmp_path, SERVICE) as running:
        code, seen = at_a_terminal(tmp_path, running.url, b"n\n")
        assert running.stats()["messages"]["offered"] == 0
    assert code == 3
    assert "Rows     4: 4 to send, 0 skipped" in seen
    assert "Send 4 messages now? [y/N]" in seen
    assert bulksend("status", "l.db", "--json", folder=tmp_path).json["pending"] == 4


@pytest.mark.parametrize("answer", [b"y\n"])
def test_yes_sends_and_shows_how_it_goes(answer: bytes, tmp_path: Path) -> None:
    """A table with every bucket, then the summary."""
    prepare(tmp_path, us=4, ca=3, de=0)
    with simulator(tmp_path, SERVICE) as running:
        code, seen = at_a_terminal(tmp_path, running.url, answer)
        assert running.stats()["messages"]["accepted"] == 7
    assert code == 0, seen
    assert "+18885550100" in seen
    assert "4/4" in seen
    assert "complete" in seen
