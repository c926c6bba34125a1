from typing import Any

import botocore.session
import pytest

from bulksend.base import request
from bulksend.base.request import TEXT_RULES


def send_text_message() -> Any:
    """The input shape of SendTextMessage in botocore's copy of the service model."""
    model = botocore.session.get_session().get_service_model("pinpoint-sms-voice-v2")
    return model.operation_model("SendTextMessage").input_shape


def shape_of(name: str) -> Any:
    """The model's shape for an entry of `TEXT_RULES`."""
    members = send_text_message().members
    special = {
        "ContextKey": lambda: members["Context"].key,
        "ContextValue": lambda: members["Context"].value,
        "DestinationCountryParameterValue": lambda: members["DestinationCountryParameters"].value,
    }
    return special[name]() if name in special else members[name]


@pytest.mark.parametrize("name", sorted(TEXT_RULES))
def test_text_rules_are_the_service_models(name: str) -> None:
    """Lengths and patterns are those that the service publishes."""
    shape, rule = shape_of(name), TEXT_RULES[name]
    assert (rule.min_length, rule.max_length) == (shape.metadata["min"], shape.metadata["max"])
    assert rule.pattern == shape.metadata["pattern"]


def test_ranges_enums_and_sizes_are_the_service_models() -> None:
    """TimeToLive, MessageType, the maps and their keys."""
    members = send_text_message().members
    time_to_live = members["TimeToLive"].metadata
    assert (request.MIN_TIME_TO_LIVE_S, request.MAX_TIME_TO_LIVE_S) == (time_to_live["min"], time_to_live["max"])
    assert set(request.MESSAGE_TYPES) == set(members["MessageType"].enum)
    assert request.MAX_CONTEXT_PAIRS == members["Context"].metadata["max"]
    assert request.MAX_COUNTRY_PARAMETERS == members["DestinationCountryParameters"].metadata["max"]
    assert set(request.COUNTRY_PARAMETER_KEYS) == set(members["DestinationCountryParameters"].key.enum)


def test_every_member_of_the_request_is_known() -> None:
    """The operation has thirteen members; a fourteenth would have to be thought about."""
    others = {
        "MessageType",
        "TimeToLive",
        "Context",
        "DestinationCountryParameters",
        "DryRun",
        "MessageFeedbackEnabled",
    }
    texts = set(TEXT_RULES) - {"ContextKey", "ContextValue", "DestinationCountryParameterValue"}
    assert set(send_text_message().members) == texts | others
