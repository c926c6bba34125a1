"""Objects of S3 that are written: as moto's server has them, and by a server that loses answers."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bulksend.base.errors import UsageError
from bulksend.objects.refusals import Conflict, NotFound
from bulksend.objects.s3 import PART_BYTES, S3Objects
from tests.loopback.test_s3 import client, environment, object_server, response, server

__all__ = ["client", "environment", "server"]  # the fixtures of the tests of reading

BUCKET = "results"
URL = f"s3://{BUCKET}/2026/sale.parquet"


@pytest.fixture
def bucket(client: Any) -> Iterator[Any]:
    """A client, and a bucket that is gone afterwards."""
    client.create_bucket(Bucket=BUCKET)
    yield client
    for each in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=each["Key"])
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of a few bytes."""
    path = tmp_path / "few"
    path.write_bytes(b"few bytes")
    return path


@pytest.mark.usefixtures("bucket")
def test_what_was_uploaded_is_downloaded(server: str, file: Path, tmp_path: Path) -> None:
    """Byte for byte, into a private file that replaces what was there; both name the same ETag."""

    async def main() -> None:
        async with S3Objects(endpoint_url=server) as objects:
            there = tmp_path / "there"
            there.write_bytes(b"old")
            etag = await objects.upload(file, URL)
            assert await objects.download(URL, there) == etag
            assert there.read_bytes() == b"few bytes"
            assert there.stat().st_mode & 0o777 == 0o600
            other = await objects.put_bytes(b"other", URL)
            assert await objects.download(URL, there) == other != etag
            assert there.read_bytes() == b"other"

    asyncio.run(main())
    assert {path.name for path in tmp_path.iterdir()} == {"few", "there"}


def test_large_files_go_in_parts(server: str, bucket: Any, tmp_path: Path) -> None:
    """Put together to the very file; a condition that is not met is told at the end, and no part is left to pay for."""
    large = tmp_path / "large"
    piece = bytes(range(256)) * 4096
    with large.open("wb") as out:
        for number in range(PART_BYTES // len(piece) + 3):
            out.write(number.to_bytes(4, "big") + piece)

    async def main() -> None:
        async with S3Objects(endpoint_url=server) as objects:
            etag = await objects.upload(large, URL, if_absent=True)
            assert "-2" in etag, "two parts"
            assert await objects.download(URL, tmp_path / "back") == etag
            assert (tmp_path / "back").read_bytes() == large.read_bytes()
            with pytest.raises(Conflict):
                await objects.upload(large, URL, if_absent=True)
            assert await objects.upload(large, URL, if_match=etag)

    asyncio.run(main())
    assert bucket.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []


def test_conditions_keep_two_writers_apart(server: str, bucket: Any, file: Path, tmp_path: Path) -> None:
    """Who has not seen the latest content does not overwrite it."""

    async def main() -> None:
        async with S3Objects(endpoint_url=server) as objects:
            first = await objects.upload(file, URL, if_absent=True)
            second = await objects.put_bytes(b"second", URL, if_match=first)
            for condition in ({"if_match": first}, {"if_absent": True}):
                with pytest.raises(Conflict, match=f"^{URL}: somebody else has written it") as caught:
                    await objects.upload(file, URL, **condition)
                assert "\n" not in str(caught.value)
            assert await objects.download(URL, tmp_path / "now") == second
            bucket.delete_object(Bucket=BUCKET, Key="2026/sale.parquet")
            with pytest.raises(Conflict, match="somebody has deleted it"):
                await objects.put_bytes(b"third", URL, if_match=second)
            assert await objects.put_bytes(b"fourth", URL, if_absent=True)

    asyncio.run(main())


@pytest.mark.usefixtures("bucket")
def test_what_is_not_there_or_is_no_address(server: str, file: Path, tmp_path: Path) -> None:
    """One line with the address, and no file."""

    async def main() -> None:
        async with S3Objects(endpoint_url=server) as objects:
            with pytest.raises(NotFound, match=f"^s3://{BUCKET}/none: there is no such object"):
                await objects.download(f"s3://{BUCKET}/none", tmp_path / "none")
            with pytest.raises(NotFound, match=r"^s3://no-bucket/x: there is no such bucket"):
                await objects.upload(file, "s3://no-bucket/x")
            for address in (f"s3://{BUCKET}", f"s3://{BUCKET}/", f"s3://{BUCKET}/folder/", "s3://", "x/y"):
                with pytest.raises(UsageError, match=r"names no object|not the URL of an object"):
                    await objects.upload(file, address)
            with pytest.raises(UsageError, match="the file for it cannot be read: No such file"):
                await objects.upload(tmp_path / "missing", URL)

    asyncio.run(main())
    assert {path.name for path in tmp_path.iterdir()} == {"few"}


def test_who_may_not_write_is_told_what_to_allow(file: Path) -> None:
    """Other permissions than reading takes."""

    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(response(403, b"<Error><Code>AccessDenied</Code></Error>"))

    async def main() -> None:
        async with object_server(behave) as url, S3Objects(endpoint_url=url) as objects:
            with pytest.raises(UsageError, match=r"access denied.*s3:PutObject"):
                await objects.upload(file, "s3://b-1/big.csv")

    asyncio.run(main())


@pytest.mark.parametrize("ours", [True, False])
def test_a_write_whose_answer_was_lost_is_known_again(*, ours: bool) -> None:
    """The SDK repeats it, and its own first try is what breaks the condition then: that is no conflict."""
    marks: list[bytes] = []

    async def behave(head: bytes, writer: asyncio.StreamWriter) -> None:
        line, *lines = head.split(b"\r\n")
        if line.startswith(b"PUT"):
            assert b"If-None-Match: *" in lines
            marks.extend(each.split(b": ")[1] for each in lines if each.lower().startswith(b"x-amz-meta-bulksend"))
            if len(marks) == 1:
                writer.close()  # carried out, but nobody is told
            else:
                writer.write(response(412, b"<Error><Code>PreconditionFailed</Code></Error>"))
        else:
            mark = marks[0] if ours else b"another"
            head = b'HTTP/1.1 200 OK\r\nETag: "e1"\r\nx-amz-meta-bulksend-write: ' + mark
            writer.write(head + b"\r\nContent-Length: 0\r\n\r\n")

    async def main() -> None:
        async with object_server(behave) as url, S3Objects(endpoint_url=url) as objects:
            if ours:
                assert await objects.put_bytes(b"x", "s3://b-1/big.csv", if_absent=True) == '"e1"'
            else:
                with pytest.raises(Conflict):
                    await objects.put_bytes(b"x", "s3://b-1/big.csv", if_absent=True)

    asyncio.run(main())
    assert len(set(marks)) == 1
    assert len(marks) == 2
