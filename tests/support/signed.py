"""The SDK's own signer, asked about a request as it stands on the wire."""

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bulksend.send.client import Keys
from bulksend.send.signing import Scope


def headers_of(request: bytes) -> dict[str, str]:
    """The headers of a raw request, names in lower case; each stands there once."""
    lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    assert len(headers) == len(lines)
    return headers


def authorization_of_the_sdk(request: bytes, *, scheme: str, keys: Keys, scope: Scope) -> str:
    """What the SDK writes into Authorization for this very request, at the date that it tells, over what it signed."""
    head, _, body = request.partition(b"\r\n\r\n")
    method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
    headers = headers_of(request)
    written = headers["authorization"]
    names = written.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    signed = {name: headers[name] for name in names}
    model = AWSRequest(method, f"{scheme}://{headers['host']}{path}", headers=signed, data=body)
    model.context["timestamp"] = headers["x-amz-date"]
    signer = SigV4Auth(Credentials(keys.access_key, keys.secret_key, keys.token), scope.service, scope.region)
    signature = signer.signature(signer.string_to_sign(model, signer.canonical_request(model)), model)
    return (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(model)}, "
        f"SignedHeaders={signer.signed_headers(signer.headers_to_sign(model))}, Signature={signature}"
    )
