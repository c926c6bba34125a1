"""How commands get to the service: by the settings, and by what the environment says beside them."""

import os

from bulksend.api.access import access_by
from bulksend.api.campaign import Campaign, region_of
from bulksend.config.model import AwsSettings, Settings
from bulksend.send.client import Access


def access_of(aws: AwsSettings, *, max_connections: int, credentials: tuple[str, str] | None = None) -> Access:
    """The access that `aws` describes; `credentials` instead of those of the environment, for the simulator."""
    return access_by(aws, region=region_of(os.environ), max_connections=max_connections, credentials=credentials)


def campaign_of(settings: Settings, *, credentials: tuple[str, str] | None = None) -> Campaign:
    """The campaign of `settings` in this environment."""
    return Campaign(settings=settings, region=region_of(os.environ), credentials=credentials)
