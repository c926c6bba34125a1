"""A campaign with every kind of outcome, what is said of it, what is exported, and what is left in the end."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from bulksend.base.keyed import HASH_PREFIX, hashed_number
from tests.support.command import CREDENTIALS, Finished, bulksend, simulator

CAMPAIGN = """
[campaign]
name = "spring"
template = "Quetzal {{ name }} {{ secret }}"
configuration_set = "sms-events"
[recipients]
default_country = "DE"
suppress = ["suppressed.txt"]
[[identities]]
id = "ACME"
mps = 100
countries = ["DE"]
[aws]
read_timeout_s = 1
[retry]
base_s = 0.05
cap_s = 0.1
"""

SERVICE = """
record_messages = true
[events]
path = "{events}"
delay_s = 0
failure_rate = 0.2
[faults]
throttle = 0.1
unavailable = 0.1
drop_before = 0.1
drop_after = 0.2
internal_error_after = 0.1
[[identities]]
id = "ACME"
type = "sender_id"
country = "DE"
mps = 100
[[opt_out_lists]]
name = "Default"
numbers = ["+491713929901", "+491713929902", "+491713929907", "+491713929908"]
"""

ROWS = 40
BASE = 3920000
PRIVATE = re.compile(r"1713?92\d{5}|1713 ?92\d{5}|Quetzal|marmalade|Wombat|2125550\d{3}")
"""Any number of the list with or without its prefix, the text, a column, a name."""

LEVEL = {"BULKSEND_LOG_LEVEL": "debug"}


class Operator:
    """Whoever runs the commands, and all that was said to them."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.heard: list[tuple[str, str]] = []

    def run(self, *arguments: str, data: bool = False, code: int = 0, env: dict[str, str] | None = None) -> Finished:
        """Run a command at the debug level; `data`: its standard output is what was asked for."""
        done = bulksend(*arguments, folder=self.folder, env={**CREDENTIALS, **LEVEL, **(env or {})})
        assert done.code == code, done
        self.heard.append((" ".join(arguments), done.err + ("" if data else done.out)))
        return done

    def export(self, file_format: str, *more: str) -> bytes:
        """What an export holds."""
        self.run("export", "l.db", "--format", file_format, "--out", f"out.{file_format}", *more)
        return (self.folder / f"out.{file_format}").read_bytes()

    def rows(self) -> list[dict[str, Any]]:
        """Every row of the ledger."""
        return [json.loads(line) for line in self.export("jsonl", "--deliveries").splitlines()]


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """The campaign, sent."""
    folder = tmp_path_factory.mktemp("forget")
    with (folder / "list.csv").open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["phone", "name", "secret", "note"])
        rows.writerows([f"+49171{BASE + row}", f"Wombat{row}", "marmalade", "=1+1"] for row in range(ROWS))
        for number, name, secret in [
            ("+491713929901", "Wombat", "marmalade"),  # opted out
            ("+491713929902", "Wombat", "marmalade"),
            ("+491713929907", "Wombat", "marmalade"),
            ("+491713929908", "Wombat", "marmalade"),
            ("+491713929903", "Wombat", "marmalade"),  # suppressed
            (f"+49171{BASE}", "Wombat", "marmalade"),  # a duplicate
            ("+4917139299", "Wombat", "marmalade"),  # too short
            ("0171392990x", "Wombat", "marmalade"),  # no number
            ("+12125550142", "Wombat", "marmalade"),  # no identity
            ("+491713929904", "", "marmalade"),  # a missing field
            ("+491713929905", "Wombat", "marmalade " * 200),  # too long
        ]:
            rows.writerow([number, name, secret, "-"])
        out.write('+491713929906,"Wombat",marmalade,x,too,many\n')
    (folder / "suppressed.txt").write_text("+491713929903\n")
    (folder / "suppressed.txt").chmod(0o600)
    (folder / "campaign.toml").write_text(CAMPAIGN)
    with simulator(folder, SERVICE.format(events=folder / "events.jsonl")) as running:
        made = Operator(folder, running.url)
        made.run("plan", "list.csv", "-c", "campaign.toml", "--json", data=True)
        made.run(
            "send", "list.csv", "-c", "campaign.toml", "--ledger", "l.db", "--endpoint-url", running.url, "--yes", "-v",
            code=1,
        )  # fmt: skip
    return made


def test_a_campaign_with_every_outcome_is_exported_settled_and_forgotten(operator: Operator) -> None:
    """What is said and logged all the way names nobody, files are private, and in the end the ledger names nobody."""
    folder = operator.folder
    before = operator.rows()
    assert {row["status"] for row in before} == {"sent", "failed", "unknown", "skipped"}
    assert {row["reason"] for row in before if row["status"] == "skipped"} == {
        "suppressed", "duplicate", "invalid_number", "no_identity", "missing_field", "too_long", "bad_row",
    }  # fmt: skip

    # Failed rows, with cells that a spreadsheet would run, are the next input as they are.
    exported = operator.export("csv", "--status", "failed", "--json")
    made_safe = json.loads(operator.heard[-1][1].splitlines()[-1])["made_safe"]
    failed = [row for row in before if row["status"] == "failed"]
    assert {row["reason"] for row in failed} == {"destination_phone_number_opted_out"}
    assert made_safe == {"note": len(failed)}
    assert f"{len(failed)} cells would be run as formulas by a spreadsheet" in operator.heard[-1][1]
    assert [row["note"] for row in csv.DictReader(io.StringIO(exported.decode()))] == ["'-"] * len(failed)
    planned = operator.run("plan", "out.csv", "-c", "campaign.toml", "--json", data=True)
    assert (planned.json["rows"], planned.json["sendable"]) == (len(failed), len(failed))

    # Every format says the same.
    table = parquet.read_table(io.BytesIO(operator.export("parquet", "--deliveries"))).to_pylist()
    for row, other in zip(table, before, strict=True):
        assert [row[name] for name in ("row", "destination", "status", "reason", "parts")] == [
            other[name] for name in ("row", "destination", "status", "reason", "parts")
        ]
        assert {name: row[name] for name in other["source"]} == other["source"]

    # Forgotten, once, for whoever has the key.
    unasked = operator.run("forget", "l.db", code=2)
    assert "--yes" in unasked.error
    assert operator.rows() == before
    # An order that was given while there was something left to send.
    (operator.folder / "l.db.orders").write_text('{"paused": true, "reason": "operator", "note": "one of them called"}')
    told = operator.run("forget", "l.db", "--key", "the.key", "--yes", "--json").json
    assert not (operator.folder / "l.db.orders").exists()
    key = (folder / "the.key").read_bytes()
    unknown = sum(row["status"] == "unknown" for row in before)
    assert (told["rows"], told["unknown"], told["already"], len(key)) == (len(before), unknown, False, 32)
    again = operator.run("forget", "l.db", "--yes", "--json").json
    assert again == told | {"already": True}
    assert "nothing to do" in operator.run("forget", "l.db", "--yes").out

    # What happened to each row is still there; who it was and what it said is not.
    after = operator.rows()
    for old, new in zip(before, after, strict=True):
        number = old["destination"]
        assert new == {
            **old,
            "destination": number and hashed_number(key, number),
            "error_message": None,
            "source": {},
        }
        assert number is None or new["destination"].startswith(HASH_PREFIX)
    left = [file for file in folder.iterdir() if file.name.startswith("l.db")]
    assert left
    for file in left:
        assert not PRIVATE.search(file.read_bytes().decode("latin-1")), file

    # It can be looked at and settled by events, which name rows; nothing can be sent by it.
    counts = operator.run("status", "l.db", "--json").json
    assert (counts["rows"], counts["unknown"]) == (len(before), unknown)
    settled = operator.run("reconcile", "l.db", "events.jsonl", "--json").json
    # Of some of them the service never knew: their connection was cut before it had read them.
    assert settled["settled"] == {"unknown": unknown - settled["unknown"]}
    assert settled["settled"]["unknown"] > 0
    assert {row["carrier"] for row in operator.rows()} == {None}
    operator.run("report", "l.db", "--out", "report.html")
    assert not PRIVATE.search((folder / "report.html").read_text())
    for sending in ("resume l.db", "send list.csv -c campaign.toml --ledger l.db"):
        refused = operator.run(*sending.split(), "--yes", "--endpoint-url", operator.url, code=2)
        assert "was forgotten on" in refused.error

    for command, words in operator.heard:
        found = PRIVATE.search(words)
        assert found is None, f"{command} said {found}"
    open_to_others = {
        file.name for file in folder.iterdir() if file.stat().st_mode & 0o077 and not file.name.endswith(".toml")
    }
    assert open_to_others <= {"list.csv", "events.jsonl"}, "what these tests and the simulator wrote"
