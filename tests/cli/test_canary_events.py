"""A canary that is judged by its delivery events too, and what goes on while they are awaited."""

import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tests.cli.test_control import SERVICE, of, prepare, resume, send
from tests.support.command import CREDENTIALS, simulator, started, wait_until


def undelivered(folder: Path, *, delay_s: float) -> str:
    """A service that accepts everything and delivers nothing."""
    return f'[events]\npath = "{folder / "events.jsonl"}"\ndelay_s = {delay_s}\nfailure_rate = 1.0\n{SERVICE}'


def test_what_is_not_delivered_holds_the_rest(tmp_path: Path) -> None:
    """Exit code 4, the run is noted as stopped and why, the events are kept; without a canary the rest goes."""
    prepare(tmp_path, rows=30)
    events = ("--set", "canary.events=events.jsonl", "--set", "canary.events_wait_s=2")
    with simulator(tmp_path, undelivered(tmp_path, delay_s=0.2)) as running:
        done = send(tmp_path, running, "--canary", "10", *events)
        assert (done.code, done.json["sent"], done.json["pending"], done.json["end"]) == (4, 10, 20, "stopped")
        assert "10 of 10 were not delivered (100.0%, at most 10.0%)" in done.json["cause"]
        with closing(sqlite3.connect(tmp_path / "l.db")) as ledger:
            assert ledger.execute("SELECT count(*) FROM deliveries WHERE final").fetchall() == [(10,)]
        assert resume(tmp_path, running, "--canary", "0").code == 0


def test_who_probes_it_finds_it_alive_while_events_are_awaited(tmp_path: Path) -> None:
    """The port answers; a signal ends the wait, and nothing is decided."""
    prepare(tmp_path, rows=30)
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    flags = ("--canary", "5", "--set", "canary.events=events.jsonl", "--metrics-port", str(port))

    def answers() -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except URLError:
            return False

    with simulator(tmp_path, undelivered(tmp_path, delay_s=600)) as running:
        going = started("send", *of(running), *flags, folder=tmp_path, env=CREDENTIALS)
        try:
            assert going.stderr is not None
            while "canary.awaits_events" not in going.stderr.readline():
                assert going.poll() is None
            wait_until(answers, "nobody answers")
        finally:
            going.terminate()
            out, _ = going.communicate(timeout=30)
    assert (going.returncode, '"pending":25' in out) == (3, True)
