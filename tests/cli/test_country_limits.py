import csv
import json
from collections import Counter, defaultdict
from pathlib import Path

from bulksend.base.clock import SystemClock
from bulksend.store.ledger import SqliteLedger
from tests.cli.test_campaign import export, send
from tests.support.command import bulksend, simulator
from tests.support.margin import at_most

CAMPAIGN = """
[campaign]
name = "abroad"
template = "Hi {{ name }}"
[recipients]
identity = "from"
[[identities]]
id = "ACME"
mps = 50
countries = ["GB"]
[[identities]]
id = "ACME"
mps = 20
countries = ["DE", "AT"]
"""

SERVICE = """
[latency]
median_ms = 20
p99_ms = 60
[[identities]]
id = "ACME"
type = "sender_id"
country = "GB"
mps = 50
[[identities]]
id = "ACME"
type = "sender_id"
country = "DE"
countries = ["DE", "AT"]
mps = 20
"""

MPS = {"ACME/GB": 50, "ACME/AT+DE": 20}


def prepare(folder: Path) -> None:
    """A list of 100 rows to Britain, 30 to Germany and 10 to Austria, some of which name their sender."""
    numbers = [f"+447400{123000 + n}" for n in range(100)]
    numbers += [f"+49171{3920000 + n}" for n in range(30)] + [f"+43664{1234500 + n}" for n in range(10)]
    with (folder / "list.csv").open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["phone", "name", "from"])
        for index in range(len(numbers)):
            place = index * 37 % len(numbers)
            writer.writerow([numbers[place], f"N{place}", "ACME" if place % 3 else ""])
    (folder / "campaign.toml").write_text(CAMPAIGN)


def test_a_sender_id_has_a_limit_of_its_own_in_each_country(tmp_path: Path) -> None:
    """Two entries of one sender id are two buckets: each is kept to, and neither uses up the other."""
    prepare(tmp_path)
    with simulator(tmp_path, SERVICE) as running:
        done = send(tmp_path, running, "--yes", "--json")
        assert done.code == 0, done.err
        stats = running.stats()
    assert done.json["sent"] == 140
    assert done.json["throttled"] <= 7  # a busy machine lets messages arrive closer together than they left
    assert {each["bucket"]: (each["mps"], each["messages_done"]) for each in done.json["buckets"]} == {
        "ACME/GB": (50, 100), "ACME/AT+DE": (20, 40),
    }  # fmt: skip
    assert {name: each["accepted"] for name, each in stats["buckets"].items()} == {"ACME/GB": 100, "ACME/AT+DE": 40}
    for name, bucket in stats["buckets"].items():
        assert bucket["mps"] == MPS[name]
        assert bucket["fullest_offered"] <= at_most(MPS[name]), name
    countries: dict[str, Counter[str]] = defaultdict(Counter)
    for row in export(tmp_path):
        assert row["identity"] == "ACME"
        countries[row["bucket"]][row["country"]] += 1
    assert countries == {"ACME/GB": {"GB": 100}, "ACME/AT+DE": {"DE": 30, "AT": 10}}


def test_what_the_service_seems_to_allow_is_shown(tmp_path: Path) -> None:
    """By `status`, as text and as JSON, beside what is configured; what is left is counted with it."""
    prepare(tmp_path)
    with simulator(tmp_path, SERVICE) as running:
        assert send(tmp_path, running, "--yes", "--limit", "7", "--json").json["sent"] == 7
    with SqliteLedger.open_for_writing(tmp_path / "l.db", clock=SystemClock()) as ledger, ledger.transaction():
        ledger.note_allowed({"ACME/GB": 0.5})
    text = bulksend("status", "l.db", folder=tmp_path)
    assert text.code == 0, text.err
    assert "Limit    ACME/GB: configured 50, the service seems to allow 0.5 parts/s" in text.out.splitlines()
    assert max(map(len, text.out.splitlines())) <= 100
    (found,) = (each for each in json.loads(bulksend("status", "l.db", "--json", folder=tmp_path).out)["buckets"]
                if each["bucket"] == "ACME/GB")  # fmt: skip
    assert (found["mps"], found["allows"]) == (50, 0.5)
    (line,) = (line for line in text.out.splitlines() if line.startswith("ACME/GB "))
    headroom = 0.01
    minutes, seconds = divmod(round((found["parts"] - found["parts_done"]) / (0.5 * (1.0 - headroom))), 60)
    assert line.endswith(f" {minutes} min {seconds:02d} s")
