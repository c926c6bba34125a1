"""Reads what the account has to send from."""

import random
from dataclasses import replace
from typing import Protocol, TypeVar

from bulksend.base.account import MEMBERS, NUMBERS, POOLS, SENDERS, Account, AccountUnreadable, PoolRecord, Wanted
from bulksend.base.clock import Clock
from bulksend.send.account_records import members_of, numbers_of, pools_of, senders_of
from bulksend.send.account_requests import AccountRequests, Client

_SENDER_MARK = ":sender-id/"


class _Named(Protocol):
    @property
    def arn(self) -> str: ...


R = TypeVar("R", bound=_Named)


class AccountReader:
    """Reads the account, for one task at a time.

    Args:
        client: open.
        clock: paces the requests.
        random: where the jitter of the backoff comes from.
    """

    def __init__(self, client: Client, *, clock: Clock, random: random.Random) -> None:
        self._requests = AccountRequests(client, clock=clock, random=random)
        self._read = Account()

    @property
    def account(self) -> Account:
        """What has been read so far, also when reading was given up."""
        return replace(self._read, requests=self._requests.count)

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
        if any(name.isdigit() for name in wanted.unfound(self._read)):
            await self._read_own(SENDERS)
        await self._read_shared(wanted)
        for pool in self._read.pools:
            is_wanted = wanted.pools is None or not wanted.pools.isdisjoint((pool.id, pool.arn))
            if is_wanted and pool.id not in self._read.members:
                await self._read_members(pool)
        return self.account

    async def _read_members(self, pool: PoolRecord) -> None:
        try:
            items = await self._requests.items(MEMBERS, {"PoolId": pool.arn if pool.shared else pool.id})
        except AccountUnreadable:
            if not pool.shared:
                raise
            return  # its owner decides who may look into it; that is no reason to tell nothing
        members = members_of(items)
        self._read = replace(self._read, members={**self._read.members, pool.id: members})
        if any(_SENDER_MARK in one.arn for one in members):
            await self._read_own(SENDERS)

    async def _read_own(self, operation: str) -> None:
        if operation not in self._read.read:
            await self._read_kind(operation, shared=False)

    async def _read_shared(self, wanted: Wanted) -> None:
        """Ask for what other accounts share: all of it, or what an ARN among `names` needs."""
        for operation, mark in ((NUMBERS, ":phone-number/"), (SENDERS, _SENDER_MARK), (POOLS, ":pool/")):
            is_wanted = wanted.shared or any(mark in name for name in wanted.unfound(self._read))
            if is_wanted and operation not in self._read.shared_read:
                await self._read_kind(operation, shared=True)

    async def _read_kind(self, operation: str, *, shared: bool) -> None:
        items = await self._requests.items(operation, {"Owner": "SHARED" if shared else "SELF"})
        account = self._read
        if operation == NUMBERS:
            account = replace(account, numbers=_joined(account.numbers, numbers_of(items, shared=shared)))
        elif operation == SENDERS:
            account = replace(account, senders=_joined(account.senders, senders_of(items, shared=shared)))
        else:
            account = replace(account, pools=_joined(account.pools, pools_of(items, shared=shared)))
        if shared:
            self._read = replace(account, shared_read=account.shared_read | {operation})
        else:
            self._read = replace(account, read=account.read | {operation})


def _joined(before: tuple[R, ...], found: tuple[R, ...]) -> tuple[R, ...]:
    """`found` behind `before`, without what is there already."""
    known = {one.arn for one in before}
    return (*before, *(one for one in found if one.arn not in known))
