"""The gateway to AWS End User Messaging: messages out, outcomes back."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Self

import structlog

from bulksend.base.clock import Clock
from bulksend.base.deadline import Deadline
from bulksend.base.ports import Release
from bulksend.base.records import Claim, Outcome, OutcomeKind
from bulksend.base.request import CONTEXT_ROW, MAX_TIME_TO_LIVE_S
from bulksend.send.client import Access, ServiceClient
from bulksend.send.express import METHOD, ExpressLine
from bulksend.send.prepared import CannotPrepare, row_context, row_members
from bulksend.send.sdk_errors import unreadable

log = structlog.get_logger("bulksend.send")


class AwsGateway:
    """Sends messages by SendTextMessage, one request an attempt, with the SDK's own retries off.

    Credentials, region, profile, endpoint, proxies and certificates are found the way every AWS tool finds them; the
    arguments override what they name. An async context manager; entering it raises `UsageError` where credentials
    or the region are missing. It makes no connection before the first send.

    Messages take the express line where that can do what the SDK would, else the SDK itself; the outcomes are the same.
    `transport` tells which, and the event `gateway.fell_back` why.

    Args:
        members: the members of the request that are the same for the whole campaign, as boto3 spells them.
        access: how to get to the service.
        clock: its wall clock dates signatures, and is compared with the service's when one is rejected.
        express: whether the express line may be taken.
        deadline: the moment after which the service shall hand nothing over; None: no such moment. `TimeToLive` of a
            message is then the time that is left when it goes out, or that of `members` where it is shorter. Whoever
            releases lets nothing out later than `base.deadline.LAST_CALL_S` before.
    """

    def __init__(
        self,
        members: Mapping[str, object],
        access: Access,
        *,
        clock: Clock,
        express: bool = True,
        deadline: datetime | None = None,
    ) -> None:
        self._members = dict(members)
        self._deadline: Deadline | None = None
        if deadline is not None:
            longest = self._members.pop("TimeToLive", MAX_TIME_TO_LIVE_S)
            self._deadline = Deadline(deadline, int(str(longest)))
        self._context = dict(self._members.pop("Context", {}))  # type: ignore[call-overload]  # always a map of strings
        self._access = access
        self._clock = clock
        self._client = ServiceClient(access, clock=clock)
        self._may_express = express
        self._express: ExpressLine | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._client)
            if self._may_express:
                line = ExpressLine(
                    self._client,
                    self._access,
                    members=self._members,
                    context=self._context,
                    clock=self._clock,
                    deadline=self._deadline,
                )
                try:
                    self._express = await stack.enter_async_context(line)
                except CannotPrepare as reason:
                    log.warning("gateway.fell_back", transport="sdk", reason=str(reason))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def transport(self) -> str:
        """By which way messages go, "express" or "sdk"; only while it is open."""
        return "sdk" if self._express is None else "express"

    async def send(self, claim: Claim, release: Release) -> Outcome:
        """Send `claim` once; `base.ports.Gateway` has the contract. What `release` raises goes through.

        Rejected credentials are looked up once more: TRY_AGAIN when there are newer ones, which the next attempt uses;
        STOP when there are not, or when those too are rejected before any message was accepted with them. A clock that
        is off makes every signature wrong: STOP, with the reason `clock_skew`.
        """
        if self._express is not None:
            return await self._express.send(claim, release)
        lives = None if self._deadline is None else self._deadline.time_to_live(self._clock.now())
        members = {
            **self._members,
            **row_members(claim, time_to_live=lives),
            "Context": {**self._context, CONTEXT_ROW: row_context(claim)},
        }
        answer = await self._client.request(METHOD, members, release, text=claim.text)
        if isinstance(answer, Outcome):
            return answer
        message_id = answer.get("MessageId")
        if not isinstance(message_id, str) or not message_id.isprintable():
            return unreadable("NoMessageId", released=True)
        self._client.worked()
        return Outcome(OutcomeKind.SENT, message_id=message_id)
