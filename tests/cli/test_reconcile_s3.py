import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_reconcile import campaign, export
from tests.support.command import CREDENTIALS, bulksend
from tests.support.objects import s3_client, s3_server


@pytest.fixture
def server() -> Iterator[str]:
    """The URL of a server that speaks S3."""
    with s3_server() as url:
        yield url


def test_events_are_read_from_below_a_prefix(tmp_path: Path, server: str) -> None:
    """As Firehose leaves them, compressed and in several objects; the rows that were lost are settled by them."""
    accepted = campaign(tmp_path, "drop_after = 0.3")
    unknown = [row["row"] for row in export(tmp_path) if row["status"] == "unknown"]
    events = (tmp_path / "events.jsonl").read_bytes().splitlines(keepends=True)
    with s3_client(server) as client:
        client.create_bucket(Bucket="events")
        for number, start in enumerate(range(0, len(events), 40)):
            body = gzip.compress(b"".join(events[start : start + 40]).replace(b"\n", b""))
            client.put_object(Bucket="events", Key=f"sms/2026/part-{number}", Body=body)
        client.put_object(Bucket="events", Key="other/part-0", Body=b"not JSON")
    env = {**CREDENTIALS, "AWS_ENDPOINT_URL_S3": server}
    done = bulksend("reconcile", "l.db", "s3://events/sms/", "--json", folder=tmp_path, env=env)
    assert done.code == 0, done.err
    assert done.json["files"] == (len(events) + 39) // 40
    assert {row["destination"] for row in export(tmp_path) if row["status"] == "sent"} == {
        message.destination for message in accepted
    }
    assert unknown
    assert done.json["unknown"] == 0
    nothing = bulksend("reconcile", "l.db", "s3://events/none/", folder=tmp_path, env=env)
    assert (nothing.code, "s3://events/none/" in nothing.error) == (2, True)
