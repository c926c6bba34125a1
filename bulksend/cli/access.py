"""How commands get to the service: by the settings, and by what the environment says beside them."""

import os

from bulksend.config.model import AwsSettings
from bulksend.send.client import Access


def access_of(aws: AwsSettings, *, max_connections: int, credentials: tuple[str, str] | None = None) -> Access:
    """The access that `aws` describes; `credentials` instead of those of the environment, for the simulator."""
    return Access(
        # The SDK for Python reads AWS_DEFAULT_REGION alone; every other AWS tool reads AWS_REGION first.
        region=aws.region or os.environ.get("AWS_REGION", ""),
        profile=aws.profile,
        endpoint_url=aws.endpoint_url,
        credentials=credentials,
        connect_timeout_s=aws.connect_timeout_s,
        read_timeout_s=aws.read_timeout_s,
        max_connections=max_connections,
    )
