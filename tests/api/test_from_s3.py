"""A list that is an object in S3, planned by a program."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bulksend import Campaign, InputError, plan
from tests.api.test_library import SETTINGS
from tests.support.objects import s3_client, s3_server


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket with a list, where the SDK finds it."""
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with s3_server() as url:
        for name, value in {
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
            "AWS_CONFIG_FILE": str(tmp_path / "none"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_ENDPOINT_URL_S3": url,
            "NO_PROXY": "*",
        }.items():
            monkeypatch.setenv(name, value)
        with s3_client(url) as client:
            client.create_bucket(Bucket="lists-1")
            client.put_object(Bucket="lists-1", Key="list.csv", Body=b"phone,name\n+4915123000001,Ann\n+49151,Ben\n")
        yield "s3://lists-1"


def test_a_list_in_s3_is_planned_under_its_own_name(bucket: str, tmp_path: Path) -> None:
    """As a file would be; one that is not there is an error that begins with its address."""
    file = tmp_path / "campaign.toml"
    file.write_text(SETTINGS)
    campaign = Campaign.load(file)
    planned = asyncio.run(plan(campaign, f"{bucket}/list.csv"))
    assert (planned.totals.rows, planned.totals.sendable) == (2, 1)
    assert planned.made.input_name == f"{bucket}/list.csv"
    with pytest.raises(InputError, match=f"^{bucket}/none.csv"):
        asyncio.run(plan(campaign, f"{bucket}/none.csv"))
