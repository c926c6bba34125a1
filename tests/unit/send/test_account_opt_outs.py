import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from bulksend.base.account import AccountUnreadable, OptOutList
from bulksend.base.ports import Release
from bulksend.base.records import Outcome, OutcomeKind
from bulksend.send.account_opt_outs import OptOutReader
from bulksend.send.account_requests import TRIES
from tests.support.account import PREFIX
from tests.support.virtual import VirtualClock, run_virtual

DEFAULT = f"{PREFIX}:opt-out-list/Default"
MADE = datetime(2025, 1, 1, tzinfo=UTC)
THROTTLED = Outcome(OutcomeKind.THROTTLED, "throttled", None, "ThrottlingException", "Rate exceeded")
UNREACHABLE = Outcome(OutcomeKind.NOT_SENT, "connection_failed", None, "EndpointConnectionError", "refused")
NOT_FOUND = Outcome(
    OutcomeKind.FAILED_UNEXPECTED, "opt_out_list_not_found", None, "ResourceNotFoundException", "no such list"
)


@dataclass
class OptOutClient:
    """Answers both operations, a page at a time; `faults` meet the requests of those numbers instead, from 1."""

    numbers: Sequence[str] = ()
    lists: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    faults: Mapping[int, Outcome] = field(default_factory=dict)
    left_at: list[float] = field(default_factory=list)
    count: int = 0

    async def request(self, method: str, members: Mapping[str, object], release: Release) -> dict[str, Any] | Outcome:
        self.count += 1
        fault = self.faults.get(self.count)
        if fault is UNREACHABLE:
            return fault  # before anything could be written
        await release()
        self.left_at.append(VirtualClock().monotonic())
        if fault is not None:
            return fault
        assert members["MaxResults"] == 100
        if method == "describe_opt_out_lists":
            return {"OptOutLists": list(self.lists.get(str(members["Owner"]), ()))}
        start = int(str(members.get("NextToken", "0")))
        items = [{"OptedOutNumber": number} for number in self.numbers[start : start + 100]]
        following = {"NextToken": str(start + 100)} if start + 100 < len(self.numbers) else {}
        return {"OptOutListArn": DEFAULT, "OptOutListName": "Default", "OptedOutNumbers": items, **following}

    def worked(self) -> None:
        """Nothing follows from it."""


def reader(client: OptOutClient) -> OptOutReader:
    """A reader by `client`."""
    return OptOutReader(client, clock=VirtualClock(), random=random.Random(1))


def read(client: OptOutClient) -> list[str]:
    """Everybody on the list."""

    async def main() -> list[str]:
        found: list[str] = []
        async for page in reader(client).pages("Default"):
            assert (page.arn, page.name) == (DEFAULT, "Default")
            found += page.numbers
        return found

    return run_virtual(main())


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (100, 1), (101, 2), (1234, 13)])
def test_everybody_at_a_request_a_second(count: int, pages: int) -> None:
    """All pages, none sooner than a second after the one before."""
    numbers = [f"+1425{n:07d}" for n in range(count)]
    client = OptOutClient(numbers)
    assert read(client) == numbers
    assert client.count == pages
    assert all(1.0 <= later - earlier < 1.01 for earlier, later in pairwise(client.left_at))


def test_it_goes_on_after_trouble() -> None:
    """Throttling, and a way to the service that is gone for a while in the middle, cost time and no number."""
    numbers = [f"+1425{n:07d}" for n in range(450)]
    client = OptOutClient(numbers, faults={2: THROTTLED, 3: THROTTLED, **dict.fromkeys(range(5, 10), UNREACHABLE)})
    assert read(client) == numbers
    assert client.count == 5 + 2 + 5
    assert client.left_at[-1] > 5 + 4
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(client.left_at))


def test_what_lasts_ends_it() -> None:
    """After six tries in a row nobody waits any longer; a way that never was there is not waited for at all."""
    client = OptOutClient(faults=dict.fromkeys(range(1, TRIES + 1), UNREACHABLE))

    async def main() -> float:
        with pytest.raises(AccountUnreadable, match="DescribeOptedOutNumbers failed 6 times in a row"):
            [page async for page in reader(client).pages("Default")]
        return VirtualClock().monotonic()

    assert run_virtual(main()) < 0.1
    lasting = OptOutClient(["+14255550100"] * 300, faults=dict.fromkeys(range(2, TRIES + 2), THROTTLED))
    with pytest.raises(AccountUnreadable, match="failed 6 times in a row, throttled"):
        read(lasting)


def test_a_list_that_is_not_there() -> None:
    """It is named, with how to find out which are."""
    with pytest.raises(AccountUnreadable) as caught:
        read(OptOutClient(faults={1: NOT_FOUND}))
    assert caught.value.what == 'there is no opt-out list "Default" in this account and region'
    assert "bulksend optouts" in caught.value.hint


def test_which_lists_there_are() -> None:
    """The account's own, then those of others that are not among them."""

    def item(name: str, **other: Any) -> dict[str, Any]:
        return {"OptOutListArn": f"{PREFIX}:opt-out-list/{name}", "OptOutListName": name, **other}

    own = [item("Default", CreatedTimestamp=MADE), item("ads")]
    client = OptOutClient(lists={"SELF": own, "SHARED": [item("ads"), item("theirs")]})

    async def main() -> tuple[tuple[OptOutList, ...], int]:
        one = reader(client)
        return await one.lists(), one.requests

    lists, requests = run_virtual(main())
    assert [(one.name, one.created_at, one.shared) for one in lists] == [
        ("Default", MADE, False),
        ("ads", None, False),
        ("theirs", None, True),
    ]
    assert requests == 2


@pytest.mark.parametrize("number", ["", "nobody", None, 5, "+0123", "+" + "1" * 20])
def test_what_is_no_number_is_not_passed_over(number: object) -> None:
    """Left out, somebody would be texted who is not to be: the answer is said to be garbled."""
    with pytest.raises(AccountUnreadable, match="cannot be understood"):
        read(OptOutClient([number]))  # type: ignore[list-item]


def test_a_plus_that_is_missing_is_put_back() -> None:
    """What comes out is E.164 whatever the service leaves out."""
    assert read(OptOutClient(["14255550100", "+14255550101"])) == ["+14255550100", "+14255550101"]
