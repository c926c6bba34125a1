"""Which identity a row is sent from: by the row's own column, by country, by share of MPS."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import log

from bulksend.base.mask import mask_number
from bulksend.origin.identity import Identity, identity_kind, number_digits, sender_key

_UNIT = 1 << 52
_SHORT_CODE_DIGITS = 6  # with more, it may be a person's number


class NoIdentity(Exception):
    """No identity can serve a row; the message is one sentence for people, without a full destination number."""


@dataclass(frozen=True, slots=True)
class _Group:
    """The candidates of one bucket, ready for hashing."""

    key: bytes
    mps: int
    members: tuple[tuple[bytes, Identity], ...]


class Router:
    """Chooses an identity for every row of a campaign; the same row always gets the same one.

    Where several identities serve a country, each bucket gets the share of the numbers that its MPS has in the sum,
    and divides it evenly among its candidates. The choice is weighted rendezvous hashing over (bucket, destination),
    then rendezvous hashing over (identity, destination) within the bucket, with BLAKE2b and no key: it depends on
    nothing but the bucket's name and MPS, the identity's id and the number. It is therefore the same in every
    process and in whatever order the identities are listed, and a new identity takes over its own share and moves
    nothing else: from all buckets when it brings one, from its own bucket when it joins one. (Renaming a bucket or
    changing its MPS does move numbers.)

    Args:
        identities: at least the one that is to be chosen. The same id may be there several times, always in the same
            spelling, if every time it lists other countries.

    Raises:
        ValueError: two identities are the same.
    """

    def __init__(self, identities: Sequence[Identity]) -> None:
        self._identities = tuple(identities)
        self._by_key: dict[str, list[Identity]] = {}
        for one in self._identities:
            self._by_key.setdefault(sender_key(one.id), []).append(one)
        if any(len(entries) > 1 and not _told_apart(entries) for entries in self._by_key.values()):
            raise ValueError("two identities are the same")
        self._groups: dict[str | None, tuple[_Group, ...]] = {}

    def route(self, *, destination: str, country: str | None, wanted: str = "") -> Identity:
        """Return the identity that `destination` is sent from.

        Args:
            destination: E.164; the same number must always come in the same spelling.
            country: ISO 3166 alpha-2 of the destination, or None where it is not known: then only identities that
                serve any country are candidates.
            wanted: the row's own choice, white space around it ignored; empty: none. An id, exactly as configured;
                a number also without its + or with punctuation.

        Raises:
            NoIdentity: none serves `country`, or `wanted` is not configured or does not serve it.
        """
        if wanted and (name := wanted.strip()):
            return self._wanted(name, country)
        groups = self._groups.get(country)
        if groups is None:
            groups = self._groups[country] = self._candidates(country)
        if len(groups) == 1 and len(groups[0].members) == 1:
            return groups[0].members[0][1]
        if not groups:
            raise NoIdentity(
                f"no identity serves {country}"
                if country is not None
                else "the country of the number is not known and no identity serves any country"
            )
        number = destination.encode()
        group = groups[0] if len(groups) == 1 else _weighted(groups, number)
        members = group.members
        if len(members) == 1:
            return members[0][1]
        return min(members, key=lambda member: _hash(member[0], number))[1]

    def _wanted(self, name: str, country: str | None) -> Identity:
        entries = self._by_key.get(sender_key(name))
        if entries is None:
            raise NoIdentity(f"the row asks for {_shown(name)}, which is not configured")
        identity = next((entry for entry in entries if entry.serves(country)), None)
        if identity is None:
            why = (
                f"does not serve {country}"
                if country is not None
                else "serves certain countries only, and the country of the number is not known"
            )
            raise NoIdentity(f"the row asks for identity {entries[0].id}, which {why}")
        return identity

    def _candidates(self, country: str | None) -> tuple[_Group, ...]:
        """The candidates for `country` by bucket; those that list it are preferred to those that serve any."""
        listing = [identity for identity in self._identities if country in identity.countries]
        candidates = listing or [identity for identity in self._identities if not identity.countries]
        by_bucket: dict[str, list[Identity]] = {}
        # Sorted, so that not even a tie of two hashes is decided by the order of the list.
        for identity in sorted(candidates, key=lambda one: one.id):
            by_bucket.setdefault(identity.bucket, []).append(identity)
        return tuple(
            _Group(
                key=b"bucket\0" + bucket.encode() + b"\0",
                mps=members[0].mps,
                members=tuple((b"identity\0" + one.id.encode() + b"\0", one) for one in members),
            )
            for bucket, members in sorted(by_bucket.items())
        )


def _told_apart(entries: Sequence[Identity]) -> bool:
    """Whether it is clear for every country which of several entries of one sender is meant."""
    listed = [country for entry in entries for country in entry.countries]
    one_spelling = len({entry.id for entry in entries}) == 1
    return one_spelling and all(entry.countries for entry in entries) and len(set(listed)) == len(listed)


def _hash(key: bytes, number: bytes) -> bytes:
    return blake2b(key + number, digest_size=8).digest()


def _weighted(groups: Sequence[_Group], number: bytes) -> _Group:
    """The first arrival among exponential waiting times with rates proportional to MPS."""
    best = groups[0]
    earliest = float("inf")
    for group in groups:
        # 52 bits and a half: exact in a float, never 0 and never 1.
        uniform = ((int.from_bytes(_hash(group.key, number)) >> 12) + 0.5) / _UNIT
        arrival = -log(uniform) / group.mps
        if arrival < earliest:
            best, earliest = group, arrival
    return best


def _shown(name: str) -> str:
    """`name` as a note may show it: a cell of the input can hold anything, a person's number among it."""
    digits = number_digits(name)
    if digits is not None and len(digits) > _SHORT_CODE_DIGITS:
        return f"identity {mask_number(name)}"
    if digits is not None or identity_kind(name) is not None:
        return f"identity {name}"
    return "something that is not the name of an identity"
