"""Addresses of objects: `s3://bucket/key`."""

import re

from bulksend.base.errors import UsageError

SCHEME = "s3://"

SUFFIXES = re.compile(r"(?:\.[A-Za-z0-9]{1,8}){1,2}\Z")
"""What the end of a key tells of the kind of its content, such as `.csv.gz`."""

_URL = re.compile(r"s3://(?P<bucket>[^/]+)(?:/(?P<key>.*))?", re.DOTALL)


def bucket_and_prefix(url: str) -> tuple[str, str]:
    """Bucket and key of `url`, the key perhaps empty. Raises `UsageError` where it is no such URL."""
    named = _URL.fullmatch(url)
    if named is None:
        raise UsageError(f"{url}: not the URL of an object in S3", "write s3://bucket/key or s3://bucket/prefix")
    return named["bucket"], named["key"] or ""


def bucket_and_key(url: str) -> tuple[str, str]:
    """Bucket and key of the URL of one object. Raises `UsageError` where it names none."""
    bucket, key = bucket_and_prefix(url)
    if not key or key.endswith("/"):
        raise UsageError(f"{url}: names no object", "write s3://bucket/key")
    return bucket, key
