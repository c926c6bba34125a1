"""Inputs from and results to `s3://`: for as long as a command needs them, they are private files of this machine."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, TypeVar

import click

from bulksend.base.copies import CopiedName

F = TypeVar("F", bound=Callable[..., Any])

SCHEME = "s3://"


def object_options(command: F) -> F:
    """--region and --profile, for commands that use them for s3:// alone."""
    for option in (
        click.option("--profile", metavar="NAME", help="Profile of ~/.aws/config for s3://.  [else: AWS_PROFILE]"),
        click.option("--region", metavar="NAME", help="AWS region of s3://.  [else: AWS_REGION, the profile's]"),
    ):
        command = option(command)
    return command


@contextmanager
def local_copy(name: str, *, region: str = "", profile: str = "") -> Iterator[str]:
    """`name`, or where it is the address of an object the `CopiedName` of a copy, as long as the block lasts.

    Raises `UsageError` (`InputError`), beginning with the address, where it cannot be downloaded.
    """
    if not name.startswith(SCHEME):
        yield name
        return
    with TemporaryDirectory(prefix="bulksend-") as folder:
        path = Path(folder) / "input"
        _run(_download, name, path, region=region, profile=profile)
        yield CopiedName(name, path)


@contextmanager
def uploaded(address: str, *, region: str = "", profile: str = "") -> Iterator[BinaryIO]:
    """A private file that becomes the object at `address` when the block has ended well.

    Raises `UsageError`, beginning with the address, where it cannot be uploaded. What the address is like is looked at
    before the block begins.
    """
    from bulksend.objects.address import bucket_and_key

    bucket_and_key(address)
    with TemporaryDirectory(prefix="bulksend-") as folder:
        path = Path(folder) / "output"
        with path.open("xb") as stream:  # in a folder that nobody else may look into
            path.chmod(0o600)
            yield stream
        _run(_upload, address, path, region=region, profile=profile)


def _run(action: Callable[[Any, str, Path], Any], address: str, path: Path, *, region: str, profile: str) -> None:
    import asyncio

    from bulksend.objects.s3 import S3Objects

    async def act() -> None:
        # The SDK itself looks at AWS_DEFAULT_REGION alone.
        async with S3Objects(region=region or os.environ.get("AWS_REGION", ""), profile=profile) as objects:
            await action(objects, address, path)

    asyncio.run(act())


async def _download(objects: Any, address: str, path: Path) -> None:
    await objects.download(address, path)


async def _upload(objects: Any, address: str, path: Path) -> None:
    await objects.upload(path, address)
