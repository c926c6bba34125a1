"""How the service and S3 are reached: by the settings, and by the region that was found beside them."""

from typing import TYPE_CHECKING

from bulksend.config.model import AwsSettings

if TYPE_CHECKING:  # the SDK: not for files
    from bulksend.objects.s3 import S3Objects
    from bulksend.send.client import Access

Credentials = tuple[str, str] | None
"""Access key and secret instead of those that the SDK finds; None: what it finds."""


def access_by(aws: AwsSettings, *, region: str, max_connections: int, credentials: Credentials = None) -> "Access":
    """The access that `aws` describes; in `region` where it names none itself ("" to let the SDK find one)."""
    from bulksend.send.client import Access

    return Access(
        region=aws.region or region,
        profile=aws.profile,
        endpoint_url=aws.endpoint_url,
        credentials=credentials,
        connect_timeout_s=aws.connect_timeout_s,
        read_timeout_s=aws.read_timeout_s,
        max_connections=max_connections,
    )


def objects_by(aws: AwsSettings, *, region: str) -> "S3Objects":
    """The objects that `aws` gets to; in `region` where it names none itself. Their endpoint is the SDK's to find."""
    from bulksend.objects.s3 import S3Objects

    return S3Objects(region=aws.region or region, profile=aws.profile)
