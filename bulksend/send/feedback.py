"""Tells the service what became of messages, by PutMessageFeedback."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from bulksend.base.clock import Clock
from bulksend.base.ports import Release
from bulksend.base.records import Outcome, OutcomeKind
from bulksend.send.client import Access, ServiceClient
from bulksend.send.sdk_errors import LOST, unreadable


class PutKind(StrEnum):
    """What follows from one PutMessageFeedback."""

    PUT = "put"  # the service knows it now
    THROTTLED = "throttled"  # too many requests
    TRY_AGAIN = "try_again"  # it failed there; as the operation sets a state, repeating it does no harm
    NO_ANSWER = "no_answer"  # nor does it when nobody can know
    REFUSED = "refused"  # of this message the service wants to hear nothing
    STOP = "stop"  # nor of any other


@dataclass(frozen=True, slots=True)
class PutOutcome:
    """The result of one request, as a value.

    Attributes:
        kind: what follows from it.
        reason: the service's Reason, or a transport cause, in lower snake case; None when it was put.
        error_code: the service's exception name, or the transport error's; None when it was put.
        error_message: what the service said; None when it said nothing.
    """

    kind: PutKind
    reason: str | None = None
    error_code: str | None = None
    error_message: str | None = None


_KINDS = {
    OutcomeKind.THROTTLED: PutKind.THROTTLED,
    OutcomeKind.NOT_SENT: PutKind.NO_ANSWER,
    OutcomeKind.TRY_AGAIN: PutKind.TRY_AGAIN,
    OutcomeKind.UNKNOWN: PutKind.TRY_AGAIN,
    OutcomeKind.STOP: PutKind.STOP,
}
"""What is not here is a refusal of one message: the request says nothing of identities or recipients."""


class FeedbackClient:
    """Puts feedback, one request at a time for each call. An async context manager, as `ServiceClient`.

    Args:
        access: where the service is.
        clock: its wall clock is compared with the service's when a signature is rejected.
    """

    def __init__(self, access: Access, *, clock: Clock) -> None:
        self._client = ServiceClient(access, clock=clock)

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.__aexit__()

    async def put(self, message_id: str, feedback: str, release: Release) -> PutOutcome:
        """Tell the service, once, what became of a message; never raises for what service and network did.

        What `release` raises goes through.

        Args:
            message_id: as SendTextMessage returned it.
            feedback: "RECEIVED" or "FAILED".
            release: returns when the request may be written; awaited once, when everything else is ready.
        """
        members = {"MessageId": message_id, "MessageFeedbackStatus": feedback}
        answer = await self._client.request("put_message_feedback", members, release)
        if not isinstance(answer, Outcome):
            if answer.get("MessageId") == message_id:
                self._client.worked()
                return PutOutcome(PutKind.PUT)
            answer = unreadable("NoMessageId", released=True)
        # A bad value stops a campaign when the campaign sets it; here every member is one message's.
        kind = _KINDS.get(answer.kind, PutKind.REFUSED)
        if answer.error_code == "ValidationException":
            kind = PutKind.REFUSED
        elif answer.error_code in LOST:
            kind = PutKind.NO_ANSWER
        return PutOutcome(kind, answer.reason, answer.error_code, answer.error_message)
