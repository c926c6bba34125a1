"""The bytes of an input, whatever they come from: opened, recognised, decompressed, and hashed as they pass."""

import hashlib
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from bulksend.base.copies import CopiedName
from bulksend.intake.compression import compression_by_magic, decompress
from bulksend.intake.place import Place
from bulksend.intake.wrong_file import HEAD_BYTES, refuse_wrong_file

STANDARD_INPUT = "-"

_COMPRESSION_BY_SUFFIX = {".gz": "gzip", ".zst": "zstd"}


class ByteSource:
    """The decompressed bytes of one input, once. Its `suffix` is that of the name without `.gz` or `.zst`."""

    def __init__(
        self,
        file: BinaryIO,
        place: Place,
        *,
        owned: bool,
        suffixes: list[str],
        may_be_empty: bool,
        block_bytes: int,
    ) -> None:
        """Look at the first bytes of `file` and decide how to read it; see `open_source`."""
        self._file = file
        self._place = place
        self._owned = owned
        self._may_be_empty = may_be_empty
        self._block_bytes = block_bytes
        self._digest = hashlib.sha256()
        self._exhausted = False
        named = suffixes.pop() if suffixes and suffixes[-1] in _COMPRESSION_BY_SUFFIX else None
        self.suffix = suffixes[-1] if suffixes else ""
        self.compression, self._blocks = self._recognise(named)

    def __iter__(self) -> Iterator[bytes]:
        """Yield blocks of any size but zero.

        Raises:
            InputError: reading failed, or compressed data turned out to be damaged.
        """
        for block in self._blocks:
            self._digest.update(block)
            yield block
        self._exhausted = True

    @property
    def sha256(self) -> str:
        """Hex digest of all the decompressed bytes. A RuntimeError before they have all been read."""
        if not self._exhausted:
            raise RuntimeError("the digest of an input is known when all of it has been read")
        return self._digest.hexdigest()

    def close(self) -> None:
        """Close what was opened; standard input stays open."""
        if self._owned:
            self._file.close()

    def _recognise(self, suffix: str | None) -> tuple[str | None, Iterator[bytes]]:
        head, blocks = _look_ahead(iter(self._read, b""))
        if not head and self._may_be_empty:
            return None, blocks
        if not head:
            raise self._place.error("the input is empty", "Give a file with at least one recipient")
        compression = compression_by_magic(head)
        if compression is not None:
            packed = blocks
            head, blocks = _look_ahead(decompress(compression, lambda: next(packed, b""), self._place))
        refuse_wrong_file(head, self._place)
        if compression is None and suffix is not None:
            raise self._place.error(
                f"the name ends in {suffix}, but this is not {_COMPRESSION_BY_SUFFIX[suffix]} data",
                f"Take {suffix} off the name if the file is not compressed",
            )
        return compression, blocks

    def _read(self) -> bytes:
        try:
            block = cast("bytes | None", self._file.read(self._block_bytes))
        except OSError as error:
            raise self._place.error(
                f"reading failed ({error.strerror or error})", "Copy the file to another place and read it from there"
            ) from error
        if block is None:
            raise self._place.error("the input is in non-blocking mode", "Give it as a file, or through `cat`")
        return block


def open_source(
    place: Place,
    *,
    path: Path | None = None,
    stdin: BinaryIO | None = None,
    may_be_empty: bool = False,
    block_bytes: int = 65_536,
) -> ByteSource:
    """Open the file that `place` names, "-" for standard input; it is only ever read forwards.

    Args:
        place: what to open, and what errors name.
        path: what to open instead, where it is a copy of what `place` names.
        stdin: what "-" means; None for the process's own standard input.
        may_be_empty: whether an input without a single byte is one; it has no compression.
        block_bytes: how much is read from the file at a time.

    Raises:
        InputError: it cannot be read, is empty, is not compressed as its suffix says, or is known not to be text.
    """
    if isinstance(place.name, CopiedName):
        path, place.name = place.name.path, place.name.plain
    if path is None and place.name == STANDARD_INPUT:
        place.name = "standard input"
        return ByteSource(
            sys.stdin.buffer if stdin is None else stdin,
            place,
            owned=False,
            suffixes=[],
            may_be_empty=may_be_empty,
            block_bytes=block_bytes,
        )
    file = _open(place, place.name if path is None else path)
    try:
        suffixes = [suffix.lower() for suffix in Path(place.name).suffixes]
        return ByteSource(
            file, place, owned=True, suffixes=suffixes, may_be_empty=may_be_empty, block_bytes=block_bytes
        )
    except BaseException:
        file.close()
        raise


def _open(place: Place, path: str | Path) -> BinaryIO:
    if isinstance(path, str) and path.startswith("s3://"):
        raise place.error(
            "objects in S3 are not read directly", f"Pipe it in: aws s3 cp {place.name} - | bulksend ... -"
        )
    try:
        return cast("BinaryIO", Path(path).open("rb", buffering=0))
    except FileNotFoundError:
        raise place.error("there is no such file", "Check the path; - means standard input") from None
    except IsADirectoryError:
        raise place.error("this is a directory", "Give the CSV or JSONL file in it") from None
    except PermissionError:
        raise place.error("there is no permission to read it", "Run as a user who may read it") from None
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        raise place.error(f"it cannot be opened ({cause})", "Check the path") from error


def _look_ahead(blocks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    head = b""
    while len(head) < HEAD_BYTES and (block := next(blocks, b"")):
        head += block
    return head, itertools.chain([head] if head else [], blocks)
