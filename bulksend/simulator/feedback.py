"""PutMessageFeedback: what senders tell about messages that were accepted."""

from collections.abc import Mapping
from typing import cast

from bulksend.simulator.faults import not_found
from bulksend.simulator.requests import REQUESTS
from bulksend.simulator.seen import SeenHashes
from bulksend.simulator.shapes import check
from bulksend.simulator.stats import FeedbackStats
from bulksend.simulator.windows import WindowPeak, to_ns

PUT_FEEDBACK = "PutMessageFeedback"

REQUESTS_PER_SECOND = 20
"""What an account is allowed by default (AWS: "Quotas")."""


class MessageFeedback:
    """Takes feedback on every message that was accepted, as often as it comes, and counts it."""

    def __init__(self) -> None:
        self.reset()

    def accepted(self, message_id: str) -> None:
        """Know `message_id` from now on."""
        self._messages.add(message_id)

    def offer(self, at: float) -> None:
        """Count a request that arrived at `at`, in monotonic seconds."""
        self._offered += 1
        self._peak.add(to_ns(at), 1)

    def put(self, params: Mapping[str, object]) -> dict[str, object]:
        """Take one feedback in, and return the answer.

        Raises:
            ServiceFault: ValidationException; ResourceNotFoundException for a message that was never accepted.
        """
        check(REQUESTS[PUT_FEEDBACK], params)
        message_id = cast("str", params["MessageId"])
        feedback = cast("str", params["MessageFeedbackStatus"])
        if message_id not in self._messages:
            raise not_found("message", message_id)
        self._repeated += self._seen.add((message_id, feedback))
        self._received += feedback == "RECEIVED"
        self._failed += feedback == "FAILED"
        return {"MessageId": message_id, "MessageFeedbackStatus": feedback}

    def count_throttle(self) -> None:
        """Count a request that was answered ThrottlingException."""
        self._throttled += 1

    def stats(self) -> FeedbackStats:
        """Return the numbers of this moment."""
        return FeedbackStats(
            offered=self._offered,
            throttled=self._throttled,
            received=self._received,
            failed=self._failed,
            repeated=self._repeated,
            fullest_offered=self._peak.peak,
        )

    def reset(self) -> None:
        """Forget all messages, and what was counted."""
        self._messages = SeenHashes()
        self._seen = SeenHashes()
        self._peak = WindowPeak()
        self._offered = self._throttled = self._received = self._failed = self._repeated = 0
