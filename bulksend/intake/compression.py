"""gzip and zstd as streams of blocks; whatever the data holds, little of it is in memory at a time."""

import zlib
from collections.abc import Callable, Iterator

import zstandard

from bulksend.intake.place import Place

ReadBlock = Callable[[], bytes]
"""Returns the next bytes, b"" at the end and from then on."""

_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"  # RFC 8878, 3.1.2: follows a byte of 0x50 to 0x5F

_MAX_GZIP_OUTPUT_BYTES = 65_536
# What zstd makes of its input cannot be bounded, but a block of it takes at least 4 bytes and makes at most 128 KiB
# (RFC 8878, 3.1.1.2), so that so much input makes at most 16 MiB.
_ZSTD_PIECE_BYTES = 512
_ZSTD_MAX_WINDOW_BYTES = 2**27  # what the zstd tool reads without being asked to, and all that it writes but --long

_DAMAGED_HINT = "Copy or compress the file again"


def compression_by_magic(head: bytes) -> str | None:
    """Return how a stream that starts with `head` is compressed: "gzip", "zstd", or None."""
    if head.startswith(_GZIP_MAGIC):
        return "gzip"
    if head.startswith(_ZSTD_MAGIC) or (head[1:4] == _ZSTD_SKIPPABLE and 0x50 <= head[0] <= 0x5F):
        return "zstd"
    return None


def decompress(compression: str, read: ReadBlock, place: Place) -> Iterator[bytes]:
    """Yield what the compressed bytes from `read` hold; members and frames that follow one another are one stream.

    Args:
        compression: "gzip" or "zstd".
        read: where the compressed bytes come from.
        place: what errors name.

    Raises:
        InputError: the data is damaged or cut off, or (zstd) needs a window of more than 128 MiB.
    """
    counted = _Counted(read)
    try:
        yield from _gunzip(counted) if compression == "gzip" else _unzstd(counted)
    except EOFError:
        raise place.error(
            f"the {compression} data is cut off after {counted.bytes_read:,} bytes", _DAMAGED_HINT
        ) from None
    except (zlib.error, zstandard.ZstdError) as error:
        if "too much memory" in str(error):
            cause, hint = "the zstd data needs a window of more than 128 MiB", "Compress it again without --long"
        else:
            cause, hint = (
                f"the {compression} data is damaged within its first {counted.bytes_read:,} bytes",
                _DAMAGED_HINT,
            )
        raise place.error(cause, hint) from None


class _Counted:
    """A `ReadBlock` that knows how much it has given."""

    def __init__(self, read: ReadBlock) -> None:
        self._read = read
        self.bytes_read = 0

    def __call__(self) -> bytes:
        block = self._read()
        self.bytes_read += len(block)
        return block


def _gunzip(read: ReadBlock) -> Iterator[bytes]:
    data = read()
    while data:
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        while not member.eof:
            if not data and not (data := read()):
                raise EOFError
            block = member.decompress(data, _MAX_GZIP_OUTPUT_BYTES)
            data = member.unconsumed_tail
            if block:
                yield block
        # Tapes and some tools fill up with zeros behind the last member; gzip itself reads past them.
        data = member.unused_data.lstrip(b"\0")
        while not data and (more := read()):
            data = more.lstrip(b"\0")


def _unzstd(read: ReadBlock) -> Iterator[bytes]:
    context = zstandard.ZstdDecompressor(max_window_size=_ZSTD_MAX_WINDOW_BYTES)
    frame = context.decompressobj(write_size=65_536)
    while data := read():
        at = 0
        while at < len(data):
            if frame.eof:
                frame = context.decompressobj(write_size=65_536)
            piece = data[at : at + _ZSTD_PIECE_BYTES]
            if block := frame.decompress(piece):
                yield block
            at += len(piece) - (len(frame.unused_data) if frame.eof else 0)
    if not frame.eof:
        raise EOFError
