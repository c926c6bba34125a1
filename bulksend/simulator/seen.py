"""Whether something has been here before, for millions of somethings in little memory and without long pauses."""

_SHARDS = 256
_MAX_BIT = 1 << 28
"""Rows beyond this number are remembered by hash: a bit for each row before them would cost too much."""


class SeenHashes:
    """Remembers 64-bit hashes: among ten million things, the chance that any two pass for one is 3 in a million.

    Sharded by the top bits, because one large set stops the event loop for tens of milliseconds when it grows, and
    arrival stamps with it.
    """

    __slots__ = ("_shards",)

    def __init__(self) -> None:
        self._shards: list[set[int]] = [set() for _ in range(_SHARDS)]

    def add(self, thing: object) -> bool:
        """Remember `thing`; return whether it was there before."""
        value = hash(thing)
        shard = self._shards[(value >> 56) & (_SHARDS - 1)]
        size = len(shard)
        shard.add(value)
        return len(shard) == size

    def __contains__(self, thing: object) -> bool:
        value = hash(thing)
        return value in self._shards[(value >> 56) & (_SHARDS - 1)]


class SeenRows:
    """Remembers rows of campaigns, at a bit for each row."""

    __slots__ = ("_bits", "_others")

    def __init__(self) -> None:
        self._bits: dict[str, bytearray] = {}
        self._others = SeenHashes()

    def add(self, campaign: str, row: str) -> bool:
        """Remember `row` of `campaign`; return whether it was there before."""
        number = int(row) if row.isascii() and row.isdigit() and len(row) <= 9 else _MAX_BIT
        if number >= _MAX_BIT or row != str(number):
            return self._others.add((campaign, row))
        bits = self._bits.setdefault(campaign, bytearray())
        place, bit = number >> 3, 1 << (number & 7)
        if place >= len(bits):
            bits.extend(bytes(max(place + 1 - len(bits), 1024)))
        before = bool(bits[place] & bit)
        bits[place] |= bit
        return before
