from typing import Any

import pytest

from bulksend.simulator.faults import ServiceFault
from bulksend.simulator.service import SimulatedService
from tests.unit.simulator.helpers import FakeClock, account, message, service


def put(simulated: SimulatedService, message_id: object, status: object = "RECEIVED") -> dict[str, object]:
    """One PutMessageFeedback."""
    return simulated.call("PutMessageFeedback", {"MessageId": message_id, "MessageFeedbackStatus": status})


def sent(simulated: SimulatedService, **more: Any) -> str:
    """The id of a message that was accepted."""
    return str(simulated.call("SendTextMessage", message(**more))["MessageId"])


def test_feedback_is_taken_for_messages_that_were_accepted() -> None:
    """The answer repeats what was said; it may be said again, and otherwise."""
    simulated = service()
    message_id = sent(simulated)
    for status in ("RECEIVED", "RECEIVED", "FAILED"):
        assert put(simulated, message_id, status) == {"MessageId": message_id, "MessageFeedbackStatus": status}
    told = simulated.stats.feedback
    assert (told.offered, told.received, told.failed, told.repeated) == (3, 2, 1, 1)
    assert simulated.stats.requests["PutMessageFeedback"] == 3


def test_a_message_id_that_was_never_given_is_not_found() -> None:
    """Made up, of a DryRun, or from before a reset: no such message."""
    simulated = service()
    before = sent(simulated)
    tried = sent(simulated, DryRun=True)
    simulated.reset()
    for message_id in ("made-up", tried, before):
        with pytest.raises(ServiceFault) as caught:
            put(simulated, message_id)
        assert (caught.value.code, caught.value.resource_type) == ("ResourceNotFoundException", "message")
    assert simulated.stats.errors == {"ResourceNotFoundException": 3}
    assert simulated.stats.feedback.received == 0


@pytest.mark.parametrize(
    ("message_id", "status", "field"),
    [
        ("", "RECEIVED", "MessageId"),
        ("x" * 65, "RECEIVED", "MessageId"),
        ("a b", "RECEIVED", "MessageId"),
        ("abc", "LOST", "MessageFeedbackStatus"),
        ("abc", "received", "MessageFeedbackStatus"),
        ("abc", None, "MessageFeedbackStatus"),
    ],
)
def test_what_the_model_does_not_allow(message_id: str, status: object, field: str) -> None:
    """Length and pattern of the id, and the two values of the status."""
    with pytest.raises(ServiceFault) as caught:
        put(service(), message_id, status)
    assert caught.value.code == "ValidationException"
    assert [name for name, _ in caught.value.fields] == [field]


@pytest.mark.parametrize(("quotas", "limit"), [({}, 20), ({"PutMessageFeedback": 3, "DescribePools": 1}, 3)])
def test_so_many_requests_a_second(quotas: dict[str, int], limit: int) -> None:
    """Twenty a second unless the settings say otherwise; what is over is throttled, and all of it is counted."""
    clock = FakeClock()
    simulated = service(account(request_quotas=quotas), clock)
    message_id = sent(simulated)
    for _ in range(limit):
        put(simulated, message_id)
    with pytest.raises(ServiceFault, match="ThrottlingException"):
        put(simulated, message_id)
    clock.at += 1
    put(simulated, message_id)
    told = simulated.stats.feedback
    assert (told.offered, told.throttled, told.received, told.fullest_offered) == (limit + 2, 1, limit + 1, limit + 1)
    assert simulated.stats.messages.throttled == 0
