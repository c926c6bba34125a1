import gzip
import random
import struct
from collections.abc import Iterator

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from bulksend.base.errors import InputError
from bulksend.intake.compression import compression_by_magic, decompress
from bulksend.intake.place import Place

TEXT = b"".join(b"+1425555%04d,First %d\n" % (i % 10_000, i) for i in range(20_000))
SKIPPABLE_FRAME = struct.pack("<II", 0x184D2A50, 5) + b"notes"


def read_in_pieces(data: bytes, size: int = 65_536) -> Iterator[bytes]:
    """Give data as a file would, a few bytes at a time."""
    return (data[at : at + size] for at in range(0, len(data), size))


def decompressed(compression: str, data: bytes, size: int = 65_536) -> list[bytes]:
    """Return the blocks that come out."""
    pieces = read_in_pieces(data, size)
    return list(decompress(compression, lambda: next(pieces, b""), Place("list.csv")))


def pack(compression: str, data: bytes) -> bytes:
    """Compress data into one member or frame."""
    return gzip.compress(data) if compression == "gzip" else zstandard.compress(data)


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
@given(members=st.lists(st.binary(max_size=300), min_size=1, max_size=4), size=st.integers(1, 40))
def test_members_and_frames_are_one_stream(compression: str, members: list[bytes], size: int) -> None:
    """However many members there are and wherever reads end, the bytes come out whole and in order."""
    data = b"".join(pack(compression, member) for member in members)

    assert compression_by_magic(data) == compression
    assert b"".join(members) == b"".join(decompressed(compression, data, size))


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
@given(data=st.data())
def test_any_cut_is_noticed(compression: str, data: st.DataObject) -> None:
    """Data that ends anywhere but at the end of a member is an error that says how far it goes."""
    packed = pack(compression, random.Random(1).randbytes(500)) + pack(compression, b"phone\n")
    first = len(pack(compression, random.Random(1).randbytes(500)))
    cut = data.draw(st.integers(4, len(packed) - 1).filter(lambda at: at != first))

    with pytest.raises(InputError) as caught:
        decompressed(compression, packed[:cut])

    assert caught.value.what == f"list.csv: the {compression} data is cut off after {cut} bytes"
    assert caught.value.hint


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_what_came_before_a_cut_is_given_first(compression: str) -> None:
    """The blocks before the damage are handed on, so that the error can name a line."""
    noise = random.Random(1).randbytes(600_000)
    packed = pack(compression, noise)
    pieces = read_in_pieces(packed[:-100])
    got: list[bytes] = []

    with pytest.raises(InputError):
        got.extend(decompress(compression, lambda: next(pieces, b""), Place("list.csv")))

    assert noise.startswith(b"".join(got))
    assert len(b"".join(got)) > 300_000


def test_damaged_gzip_is_noticed() -> None:
    """A checksum that does not fit is an error."""
    packed = bytearray(gzip.compress(TEXT))
    packed[-6] ^= 1

    with pytest.raises(InputError, match="gzip data is damaged within its first"):
        decompressed("gzip", bytes(packed))


def test_damaged_zstd_is_noticed() -> None:
    """A checksum that does not fit is an error."""
    packed = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(TEXT))
    packed[-2] ^= 1

    with pytest.raises(InputError, match="zstd data is damaged within its first"):
        decompressed("zstd", bytes(packed))


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_something_else_behind_the_end_is_damage(compression: str) -> None:
    """Bytes after the last member that are no member are not dropped in silence."""
    with pytest.raises(InputError, match="damaged"):
        decompressed(compression, pack(compression, TEXT) + b"+14255550100,Ann and more")


def test_zeros_behind_gzip_are_padding() -> None:
    """Zeros after the last member are read past, as gzip itself does, and a member behind them counts."""
    packed = gzip.compress(b"a") + b"\0" * 1000

    assert b"".join(decompressed("gzip", packed, 10)) == b"a"
    assert b"".join(decompressed("gzip", packed + gzip.compress(b"b"), 10)) == b"ab"


def test_skippable_zstd_frames_are_skipped() -> None:
    """Frames that hold no data may come first, last and between."""
    frame = zstandard.compress(b"phone\n")
    packed = SKIPPABLE_FRAME + frame + SKIPPABLE_FRAME + frame + SKIPPABLE_FRAME

    assert compression_by_magic(packed) == "zstd"
    assert b"".join(decompressed("zstd", packed)) == b"phone\nphone\n"


def test_zstd_with_a_huge_window_is_refused() -> None:
    """A frame that needs more than 128 MiB of memory to read is refused with what to do about it."""
    parameters = zstandard.ZstdCompressionParameters(window_log=28, enable_ldm=True)
    writer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = writer.compress(TEXT) + writer.flush()

    with pytest.raises(InputError, match="window of more than 128 MiB") as caught:
        decompressed("zstd", packed)

    assert "--long" in caught.value.hint


@pytest.mark.parametrize(("compression", "largest"), [("gzip", 2**16), ("zstd", 2**24)])
def test_blocks_stay_small_whatever_the_data_holds(compression: str, largest: int) -> None:
    """100 MB of zeros, packed to next to nothing, never come as one block."""
    blocks = decompressed(compression, pack(compression, bytes(100_000_000)))

    assert sum(map(len, blocks)) == 100_000_000
    assert max(map(len, blocks)) <= largest


@pytest.mark.parametrize("head", [b"", b"\x1f", b"P", b"phone,name\n", b"*M\x18", b"\x40\x2a\x4d\x18"])
def test_other_starts_are_not_compression(head: bytes) -> None:
    """Only the magic numbers of gzip and zstd count."""
    assert compression_by_magic(head) is None
