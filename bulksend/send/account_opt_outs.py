"""Reads the account's opt-out lists: which there are, and who is on one."""

import random
from collections.abc import AsyncIterator

from bulksend.base.account import OPT_OUT_LISTS, OPTED_OUT, AccountUnreadable, OptedOutPage, OptOutList
from bulksend.base.clock import Clock
from bulksend.send.account_records import opt_out_lists_of, opted_out_of
from bulksend.send.account_requests import AccountRequests, Client


class OptOutReader:
    """Reads opt-out lists, for one task at a time, a request a second. All methods raise `AccountUnreadable`.

    Args:
        client: open.
        clock: paces the requests.
        random: where the jitter of the backoff comes from.
    """

    def __init__(self, client: Client, *, clock: Clock, random: random.Random) -> None:
        self._requests = AccountRequests(client, clock=clock, random=random)

    @property
    def requests(self) -> int:
        """How many requests were made so far."""
        return self._requests.count

    async def lists(self) -> tuple[OptOutList, ...]:
        """All lists, the account's own first, then those that others share with it."""
        own = opt_out_lists_of(await self._requests.items(OPT_OUT_LISTS, {"Owner": "SELF"}), shared=False)
        others = opt_out_lists_of(await self._requests.items(OPT_OUT_LISTS, {"Owner": "SHARED"}), shared=True)
        known = {one.arn for one in own}
        return (*own, *(one for one in others if one.arn not in known))

    async def pages(self, name: str) -> AsyncIterator[OptedOutPage]:
        """Everybody on the list `name` (or of that ARN), up to a hundred at a time.

        The list may change meanwhile, so a number may come twice. Raises `AccountUnreadable` also where there is no
        such list.
        """
        try:
            async for items, answer in self._requests.pages(OPTED_OUT, {"OptOutListName": name}):
                yield opted_out_of(items, answer)
        except AccountUnreadable as error:
            if error.reason != "opt_out_list_not_found":
                raise
            what = f'there is no opt-out list "{name}" in this account and region'
            hint = "run `bulksend optouts` without a name to see which there are"
            raise AccountUnreadable(error.operation, error.reason, what, hint) from None
