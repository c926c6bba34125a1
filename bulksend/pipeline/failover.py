"""Who takes over the rows of an identity that the service refuses."""

from collections.abc import Collection, Sequence

from bulksend.base.ports import Choose
from bulksend.base.records import Origin
from bulksend.origin.identity import Identity
from bulksend.origin.routing import NoIdentity, Router

Scope = tuple[str, str | None]
"""What has stopped: an identity, and the only country concerned; None: any."""


class Failover:
    """Routes rows again, among the identities that still go.

    Args:
        identities: all of the campaign's.
    """

    def __init__(self, identities: Sequence[Identity]) -> None:
        self._identities = tuple(identities)

    def without(self, stopped: Collection[Scope]) -> Choose:
        """Return who serves a destination when everything in `stopped` is out; safe to be called from any thread."""
        out = frozenset(stopped)
        left = [identity for identity in self._identities if (identity.id, None) not in out]
        routers: dict[str | None, Router] = {}

        def choose(destination: str, country: str | None) -> Origin | None:
            router = routers.get(country)
            if router is None:
                router = Router([identity for identity in left if (identity.id, country) not in out])
                routers[country] = router
            try:
                return router.route(destination=destination, country=country).origin
            except NoIdentity:
                return None

        return choose
