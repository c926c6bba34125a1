"""Keyed hashes of phone numbers: whoever has the key can tell whether two are one person's, and nobody whose they are.

Without a key a hash of a number hides nothing: all numbers of a country are hashed in minutes.
"""

import hashlib
import hmac
from hashlib import sha256

KEY_BYTES = 32
"""Length of a key."""

HASH_PREFIX = "hmac-sha256:"
"""What a hash begins with; no phone number does."""

_HASH_BYTES = 16


def hashed_number(key: bytes, number: str) -> str:
    """HMAC-SHA-256 (RFC 2104) of an E.164 number under `key`: its first 16 bytes, hexadecimal, after `HASH_PREFIX`."""
    return HASH_PREFIX + hmac.digest(key, number.encode(), hashlib.sha256)[:_HASH_BYTES].hex()


def key_id(key: bytes) -> str:
    """16 hexadecimal digits by which a key is known again; they do not give it away."""
    return sha256(b"bulksend key " + key).hexdigest()[:16]
