"""The limits that a campaign's identities add up to."""

from collections.abc import Sequence

from bulksend.base.records import Bucket
from bulksend.origin.identity import Identity


def buckets_of(identities: Sequence[Identity], *, dry_run_mps: int | None) -> dict[str, Bucket]:
    """Return every bucket of `identities` by its name, in the order in which they first appear.

    Args:
        identities: of one campaign.
        dry_run_mps: parts per second that DryRun allows, for a campaign that only rehearses: the lower of it and the
            bucket's own limit holds (SendTextMessage, `DryRun`: five, or the identity's own limit where that is
            lower). None for a real campaign.

    Raises:
        ValueError: identities of one bucket state different limits.
    """
    limits: dict[str, int] = {}
    for identity in identities:
        limit = limits.setdefault(identity.bucket, identity.mps)
        if limit != identity.mps:
            raise ValueError(f"bucket {identity.bucket!r} has two limits: {limit} and {identity.mps} MPS")
    return {
        name: Bucket(name=name, mps=limit if dry_run_mps is None else min(limit, dry_run_mps))
        for name, limit in limits.items()
    }
