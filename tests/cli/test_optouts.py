"""`bulksend optouts`, `recipients.opted_out_file` and `--not-in` by the real command, against the simulator."""

import json
import stat
from pathlib import Path

from tests.support.command import CREDENTIALS, bulksend, simulator

ON_LIST = [f"+49171392{n:04d}" for n in range(150)]

SERVICE = f"""
[request_quotas]
DescribeOptedOutNumbers = 1
[account]
messages_per_recipient_per_second = 0
[[identities]]
id = "ACME"
type = "sender_id"
country = "DE"
countries = ["DE"]
mps = 100
[[opt_out_lists]]
name = "ads"
[[opt_out_lists]]
name = "Default"
numbers = {json.dumps(ON_LIST)}
"""

CAMPAIGN = """
[campaign]
name = "spring"
template = "Hi {{ name }}"
[recipients]
opted_out_file = "learnt.txt"
[[identities]]
id = "ACME"
mps = 100
[aws]
check_identities = false
"""


def test_a_list_becomes_a_suppression_file(tmp_path: Path) -> None:
    """Two pages a second apart, whole and private; only the same list takes its place; it is read as it is."""
    (tmp_path / "campaign.toml").write_text(CAMPAIGN)
    (tmp_path / "list.csv").write_text("phone,name\n+491713920149,Ann\n+491713920150,Ben\n")
    (tmp_path / "theirs.txt").write_text("+14255550100\n")
    with simulator(tmp_path, SERVICE) as running:

        def optouts(*arguments: str) -> tuple[int, str, str]:
            done = bulksend("optouts", *arguments, "--endpoint-url", running.url, folder=tmp_path, env=CREDENTIALS)
            return done.code, done.out, done.err

        code, out, _ = optouts()
        assert (code, out.splitlines()) == (0, ["Default  since 2025-01-01", "ads      since 2025-01-01"])
        code, out, err = optouts("Default", "--out", "stop.txt", "--json")
        assert code == 0, err
        document = json.loads(out)
        arn = "arn:aws:sms-voice:us-east-1:123456789012:opt-out-list/Default"
        assert (document["count"], document["requests"], document["arn"]) == (150, 2, arn)
        assert err.splitlines() == [
            "Reading the opt-out list Default in us-east-1, 100 numbers a second.",
            "150 numbers on Default: written to stop.txt",
        ]
        code, _, err = optouts("ads", "--out", "stop.txt")
        assert code == 2
        assert "it holds another opt-out list" in err
    file = tmp_path / "stop.txt"
    lines = file.read_text().splitlines()
    assert lines[:3] == [
        "# bulksend optouts: everybody on an opt-out list. Reading the list into this file again replaces it.",
        "# list: Default",
        f"# arn: {arn}",
    ]
    assert lines[4:] == ["# numbers: 150", *ON_LIST]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    refused = bulksend("optouts", "Default", "--out", "theirs.txt", folder=tmp_path)
    assert (refused.code, (tmp_path / "theirs.txt").read_text()) == (2, "+14255550100\n")
    planned = bulksend(
        *("plan", "list.csv", "-c", "campaign.toml", "--set", "recipients.suppress=stop.txt", "--json"),
        folder=tmp_path,
    )
    assert planned.json["skipped"] == {"suppressed": 1}


def test_what_one_campaign_learns_the_next_ones_know(tmp_path: Path) -> None:
    """Who had opted out is in the file when the run ends, and whom it reached is left out by `--not-in`."""
    (tmp_path / "campaign.toml").write_text(CAMPAIGN)
    rows = [f"+49171392{n:04d},N{n}\n" for n in range(145, 155)]
    (tmp_path / "list.csv").write_text("phone,name\n" + "".join(rows))
    with simulator(tmp_path, SERVICE) as running:
        arguments = ("send", "list.csv", "-c", "campaign.toml", "--endpoint-url", running.url, "--yes")
        first = bulksend(*arguments, "--limit", "8", folder=tmp_path, env=CREDENTIALS)
        assert first.code == 3, first.err
        assert "5 numbers that have opted out: added to " in first.err
        learnt = (tmp_path / "learnt.txt").read_text()
        assert learnt.splitlines()[2:] == ON_LIST[145:]
        second = bulksend(
            *arguments,
            *("--set", "campaign.name=summer", "--not-in", "spring.db", "--json"),
            folder=tmp_path,
            env=CREDENTIALS,
        )
        assert (second.code, second.json["sent"]) == (0, 2), second.err
        assert second.json["reasons"]["skipped"] == {"suppressed": 5, "already_sent": 3}
        itself = bulksend(*arguments, "--not-in", "spring.db", folder=tmp_path, env=CREDENTIALS)
        assert itself.code == 2
        assert "the ledger of this very campaign" in itself.error
    assert (tmp_path / "learnt.txt").read_text() == learnt
    assert "+49171392" not in first.err + second.err + second.out
