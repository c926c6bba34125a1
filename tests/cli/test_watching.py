"""A campaign that is watched from elsewhere while it is sent: by `status`, by Prometheus, by a probe."""

import json
import signal
import socket
import subprocess
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from tests.cli.test_campaign import SERVICE, prepare
from tests.cli.test_terminal import at_a_terminal
from tests.support.command import (
    CREDENTIALS,
    ROOT,
    bulksend,
    command_line,
    environment,
    simulator,
    started,
    wait_until,
)


def test_a_campaign_is_watched_from_elsewhere(tmp_path: Path) -> None:
    """Its ledger tells another process what is being done and how fast, and so does its port; both agree at the end."""
    prepare(tmp_path, us=30, ca=0, de=0)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = str(found.getsockname()[1])
    arguments = ["-c", "campaign.toml", "--ledger", "l.db", "--yes", "--metrics-port", port]
    with simulator(tmp_path, SERVICE) as running:
        arguments += ["--endpoint-url", running.url]
        sending = started("send", "list.csv", *arguments, folder=tmp_path)
        try:
            wait_until(lambda: _asked(port, "/readyz") == '{"phase": "sending"}', "it does not begin")
            wait_until(lambda: _metric(port, "bulksend_sent_total") >= 4, "nothing is sent")
            prepare(tmp_path, us=3, ca=0, de=0)
            taken = bulksend("send", "list.csv", *arguments, "--ledger", "other.db", folder=tmp_path, env=CREDENTIALS)
            assert (taken.code, bulksend("status", "other.db", "--json", folder=tmp_path).json["sent"]) == (2, 0)
            assert "metrics_port: cannot listen on 127.0.0.1" in taken.error
            looks = subprocess.Popen(
                command_line(["status", "l.db", "--watch", "--json", "--interval", "0.3"]),
                cwd=tmp_path, env={**environment(tmp_path), "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            assert looks.stdout is not None
            seen = [json.loads(looks.stdout.readline()) for _ in range(2)]
            sending.send_signal(signal.SIGTERM)
            assert sending.wait(30) == 3
            stopped = next(look for line in looks.stdout if (look := json.loads(line))["state"] != "sending")
            looks.send_signal(signal.SIGINT)
            assert looks.wait(10) == 0
            looks.stdout.close()
        finally:
            sending.kill()
            sending.communicate()
    assert [look["state"] for look in seen] == ["sending", "sending"]
    assert all(0 < look["parts_per_second_now"] <= 3.1 for look in seen)
    assert all(look["seconds_left"] > 5 and look["finish_at"].endswith("Z") for look in seen)
    assert seen[0]["sent"] <= seen[1]["sent"] < 30
    assert (stopped["state"], stopped["seconds_left"]) in (
        ("interrupted: nobody sends it", None),
        ("starting", None),  # the run has ended, its process has not
    )


def _asked(port: str, path: str) -> str:
    """What a running campaign answers; "" as long as it does not."""
    try:
        with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            text: str = answer.read().decode()
            return text
    except URLError:
        return ""


def _metric(port: str, name: str) -> float:
    lines = [line for line in _asked(port, "/metrics").splitlines() if line.startswith(name)]
    return float(lines[0].split()[-1]) if lines else 0.0


def test_a_terminal_that_cannot_take_anything_back_gets_lines(tmp_path: Path) -> None:
    """With TERM=dumb a person sees what a log file gets, and no escape sequence."""
    prepare(tmp_path, us=4, ca=3, de=0)
    with simulator(tmp_path, SERVICE) as running:
        code, seen = at_a_terminal(tmp_path, running.url, b"y\n", term="dumb")
    assert code == 0, seen
    assert "send.started" in seen
    assert "\x1b[2K" not in seen
