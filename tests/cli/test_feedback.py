"""`bulksend feedback` by the real command, over real HTTP, against the simulator in a process of its own."""

import json
import signal
import time
from pathlib import Path
from typing import Any

from bulksend.cli.demonstrating import RunningSimulator
from tests.support.command import (
    CREDENTIALS,
    Finished,
    bulksend,
    simulator,
    started,
    wait_until,
)
from tests.support.margin import at_most

CAMPAIGN = """
[campaign]
name = "test"
template = "Hi {{ name }}"
message_feedback = true
[recipients]
phone = "mobile"
[[identities]]
id = "ACME"
mps = 100
countries = ["DE"]
"""

SERVICE = """
[latency]
median_ms = 20
[[identities]]
id = "ACME"
type = "sender_id"
country = "DE"
mps = 100
"""


def send(folder: Path, running: RunningSimulator, rows: int, *flags: str) -> list[dict[str, Any]]:
    """Send a campaign of `rows` messages into `l.db`, and return its export."""
    numbers = "".join(f"+4917139{number:05d},N{number}\n" for number in range(20_000, 20_000 + rows))
    (folder / "list.csv").write_text(f"mobile,name\n{numbers}")
    (folder / "campaign.toml").write_text(CAMPAIGN)
    done = bulksend(
        "send", "list.csv", "-c", "campaign.toml", "--ledger", "l.db", "--endpoint-url", running.url, *flags,
        folder=folder, env=CREDENTIALS,
    )  # fmt: skip
    assert done.code in (0, 3), done.err
    exported = bulksend("export", "l.db", "--format", "jsonl", folder=folder)
    return [json.loads(line) for line in exported.out.splitlines()]


def feedback(folder: Path, running: RunningSimulator, name: str = "feedback.csv") -> Finished:
    """`bulksend feedback` on that ledger."""
    return bulksend("feedback", "l.db", name, "--endpoint-url", running.url, "--json", folder=folder, env=CREDENTIALS)


def write_rows(folder: Path, rows: range, word: str = "received") -> None:
    """`feedback.csv`, by row number."""
    (folder / "feedback.csv").write_text("row,feedback\n" + "".join(f"{row},{word}\n" for row in rows))


def test_feedback_goes_out_at_twenty_a_second_and_once(tmp_path: Path) -> None:
    """By message id, row and number; the simulator sees no more than its quota, and the second time nothing."""
    with simulator(tmp_path, SERVICE) as running:
        rows = send(tmp_path, running, 90, "--yes")
        lines = []
        for row in rows:
            word = "failed" if row["row"] % 10 == 0 else "received"
            name = ("message_id", "row", "destination")[row["row"] % 3]
            lines.append(json.dumps({name: row[name], "feedback": word}))
        (tmp_path / "feedback.jsonl").write_text("\n".join(lines))
        began = time.monotonic()
        done = feedback(tmp_path, running, "feedback.jsonl")
        seconds = time.monotonic() - began
        seen = running.stats()["feedback"]
        again = feedback(tmp_path, running, "feedback.jsonl")
        assert running.stats()["feedback"] == seen
    assert done.code == 0, done.err
    assert done.json == {
        "ledger": "l.db",
        "file": "feedback.jsonl",
        "rows": 90,
        "put": 90,
        "already": 0,
        "repeated": 0,
        "not_sent": 0,
        "refused": {},
        "left": 0,
        "end": "complete",
    }
    assert (seen["received"], seen["failed"], seen["repeated"]) == (81, 9, 0)
    assert seen["throttled"] <= at_most(20) - 20
    assert 15 <= seen["fullest_offered"] <= at_most(20)
    assert seconds >= 89 / 20
    assert (again.code, again.json["put"], again.json["already"]) == (0, 0, 90)


def test_changed_feedback_is_told_and_what_is_not_sent_is_left_out(tmp_path: Path) -> None:
    """Rows that are pending are counted and told of; an export with another column can be given as it is."""
    with simulator(tmp_path, SERVICE) as running:
        send(tmp_path, running, 12, "--yes", "--limit", "8")
        write_rows(tmp_path, range(1, 13))
        first = feedback(tmp_path, running)
        assert (first.code, first.json["put"], first.json["not_sent"]) == (0, 8, 4), first.err
        assert "4 rows mean no message that is sent; the first is line 10" in first.err
        exported = bulksend("export", "l.db", "--format", "csv", "--status", "sent", folder=tmp_path)
        header, *lines = exported.out.splitlines()
        words = ["failed" if number == 0 else "received" for number in range(len(lines))]
        marked = [f"{line},{word}" for line, word in zip(lines, words, strict=True)]
        (tmp_path / "feedback.csv").write_text("\n".join([f"{header},feedback", *marked]))
        second = feedback(tmp_path, running)
        assert (second.code, second.json["put"], second.json["already"]) == (0, 1, 7), second.err
        seen = running.stats()["feedback"]
    assert (seen["received"], seen["failed"], seen["repeated"]) == (8, 1, 0)


def test_refusals_are_counted_by_reason(tmp_path: Path) -> None:
    """Messages that the service does not know: exit code 1, and they are tried again the next time."""
    with simulator(tmp_path, SERVICE) as running:
        send(tmp_path, running, 5, "--yes")
        write_rows(tmp_path, range(1, 6))
    with simulator(tmp_path, SERVICE) as other:
        done = feedback(tmp_path, other)
        again = feedback(tmp_path, other)
        assert other.stats()["feedback"]["offered"] == 10
    assert done.code == again.code == 1, done.err
    assert done.json["refused"] == again.json["refused"] == {"message_not_found": 5}
    assert done.json["put"] == 0


def test_a_throttled_service_is_told_everything_all_the_same(tmp_path: Path) -> None:
    """With half the quota it takes longer, and nothing is lost."""
    with simulator(tmp_path, f"request_quotas = {{ PutMessageFeedback = 10 }}\n{SERVICE}") as running:
        send(tmp_path, running, 40, "--yes")
        write_rows(tmp_path, range(1, 41))
        done = feedback(tmp_path, running)
        seen = running.stats()["feedback"]
    assert (done.code, done.json["put"]) == (0, 40), done.err
    assert seen["received"] == 40
    assert seen["throttled"] > 0


def test_a_signal_stops_in_order_and_the_same_command_goes_on(tmp_path: Path) -> None:
    """Exit code 3; what was put is recorded, and nothing is put twice."""
    with simulator(tmp_path, SERVICE) as running:
        send(tmp_path, running, 80, "--yes")
        write_rows(tmp_path, range(1, 81))
        process = started("feedback", "l.db", "feedback.csv", "--endpoint-url", running.url, "--json", folder=tmp_path)
        wait_until(lambda: running.stats()["feedback"]["received"] >= 5, "nothing was put")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 3, err
        first = json.loads(out)
        assert first["put"] == running.stats()["feedback"]["received"] < 80
        assert (first["put"] + first["left"], first["end"]) == (80, "interrupted")
        rest = feedback(tmp_path, running)
        seen = running.stats()["feedback"]
    assert (rest.code, rest.json["put"], rest.json["already"]) == (0, first["left"], first["put"]), rest.err
    assert (seen["received"], seen["repeated"]) == (80, 0)
    assert seen["fullest_offered"] <= at_most(20)


def test_a_service_that_refuses_everything_stops_with_exit_code_4(tmp_path: Path) -> None:
    """A clock that is off: one line that names it, no endless tries, and everything is left."""
    with simulator(tmp_path, SERVICE) as running:
        send(tmp_path, running, 30, "--yes")
        write_rows(tmp_path, range(1, 31))
    with simulator(tmp_path, f"[account]\nclock_offset_s = 3600\n{SERVICE}") as running:
        done = feedback(tmp_path, running)
        stats = running.stats()
    assert done.code == 4, done.err
    assert "this machine's clock is 3," in done.error
    assert (done.json["left"], done.json["end"]) == (30, "stopped")
    assert 1 <= stats["errors"]["InvalidSignatureException"] <= 25


def test_mistakes_are_told_before_the_service_hears_anything(tmp_path: Path) -> None:
    """Exit code 2, with file and line; also where only the last row is wrong."""
    with simulator(tmp_path, SERVICE) as running:
        send(tmp_path, running, 5, "--yes")
        for text, words in (
            ("row,feedback\n1,received\n2,maybe\n", "feedback.csv, line 3: the column 'feedback'"),
            ("row,feedback\n1,received\n1,failed\n", "feedback.csv: lines 2 and 3 say different things"),
            ("row,feedback\n70,received\n", "feedback.csv: none of its 1 rows"),
            ("row\n1\n", "feedback.csv: there is no column 'feedback'"),
        ):
            (tmp_path / "feedback.csv").write_text(text)
            done = feedback(tmp_path, running)
            assert done.code == done.json["exit_code"] == 2
            assert words in done.error
        missing = bulksend("feedback", "none.db", "feedback.csv", folder=tmp_path, env=CREDENTIALS)
        assert (missing.code, "no ledger" in missing.error) == (2, True)
        assert running.stats()["feedback"]["offered"] == 0


def test_a_dry_run_has_nobody_to_hear_of(tmp_path: Path) -> None:
    """The messages of a DryRun reached nobody."""
    with simulator(tmp_path, SERVICE) as running:
        send(tmp_path, running, 3, "--dry-run")
        write_rows(tmp_path, range(1, 4))
        done = feedback(tmp_path, running)
    assert (done.code, "DryRun" in done.error) == (2, True)


def test_people_get_a_table_and_standard_input_is_read(tmp_path: Path) -> None:
    """Without --json."""
    with simulator(tmp_path, SERVICE) as running:
        send(tmp_path, running, 3, "--yes")
        done = bulksend(
            "feedback", "l.db", "-", "--endpoint-url", running.url,
            folder=tmp_path, env=CREDENTIALS, stdin=b"row,feedback\n1,received\n1,received\n2,failed\n9,failed\n",
        )  # fmt: skip
    assert done.code == 0, done.err
    assert [line.split(maxsplit=1) for line in done.out.splitlines()] == [
        ["Feedback", "of standard input"],
        ["2", "put"],
        ["1", "said twice in the file"],
        ["1", "not sent in this ledger"],
        ["4", "rows in all"],
    ]
