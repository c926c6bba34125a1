"""Reads what the account holds, at no more than one request a second, which is what the service allows by default."""

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from bulksend.base.account import (
    MEMBERS,
    NUMBERS,
    POOLS,
    SENDERS,
    Account,
    AccountUnreadable,
    PoolRecord,
    Wanted,
    action_of,
)
from bulksend.base.clock import Clock
from bulksend.base.ports import Release
from bulksend.base.records import Outcome, OutcomeKind
from bulksend.send.account_records import garbled, members_of, numbers_of, pools_of, senders_of
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
}
_KEYS: Mapping[str, str] = {
    NUMBERS: "PhoneNumbers",
    SENDERS: "SenderIds",
    POOLS: "Pools",
    MEMBERS: "OriginationIdentities",
}
_AGAIN = frozenset({OutcomeKind.THROTTLED, OutcomeKind.NOT_SENT, OutcomeKind.TRY_AGAIN, OutcomeKind.UNKNOWN})
_SENDER_MARK = ":sender-id/"


class _Named(Protocol):
    @property
    def arn(self) -> str: ...


R = TypeVar("R", bound=_Named)


class Client(Protocol):
    """What makes the requests: a `ServiceClient`, which has the contracts."""

    async def request(self, method: str, members: Mapping[str, object], release: Release) -> dict[str, Any] | Outcome:
        """Make one request."""
        ...

    def worked(self) -> None:
        """Hear that the service did what it was asked."""
        ...


class AccountReader:
    """Reads the account, for one task at a time.

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
        self.account = Account()
        """What has been read so far, also when reading was given up."""

    async def read(self, wanted: Wanted) -> Account:
        """Read what is `wanted` and return it, with whatever was read before.

        One request for each kind of things and each further 100 of them, and one for each pool. What other accounts
        share is asked for separately: as many requests again, without the pools' members.

        Raises:
            AccountUnreadable: the service refuses to tell, or cannot be reached, or its answer cannot be understood.
        """
        for operation in (NUMBERS, SENDERS, POOLS):
            if operation in wanted.operations:
                await self._read_own(operation)
        if any(name.isdigit() for name in wanted.unfound(self.account)):
            await self._read_own(SENDERS)
        await self._read_shared(wanted)
        for pool in self.account.pools:
            is_wanted = wanted.pools is None or not wanted.pools.isdisjoint((pool.id, pool.arn))
            if is_wanted and pool.id not in self.account.members:
                await self._read_members(pool)
        return self.account

    async def _read_members(self, pool: PoolRecord) -> None:
        try:
            items = await self._list(MEMBERS, {"PoolId": pool.arn if pool.shared else pool.id})
        except AccountUnreadable:
            if not pool.shared:
                raise
            return  # its owner decides who may look into it; that is no reason to tell nothing
        members = members_of(items)
        self.account = replace(self.account, members={**self.account.members, pool.id: members})
        if any(_SENDER_MARK in one.arn for one in members):
            await self._read_own(SENDERS)

    async def _read_own(self, operation: str) -> None:
        if operation not in self.account.read:
            await self._read_kind(operation, shared=False)

    async def _read_shared(self, wanted: Wanted) -> None:
        """Ask for what other accounts share: all of it, or what an ARN among `names` needs."""
        for operation, mark in ((NUMBERS, ":phone-number/"), (SENDERS, _SENDER_MARK), (POOLS, ":pool/")):
            is_wanted = wanted.shared or any(mark in name for name in wanted.unfound(self.account))
            if is_wanted and operation not in self.account.shared_read:
                await self._read_kind(operation, shared=True)

    async def _read_kind(self, operation: str, *, shared: bool) -> None:
        items = await self._list(operation, {"Owner": "SHARED" if shared else "SELF"})
        account = self.account
        if operation == NUMBERS:
            account = replace(account, numbers=_joined(account.numbers, numbers_of(items, shared=shared)))
        elif operation == SENDERS:
            account = replace(account, senders=_joined(account.senders, senders_of(items, shared=shared)))
        else:
            account = replace(account, pools=_joined(account.pools, pools_of(items, shared=shared)))
        if shared:
            self.account = replace(account, shared_read=account.shared_read | {operation})
        else:
            self.account = replace(account, read=account.read | {operation})

    async def _list(self, operation: str, members: Mapping[str, object]) -> list[Any]:
        """All pages of a listing."""
        items: list[Any] = []
        tokens: list[str] = []
        while True:
            token = {"NextToken": tokens[-1]} if tokens else {}
            answer = await self._ask(operation, {**members, "MaxResults": PAGE_SIZE, **token})
            page, following = answer.get(_KEYS[operation]), answer.get("NextToken")
            # A token that comes back once more would have us turn in a circle for ever.
            if not isinstance(page, list) or following in tokens:
                raise garbled(operation)
            items += page
            if not following:
                return items
            tokens.append(following)

    async def _ask(self, operation: str, members: Mapping[str, object]) -> dict[str, Any]:
        """One request and its answer; tried again as long as that can help."""
        failures = 0
        while True:
            answer = await self._client.request(_METHODS[operation], members, self._turn)
            self._next_at = self._clock.monotonic() + INTERVAL_S
            self.account = replace(self.account, requests=self.account.requests + 1)
            if not isinstance(answer, Outcome):
                self._client.worked()
                return answer
            failures += 1
            if answer.kind not in _AGAIN or failures == TRIES:
                raise _refused(operation, answer, failures)
            self._next_at = max(self._next_at, self._clock.monotonic() + self._backoff.wait_s(failures))

    async def _turn(self) -> None:
        while (wait_s := self._next_at - self._clock.monotonic()) > 0:
            await self._clock.sleep(wait_s)


def _joined(before: tuple[R, ...], found: tuple[R, ...]) -> tuple[R, ...]:
    """`found` behind `before`, without what is there already."""
    known = {one.arn for one in before}
    return (*before, *(one for one in found if one.arn not in known))


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
