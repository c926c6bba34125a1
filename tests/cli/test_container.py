"""Containers that are lost: the next one goes on from the copy of the ledger in S3, and nobody is texted twice."""

import json
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess

from tests.support.command import CREDENTIALS, bulksend, simulator, started, wait_until
from tests.support.objects import s3_client, s3_server

MPS = 20
ROWS = 850
EVERY_S = 10
SETTINGS = f"""
[campaign]
name = "c"
template = "Hello"
[[identities]]
id = "+18885550100"
mps = {MPS}
countries = ["US"]
[aws]
check_identities = false
[ledger]
copy_to = "s3://b-1/c.db"
copy_every_s = {EVERY_S}
"""
SIMULATOR = f"""
[[identities]]
id = "+18885550100"
type = "toll_free"
country = "US"
mps = {2 * MPS}
"""


@pytest.fixture
def s3() -> Iterator[str]:
    """The URL of a server that speaks S3, in which there is a bucket."""
    with s3_server() as url:
        with s3_client(url) as client:
            client.create_bucket(Bucket="b-1")
        yield url


def exported(volume: Path) -> Counter[tuple[str, str]]:
    """How many rows have which status and reason."""
    done = bulksend("export", "c.db", "--format", "jsonl", folder=volume)
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [row["row"] for row in rows] == list(range(1, ROWS + 1))
    return Counter((row["status"], row["reason"] or "") for row in rows)


def test_a_lost_container_and_two_at_once(s3: str, tmp_path: Path) -> None:
    """The first dies with its volume; the second goes on, and is replaced by a third, which completes.

    Every row is accounted for once, the service got none twice, and no more rows are in doubt than copies permitted.
    """

    def volume(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "bulksend.toml").write_text(SETTINGS)
        (folder / "list.csv").write_text("phone\n" + "".join(f"+1425555{row:04d}\n" for row in range(ROWS)))
        return folder

    with simulator(tmp_path, SIMULATOR) as running:
        arguments: tuple[str, ...] = (
            "send",
            "list.csv",
            "--config",
            "bulksend.toml",
            "--ledger",
            "c.db",
            "--yes",
            "--json",
        )
        arguments = (*arguments, "--log-format", "json", "--endpoint-url", running.url)
        env = {**CREDENTIALS, "AWS_ENDPOINT_URL_S3": s3}

        def accepted() -> int:
            return int(running.stats()["messages"]["accepted"])

        def begin(folder: Path) -> "subprocess.Popen[str]":
            return started(*arguments, folder=folder, env=env)

        first = begin(volume("first"))
        wait_until(lambda: accepted() >= MPS, "nothing was sent")
        first.kill()
        first.communicate()
        sent_by_first = accepted()
        shutil.rmtree(tmp_path / "first")
        assert sent_by_first <= 2 * EVERY_S * MPS

        second = begin(volume("second"))
        wait_until(lambda: accepted() >= sent_by_first + MPS, "the second sent nothing")
        second.send_signal(signal.SIGSTOP)  # a machine that nobody can reach any more, and that lives
        before_third = accepted()
        third = begin(volume("third"))
        third_out, third_err = third.communicate(timeout=60)
        second.send_signal(signal.SIGCONT)
        second_out, second_err = second.communicate(timeout=60)

        assert third.returncode == 1, third_err
        assert second.returncode == 4, second_err
        assert "another machine has gone on" in second_out + second_err
        assert running.stats()["duplicates"] == {"destination_text": 0, "row": 0, "attempt": 0}
        found = exported(tmp_path / "third")
        assert found.keys() == {("sent", ""), ("unknown", "lost_machine")}
        assert before_third <= found["unknown", "lost_machine"] <= 2 * (2 * EVERY_S * MPS)
        assert json.loads(third_out)["unknown"] == found["unknown", "lost_machine"]
        assert before_third + found["sent", ""] <= accepted()
        again = bulksend(*arguments, folder=tmp_path / "second", env=env)
        assert again.code == 2
        assert "another machine has gone on" in again.json["error"]
