"""`bulksend completion`, and what a shell gets when it asks."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bulksend.cli.app import COMMANDS
from tests.repo.test_start_up import HEAVY
from tests.support.command import ROOT, bulksend, environment

ASKED = """
import json, os, sys
from bulksend.cli.app import run
try:
    run([])
except SystemExit:
    pass
json.dump(sorted({name.split(".")[0] for name in sys.modules}), sys.stderr)
"""


def completed(folder: Path, *words: str) -> tuple[list[str], set[str]]:
    """What is offered for the last of `words`, as "type,value", and the heavy packages that it took."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", ASKED],
        cwd=folder,
        env={
            **environment(folder),
            "PYTHONPATH": str(ROOT),
            "_BULKSEND_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(["bulksend", *words]),
            "COMP_CWORD": str(len(words)),
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.splitlines(), HEAVY.intersection(json.loads(done.stderr))


def test_commands_options_choices_files_and_settings_complete(tmp_path: Path) -> None:
    """Quickly: no more is loaded than for a page of help."""
    (tmp_path / "sale.toml").touch()
    (tmp_path / "list.csv").touch()
    names, heavy = completed(tmp_path, "re")
    assert names == [f"plain,{name}" for name in COMMANDS if name.startswith("re")]
    assert {"plain,resume", "plain,reconcile"} <= set(names)
    assert heavy == set()
    assert "plain,--ledger" in completed(tmp_path, "send", "--le")[0]
    assert completed(tmp_path, "rehearse", "--latency", "t")[0] == ["plain,typical"]
    assert completed(tmp_path, "send", "li")[0] == ["file,li"]
    assert completed(tmp_path, "resume", "")[0][0] == "file,"
    assert completed(tmp_path, "plan", "list.csv", "--config", "s")[0] == ["plain,sale.toml"]
    assert completed(tmp_path, "plan", "list.csv", "--config", "x/")[0] == ["file,x/"]
    keys, heavy = completed(tmp_path, "send", "list.csv", "--set", "pacing.")
    assert "plain,pacing.headroom=" in keys
    assert heavy <= {"msgspec"}
    assert completed(tmp_path, "resume", "sale.db", "--set", "recipients.")[0] == [""]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_a_script(shell: str, tmp_path: Path) -> None:
    """That the shell can read, where it is here to be asked."""
    done = bulksend("completion", shell, folder=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert f"_BULKSEND_COMPLETE={shell}_complete" in done.out
    if (found := shutil.which(shell)) is not None:
        subprocess.run([found, "-n"], input=done.out, text=True, check=True, timeout=30)


def test_bash_completes_by_the_script(tmp_path: Path) -> None:
    """The script itself, asked as bash asks it."""
    program = tmp_path / "bulksend"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -P -m bulksend "$@"\n')
    program.chmod(0o700)
    script = (
        'PATH=.:$PATH; eval "$(bulksend completion bash)"; COMP_WORDS=(bulksend exp); COMP_CWORD=1;'
        ' _bulksend_completion bulksend exp bulksend; echo "${COMPREPLY[@]}"; complete -p bulksend'
    )
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["export", "complete -o nosort -F _bulksend_completion bulksend"]
