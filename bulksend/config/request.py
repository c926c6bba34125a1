"""The members of SendTextMessage that are the same for every row of a campaign."""

from bulksend.base.request import CONTEXT_CAMPAIGN
from bulksend.config.model import Settings


def request_members(settings: Settings) -> dict[str, object]:
    """Return the campaign-constant members in boto3's spelling, only those that are set.

    `Context` is always there: it carries the campaign's name, so that delivery events can be traced. DryRun is there
    only when it is true. The row's own members (DestinationPhoneNumber, OriginationIdentity, MessageBody and the
    row's entry of Context) are the sender's to add. Where the campaign has a deadline, TimeToLive is what the sender
    may go up to.
    """
    campaign = settings.campaign
    members: dict[str, object] = {
        "MessageType": campaign.message_type,
        "ConfigurationSetName": campaign.configuration_set,
        "Keyword": campaign.keyword,
        "MaxPrice": campaign.max_price,
        "TimeToLive": campaign.time_to_live_s,
        "ProtectConfigurationId": campaign.protect_configuration_id,
        "MessageFeedbackEnabled": campaign.message_feedback,
        "DryRun": campaign.dry_run or None,
        "DestinationCountryParameters": dict(campaign.country_parameters) or None,
        "Context": {**campaign.context, CONTEXT_CAMPAIGN: campaign.name},
    }
    return {name: value for name, value in members.items() if value is not None}
