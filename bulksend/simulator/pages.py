"""Lists as the service gives them: filtered, and a page at a time."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import cast

from bulksend.simulator.faults import invalid

Item = Mapping[str, object]

PAGE_SIZE = 100
"""Items on a page when MaxResults is not given; also the most that it may be."""


def matching(items: Sequence[Item], params: Mapping[str, object]) -> list[Item]:
    """Return the items that pass every one of `Filters`; an item passes when it has any of the filter's values.

    A filter is named after the member it looks at (`iso-country-code`, IsoCountryCode), which may be a list or have
    the plural's name. An item without the member does not pass. Resources shared by other accounts
    (`Owner = "SHARED"`) are not simulated: none is found.
    """
    if params.get("Owner") == "SHARED":
        return []
    filters = cast("Sequence[Mapping[str, object]]", params.get("Filters") or ())
    wanted = [
        (_member(cast("str", each["Name"])), frozenset(cast("Sequence[str]", each["Values"]))) for each in filters
    ]
    return [item for item in items if all(_values(item, member) & values for member, values in wanted)]


def page(operation: str, key: str, items: Sequence[Item], params: Mapping[str, object]) -> dict[str, object]:
    """Return one page of `items` under `key`, with a NextToken when more follow.

    Raises:
        ServiceFault: ValidationException, INVALID_NEXT_TOKEN.
    """
    size = cast("int | None", params.get("MaxResults")) or PAGE_SIZE
    start = _start(operation, cast("str | None", params.get("NextToken")))
    result: dict[str, object] = {key: list(items[start : start + size])}
    if start + size < len(items):
        result["NextToken"] = base64.urlsafe_b64encode(f"{operation}:{start + size}".encode()).decode()
    return result


def _start(operation: str, token: str | None) -> int:
    if token is None:
        return 0
    try:
        named, _, start = base64.b64decode(token, altchars=b"-_", validate=True).decode("ascii").partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        named, start = "", ""
    if named != operation or not start.isdecimal():
        raise invalid("INVALID_NEXT_TOKEN", [("NextToken", "was not given out by this operation")])
    return int(start)


def _member(filter_name: str) -> str:
    return filter_name.title().replace("-", "")


def _values(item: Item, member: str) -> frozenset[str]:
    value = item.get(member, item.get(_plural(member)))
    if value is None:
        return frozenset()
    if isinstance(value, bool):
        return frozenset({str(value).lower()})
    return frozenset(map(str, value)) if isinstance(value, (list, tuple)) else frozenset({str(value)})


def _plural(member: str) -> str:
    return f"{member[:-1]}ies" if member.endswith("y") else f"{member}s"
