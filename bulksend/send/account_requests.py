"""Requests about the account, at no more than one a second, which is what the service allows by default."""

import random
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from bulksend.base.account import (
    MEMBERS,
    NUMBERS,
    OPT_OUT_LISTS,
    OPTED_OUT,
    POOLS,
    SENDERS,
    AccountUnreadable,
    action_of,
)
from bulksend.base.clock import Clock
from bulksend.base.ports import Release
from bulksend.base.records import Outcome, OutcomeKind
from bulksend.send.account_records import garbled
from bulksend.send.backoff import Backoff

PAGE_SIZE = 100
"""MaxResults: the most that the service takes."""

INTERVAL_S = 1.0
"""Between two requests, from the end of one to the start of the next, so that no second sees two of them, however long
they travel. Source: AWS, quotas of the API: Describe and List operations, 1 request a second unless increased."""

TRIES = 6
"""Of one request, which is throttled or whose answer is lost. Reading twice does no harm."""

_METHODS: Mapping[str, str] = {
    NUMBERS: "describe_phone_numbers",
    SENDERS: "describe_sender_ids",
    POOLS: "describe_pools",
    MEMBERS: "list_pool_origination_identities",
    OPT_OUT_LISTS: "describe_opt_out_lists",
    OPTED_OUT: "describe_opted_out_numbers",
}
_KEYS: Mapping[str, str] = {
    NUMBERS: "PhoneNumbers",
    SENDERS: "SenderIds",
    POOLS: "Pools",
    MEMBERS: "OriginationIdentities",
    OPT_OUT_LISTS: "OptOutLists",
    OPTED_OUT: "OptedOutNumbers",
}
_AGAIN = frozenset({OutcomeKind.THROTTLED, OutcomeKind.NOT_SENT, OutcomeKind.TRY_AGAIN, OutcomeKind.UNKNOWN})


class Client(Protocol):
    """What makes the requests: a `ServiceClient`, which has the contracts."""

    async def request(self, method: str, members: Mapping[str, object], release: Release) -> dict[str, Any] | Outcome:
        """Make one request."""
        ...

    def worked(self) -> None:
        """Hear that the service did what it was asked."""
        ...


class AccountRequests:
    """Asks for lists of what the account holds, for one task at a time.

    Args:
        client: open.
        clock: paces the requests.
        random: where the jitter of the backoff comes from.
    """

    def __init__(self, client: Client, *, clock: Clock, random: random.Random) -> None:
        self._client = client
        self._clock = clock
        self._backoff = Backoff(base_s=1.0, cap_s=20.0, random=random)
        self._next_at = clock.monotonic()
        self._has_answered = False
        self.count = 0
        """How many requests it took so far."""

    async def items(self, operation: str, members: Mapping[str, object]) -> list[Any]:
        """Everything that a listing has.

        Raises:
            AccountUnreadable: the service refuses to tell, or cannot be reached, or its answer cannot be understood.
        """
        items: list[Any] = []
        async for page, _ in self.pages(operation, members):
            items += page
        return items

    async def pages(
        self, operation: str, members: Mapping[str, object]
    ) -> AsyncIterator[tuple[list[Any], Mapping[str, Any]]]:
        """The pages of a listing, one after another: the items of each, and the whole answer. Raises as `items`."""
        tokens: set[str] = set()
        token: dict[str, str] = {}
        while True:
            answer = await self._ask(operation, {**members, "MaxResults": PAGE_SIZE, **token})
            page, following = answer.get(_KEYS[operation]), answer.get("NextToken")
            # A token that comes back once more would have us turn in a circle for ever.
            if not isinstance(page, list) or not isinstance(following, str | None) or following in tokens:
                raise garbled(operation)
            yield page, answer
            if not following:
                return
            tokens.add(following)
            token = {"NextToken": following}

    async def _ask(self, operation: str, members: Mapping[str, object]) -> dict[str, Any]:
        """One request and its answer; tried again as long as that can help."""
        failures = 0
        while True:
            answer = await self._client.request(_METHODS[operation], members, self._turn)
            self._next_at = self._clock.monotonic() + INTERVAL_S
            self.count += 1
            if not isinstance(answer, Outcome):
                self._has_answered = True
                self._client.worked()
                return answer
            failures += 1
            if answer.kind not in _AGAIN or failures == TRIES:
                raise _refused(operation, answer, failures)
            self._next_at = max(self._next_at, self._clock.monotonic() + self._backoff.wait_s(failures))
            if self._has_answered:
                # A way that was there and is gone may come back; one that never was, nobody waits for.
                await self._turn()

    async def _turn(self) -> None:
        while (wait_s := self._next_at - self._clock.monotonic()) > 0:
            await self._clock.sleep(wait_s)


def _refused(operation: str, answer: Outcome, tries: int) -> AccountUnreadable:
    reason = answer.reason or "no_answer"
    what = f"the account cannot be read: {action_of(operation)}"
    said = f": {answer.error_message}" if answer.error_message else ""
    if reason == "access_denied":
        return AccountUnreadable(operation, reason, f"{what} is not allowed")
    if answer.kind in _AGAIN:
        what = f"{what} failed {tries} times in a row, {reason}{said}"
        return AccountUnreadable(operation, reason, what, "try again later, or check the way there")
    return AccountUnreadable(operation, reason, f"{what} was refused, {reason}{said}")
