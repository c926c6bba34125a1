from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.simulator.faults import ServiceFault
from bulksend.simulator.requests import REQUESTS
from bulksend.simulator.shapes import _structure, check

SEND = REQUESTS["SendTextMessage"]
GOOD = {"DestinationPhoneNumber": "+14255550111", "MessageBody": "Hello"}


def refusal(params: Mapping[str, object], operation: str = "SendTextMessage") -> tuple[str | None, list[str]]:
    """Reason of the ValidationException that a request meets, and the names of its Fields."""
    with pytest.raises(ServiceFault) as caught:
        check(REQUESTS[operation], params)
    assert caught.value.code == "ValidationException"
    assert all(problem for _, problem in caught.value.fields)
    return caught.value.reason, [name for name, _ in caught.value.fields]


def test_a_request_with_every_member() -> None:
    """Thirteen members at the edge of what they may be pass."""
    check(
        SEND,
        {
            "DestinationPhoneNumber": "14255550111",
            "OriginationIdentity": "arn:aws:sms-voice:us-east-1:123456789012:pool/pool-1",
            "MessageBody": "x" * 1600,
            "MessageType": "PROMOTIONAL",
            "Keyword": "ACME news",
            "ConfigurationSetName": "c" * 256,
            "MaxPrice": ".05",
            "TimeToLive": 259_200,
            "Context": {f"{index:k>100}": "v" * 800 for index in range(5)},
            "DestinationCountryParameters": {"IN_ENTITY_ID": "1", "IN_TEMPLATE_ID": "t" * 64},
            "DryRun": False,
            "ProtectConfigurationId": "protect-1",
            "MessageFeedbackEnabled": True,
        },
    )


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("DestinationPhoneNumber", "+0425555"),
        ("DestinationPhoneNumber", "not a number"),
        ("DestinationPhoneNumber", "+" + "1" * 20),
        ("DestinationPhoneNumber", "+14255550111\n"),
        ("MessageBody", ""),
        ("MessageBody", " \n "),
        ("MessageBody", "x" * 1601),
        ("MessageType", "FOO"),
        ("Keyword", "two\nlines"),
        ("MaxPrice", "1"),
        ("MaxPrice", "1.123456"),
        ("TimeToLive", 4),
        ("TimeToLive", 259_201),
        ("Context", {str(index): "v" for index in range(6)}),
        ("OriginationIdentity", "a b"),
    ],
)
def test_what_the_model_forbids(member: str, value: object) -> None:
    """Lengths, patterns, bounds, enums and sizes are held, and the field is named."""
    assert refusal({**GOOD, member: value}) == ("FIELD_VALIDATION_FAILED", [member])


@pytest.mark.parametrize(
    ("pairs", "field"),
    [
        ({"a b": "v"}, "Context.key"),
        ({"k" * 101: "v"}, "Context.key"),
        ({"k": " v"}, "Context.value"),
        ({"k": ""}, "Context.value"),
    ],
)
def test_maps_are_looked_into(pairs: dict[str, str], field: str) -> None:
    """Keys and values of maps have rules of their own."""
    assert refusal({**GOOD, "Context": pairs}) == ("FIELD_VALIDATION_FAILED", [field])
    bad_key = {**GOOD, "DestinationCountryParameters": {"US_ID": "1"}}
    assert refusal(bad_key) == ("FIELD_VALIDATION_FAILED", ["DestinationCountryParameters.key"])


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("MessageBody", 5),
        ("MessageType", ["PROMOTIONAL"]),
        ("TimeToLive", "60"),
        ("TimeToLive", 60.0),
        ("TimeToLive", True),
        ("DryRun", "true"),
        ("Context", [["k", "v"]]),
    ],
)
def test_wrong_types_cannot_be_parsed(member: str, value: object) -> None:
    """A value of another JSON type is not read as if it were the right one."""
    assert refusal({**GOOD, member: value}) == ("CANNOT_PARSE", [member])


def test_missing_and_unknown_members() -> None:
    """A required member may not be absent or null, another may; an unknown one is not passed over."""
    assert refusal({"MessageBody": "Hello"}) == ("MISSING_PARAMETER", ["DestinationPhoneNumber"])
    assert refusal({**GOOD, "DestinationPhoneNumber": None}) == ("MISSING_PARAMETER", ["DestinationPhoneNumber"])
    assert refusal({**GOOD, "ClientToken": "x"}) == ("UNSPECIFIED_PARAMETER_NOT_SUPPORTED", ["ClientToken"])
    check(SEND, {**GOOD, "MessageType": None})


def test_the_gravest_reason_wins() -> None:
    """Several breaches: one Reason, and every field that it applies to."""
    reason, fields = refusal({"DestinationPhoneNumber": "x", "MessageBody": "", "TimeToLive": 1, "MessageType": "A"})
    assert (reason, sorted(fields)) == (
        "FIELD_VALIDATION_FAILED",
        ["DestinationPhoneNumber", "MessageBody", "MessageType", "TimeToLive"],
    )
    assert refusal({"MessageBody": "", "TimeToLive": "1"}) == ("CANNOT_PARSE", ["TimeToLive"])


def test_lists_and_structures_are_looked_into() -> None:
    """Sizes of lists, their items, and members of structures in them."""
    operation = "DescribePhoneNumbers"
    assert refusal({"MaxResults": 101}, operation) == ("FIELD_VALIDATION_FAILED", ["MaxResults"])
    assert refusal({"PhoneNumberIds": ["a"] * 6}, operation) == ("FIELD_VALIDATION_FAILED", ["PhoneNumberIds"])
    assert refusal({"PhoneNumberIds": "a"}, operation) == ("CANNOT_PARSE", ["PhoneNumberIds"])
    assert refusal({"Filters": ["a"]}, operation) == ("CANNOT_PARSE", ["Filters[0]"])
    assert refusal({"Filters": [{"Name": "status"}]}, operation) == ("MISSING_PARAMETER", ["Filters[0].Values"])
    assert refusal({"Filters": [{"Name": "color", "Values": ["x"]}]}, operation) == (
        "FIELD_VALIDATION_FAILED",
        ["Filters[0].Name"],
    )


def test_no_text_and_no_number_in_the_message() -> None:
    """What is wrong is told without the value that is."""
    with pytest.raises(ServiceFault) as caught:
        check(SEND, {"DestinationPhoneNumber": "0425555011", "MessageBody": "secret" * 400})
    assert "0425555011" not in caught.value.message
    assert "secret" not in caught.value.message


MEMBERS = sorted({name for shape in REQUESTS.values() for name in shape.members})
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 300_000),
    st.floats(allow_nan=False),
    st.text(max_size=4),
    st.sampled_from(["+14255550111", "0.05", ".05", "TRANSACTIONAL", " x", "x ", "pool-1", "SELF", "RECEIVED", "US"]),
    st.text("ab+1 \n\t", min_size=0, max_size=30),
)
keys = st.sampled_from([*MEMBERS, "IN_ENTITY_ID", "Name", "Values", "status", "SenderId", "IsoCountryCode", "x", "a b"])
things = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(keys, inner, max_size=6), max_leaves=12
)


def breaches(params: Mapping[str, object], operation: str) -> list[str]:
    """What a search for breaches finds, member by member."""
    return [breach.name for breach in _structure("", REQUESTS[operation], params)]


@given(operation=st.sampled_from(sorted(REQUESTS)), params=st.dictionaries(keys, things, max_size=5))
def test_the_quick_test_holds_exactly_what_has_no_breach(operation: str, params: dict[str, object]) -> None:
    """Whatever the request is, the test that most requests meet agrees with the search that words an error."""
    assert REQUESTS[operation].holds(params) is not bool(breaches(params, operation))


@given(changes=st.dictionaries(st.sampled_from(sorted(SEND.members)), things, max_size=2))
def test_the_quick_test_of_a_message_that_is_nearly_right(changes: dict[str, object]) -> None:
    """As above, one or two members away from a good SendTextMessage."""
    params = {**GOOD, **changes}
    assert SEND.holds(params) is not bool(breaches(params, "SendTextMessage"))
