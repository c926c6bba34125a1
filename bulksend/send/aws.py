"""The gateway to AWS End User Messaging: messages out, outcomes back."""

from collections.abc import Mapping
from typing import Self

from bulksend.base.clock import Clock
from bulksend.base.ports import Release
from bulksend.base.records import Claim, Outcome, OutcomeKind
from bulksend.base.request import CONTEXT_ROW
from bulksend.send.client import Access, ServiceClient, unreadable


class AwsGateway:
    """Sends messages by SendTextMessage, one request an attempt, with the SDK's own retries off.

    Credentials, region, profile, endpoint, proxies and certificates are found the way every AWS tool finds them; the
    arguments override what they name. An async context manager; entering it raises `UsageError` where credentials
    or the region are missing. It makes no connection before the first send.

    Args:
        members: the members of the request that are the same for the whole campaign, as boto3 spells them.
        access: how to get to the service.
        clock: its wall clock is compared with the service's when a signature is rejected.
    """

    def __init__(self, members: Mapping[str, object], access: Access, *, clock: Clock) -> None:
        self._members = dict(members)
        self._context = dict(self._members.pop("Context", {}))  # type: ignore[call-overload]  # always a map of strings
        self._client = ServiceClient(access, clock=clock)

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.__aexit__()

    async def send(self, claim: Claim, release: Release) -> Outcome:
        """Send `claim` once; `base.ports.Gateway` has the contract. What `release` raises goes through.

        Rejected credentials are looked up once more: TRY_AGAIN when there are newer ones, which the next attempt uses;
        STOP when there are not, or when those too are rejected before any message was accepted with them. A clock that
        is off makes every signature wrong: STOP, with the reason `clock_skew`.
        """
        members = {
            **self._members,
            "DestinationPhoneNumber": claim.destination,
            "OriginationIdentity": claim.identity,
            "MessageBody": claim.text,
            "Context": {**self._context, CONTEXT_ROW: f"{claim.row}.{claim.attempt}"},
        }
        answer = await self._client.request("send_text_message", members, release, text=claim.text)
        if isinstance(answer, Outcome):
            return answer
        message_id = answer.get("MessageId")
        if not isinstance(message_id, str):
            return unreadable("NoMessageId", released=True)
        self._client.worked()
        return Outcome(OutcomeKind.SENT, message_id=message_id)
