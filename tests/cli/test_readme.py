"""What the README has people type, typed: a newcomer's path from nothing to a campaign, and the library's example."""

import os
import pty
import select
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bulksend.cli.demonstrating import RunningSimulator
from tests.support.command import CREDENTIALS, ROOT, bulksend, environment, simulator

README = (ROOT / "README.md").read_text()

SERVICE = """
[latency]
median_ms = 10
p99_ms = 30
[[identities]]
id = "+18885550100"
type = "toll_free"
country = "US"
countries = ["US"]
mps = 3
[[identities]]
id = "+14255550142"
type = "ten_dlc"
country = "US"
countries = ["US"]
mps = 20
registration_id = "registration-0123456789abcdef0123456789abcdef"
"""


def blocks_under(heading: str) -> list[str]:
    """The code blocks of a section of the README, in their order."""
    _, _, rest = README.partition(f"\n{heading}\n")
    assert rest, f"README.md has no section {heading}"
    section = rest.partition("\n## ")[0]
    found: list[list[str]] = []
    for line in section.splitlines():
        if line.startswith("    "):
            found[-1].append(line[4:])
        elif line or not found or not found[-1]:
            found.append([])
        else:
            found[-1].append("")
    return ["\n".join(lines).strip() + "\n" for lines in found if lines]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RunningSimulator]:
    """An account with two numbers."""
    with simulator(tmp_path, SERVICE) as running:
        yield running


def typed(line: str, folder: Path, env: dict[str, str]) -> tuple[int, str]:
    """Type `line` at a terminal, and `y` where it asks; its exit code and what was shown."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(["bash", "-c", line], cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen, answered = b"", False
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([ours], [], [], 1.0)[0]:
            continue
        try:
            chunk = os.read(ours, 65_536)
        except OSError:  # Linux: nobody has the other end any more
            break
        if not chunk:
            break
        seen += chunk
        if not answered and b"[y/N]" in seen:
            os.write(ours, b"y\n")
            answered = True
    os.close(ours)
    return process.wait(30), seen.decode()


def test_a_newcomer_gets_from_nothing_to_a_campaign(service: RunningSimulator, tmp_path: Path) -> None:
    """Every command of the section, in its order, on what it has one write; only `pip install` is taken as done."""
    folder = tmp_path / "work"
    folder.mkdir()
    program = tmp_path / "bulksend"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {shlex.quote(sys.executable)} -P -m bulksend "$@"\n')
    program.chmod(0o700)
    env = environment(tmp_path, CREDENTIALS | {"AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2": service.url})
    env |= {"PATH": f"{tmp_path}:{env['PATH']}", "COLUMNS": "80", "TERM": "xterm"}
    told: dict[str, str] = {}
    for block in blocks_under("## From nothing to a campaign"):
        if block.startswith("["):
            (folder / "bulksend.toml").write_text(block)
        elif block.startswith("phone,"):
            (folder / "list.csv").write_text(block)
        else:
            for line in block.splitlines():
                if line.startswith("pip install "):
                    continue
                assert line.startswith("bulksend ")
                code, told[line] = typed(line, folder, env)
                assert code == (3 if "--limit" in line else 0), (line, told[line])
    commands = [line.split()[1] for line in told]
    assert commands == [
        "identities", "plan", "rehearse", "rehearse", "send", "send", "status", "export", "report",
    ]  # fmt: skip
    asked = [question for question in ("Send 5 messages now", "Send 1 messages now") for text in told.values()
             if question in text]  # fmt: skip
    assert asked == ["Send 5 messages now", "Send 1 messages now"]
    status = bulksend("status", "spring-sale.db", "--json", folder=folder).json
    assert (status["rows"], status["sent"], status["skipped"]) == (7, 6, 1)
    assert (service.stats()["messages"]["accepted"], service.stats()["duplicates"]["row"]) == (6, 0)
    assert len((folder / "results.csv").read_text().splitlines()) == 8
    assert (folder / "report.html").read_text().startswith("<!")


def test_the_example_of_the_library_plans_and_sends(service: RunningSimulator, tmp_path: Path) -> None:
    """The very code of the README, as a program; run again it sends nothing more."""
    (program,) = [each for each in blocks_under("## As a library") if each.startswith("import ")]
    (tmp_path / "program.py").write_text(program)
    (tmp_path / "bulksend.toml").write_text(
        '[campaign]\nname = "example"\ntemplate = "Hi {{ name }}"\n[aws]\ncheck_identities = false\n'
        '[[identities]]\nid = "+14255550142"\nmps = 20\ncountries = ["US"]\n'
    )
    (tmp_path / "list.csv").write_text("phone,name\n" + "".join(f"+1206555{1000 + n},Ann\n" for n in range(30)))
    env = environment(tmp_path, CREDENTIALS | {"AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2": service.url})
    outputs = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "program.py"],
            cwd=tmp_path,
            env=env | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        outputs.append(done.stdout.splitlines())
    first, second = outputs
    assert first[0].startswith("30 of 30 rows, ")
    assert any(" sent, " in line and " to go: " in line for line in first[1:-1])
    assert first[-1] == second[-1] == "30 sent, 0 failed, 0 unknown"
    assert service.stats()["messages"]["accepted"] == 30
