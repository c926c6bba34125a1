"""How the service is reached: by the settings, and by the region that was found beside them."""

from bulksend.config.model import AwsSettings
from bulksend.send.client import Access

Credentials = tuple[str, str] | None
"""Access key and secret instead of those that the SDK finds; None: what it finds."""


def access_by(aws: AwsSettings, *, region: str, max_connections: int, credentials: Credentials = None) -> Access:
    """The access that `aws` describes; in `region` where it names none itself ("" to let the SDK find one)."""
    return Access(
        region=aws.region or region,
        profile=aws.profile,
        endpoint_url=aws.endpoint_url,
        credentials=credentials,
        connect_timeout_s=aws.connect_timeout_s,
        read_timeout_s=aws.read_timeout_s,
        max_connections=max_connections,
    )
