"""What an account has to send from: as configuration, as JSON, and where the configuration differs, for people."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby

from bulksend.base.found import Disagreement, Found, FoundIdentity, FoundPool
from bulksend.config.model import MAX_MPS
from bulksend.report.wrapped import folded, one_line

_LABELS = {
    "short_code": "short code",
    "toll_free": "toll-free number",
    "ten_dlc": "10DLC number",
    "long_code": "long code",
    "simulator": "simulator number",
    "sender_id": "sender id",
    "pool": "pool",
}


def configuration_lines(found: Found, *, region: str, read_at: datetime) -> Iterator[str]:
    """`found` as TOML that our own loader takes, with everything that is no identity in comments."""
    yield from _comment(f"What the account can send SMS from in {region}, {read_at:%Y-%m-%d %H:%M} UTC.")
    if found.identities:
        yield from _comment("Paste the blocks that a campaign is to use into its configuration.")
    else:
        yield from _comment("There is nothing that can send.")
    for bucket, group in groupby(found.identities, key=lambda one: one.bucket):
        members = list(group)
        if bucket:
            yield ""
            yield from _comment(
                f"{len(members)} numbers of one 10DLC campaign, {members[0].registration_id}: they share its limit,"
                " so they have one bucket."
            )
        for one in members:
            yield ""
            yield from _identity(one)
    if found.pools:
        yield ""
        yield from _comment(
            "Pools, instead of their members and never beside them: both would use the same limits twice. AWS states no"
            " limit for a pool, nor that a message goes to another member where one is at its limit. The mps below is"
            " what the members of each country add up to at most, each limit counted once; where less is allowed, the"
            " sender finds out by throttling and slows down."
        )
    for pool in found.pools:
        yield ""
        yield from _pool(pool)
    if found.unusable:
        yield ""
        yield from _comment("Not usable as they are:")
        for other in found.unusable:
            where = f"{other.country} " if other.country else ""
            yield one_line(f"#   {other.id}, {where}{_label(other.type)}: {other.why}")


def account_document(found: Found, *, region: str, read_at: datetime, requests: int) -> dict[str, object]:
    """The same as `identities --json` prints it (REFERENCE, "JSON")."""
    return {
        "region": region,
        "read_at": read_at.isoformat(timespec="seconds"),
        "requests": requests,
        "identities": [_identity_document(one) for one in found.identities],
        "pools": [
            {
                "id": pool.id,
                "message_type": pool.message_type,
                "members": list(pool.members),
                "mps": dict(pool.bounds),
                "shared_routes": pool.shared_routes,
                "shared": pool.shared,
            }
            for pool in found.pools
        ],
        "unusable": [
            {"id": one.id, "type": one.type, "country": one.country, "why": one.why} for one in found.unusable
        ],
    }


def disagreement_lines(found: Iterable[Disagreement]) -> Iterator[str]:
    """Where configuration and account differ, for people; nothing when they agree."""
    for number, one in enumerate(found):
        if not number:
            yield "Configuration and account differ; sending goes on as configured:"
        yield from folded(one.says, first="  - ", others="    ")


def _identity(one: FoundIdentity) -> Iterator[str]:
    types = " and ".join(one.message_types).lower()
    source = "as the account states" if one.stated else "as AWS documents; the account states none"
    yield from _comment(f"{one.country} {_label(one.type)}, {types}. Limit: {source}.")
    if one.pool_id is not None:
        yield from _comment(f"In {one.pool_id}.")
    if one.type == "simulator":
        yield from _comment("It reaches the service's own test numbers only.")
    if one.shared:
        yield from _comment(f"Another account shares it: {one.name}.")
    if one.international:
        yield from _comment("It may send to other countries too: list them as well, or none for any country.")
    for provider, most in sorted(one.daily_caps.items()):
        yield from _comment(f"{provider} takes {most:,} messages a day of its campaign.")
    yield from _block(one.id, one.mps, one.country)
    if one.bucket:
        yield f"bucket = {json.dumps(one.bucket)}"


def _pool(pool: FoundPool) -> Iterator[str]:
    members = "1 member" if len(pool.members) == 1 else f"{len(pool.members)} members"
    yield from _comment(f"Pool of {members}, {pool.message_type.lower()}: {', '.join(pool.members)}.")
    if pool.shared:
        yield from _comment("Another account shares it.")
    if pool.shared_routes:
        yield from _comment("It may use shared routes, too; they are not counted here.")
    for country, mps in pool.bounds.items():
        yield from (f"# {line}" for line in _block(pool.id, mps, country))


def _block(id: str, mps: int, country: str) -> Iterator[str]:  # noqa: A002 - the key
    yield "[[identities]]"
    yield f"id = {json.dumps(id)}"
    yield f"mps = {min(mps, MAX_MPS)}"
    yield f"countries = {json.dumps([country])}"


def _identity_document(one: FoundIdentity) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name,
        "type": one.type,
        "country": one.country,
        "mps": one.mps,
        "mps_from": "account" if one.stated else "documentation",
        "bucket": one.bucket,
        "message_types": list(one.message_types),
        "international": one.international,
        "pool": one.pool_id,
        "registration": one.registration_id,
        "daily_caps": dict(one.daily_caps),
        "shared": one.shared,
    }


def _comment(text: str) -> Iterator[str]:
    return folded(text, first="# ", others="# ")


def _label(type: str) -> str:  # noqa: A002 - the word of AWS
    return _LABELS.get(type, "number of an unknown kind")
