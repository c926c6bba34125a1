"""S3 as moto's server speaks it, and servers that do to a connection what moto never would."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bulksend.base.errors import BulksendError, InputError, UsageError
from bulksend.objects.refusals import NotFound
from bulksend.objects.s3 import TRIES, S3Objects
from tests.support.objects import s3_client, s3_server

BUCKET = "events-1"

Fill = Callable[[Mapping[str, bytes]], None]
Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]

LISTING = (
    b"<?xml version='1.0'?><ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><KeyCount>1</KeyCount>"
    b"<IsTruncated>false</IsTruncated><Contents><Key>big.csv</Key><Size>9</Size></Contents></ListBucketResult>"
)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a server that speaks S3."""
    with s3_server() as url:
        yield url


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[Any]:
    """A client to fill buckets with."""
    with s3_client(server) as client:
        yield client


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's AWS settings, and made-up credentials."""
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def fill(client: Any) -> Iterator[Fill]:
    """Puts objects, key -> content, into a bucket that is gone afterwards."""
    client.create_bucket(Bucket=BUCKET)

    def put(objects: Mapping[str, bytes]) -> None:
        for key, content in objects.items():
            # What moto calls archived is what S3 does: it cannot be read.
            storage = "GLACIER" if key.startswith("archived") else "STANDARD"
            client.put_object(Bucket=BUCKET, Key=key, Body=content, StorageClass=storage)

    yield put
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for each in page.get("Contents", ()):
            client.delete_object(Bucket=BUCKET, Key=each["Key"])
    client.delete_bucket(Bucket=BUCKET)


def files_in(folder: Path) -> list[Path]:
    """What is in `folder`."""
    return list(folder.iterdir())


def download(url: str, folder: Path, *, endpoint_url: str = "", profile: str = "") -> list[tuple[str, bytes]]:
    """Name and content of all that `url` brings, each removed after it was read."""

    async def main() -> list[tuple[str, bytes]]:
        found = []
        async with (
            asyncio.timeout(60),
            S3Objects(endpoint_url=endpoint_url, profile=profile) as store,
        ):
            async for name, path in store.download_all(url, folder):
                assert path.parent == folder
                assert path.stat().st_mode & 0o777 == 0o600
                found.append((name, path.read_bytes()))
                path.unlink()
        return found

    return asyncio.run(main())


def refusal(url: str, folder: Path, *, endpoint_url: str, profile: str = "") -> BulksendError:
    """The error that `url` ends with; it is one line, and leaves no file."""
    with pytest.raises(BulksendError) as caught:
        download(url, folder, endpoint_url=endpoint_url, profile=profile)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert files_in(folder) == []
    return caught.value


@asynccontextmanager
async def object_server(behave: Answer) -> AsyncIterator[str]:
    """A server whose one bucket holds `big.csv`; `behave` gets the head of each request for it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if b"list-type=2" in head.split(b"\r\n")[0]:
                    writer.write(response(200, LISTING))
                else:
                    await behave(head, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


def response(status: int, body: bytes) -> bytes:
    """An HTTP answer of S3."""
    return (
        f"HTTP/1.1 {status} X\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    )


async def fetch(endpoint_url: str, folder: Path) -> list[Path]:
    """The files of everything in the bucket."""
    async with asyncio.timeout(60), S3Objects(endpoint_url=endpoint_url) as store:
        return [path async for _, path in store.download_all("s3://b-1/", folder)]


def test_all_objects_below_a_prefix_come_in_the_order_of_their_keys(
    server: str, fill: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over several pages of the listing; what only lies beside the prefix is left alone, and so are folders."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    below = {f"2026/11/{number:02}.jsonl": f"content {number}".encode() for number in range(8)}
    fill({"2026/12/1.jsonl": b"later", "2026/11/": b"", "a": b"other", **dict(reversed(below.items()))})
    found = download(f"s3://{BUCKET}/2026/11/", tmp_path, endpoint_url=server)
    assert found == [(f"s3://{BUCKET}/{key}", content) for key, content in below.items()]
    everything = {*below, "2026/12/1.jsonl", "a"}
    for url in (f"s3://{BUCKET}", f"s3://{BUCKET}/"):
        found = download(url, tmp_path, endpoint_url=server)
        assert [name for name, _ in found] == [f"s3://{BUCKET}/{key}" for key in sorted(everything)]


def test_the_object_that_is_named_comes_alone(server: str, fill: Fill, tmp_path: Path) -> None:
    """Although others begin with its name; where it is not there, those are what is meant."""
    fill({"list.csv": b"1", "list.csv.bak": b"2", "list.csv/x": b"3"})
    assert download(f"s3://{BUCKET}/list.csv", tmp_path, endpoint_url=server) == [(f"s3://{BUCKET}/list.csv", b"1")]
    assert [content for _, content in download(f"s3://{BUCKET}/list.", tmp_path, endpoint_url=server)] == [
        b"1",
        b"2",
        b"3",
    ]


def test_files_keep_what_tells_their_kind(server: str, fill: Fill, tmp_path: Path) -> None:
    """The suffixes of the key, and its bytes as they are."""
    content = b"\x1f\x8b\x08 not unpacked"
    suffixes = {
        "a.b/list": "",
        "a.b/list.jsonl": ".jsonl",
        "a/list.csv.gz": ".csv.gz",
        "odd.a b": "",
        "v.1.2.3.csv": ".3.csv",
        "x y+ü&?#.csv": ".csv",
    }
    fill(dict.fromkeys(suffixes, content))

    async def main() -> dict[str, str]:
        async with S3Objects(endpoint_url=server) as store:
            found = {}
            async for name, path in store.download_all(f"s3://{BUCKET}", tmp_path):
                found[name.removeprefix(f"s3://{BUCKET}/")] = "".join(path.suffixes)
            return found

    assert asyncio.run(main()) == suffixes
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {content}


def test_the_endpoint_may_come_from_the_environment(
    server: str, fill: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS_ENDPOINT_URL_S3, as in every AWS tool."""
    fill({"a.csv": b"x"})
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server)
    assert download(f"s3://{BUCKET}/a.csv", tmp_path) == [(f"s3://{BUCKET}/a.csv", b"x")]


def test_objects_are_fetched_when_they_are_asked_for(server: str, fill: Fill, tmp_path: Path) -> None:
    """Whoever stops after the first one has downloaded one."""
    fill({"1": b"x", "2": b"x", "3": b"x"})

    async def main() -> None:
        async with S3Objects(endpoint_url=server) as store:
            objects = store.download_all(f"s3://{BUCKET}", tmp_path)
            await anext(objects)
            assert len(files_in(tmp_path)) == 1
            await anext(objects)
            assert len(files_in(tmp_path)) == 2

    asyncio.run(main())


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("no-such-bucket/x", NotFound, "no such bucket"),
        (f"{BUCKET}/nothing", NotFound, "there is nothing with that name or below it"),
        (f"{BUCKET}/folder/", NotFound, "there is nothing with that name or below it"),
        (f"{BUCKET}/archived", InputError, "archived"),
        ("", UsageError, "not the URL of an object"),
        ("/x", UsageError, "not the URL of an object"),
        ("no bucket!/x", UsageError, "not the URL of an object"),
    ],
)
def test_what_is_not_there_is_named(
    server: str, fill: Fill, tmp_path: Path, path: str, kind: type[BulksendError], words: str
) -> None:
    """One line with the URL, and nothing downloaded."""
    fill({"something": b"x", "folder/": b"", "archived": b"x"})
    error = refusal(f"s3://{path}", tmp_path, endpoint_url=server)
    assert type(error) is kind
    assert error.what.startswith(f"s3://{path}: ")
    assert words in error.what


def test_missing_credentials_are_named(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked of S3 without any."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "no AWS credentials" in refusal("s3://b-1/x", tmp_path, endpoint_url=server).what
    assert "nobody" in refusal("s3://b-1/x", tmp_path, endpoint_url=server, profile="nobody").what


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, b"AccessDenied", "access denied"),
        (403, b"InvalidAccessKeyId", "the credentials are unknown"),
        (403, b"RequestTimeTooSkewed", "clock"),
        (400, b"ExpiredToken", "expired"),
        (404, b"NoSuchKey", "there is no such object"),
        (400, b"SomethingNew", "SomethingNew"),
        (403, b"", "access denied"),
    ],
)
def test_refusals_say_what_to_do(tmp_path: Path, status: int, code: bytes, words: str) -> None:
    """The object's URL, what S3 has against it, and a hint; also where the answer has no body."""

    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        body = b"<Error><Code>" + code + b"</Code><Message>m</Message></Error>" if code else b""
        writer.write(response(status, body))

    async def main() -> None:
        async with object_server(behave) as url:
            with pytest.raises(UsageError, match=words) as caught:
                await fetch(url, tmp_path)
        assert caught.value.what.startswith("s3://b-1/big.csv: ")
        assert caught.value.hint

    asyncio.run(main())
    assert files_in(tmp_path) == []


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    """The URL and the endpoint, after a few tries."""
    error = refusal("s3://b-1/x", tmp_path, endpoint_url="http://127.0.0.1:9")
    assert error.what.startswith("s3://b-1/x: S3 cannot be read (")
    assert "127.0.0.1:9" in error.what


def test_a_folder_that_is_not_there(server: str, fill: Fill, tmp_path: Path) -> None:
    """Where no file can be made, that is what is said."""
    fill({"a.csv": b"x"})
    with pytest.raises(UsageError, match="cannot be kept on this machine: No such file"):
        download(f"s3://{BUCKET}/a.csv", tmp_path / "missing", endpoint_url=server)


@pytest.mark.parametrize("broken", range(TRIES + 1))
def test_content_that_breaks_off_is_fetched_again(tmp_path: Path, broken: int) -> None:
    """From its beginning, and nothing of the earlier tries is left in the file; at last it is an error."""
    asked = 0

    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        if asked <= broken:
            writer.write(response(200, b"y" * 200_000)[:-1])
            await writer.drain()
            writer.close()
        else:
            writer.write(response(200, b"x" * 100_000))

    async def main() -> None:
        async with object_server(behave) as url:
            if broken < TRIES:
                (path,) = await fetch(url, tmp_path)
                assert path.read_bytes() == b"x" * 100_000
            else:
                with pytest.raises(UsageError, match=r"s3://b-1/big\.csv: S3 cannot be read"):
                    await fetch(url, tmp_path)
        assert len(files_in(tmp_path)) == (broken < TRIES)

    asyncio.run(main())
    assert asked == min(broken + 1, TRIES)


def test_memory_does_not_grow_with_the_object(tmp_path: Path) -> None:
    """A hundred megabytes through a few."""
    block = b"x" * 1_000_000

    async def behave(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {100 * len(block)}\r\n\r\n".encode())
        for _times in range(100):
            writer.write(block)
            await writer.drain()

    async def main() -> int:
        async with object_server(behave) as url, S3Objects(endpoint_url=url) as store:
            tracemalloc.start()
            try:
                async for _, path in store.download_all("s3://b-1/", tmp_path):
                    assert path.stat().st_size == 100 * len(block)
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    assert asyncio.run(main()) < 10_000_000
