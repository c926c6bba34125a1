"""`bulksend identities` by the real command, against the simulator."""

import json
from pathlib import Path

from bulksend.config.load import load_settings
from tests.support.command import CREDENTIALS, bulksend, simulator

CAMPAIGN = "registration-0123456789abcdef0123456789abcd01"
POOL = "pool-0123456789abcdef0123456789abcdef"

SERVICE = f"""
[[identities]]
id = "20440"
type = "short_code"
country = "US"
countries = ["US"]
mps = 100
[[identities]]
id = "+14255550142"
type = "ten_dlc"
country = "US"
countries = ["US"]
mps = 20
bucket = "campaign"
registration_id = "{CAMPAIGN}"
[[identities]]
id = "+14255550143"
type = "ten_dlc"
country = "US"
countries = ["US"]
mps = 20
bucket = "campaign"
registration_id = "{CAMPAIGN}"
[[identities]]
id = "+14255550149"
type = "ten_dlc"
country = "US"
countries = ["US"]
mps = 1
status = "PENDING"
[[identities]]
id = "ACME"
type = "sender_id"
country = "GB"
countries = ["GB", "DE"]
mps = 10
message_type = "BOTH"
[[pools]]
id = "{POOL}"
members = ["+18885550000", "+14255550142", "+14255550143", "ACME"]
""" + "".join(
    f'[[identities]]\nid = "+1888555{n:04d}"\ntype = "toll_free"\ncountry = "US"\ncountries = ["US"]\nmps = 3\n'
    for n in range(101)
)


def test_an_account_becomes_a_configuration(tmp_path: Path) -> None:
    """Two pages of numbers, a campaign, a sender id in two countries and a pool: what is printed is a configuration."""
    with simulator(tmp_path, SERVICE) as running:
        done = bulksend("identities", "--endpoint-url", running.url, folder=tmp_path, env=CREDENTIALS)
    assert (done.code, done.err) == (0, "Reading the account in us-east-1, one request a second.\n")
    assert max(map(len, done.out.splitlines())) <= 80
    file = tmp_path / "found.toml"
    file.write_text(done.out)
    identities = load_settings(file, environ={}, complete=False).identities
    assert len(identities) == 101 + 1 + 2 + 2
    by_bucket = {one.bucket: (one.id, one.mps, one.countries) for one in identities}
    assert by_bucket["20440"] == ("20440", 100, ("US",))
    assert by_bucket["10dlc-89abcd01"] == ("+14255550143", 20, ("US",))
    assert by_bucket["ACME/DE"] == ("ACME", 10, ("DE",))
    assert by_bucket["+18885550100"] == ("+18885550100", 3, ("US",))
    assert "#   +14255550149, US 10DLC number: is PENDING" in done.out
    assert f'# id = "{POOL}"\n# mps = 23\n# countries = ["US"]' in done.out


def test_as_json(tmp_path: Path) -> None:
    """One object with the same in it, from the endpoint that a configuration names."""
    service = SERVICE[: SERVICE.index("[[pools]]")]
    with simulator(tmp_path, service) as running:
        (tmp_path / "campaign.toml").write_text(f'[aws]\nendpoint_url = "{running.url}"\nregion = "eu-west-1"\n')
        done = bulksend("identities", "--config", "campaign.toml", "--json", folder=tmp_path, env=CREDENTIALS)
    assert done.code == 0, done.err
    assert (done.json["region"], done.json["requests"]) == ("eu-west-1", 6)
    assert [(one["id"], one["country"], one["mps"], one["bucket"]) for one in done.json["identities"]] == [
        ("20440", "US", 100, ""),
        ("+14255550142", "US", 20, "10dlc-89abcd01"),
        ("+14255550143", "US", 20, "10dlc-89abcd01"),
        ("ACME", "DE", 10, ""),
        ("ACME", "GB", 10, ""),
    ]
    assert [one["id"] for one in done.json["unusable"]] == ["+14255550149"]


def test_without_credentials(tmp_path: Path) -> None:
    """The error is that of every other command, and is JSON where that was asked for."""
    done = bulksend(
        "identities", "--endpoint-url", "http://127.0.0.1:9", "--region", "us-east-1", "--json", folder=tmp_path
    )
    assert done.code == 2
    assert json.loads(done.out)["error"] == "aws: no credentials found"
    assert "AWS_ACCESS_KEY_ID" in done.error
