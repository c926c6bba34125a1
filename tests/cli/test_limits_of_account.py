"""What `send` and `resume` make of what the account says: limits that are its to tell, and where the two differ."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from tests.support.account import number_item
from tests.support.command import CREDENTIALS, Finished, bulksend, simulator
from tests.support.margin import at_most

Answer = tuple[int, dict[str, Any]]

DENIED: Answer = (400, {"__type": "AccessDeniedException", "Message": "User is not authorized"})
SILENT: Answer = (0, {})

SERVICE = """
[[identities]]
id = "+18885550100"
type = "toll_free"
country = "US"
countries = ["US"]
mps = 3
"""


def prepare(folder: Path, identities: str, *, rows: int = 4, campaign: str = "") -> None:
    """A folder with a list to US numbers and a campaign of these identities."""
    (folder / "list.csv").write_text("phone\n" + "".join(f"+1425555{n:04d}\n" for n in range(100, 100 + rows)))
    (folder / "campaign.toml").write_text(f'[campaign]\nname = "t"\ntemplate = "Hi"\n{campaign}\n{identities}')


def identity(name: str, mps: str, countries: str = '["US"]', bucket: str = "") -> str:
    """One block."""
    return f'[[identities]]\nid = "{name}"\nmps = {mps}\ncountries = {countries}\nbucket = "{bucket}"\n'


def send(folder: Path, url: str, *flags: str) -> Finished:
    """`bulksend send` of that folder's campaign."""
    return bulksend(
        "send", "list.csv", "--config", "campaign.toml", "--ledger", "l.db", "--endpoint-url", url, "--yes", "--json",
        *flags, folder=folder, env={**CREDENTIALS, "BULKSEND_AWS_CHECK_IDENTITIES": "true"},
    )  # fmt: skip


def limits(folder: Path) -> dict[str, int]:
    """The buckets of the ledger."""
    with sqlite3.connect(folder / "l.db") as ledger:
        return dict(ledger.execute("select name, mps from buckets"))


def events(done: Finished, name: str) -> list[dict[str, Any]]:
    """The log lines of that event."""
    lines = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == name]


@contextmanager
def service(describe: Mapping[str, Answer]) -> Iterator[tuple[str, list[str]]]:
    """A service that takes every message, and answers other operations so; yields its URL and what it was asked."""
    asked: list[str] = []
    over = Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            operation = self.headers["X-Amz-Target"].partition(".")[2]
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(operation)
            status, document = describe.get(operation, (200, {"MessageId": f"m{len(asked)}"}))
            if not status:
                over.wait()
                return
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_account_tells_the_limit(tmp_path: Path) -> None:
    """At start, and anew by `resume`; the ledger keeps that it is the account's to tell."""
    prepare(tmp_path, identity("+18885550100", '"auto"'), rows=10)
    with simulator(tmp_path, SERVICE) as running:
        first = send(tmp_path, running.url, "--limit", "6")
        assert (first.code, first.json["sent"]) == (3, 6), first.err
        stats = running.stats()
    assert stats["buckets"]["+18885550100"]["fullest_offered"] <= at_most(3)
    assert stats["messages"]["throttled"] == 0
    assert limits(tmp_path) == {"+18885550100": 3}
    assert [(one["identity"], one["mps"], one["stated"]) for one in events(first, "identity.limit")] == [
        ("+18885550100", 3, True)
    ]
    with simulator(tmp_path, SERVICE.replace("mps = 3", "mps = 20")) as running:
        done = bulksend(
            "resume", "l.db", "--yes", "--json", "--endpoint-url", running.url, folder=tmp_path, env=CREDENTIALS
        )
    assert (done.code, done.json["sent"]) == (0, 10), done.err
    assert limits(tmp_path) == {"+18885550100": 20}


def test_a_number_may_take_the_place_of_auto(tmp_path: Path) -> None:
    """It is the same campaign, and goes on."""
    prepare(tmp_path, identity("+18885550100", '"auto"'))
    with simulator(tmp_path, SERVICE) as running:
        assert send(tmp_path, running.url, "--limit", "1").code == 3
        prepare(tmp_path, identity("+18885550100", "2"))
        assert send(tmp_path, running.url).code == 0
    assert limits(tmp_path) == {"+18885550100": 2}


def test_dry_run_takes_the_lower_limit(tmp_path: Path) -> None:
    """Five parts a second, or what the account says where that is less."""
    more = SERVICE.replace("mps = 3", "mps = 50").replace("+18885550100", "+18885550101")
    prepare(tmp_path, identity("+18885550100", '"auto"') + identity("+18885550101", '"auto"'))
    with simulator(tmp_path, SERVICE + more) as running:
        assert send(tmp_path, running.url, "--dry-run").code == 0
    assert limits(tmp_path) == {"+18885550100": 3, "+18885550101": 5}


def test_a_plan_asks_nobody(tmp_path: Path) -> None:
    """It goes by the documented limit, without credentials and without a service."""
    prepare(tmp_path, identity("+18885550100", '"auto"'))
    done = bulksend("plan", "list.csv", "-c", "campaign.toml", "--json", folder=tmp_path)
    assert done.code == 0, done.err
    assert [bucket["mps"] for bucket in done.json["buckets"]] == [3]


def test_a_limit_that_the_account_does_not_state(tmp_path: Path) -> None:
    """The documented one holds, and a person hears of it."""
    prepare(tmp_path, identity("+18885550100", '"auto"'))
    with service({"DescribePhoneNumbers": (200, {"PhoneNumbers": [number_item("+18885550100")]})}) as (url, asked):
        done = send(tmp_path, url)
    assert done.code == 0, done.err
    assert "+18885550100: the account states no limit; 3 parts/s is what AWS documents for its kind." in done.err
    assert asked == ["DescribePhoneNumbers"] + ["SendTextMessage"] * 4


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (
            DENIED,
            'identities: "+18885550100" has mps = "auto", and the account cannot be read:'
            " sms-voice:DescribePhoneNumbers is not allowed. Allow sms-voice:DescribePhoneNumbers"
            " (config/iam-policy.json); or write the limit, such as mps = 3.",
        ),
        (
            (200, {"PhoneNumbers": [number_item("+18885550109")]}),
            'identities: "+18885550100" has mps = "auto", and the account does not have it in this region. Correct the'
            " id or the region, or write the limit, such as mps = 3.",
        ),
    ],
)
def test_a_limit_that_nobody_tells(tmp_path: Path, answer: Answer, error: str) -> None:
    """One line with the identity and what to write; nothing is sent, and the campaign can go on later."""
    prepare(tmp_path, identity("+18885550100", '"auto"'))
    with service({"DescribePhoneNumbers": answer}) as (url, asked):
        done = send(tmp_path, url)
        assert (done.code, done.error) == (2, f"bulksend: error: {error}")
        assert set(asked) == {"DescribePhoneNumbers"}
        prepare(tmp_path, identity("+18885550100", "50"))
        assert send(tmp_path, url).json["sent"] == 4


def test_where_configuration_and_account_differ(tmp_path: Path) -> None:
    """Each difference is one line for people and one warning in the log, and the campaign is sent all the same."""
    prepare(
        tmp_path,
        identity("+18885550100", "5")
        + identity("20440", "9", "[]", "x")
        + identity("+14255550142", "20", '["CA"]', "a")
        + identity("+14255550143", "20", '["MX"]', "b")
        + identity("+18885550101", "3", '["GB"]'),
        campaign='message_type = "PROMOTIONAL"',
    )
    ten_dlc = 'type = "ten_dlc"\nbucket = "c"\nregistration_id = "r"\nmps = 20\ncountry = "US"\ncountries = ["US"]\n'
    more = (
        'message_type = "PROMOTIONAL"\n[[identities]]\nid = "20440"\ntype = "short_code"\nmps = 10\ncountry = "US"\n'
        f'countries = ["US"]\nstatus = "PENDING"\n[[identities]]\nid = "+14255550142"\n{ten_dlc}'
        f'[[identities]]\nid = "+14255550143"\n{ten_dlc}'
    )
    with simulator(tmp_path, SERVICE + more) as running:
        done = send(tmp_path, running.url)
    assert (done.code, done.json["sent"]) == (0, 4), done.err
    warned = events(done, "identity.differs")
    assert all(one["level"] == "warning" for one in warned)
    assert [(one["kind"], one["identity"]) for one in warned] == [
        ("mps_above", "+18885550100"),
        ("not_active", "20440"),
        ("country", "20440"),
        ("message_type", "20440"),
        ("mps_below", "20440"),
        ("country", "+14255550142"),
        ("message_type", "+14255550142"),
        ("country", "+14255550143"),
        ("message_type", "+14255550143"),
        ("not_found", "+18885550101"),
        ("split_campaign", "+14255550143"),
    ]
    told = " ".join(line for line in done.err.splitlines() if not line.startswith("{"))
    for one in warned:
        assert one["says"] in " ".join(told.split())


def test_a_check_that_is_not_allowed(tmp_path: Path) -> None:
    """One line names the permission; the campaign goes out."""
    prepare(tmp_path, identity("+18885550100", "50"))
    with service({"DescribePhoneNumbers": DENIED}) as (url, asked):
        done = send(tmp_path, url)
    assert (done.code, done.json["sent"]) == (0, 4)
    lines = [line for line in done.err.splitlines() if line.startswith("The identities could not be checked")]
    assert lines == [
        "The identities could not be checked: the account cannot be read: sms-voice:DescribePhoneNumbers is not"
        " allowed. Allow sms-voice:DescribePhoneNumbers (config/iam-policy.json)."
    ]
    assert len(events(done, "identities.not_checked")) == 1
    assert asked.count("DescribePhoneNumbers") == 1


def test_a_check_that_takes_too_long(tmp_path: Path) -> None:
    """After eight seconds the campaign goes out without it."""
    prepare(tmp_path, identity("+18885550100", "50"))
    with service({"DescribePhoneNumbers": SILENT}) as (url, _):
        done = send(tmp_path, url)
    assert (done.code, done.json["sent"]) == (0, 4)
    assert "The identities could not be checked: the account was not read in 8 s." in done.err


def test_a_check_that_nobody_wants(tmp_path: Path) -> None:
    """Not one request."""
    prepare(tmp_path, identity("+18885550100", "50"))
    with service({}) as (url, asked):
        assert send(tmp_path, url, "--set", "aws.check_identities=false").code == 0
    assert asked == ["SendTextMessage"] * 4


def test_nothing_to_send_asks_nobody(tmp_path: Path) -> None:
    """A campaign that is complete has no use for the account."""
    prepare(tmp_path, identity("+18885550100", '"auto"'))
    with service({"DescribePhoneNumbers": (200, {"PhoneNumbers": [number_item("+18885550100")]})}) as (url, asked):
        assert send(tmp_path, url).code == 0
        before = len(asked)
        assert send(tmp_path, url).code == 0
        assert len(asked) == before
