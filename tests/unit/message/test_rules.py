import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.message.rules import breaches

GOOD: dict[str, object] = {
    "DestinationPhoneNumber": "+14255550100",
    "OriginationIdentity": "arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-1",
    "MessageBody": "Hi",
    "MessageType": "PROMOTIONAL",
    "Keyword": "ACME news",
    "ConfigurationSetName": "sms-events",
    "MaxPrice": "0.05",
    "TimeToLive": 259_200,
    "Context": {"bulksend_campaign": "spring sale", "bulksend_row": "1.1", "a": "b", "c": "d", "e": "f"},
    "DestinationCountryParameters": {"IN_ENTITY_ID": "1", "IN_TEMPLATE_ID": "2"},
    "DryRun": True,
    "ProtectConfigurationId": "protect-1",
    "MessageFeedbackEnabled": False,
}


def test_a_request_with_all_thirteen_members_has_no_breach() -> None:
    """Every member of the request is known, at the edge of what is allowed."""
    assert len(GOOD) == 13
    assert breaches(GOOD) == []
    assert breaches({}) == []


@pytest.mark.parametrize(
    ("member", "value", "rule"),
    [
        ("DestinationPhoneNumber", "not a number", "must be a number in E.164 form, such as +14255550100"),
        ("DestinationPhoneNumber", "+" + "1" * 20, "must be 1 to 20 characters long, not 21"),
        ("DestinationPhoneNumber", 14255550100, "must be text, not a number"),
        ("OriginationIdentity", "two words", "must be a phone number, its id or ARN, a sender id"),
        ("MessageBody", "", "must be 1 to 1600 characters long, not 0"),
        ("MessageBody", " \n", "must be a text with more than white space in it"),
        ("MessageBody", "x" * 1601, "must be 1 to 1600 characters long, not 1601"),
        ("MessageType", "FOO", "must be TRANSACTIONAL or PROMOTIONAL"),
        ("MessageType", ["PROMOTIONAL"], "must be TRANSACTIONAL or PROMOTIONAL"),
        ("Keyword", "two\nlines", "must be letters, digits, signs and single spaces on one line"),
        ("ConfigurationSetName", "a b", "must be the name or ARN of a configuration set"),
        ("MaxPrice", "1", "must be 2 to 8 characters long, not 1"),
        ("MaxPrice", "100", "must be US dollars with a decimal point"),
        ("MaxPrice", 0.05, "must be text, not a number"),
        ("TimeToLive", 4, "must be 5 to 259200 seconds"),
        ("TimeToLive", 259_201, "must be 5 to 259200 seconds"),
        ("TimeToLive", "72h", "must be a whole number of seconds, not text"),
        ("TimeToLive", True, "must be a whole number of seconds, not true or false"),
        ("Context", ["a"], "must be a map of text to text, not a list"),
        ("Context", dict.fromkeys("abcdef", "x"), "must have at most 5 pairs, not 6"),
        ("Context", {"a b": "x"}, "key number 1 must be free of white space"),
        ("Context", {"a": "x", "b" * 101: "x"}, "key number 2 must be 1 to 100 characters long, not 101"),
        ("Context", {1: "x"}, "key number 1 must be text, not a number"),
        ("Context", {"team": " crm"}, 'value of "team" must be free of white space at both ends'),
        ("Context", {"team": "x" * 801}, 'value of "team" must be 1 to 800 characters long, not 801'),
        ("Context", {"team": None}, 'value of "team" must be text, not nothing'),
        ("DestinationCountryParameters", {"US_ID": "1"}, "key number 1 must be IN_TEMPLATE_ID or IN_ENTITY_ID"),
        (
            "DestinationCountryParameters",
            {"IN_ENTITY_ID": "a b"},
            'value of "IN_ENTITY_ID" must be free of white space',
        ),
        ("DestinationCountryParameters", None, "must be a map of text to text, not nothing"),
        ("DryRun", "true", "must be true or false, not text"),
        ("MessageFeedbackEnabled", 1, "must be true or false, not a number"),
        ("ProtectConfigurationId", "", "must be 1 to 256 characters long, not 0"),
        ("ProtectConfigurationId", {}, "must be text, not a map"),
        ("ProtectConfigurationId", b"x", "must be text, not something else"),
        ("Recipient", "x", "is not a member of SendTextMessage; it has DestinationPhoneNumber, "),
    ],
)
def test_each_rule_is_named_with_its_member(member: str, value: object, rule: str) -> None:
    """One breach among good members is found alone, as the end of a sentence that the member begins."""
    found = breaches({**GOOD, member: value})
    assert [name for name, _ in found] == [member]
    assert found[0][1].startswith(rule)


def test_all_breaches_are_named_at_once() -> None:
    """Nobody has to run the command once for every mistake."""
    found = breaches({"TimeToLive": 1, "Context": {"a b": "x", "c": ""}, "Nope": 1})
    assert [name for name, _ in found] == ["TimeToLive", "Context", "Context", "Nope"]


@given(st.text(min_size=12))
def test_values_are_not_repeated(value: str) -> None:
    """A rule says what a value must be, never what it is: it may be a text or a number."""
    for member in ("DestinationPhoneNumber", "MessageBody", "Keyword"):
        assert not any(value in rule for _, rule in breaches({member: value}))
    assert not any(value in rule for _, rule in breaches({"Context": {"key": f" {value}"}}))
