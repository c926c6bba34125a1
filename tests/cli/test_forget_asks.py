"""`forget` on a terminal asks before it does what cannot be undone."""

import json
import os
import pty
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from bulksend.store.forget import forgotten
from tests.support.command import ROOT, command_line, environment
from tests.unit.store.helpers import skipped, write_plan


def answer(folder: Path, words: str) -> tuple[int, str]:
    """Answer the question; return the exit code, and what was on the terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command_line(["forget", "l.db", "--key", "the.key"]),
        cwd=folder,
        env={**environment(folder), "PYTHONPATH": str(ROOT)},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.write(ours, words.encode())
    process.communicate(timeout=60)
    shown = os.read(ours, 65_536).decode()
    os.close(theirs)
    os.close(ours)
    return process.returncode, shown


def test_a_person_is_asked_and_told_of_the_copy(tmp_path: Path) -> None:
    """No is no, and makes no key; after yes it is forgotten, and a copy elsewhere is named."""
    path = write_plan(tmp_path / "l.db", [skipped(1)])
    with closing(sqlite3.connect(path)) as tool:
        settings = {"campaign": {"name": "c"}, "ledger": {"copy_to": "s3://copies/l.db"}}
        tool.execute("UPDATE meta SET value = ? WHERE key = 'campaign'", (json.dumps(settings),))
        tool.commit()
    code, shown = answer(tmp_path, "n\n")
    assert (code, forgotten(path)) == (3, None)
    assert "Forget texts, numbers and columns of 1 rows in l.db, for good? [y/N]" in shown
    assert not (tmp_path / "the.key").exists()
    code, shown = answer(tmp_path, "y\n")
    assert code == 0
    assert forgotten(path) is not None
    assert "The copy at s3://copies/l.db is as it was" in shown
    assert (tmp_path / "the.key").stat().st_mode & 0o777 == 0o600
