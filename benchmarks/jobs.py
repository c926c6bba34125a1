"""What a client that only sends is told to do, and what it tells afterwards: JSON over its pipes."""

import msgspec

from benchmarks.texts import TEXTS, number

CAMPAIGN = "benchmark"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """So many messages as fast as so many connections carry them.

    Attributes:
        contender: who sends; a key of `clients.CLIENTS`.
        url: of the endpoint.
        authority: file of the certificate authority that vouches for the endpoint; "": no TLS.
        messages: how many are measured.
        connections: how many are in flight at once.
        first: how many messages are sent before those that are measured; at least one for each connection.
        packages: folder of packages that are not in this environment; "": none.
    """

    contender: str
    url: str
    authority: str
    messages: int
    connections: int
    first: int
    packages: str = ""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What sending took, from the first message that is measured to the last answer.

    Attributes:
        wall_s: time.
        cpu_s: processor time of all threads of the client, user and system.
        peak_mib: most memory of the client that was resident, until then.
    """

    wall_s: float
    cpu_s: float
    peak_mib: float


def identity(row: int) -> str:
    """Who sends the message of `row`."""
    return f"+1425555{row % 4:04d}"


def members(row: int) -> dict[str, object]:
    """The request for `row`: the members that bulksend sends too."""
    return {
        "DestinationPhoneNumber": number(row),
        "OriginationIdentity": identity(row),
        "MessageBody": TEXTS[1],
        "Context": {"bulksend_campaign": CAMPAIGN, "bulksend_row": str(row)},
    }
