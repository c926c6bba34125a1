"""Every Describe, List and Get call by a botocore client over HTTP, against botocore's copy of the service model."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape
from msgspec import structs

from bulksend.simulator.requests import REQUESTS
from bulksend.simulator.resources import AccountSettings, OptOutListSettings, SpendSettings
from tests.unit.simulator.helpers import SENDER_ID, Running, furnished, running

ARN = "arn:aws:sms-voice:us-east-1:123456789012"
OPTED_OUT = tuple(f"+1425555{index:04d}" for index in range(250))
SETTINGS = furnished(
    opt_out_lists=(OptOutListSettings(name="Default", numbers=OPTED_OUT), OptOutListSettings(name="ads")),
    spend=SpendSettings(limit_usd=99.5),
)


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    """One account for all of these."""
    with running(SETTINGS) as simulator:
        yield simulator


@pytest.fixture
def client(server: Running) -> Iterator[Any]:
    """A botocore client."""
    with server.client() as made:
        yield made


def hold_to_model(value: Any, shape: Shape, path: str) -> None:
    """Check that required members are there, unknown ones are not, and enums are held."""
    if isinstance(shape, StructureShape):
        assert set(shape.required_members) <= set(value), path
        for member, each in value.items():
            hold_to_model(each, shape.members[member], f"{path}.{member}")
    elif isinstance(shape, ListShape):
        for each in value:
            hold_to_model(each, shape.member, f"{path}[]")
    elif isinstance(shape, MapShape):
        for key, each in value.items():
            hold_to_model(key, shape.key, f"{path}.key")
            hold_to_model(each, shape.value, f"{path}.value")
    elif shape.type_name == "string":
        allowed = getattr(shape, "enum", None)
        assert not allowed or value in allowed, (path, value)


INPUTS: dict[str, dict[str, Any]] = {
    "SendTextMessage": {
        "DestinationPhoneNumber": "+14255551234",
        "OriginationIdentity": "20440",
        "MessageBody": "Hello",
    },
    "ListPoolOriginationIdentities": {"PoolId": "pool-1"},
    "DescribeOptedOutNumbers": {"OptOutListName": "Default"},
    "GetProtectConfigurationCountryRuleSet": {"ProtectConfigurationId": "protect-1", "NumberCapability": "SMS"},
}


@pytest.mark.parametrize("operation", REQUESTS)
def test_every_answer_fits_the_model(server: Running, operation: str) -> None:
    """What botocore parses has every required member, no value outside an enum, and nothing was lost on the way."""
    inputs = INPUTS.get(operation, {})
    with server.client() as client:
        if operation == "PutMessageFeedback":
            accepted = client.send_text_message(**INPUTS["SendTextMessage"])
            inputs = {"MessageId": accepted["MessageId"], "MessageFeedbackStatus": "RECEIVED"}
        raw: list[dict[str, Any]] = []
        client.meta.events.register("after-call", lambda parsed, **_: raw.append(parsed))
        result = client._make_api_call(operation, inputs)
        assert result.pop("ResponseMetadata")["HTTPStatusCode"] == 200
        shape = client.meta.service_model.operation_model(operation).output_shape
        hold_to_model(result, shape, operation)
        assert result


def test_phone_numbers(client: Any) -> None:
    """Limits, campaign, pool, and whether it sends abroad."""
    numbers = {each["PhoneNumber"]: each for each in client.describe_phone_numbers()["PhoneNumbers"]}
    assert set(numbers) == {"+18885550100", "20440", "+14255550142", "+14255550143", "+16045550123"}
    assert numbers["20440"]["MessagingLimits"]["RateLimits"] == {"SMS": 100}
    assert numbers["20440"]["NumberType"] == "SHORT_CODE"
    assert {numbers[f"+1425555014{last}"]["RegistrationId"] for last in (2, 3)} == {"registration-1"}
    assert {numbers[f"+1425555014{last}"]["MessagingLimits"]["RateLimits"]["SMS"] for last in (2, 3)} == {20}
    assert numbers["+16045550123"]["PoolId"] == "pool-1"
    assert "PoolId" not in numbers["20440"]
    assert numbers["+14255550142"]["InternationalSendingEnabled"]
    assert not numbers["20440"]["InternationalSendingEnabled"]
    assert numbers["20440"]["CreatedTimestamp"].year == 2025


def test_phone_numbers_by_id_and_filter(client: Any) -> None:
    """By id, by ARN, by filter; what is not there is an error."""
    (tollfree,) = client.describe_phone_numbers(Filters=[{"Name": "number-type", "Values": ["TOLL_FREE"]}])[
        "PhoneNumbers"
    ]
    for name in (tollfree["PhoneNumberId"], tollfree["PhoneNumberArn"]):
        assert client.describe_phone_numbers(PhoneNumberIds=[name])["PhoneNumbers"] == [tollfree]
    assert client.describe_phone_numbers(Owner="SHARED")["PhoneNumbers"] == []
    with pytest.raises(client.exceptions.ResourceNotFoundException) as caught:
        client.describe_phone_numbers(PhoneNumberIds=["phone-0"])
    assert caught.value.response["ResourceType"] == "phone-number"


def test_sender_ids(client: Any) -> None:
    """One entry for each country, with its limit."""
    senders = client.describe_sender_ids()["SenderIds"]
    assert [(each["SenderId"], each["IsoCountryCode"]) for each in senders] == [("ACME", "GB"), ("ACME", "DE")]
    assert senders[0]["MessagingLimits"]["RateLimits"] == {"SMS": 10}
    asked = client.describe_sender_ids(SenderIds=[{"SenderId": "ACME", "IsoCountryCode": "DE"}])["SenderIds"]
    assert asked == senders[1:]
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_sender_ids(SenderIds=[{"SenderId": "ACME", "IsoCountryCode": "FR"}])


def test_limits_of_a_sender_id_by_country() -> None:
    """Listed several times, it has in each country the limit of that entry."""
    german = structs.replace(SENDER_ID, country="DE", countries=("FR", "DE"), mps=5)
    here = structs.replace(SENDER_ID, countries=())
    with running(furnished(identities=(here, german), pools=())) as simulator, simulator.client() as client:
        senders = client.describe_sender_ids()["SenderIds"]
    limits = [(each["IsoCountryCode"], each["MessagingLimits"]["RateLimits"]["SMS"]) for each in senders]
    assert limits == [("GB", 10), ("FR", 5), ("DE", 5)]


def test_pools_and_their_members(client: Any) -> None:
    """A pool and who is in it; members can be joined with the phone numbers by id."""
    (pool,) = client.describe_pools()["Pools"]
    assert client.describe_pools(PoolIds=[pool["PoolArn"]])["Pools"] == [pool]
    members = client.list_pool_origination_identities(PoolId="pool-1")
    assert (members["PoolId"], members["PoolArn"]) == ("pool-1", f"{ARN}:pool/pool-1")
    (member,) = members["OriginationIdentities"]
    (number,) = client.describe_phone_numbers(PhoneNumberIds=[member["OriginationIdentity"]])["PhoneNumbers"]
    assert member["PhoneNumber"] == number["PhoneNumber"] == "+16045550123"
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.list_pool_origination_identities(PoolId="pool-9")


def test_opted_out_numbers_are_paged(client: Any) -> None:
    """The SDK's own paginator finds every number once."""
    paginator = client.get_paginator("describe_opted_out_numbers")
    pages = list(paginator.paginate(OptOutListName="Default", PaginationConfig={"PageSize": 60}))
    assert [len(page["OptedOutNumbers"]) for page in pages] == [60, 60, 60, 60, 10]
    found = [each["OptedOutNumber"] for page in pages for each in page["OptedOutNumbers"]]
    assert found == sorted(OPTED_OUT)
    asked = client.describe_opted_out_numbers(OptOutListName="Default", OptedOutNumbers=[OPTED_OUT[7]])
    assert [each["OptedOutNumber"] for each in asked["OptedOutNumbers"]] == [OPTED_OUT[7]]
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_opted_out_numbers(OptOutListName="Default", OptedOutNumbers=["+14255559999"])
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_opted_out_numbers(OptOutListName="other")


def test_pages_have_limits(client: Any) -> None:
    """MaxResults above 100, and a token that was not given out, are refused."""
    for options, reason in (
        ({"MaxResults": 101}, "FIELD_VALIDATION_FAILED"),
        ({"NextToken": "x"}, "INVALID_NEXT_TOKEN"),
    ):
        with pytest.raises(client.exceptions.ValidationException) as caught:
            client.describe_pools(**options)
        assert caught.value.response["Reason"] == reason


def test_opt_out_lists(client: Any) -> None:
    """Every list there is, by name or ARN."""
    lists = client.describe_opt_out_lists()["OptOutLists"]
    assert [each["OptOutListName"] for each in lists] == ["Default", "ads"]
    asked = client.describe_opt_out_lists(OptOutListNames=[f"{ARN}:opt-out-list/ads"])["OptOutLists"]
    assert asked == lists[1:]


def test_account(client: Any) -> None:
    """Tier, default protect configuration, spend limits in whole dollars."""
    attributes = {each["Name"]: each["Value"] for each in client.describe_account_attributes()["AccountAttributes"]}
    assert attributes == {"ACCOUNT_TIER": "PRODUCTION", "DEFAULT_PROTECT_CONFIGURATION_ID": "protect-1"}
    limits = {each["Name"]: each for each in client.describe_spend_limits()["SpendLimits"]}
    assert len(limits) == 5
    assert limits["TEXT_MESSAGE_MONTHLY_SPEND_LIMIT"]["EnforcedLimit"] == 100
    assert limits["TEXT_MESSAGE_MONTHLY_SPEND_LIMIT"]["Overridden"]
    assert not limits["VOICE_MESSAGE_MONTHLY_SPEND_LIMIT"]["Overridden"]


def test_configuration_sets(client: Any) -> None:
    """With their defaults, by name or ARN."""
    sets = client.describe_configuration_sets()["ConfigurationSets"]
    assert [each["ConfigurationSetName"] for each in sets] == ["sms-events", "filtered"]
    assert (sets[1]["DefaultMessageType"], sets[1]["ProtectConfigurationId"]) == ("TRANSACTIONAL", "protect-2")
    asked = client.describe_configuration_sets(ConfigurationSetNames=[sets[1]["ConfigurationSetArn"]])
    assert asked["ConfigurationSets"] == sets[1:]
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_configuration_sets(ConfigurationSetNames=["other"])


def test_country_rules(client: Any) -> None:
    """Every country has a rule for SMS; other channels are not ruled."""
    rules = client.get_protect_configuration_country_rule_set(
        ProtectConfigurationId="protect-1", NumberCapability="SMS"
    )["CountryRuleSet"]
    assert len(rules) > 200
    assert {country for country, rule in rules.items() if rule["ProtectStatus"] != "ALLOW"} == {"DE"}
    voice = client.get_protect_configuration_country_rule_set(
        ProtectConfigurationId=f"{ARN}:protect-configuration/protect-1", NumberCapability="VOICE"
    )["CountryRuleSet"]
    assert {rule["ProtectStatus"] for rule in voice.values()} == {"ALLOW"}
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_protect_configuration_country_rule_set(ProtectConfigurationId="x", NumberCapability="SMS")


def test_the_sandbox_shows() -> None:
    """A sandbox account says so, and a protect configuration only when it is the default."""
    settings = furnished(account=AccountSettings(tier="sandbox"), protect_configurations=(), configuration_sets=())
    with running(settings) as simulator, simulator.client() as client:
        assert client.describe_account_attributes()["AccountAttributes"] == [
            {"Name": "ACCOUNT_TIER", "Value": "SANDBOX"}
        ]
