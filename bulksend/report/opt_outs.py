"""The account's opt-out lists for people and for `--json`, and everybody on one as a suppression file."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from bulksend.base.account import OptOutList

MARK = "# bulksend optouts"
"""How a file begins that holds an opt-out list."""


def list_lines(lists: Sequence[OptOutList], *, region: str) -> Iterator[str]:
    """The lists of an account, the name of each first; a shared one goes by its ARN."""
    if not lists:
        yield f"There is no opt-out list in {region}."
        return
    names = [one.arn if one.shared else one.name for one in lists]
    width = max(map(len, names))
    for name, one in zip(names, lists, strict=True):
        since = f"since {one.created_at:%Y-%m-%d}" if one.created_at else ""
        yield f"{name:<{width}}  {since}{', shared by another account' if one.shared else ''}".rstrip()


def list_document(lists: Sequence[OptOutList], *, region: str, read_at: datetime, requests: int) -> dict[str, object]:
    """The same as JSON."""
    return {
        "region": region,
        "read_at": read_at,
        "requests": requests,
        "lists": [
            {"name": one.name, "arn": one.arn, "created_at": one.created_at, "shared": one.shared} for one in lists
        ],
    }


def suppression_head(name: str, arn: str, *, read_at: datetime, count: int) -> Iterator[str]:
    """What a suppression file says of itself before the numbers, as comments."""
    yield f"{MARK}: everybody on an opt-out list. Reading the list into this file again replaces it."
    yield f"# list: {name}"
    yield f"# arn: {arn}"
    yield f"# read at: {read_at:%Y-%m-%d %H:%M:%S} UTC"
    yield f"# numbers: {count}"


def holds_list(head: Sequence[str], arn: str) -> bool:
    """Whether a file that begins with the lines `head` holds the list of that ARN."""
    return bool(head) and head[0].startswith(MARK) and f"# arn: {arn}" in head
