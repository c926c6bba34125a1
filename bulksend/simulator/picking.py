"""Which identity a message falls to, and whether that identity can send it."""

from collections.abc import Mapping

from bulksend.simulator.destinations import DESTINATION_SIMULATORS
from bulksend.simulator.directory import Identity, Origination
from bulksend.simulator.faults import conflict, invalid
from bulksend.simulator.windows import SlidingWindow


def pick(
    origination: Origination,
    destination: str,
    country: str,
    message_type: str | None,
    windows: Mapping[str, SlidingWindow],
    at_ns: int,
    parts: int,
) -> Identity:
    """Return who a message falls to.

    The identity that was named, suited or not; of a sender id in several countries, the one of this country. Where
    the service picks: the first suited one, in the file's order, that has room, or the first when none has.

    Raises:
        ServiceFault: ConflictException, when the pool is not active or nobody is suited.
    """
    pool = origination.pool
    if pool is not None and pool.settings.status != "ACTIVE":
        raise conflict("RESOURCE_NOT_ACTIVE", "pool", pool.settings.id)
    if not origination.service_picks and len(origination.candidates) == 1:
        return origination.candidates[0]
    reaching = [each for each in origination.candidates if _reaches(each, destination, country)]
    if not origination.service_picks:
        return reaching[0] if reaching else origination.candidates[0]
    suited = [
        each for each in reaching if each.is_active and (message_type is None or message_type in each.message_types)
    ]
    if not suited:
        resource_type, resource_id = ("pool", pool.settings.id) if pool else ("account", "account")
        raise conflict("NO_ORIGINATION_IDENTITIES_FOUND", resource_type, resource_id)
    return next((each for each in suited if windows[each.bucket].has_room(at_ns, parts)), suited[0])


def hold_to_identity(identity: Identity, destination: str, country: str, message_type: str | None) -> None:
    """Refuse what the identity that was named cannot do.

    Raises:
        ServiceFault: ValidationException, ConflictException.
    """
    if not _reaches(identity, destination, country):
        raise invalid(
            "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY", [("OriginationIdentity", f"cannot send to {country}")]
        )
    if not identity.is_active:
        raise conflict("RESOURCE_NOT_ACTIVE", identity.resource_type, identity.resource_id)
    if message_type is not None and message_type not in identity.message_types:
        raise conflict("MESSAGE_TYPE_MISMATCH", identity.resource_type, identity.resource_id)


def _reaches(identity: Identity, destination: str, country: str) -> bool:
    """Whether `identity` can send there; a simulator number reaches the simulators of its own country alone."""
    if identity.settings.type == "simulator":
        return destination in DESTINATION_SIMULATORS and country == identity.country
    return identity.serves(country)
