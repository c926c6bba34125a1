from bulksend.base.request import OWN_CONTEXT_KEYS
from bulksend.config.model import CampaignSettings, Settings
from bulksend.config.request import request_members

EVERYTHING = CampaignSettings(
    name="spring-sale",
    template="Hello",
    message_type="TRANSACTIONAL",
    configuration_set="sms-events",
    keyword="ACME",
    max_price="0.05",
    time_to_live="15m",
    protect_configuration_id="protect-1",
    message_feedback=False,
    dry_run=True,
    context={"team": "crm"},
    country_parameters={"IN_ENTITY_ID": "1101"},
)


def test_every_member() -> None:
    """Every campaign-constant member can be set and has boto3's spelling and type."""
    assert request_members(Settings(campaign=EVERYTHING)) == {
        "MessageType": "TRANSACTIONAL",
        "ConfigurationSetName": "sms-events",
        "Keyword": "ACME",
        "MaxPrice": "0.05",
        "TimeToLive": 900,
        "ProtectConfigurationId": "protect-1",
        "MessageFeedbackEnabled": False,
        "DryRun": True,
        "DestinationCountryParameters": {"IN_ENTITY_ID": "1101"},
        "Context": {"team": "crm", "bulksend_campaign": "spring-sale"},
    }


def test_what_is_not_set_is_left_out() -> None:
    """The service's own defaults apply to what nobody set."""
    settings = Settings(campaign=CampaignSettings(name="n", template="Hello"))
    assert request_members(settings) == {"Context": {"bulksend_campaign": "n"}}


def test_the_members_are_those_of_the_service_model() -> None:
    """With the row's own three members, these are all thirteen members of the request, and botocore accepts them."""
    from botocore.session import Session
    from botocore.validate import ParamValidator

    shape = Session().get_service_model("pinpoint-sms-voice-v2").operation_model("SendTextMessage").input_shape
    members = request_members(Settings(campaign=EVERYTHING))
    row = {"DestinationPhoneNumber": "+14255550199", "OriginationIdentity": "ACME", "MessageBody": "Hello"}
    assert set(shape.members) == {*members, *row}
    assert not ParamValidator().validate({**members, **row}, shape).has_errors()


def test_members_are_the_callers_own() -> None:
    """Changing what was returned does not change the settings; the row's entry of Context is left to the sender."""
    settings = Settings(campaign=EVERYTHING)
    context = request_members(settings)["Context"]
    assert isinstance(context, dict)
    context["bulksend_row"] = "1.1"
    assert settings.campaign.context == {"team": "crm"}
    assert set(context) == {"team", *OWN_CONTEXT_KEYS}
