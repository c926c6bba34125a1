"""What `export --format parquet` refuses."""

import os
import pty
import subprocess
import sys
from pathlib import Path

from tests.support.command import ROOT, environment
from tests.unit.store.helpers import pending, write_plan

TWICE = """
import sys
from bulksend.cli.app import run

words = ["export", "l.db", "--format", "parquet"]
on_terminal = run(words)
sys.modules["pyarrow"] = None
without = run([*words, "--out", "x.parquet"])
sys.exit(10 * on_terminal + without)
"""


def test_parquet_needs_its_extra_and_is_nothing_for_a_terminal(tmp_path: Path) -> None:
    """One line each, with what to do; nothing is written, and nothing left."""
    write_plan(tmp_path / "l.db", [pending(1)])
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-P", "-c", TWICE],
        cwd=tmp_path,
        env={**environment(tmp_path), "PYTHONPATH": str(ROOT)},
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(theirs)
    os.close(ours)
    terminal, extra = done.stderr.splitlines()
    assert done.returncode == 22
    assert terminal.startswith("bulksend: error: Parquet is nothing for a terminal. Add --out")
    assert extra == (
        'bulksend: error: Parquet needs pyarrow, which is not installed. Run: pip install "bulksend[parquet]".'
    )
    assert {path.name for path in tmp_path.iterdir()} <= {"l.db", "l.db-shm", "l.db-wal"}
