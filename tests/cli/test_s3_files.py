"""Lists that are read from S3, and results that are written there, by the real command."""

import csv
import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from tests.support.command import CREDENTIALS, Finished, bulksend, simulator
from tests.support.objects import s3_client, s3_server

CAMPAIGN = """
[campaign]
name = "spring"
template = "Hi {{ name }}"
[recipients]
default_country = "DE"
[[identities]]
id = "ACME"
mps = 100
countries = ["DE"]
"""

SERVICE = """
[[identities]]
id = "ACME"
type = "sender_id"
country = "DE"
mps = 100
"""

ROWS = 60
LARGE = 100_000
"""Characters in a cell of every row: six megabytes in all."""


@pytest.fixture
def server() -> Iterator[str]:
    """The URL of a server that speaks S3."""
    with s3_server() as url:
        yield url


@pytest.fixture
def client(server: str) -> Iterator[Any]:
    """A client, and the bucket `lists` with a large list in it."""
    with s3_client(server) as client:
        client.create_bucket(Bucket="lists")
        text = io.StringIO(newline="")
        rows = csv.writer(text)
        rows.writerow(["phone", "name", "more"])
        rows.writerows([f"+49171{3920000 + row}", "=Ann", "x" * LARGE] for row in range(ROWS))
        content = text.getvalue().encode()
        client.put_object(Bucket="lists", Key="in/list.csv", Body=content)
        client.put_object(Bucket="lists", Key="in/list.csv.gz", Body=gzip.compress(content))
        client.put_object(Bucket="lists", Key="in/broken.csv.gz", Body=content[:5000])
        yield client


def test_a_campaign_from_s3_to_s3(tmp_path: Path, server: str, client: Any) -> None:
    """Lists, compressed or not, are read by their address, results written to theirs, and nothing else is left here."""
    (tmp_path / "campaign.toml").write_text(CAMPAIGN)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    env = {**CREDENTIALS, "AWS_ENDPOINT_URL_S3": server, "TMPDIR": str(temporary)}

    def run(*arguments: str, code: int = 0) -> Finished:
        done = bulksend(*arguments, folder=tmp_path, env=env)
        assert done.code == code, done
        assert list(temporary.iterdir()) == []
        return done

    planned = run("plan", "s3://lists/in/list.csv.gz", "-c", "campaign.toml", "--json").json
    assert (planned["rows"], planned["sendable"]) == (ROWS, ROWS)
    broken = run("plan", "s3://lists/in/broken.csv.gz", "-c", "campaign.toml", code=2)
    assert "s3://lists/in/broken.csv.gz: the name ends in .gz" in broken.error
    for address, words in [
        ("s3://lists/in/none.csv", "there is no such object"),
        ("s3://no-such-bucket/x.csv", "there is no such bucket"),
    ]:
        missing = run("plan", address, "-c", "campaign.toml", "--json", code=2)
        assert missing.error.startswith(f"bulksend: error: {address}: {words}")
        assert missing.json["exit_code"] == 2

    with simulator(tmp_path, SERVICE) as running:
        # The same list, compressed otherwise, is the same campaign.
        options = ("-c", "campaign.toml", "--ledger", "l.db", "--endpoint-url", running.url, "--yes")
        first = run("send", "s3://lists/in/list.csv", *options, "--limit", "10", code=3)
        assert "Input    s3://lists/in/list.csv (" in first.err
        run("send", "s3://lists/in/list.csv.gz", *options)
        assert running.stats()["messages"]["accepted"] == ROWS

    for file_format in ("csv", "parquet"):
        out = f"s3://lists/out/results.{file_format}"
        said = run("export", "l.db", "--format", file_format, "--out", out, "--json").json
        assert (said["rows"], said["out"], said["format"]) == (ROWS, out, file_format)
    as_csv, as_parquet = (
        client.get_object(Bucket="lists", Key=f"out/results.{each}")["Body"].read() for each in ("csv", "parquet")
    )
    assert len(as_csv) > 5 * 2**20
    assert as_csv.count(b"'=Ann") == ROWS
    assert parquet.read_table(io.BytesIO(as_parquet))["status"].to_pylist() == ["sent"] * ROWS
    again = run("plan", "s3://lists/out/results.csv", "-c", "campaign.toml", "--json").json
    assert again["sendable"] == ROWS
    refused = run("export", "l.db", "--format", "csv", "--out", "s3://no-such-bucket/x", code=2)
    assert "s3://no-such-bucket/x: there is no such bucket" in refused.error
    made = {path.name for path in tmp_path.iterdir() if not path.name.startswith("l.db")}
    assert made == {"campaign.toml", "simulator.toml", "temporary"}
