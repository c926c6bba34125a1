"""Objects of S3, or of a service that speaks its protocol, each downloaded to a private file of its own."""

import os
import re
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
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

from bulksend.base.errors import InputError, UsageError

SCHEME = "s3://"

CHUNK_BYTES = 1 << 18
"""Memory for the content of an object, however large it is."""

TRIES = 3
"""How often an object is begun anew whose content breaks off. The SDK itself repeats what fails before that."""

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 60.0

_URL = re.compile(r"s3://(?P<bucket>[^/]+)(?:/(?P<key>.*))?", re.DOTALL)
_SUFFIXES = re.compile(r"(?:\.[A-Za-z0-9]{1,8}){1,2}\Z")

_CREDENTIALS = "check the AWS settings of the environment, or --profile"
_REFUSALS: Mapping[str, tuple[type[UsageError], str, str]] = MappingProxyType(
    {
        "NoSuchBucket": (InputError, "there is no such bucket", "correct its name"),
        "InvalidBucketName": (InputError, "no bucket can have that name", "correct it"),
        "NoSuchKey": (InputError, "the object is gone", "run the command again"),
        "InvalidObjectState": (InputError, "the object is archived", "restore it in S3 first"),
        "AccessDenied": (UsageError, "access denied", "allow s3:ListBucket on the bucket and s3:GetObject below it"),
        "InvalidAccessKeyId": (UsageError, "the credentials are unknown there", _CREDENTIALS),
        "SignatureDoesNotMatch": (UsageError, "the credentials are wrong", _CREDENTIALS),
        "InvalidToken": (UsageError, "the credentials are wrong", _CREDENTIALS),
        "ExpiredToken": (UsageError, "the credentials have expired", "renew them"),
        "RequestTimeTooSkewed": (UsageError, "this machine's clock is off", "set the clock"),
    }
)
"""Error code (AWS: "S3 error responses") -> what to raise, with what to do. HEAD-like answers have the status alone."""

_BY_STATUS = MappingProxyType({403: "AccessDenied", 404: "NoSuchKey"})


class ObjectStore:
    """Reads objects. An async context manager; nothing is connected before the first download.

    Credentials, region, profile, endpoint (`AWS_ENDPOINT_URL_S3`), proxies and certificates are found the way every AWS
    tool finds them; the arguments override what they name. An endpoint whose host is an IP address has the bucket in
    the path.

    Args:
        endpoint_url: "" to leave it to the environment.
        region: "" likewise.
        profile: "" likewise.

    Raises (on entering):
        UsageError: there is no such profile, or the SDK cannot use what it was given.
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

    async def download(self, url: str, folder: Path) -> AsyncIterator[tuple[str, Path]]:
        """Yield (URL, file) of the object that `url` names or, where it names none, of all whose URLs begin with it.

        They come in the order of their keys, each when it is asked for, in constant memory; markers of folders (empty
        objects whose key ends in "/") are passed over. The files are new ones in `folder`, mode 0600, with the suffixes
        of the key (`.csv.gz`); removing them is the caller's business.

        Raises:
            UsageError: `url` is none, there are no credentials or they do not allow it, S3 cannot be reached, or a file
                cannot be written; begins with the URL.
            InputError: the bucket or the object is not there, or there is nothing that begins with `url`.
        """
        named = _URL.fullmatch(url)
        if named is None:
            raise UsageError(f"{url}: not the URL of an object in S3", "write s3://bucket/key or s3://bucket/prefix")
        bucket, prefix = named["bucket"], named["key"] or ""
        found = False
        async for key in self._keys(url, bucket, prefix):
            found = True
            name = f"{SCHEME}{bucket}/{key}"
            yield name, await self._download(name, bucket, key, folder)
            if key == prefix:
                return
        if not found:
            raise InputError(f"{url}: there is nothing with that name or below it", "correct the URL")

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

    async def _download(self, name: str, bucket: str, key: str, folder: Path) -> Path:
        suffixes = _SUFFIXES.search(key)
        with _told_about(name), _private_file(folder, suffixes[0] if suffixes else "") as (file, path):
            for tries_left in reversed(range(TRIES)):
                answer = await self._client.get_object(Bucket=bucket, Key=key)
                try:
                    async with answer["Body"] as body:
                        async for chunk in body.iter_chunks(CHUNK_BYTES):
                            file.write(chunk)
                    break
                except (BotoCoreError, aiohttp.ClientError):
                    if not tries_left:
                        raise
                    file.seek(0)
                    file.truncate()
            return path


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
def _told_about(url: str) -> Iterator[None]:
    """Raise what the SDK and the disk raise as one line about `url`."""
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError):
        hint = "set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role gives them"
        raise UsageError(f"{url}: no AWS credentials found", hint) from None
    except ParamValidationError:
        raise UsageError(f"{url}: not the URL of an object in S3", "write s3://bucket/key") from None
    except ClientError as error:
        raise _refusal(url, error) from None
    except (BotoCoreError, aiohttp.ClientError) as error:
        raise UsageError(f"{url}: S3 cannot be read ({_line(error)})", "check network, region and endpoint") from None
    except OSError as error:
        raise UsageError(f"{url}: cannot be kept on this machine: {error.strerror}", "make room for it") from None


def _refusal(url: str, error: ClientError) -> UsageError:
    details = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code = str(details.get("Code") or status)
    known = _REFUSALS.get(code) or _REFUSALS.get(_BY_STATUS.get(status, "") if code.isdigit() else "")
    if known is None:
        return UsageError(f"{url}: S3 answered {code} ({details.get('Message') or 'no more'})", _CREDENTIALS)
    kind, what, hint = known
    return kind(f"{url}: {what}", hint)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
