"""Objects of S3, or of a service that speaks its protocol: brought to private files of this machine, and written."""

import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Self

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
)

from bulksend.base.errors import UsageError
from bulksend.objects.address import SCHEME, SUFFIXES, bucket_and_key, bucket_and_prefix
from bulksend.objects.refusals import Conflict, NotFound, refusal

CHUNK_BYTES = 1 << 18
"""Memory for the content of an object that is downloaded, however large it is."""

PART_BYTES = 16 << 20
"""What is written at once, and so the memory that writing takes; an object that has more is written in parts."""

MAX_PARTS = 10_000
"""Of one object (AWS: "Amazon S3 multipart upload limits"): from 156 GiB on, parts are larger."""

TRIES = 3
"""How often an object is begun anew whose content breaks off. The SDK itself repeats what fails before that."""

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 60.0

_MARK = "bulksend-write"
"""Name of an object's metadata: whoever's write was repeated can tell that it was theirs."""

_NOT_MET = frozenset({404, 409, 412})
"""Statuses of a write whose condition is not met: deleted, being written, written."""

_READING = "allow s3:ListBucket on the bucket and s3:GetObject below it"
_WRITING = "allow s3:PutObject and s3:GetObject below the bucket, the key of its encryption too"


class S3Objects:
    """Reads and writes objects. An async context manager; nothing is connected before the first is.

    Credentials, region, profile, endpoint (`AWS_ENDPOINT_URL_S3`), proxies and certificates are found the way every AWS
    tool finds them; the arguments override what they name. An endpoint whose host is an IP address has the bucket in
    the path.

    Args:
        endpoint_url: "" to leave it to the environment.
        region: "" likewise.
        profile: "" likewise.

    Raises (on entering):
        UsageError: there is no such profile, or the SDK cannot use what it was given.

    All methods raise, each error beginning with the URL:
        UsageError: it is none, there are no credentials or they do not allow it, S3 cannot be reached, or a file of
            this machine cannot be read or written.
        NotFound: the object or the bucket is not there.
    """

    def __init__(self, *, endpoint_url: str = "", region: str = "", profile: str = "") -> None:
        self._endpoint_url = endpoint_url
        self._region = region
        self._profile = profile
        self._stack = AsyncExitStack()
        self._client: Any = None

    async def __aenter__(self) -> Self:
        config = AioConfig(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            retries={"mode": "standard", "total_max_attempts": 4},
        )
        try:
            self._client = await self._stack.enter_async_context(
                AioSession(profile=self._profile or None).create_client(
                    "s3",
                    region_name=self._region or None,
                    endpoint_url=self._endpoint_url or None,
                    config=config,
                )
            )
        except ProfileNotFound as error:
            raise UsageError(f"aws.profile: {error}", "name a profile of ~/.aws/config") from None
        except (BotoCoreError, ValueError) as error:
            raise UsageError(f"aws: {_line(error)}", "check the AWS settings of the environment") from None
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def download_all(self, url: str, folder: Path) -> AsyncIterator[tuple[str, Path]]:
        """Yield (URL, file) of the object that `url` names or, where it names none, of all whose URLs begin with it.

        They come in the order of their keys, each when it is asked for, in constant memory; markers of folders (empty
        objects whose key ends in "/") are passed over. The files are new ones in `folder`, mode 0600, with the suffixes
        of the key (`.csv.gz`); removing them is the caller's business.

        Raises:
            NotFound: also where there is nothing that begins with `url`.
        """
        bucket, prefix = bucket_and_prefix(url)
        found = False
        async for key in self._keys(url, bucket, prefix):
            found = True
            name = f"{SCHEME}{bucket}/{key}"
            suffixes = SUFFIXES.search(key)
            with _told_about(name), _private_file(folder, suffixes[0] if suffixes else "") as (file, path):
                await self._read(bucket, key, file)
            yield name, path
            if key == prefix:
                return
        if not found:
            raise NotFound(f"{url}: there is nothing with that name or below it", "correct the URL")

    async def download(self, url: str, path: Path) -> str:
        """Write the object into the file `path`, mode 0600, and return its ETag.

        In constant memory; the file gets its name when it is complete and on disk, and replaces one that is there.
        """
        bucket, key = bucket_and_key(url)
        with _told_about(url), _private_file(path.parent, ".partial") as (file, partial):
            etag = await self._read(bucket, key, file)
            file.flush()
            os.fsync(file.fileno())
            partial.replace(path)
        return etag

    async def upload(self, path: Path, url: str, *, if_match: str | None = None, if_absent: bool = False) -> str:
        """Write the file `path` to the object, as it is when this begins, and return the object's new ETag.

        The object is all new or all old, whatever happens: one of more than `PART_BYTES` is put together in the last
        step, and its parts are deleted where that is not reached. In constant memory.

        Args:
            path: the file; must not change meanwhile.
            url: of the object.
            if_match: the ETag that the object must still have.
            if_absent: whether the object must not be there yet.

        Raises:
            Conflict: the condition is not met; nothing was written.
        """
        bucket, key = bucket_and_key(url)
        write = _Write({"Bucket": bucket, "Key": key}, if_match, if_absent)
        with _told_about(url, writing=True), path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= PART_BYTES:
                return await self._put(write, file.read(size))
            return await self._put_in_parts(write, file, size)

    async def put_bytes(self, content: bytes, url: str, *, if_match: str | None = None, if_absent: bool = False) -> str:
        """Write `content` to the object in one piece; conditions, result and errors as of `upload`."""
        bucket, key = bucket_and_key(url)
        with _told_about(url, writing=True):
            return await self._put(_Write({"Bucket": bucket, "Key": key}, if_match, if_absent), content)

    async def _put(self, write: "_Write", content: bytes) -> str:
        call = self._client.put_object(**write.whose, **write.condition, Metadata=write.metadata, Body=content)
        return await self._conclude(write, call)

    async def _put_in_parts(self, write: "_Write", file: BinaryIO, size: int) -> str:
        begun = await self._client.create_multipart_upload(**write.whose, Metadata=write.metadata)
        which = {**write.whose, "UploadId": begun["UploadId"]}
        part_bytes = max(PART_BYTES, -(-size // MAX_PARTS))
        try:
            parts = []
            for number, start in enumerate(range(0, size, part_bytes), start=1):
                content = file.read(min(part_bytes, size - start))
                part = await self._client.upload_part(**which, PartNumber=number, Body=content)
                parts.append({"PartNumber": number, "ETag": part["ETag"]})
            call = self._client.complete_multipart_upload(**which, **write.condition, MultipartUpload={"Parts": parts})
            return await self._conclude(write, call)
        except BaseException:
            # Parts of what is never completed are kept, and charged for, until somebody deletes them.
            with suppress(BotoCoreError, ClientError, aiohttp.ClientError):
                await self._client.abort_multipart_upload(**which)
            raise

    async def _conclude(self, write: "_Write", call: Awaitable[Any]) -> str:
        """Make the call that makes the object, and return its ETag.

        The SDK repeats a call whose answer was lost. If that had been carried out, the object is ours by then, and the
        condition is not met any more.
        """
        try:
            answer = await call
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if status not in _NOT_MET or not write.condition:
                raise
            with suppress(ClientError):
                found = await self._client.head_object(**write.whose)
                if found.get("Metadata", {}).get(_MARK) == write.mark:
                    return str(found["ETag"])
            if error.response.get("Error", {}).get("Code") == "NoSuchKey":
                url = f"{SCHEME}{write.whose['Bucket']}/{write.whose['Key']}"
                raise Conflict(f"{url}: somebody has deleted it", "look at what is there before you go on") from None
            raise
        return str(answer["ETag"])

    async def _keys(self, url: str, bucket: str, prefix: str) -> AsyncIterator[str]:
        # In order, the object that is named itself comes before all others that begin with its name.
        pages = aiter(self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix))
        while True:
            with _told_about(url):
                page = await anext(pages, None)
            if page is None:
                return
            for each in page.get("Contents") or ():
                if each["Size"] or not each["Key"].endswith("/"):
                    yield each["Key"]

    async def _read(self, bucket: str, key: str, file: BinaryIO) -> str:
        """Write the object's content into `file`, which is empty, and return its ETag."""
        tries_left = TRIES
        while True:
            tries_left -= 1
            answer = await self._client.get_object(Bucket=bucket, Key=key)
            try:
                async with answer["Body"] as body:
                    async for chunk in body.iter_chunks(CHUNK_BYTES):
                        file.write(chunk)
            except (BotoCoreError, aiohttp.ClientError):
                if not tries_left:
                    raise
                file.seek(0)
                file.truncate()
            else:
                return str(answer.get("ETag", ""))


class _Write:
    """One write of one object: what it goes to, on what condition, and a mark by which it is known again."""

    def __init__(self, whose: dict[str, str], if_match: str | None, if_absent: bool) -> None:  # noqa: FBT001 - of ours
        self.whose = whose
        self.condition: dict[str, str] = {}
        if if_match is not None:
            self.condition["IfMatch"] = if_match
        if if_absent:
            self.condition["IfNoneMatch"] = "*"
        self.mark = secrets.token_hex(16)
        self.metadata = {_MARK: self.mark}


@contextmanager
def _private_file(folder: Path, suffix: str) -> Iterator[tuple[BinaryIO, Path]]:
    """A new file, mode 0600, which is removed again when the block fails."""
    descriptor, name = tempfile.mkstemp(prefix="object-", suffix=suffix, dir=folder)
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file, path
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@contextmanager
def _told_about(url: str, *, writing: bool = False) -> Iterator[None]:
    """Raise what the SDK and the disk raise as one line about `url`."""
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError):
        hint = "set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role gives them"
        raise UsageError(f"{url}: no AWS credentials found", hint) from None
    except ParamValidationError:
        raise UsageError(f"{url}: not the URL of an object in S3", "write s3://bucket/key") from None
    except ClientError as error:
        raise refusal(url, error.response, _WRITING if writing else _READING) from None
    except (BotoCoreError, aiohttp.ClientError) as error:
        what = "written" if writing else "read"
        raise UsageError(f"{url}: S3 cannot be {what} ({_line(error)})", "check network, region and endpoint") from None
    except OSError as error:
        if writing:
            raise UsageError(f"{url}: the file for it cannot be read: {error.strerror}", "check the path") from None
        raise UsageError(f"{url}: cannot be kept on this machine: {error.strerror}", "make room for it") from None


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
