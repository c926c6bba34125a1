"""From bytes to text: the encoding of an input is found while it streams past."""

import codecs
import itertools
import re
from collections.abc import Iterable, Iterator

from bulksend.base.errors import ConfigError
from bulksend.intake.place import Place

_SNIFF_BYTES = 4096
_WINDOW_BYTES = 65_536

_LABELS = {"utf-8": "UTF-8", "utf-16-le": "UTF-16LE", "utf-16-be": "UTF-16BE"}
# Those of UTF-32 come first: the one of its little-endian form starts like that of UTF-16.
_BOMS = (
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Their text may hold halves of surrogate pairs, or they are not about whole texts.
_UNFIT = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"})
_HINT = "Save the file as UTF-8, or set recipients.encoding to the encoding that it has"

_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_NOT_ASCII_RUN = re.compile(rb"[\x80-\xff]{3,}")
_UTF8_CHARACTER = re.compile(  # RFC 3629, section 4: UTF8-2, UTF8-3, UTF8-4
    rb"[\xc2-\xdf][\x80-\xbf]"
    rb"|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)


class TextBlocks:
    """The text of an input, in blocks, once.

    A byte order mark decides; then the zeros that UTF-16 puts between letters; else the text is ASCII until the first
    byte that is not, and the 64 KiB from there on tell UTF-8 from cp1252. Nothing is ever replaced: a byte that does
    not fit ends the reading.

    Attributes:
        encoding: what is known at present, for people. While only ASCII was seen it is "UTF-8", which may later turn
            out to be "cp1252"; what was read before is the same in both.
    """

    def __init__(self, blocks: Iterable[bytes], place: Place, encoding: str = "") -> None:
        """Prepare to read.

        Args:
            blocks: the bytes.
            place: what errors name.
            encoding: name of a Python codec for text, when it is not to be found out.

        Raises:
            ConfigError: `encoding` is not known.
        """
        self._bytes = iter(blocks)
        self._place = place
        self._wanted = _codec_name(encoding) if encoding else None
        self.encoding = "UTF-8"

    def __iter__(self) -> Iterator[str]:
        """Yield the text.

        Raises:
            InputError: a byte does not fit the encoding, or the encoding cannot be told.
        """
        head = self._gather(b"", _SNIFF_BYTES)
        bom, marked = next(((bom, codec) for bom, codec in _BOMS if head.startswith(bom)), (b"", None))
        codec = self._codec(marked, _utf16_by_zeros(head))
        self._bytes = itertools.chain([head[len(bom) :]], self._bytes)
        if codec is None:
            yield from self._decode_unmarked()
        else:
            self.encoding = "UTF-8 with BOM" if bom == codecs.BOM_UTF8 else _LABELS.get(codec, codec)
            yield from self._decode(codec)

    def _codec(self, marked: str | None, likely: str | None) -> str | None:
        """Choose the codec by the user's word, the byte order mark and the zeros, in this order."""
        wanted = self._wanted
        if wanted is None:
            if marked is not None and marked.startswith("utf-32"):
                raise self._place.error("this is UTF-32", "Save the file as UTF-8", line=0)
            return marked or likely
        by_family = {"utf-8-sig": "utf-8", "utf-16": marked or likely or "utf-16-le", "utf-32": marked or "utf-32-le"}
        codec = by_family.get(wanted, wanted)
        if marked not in {None, codec}:
            raise self._place.error(
                f'recipients.encoding is "{wanted}", but the file starts with the byte order mark of {marked}',
                "Leave recipients.encoding empty",
                line=0,
            )
        return codec

    def _decode_unmarked(self) -> Iterator[str]:
        for block in self._bytes:
            not_ascii = _NOT_ASCII.search(block)
            if not_ascii is None:
                yield block.decode("ascii")
                continue
            at = not_ascii.start()
            data = self._gather(block, at + _WINDOW_BYTES)
            codec = _utf8_or_cp1252(data[at:])
            if codec is None:
                yield data[:at].decode("ascii")
                raise self._place.error("the text is not UTF-8 and does not look like cp1252 either", _HINT)
            self.encoding = _LABELS.get(codec, codec)
            self._bytes = itertools.chain([data], self._bytes)
            yield from self._decode(codec)
            return

    def _decode(self, codec: str) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder(codec)()
        try:
            for block in self._bytes:
                if text := decoder.decode(block):
                    yield text
            if text := decoder.decode(b"", final=True):
                yield text
        except UnicodeDecodeError as error:
            # Handed on first, so that whoever counts the lines arrives at that of the byte.
            yield error.object[: error.start].decode(codec, "replace")
            byte = error.object[error.start]
            raise self._place.error(f"the byte 0x{byte:02X} does not fit {self.encoding}", _HINT) from None

    def _gather(self, data: bytes, size: int) -> bytes:
        while len(data) < size and (block := next(self._bytes, b"")):
            data += block
        return data


def _codec_name(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        b"\0\0\0\0".decode(name, "replace")  # refuses codecs from bytes to bytes
    except (LookupError, ValueError):
        name = "undefined"
    if name in _UNFIT:
        raise ConfigError(
            f"recipients.encoding: {encoding!r} is not the name of a text encoding",
            "Leave it empty to have it found out",
        )
    return name


def _utf16_by_zeros(head: bytes) -> str | None:
    """Tell UTF-16 without a mark by its zeros: line ends, delimiters and digits are ASCII in any language."""
    pairs = len(head) // 2
    even, odd = head[0 : 2 * pairs : 2], head[1 : 2 * pairs : 2]
    for codec, high, low, line_end in (("utf-16-le", odd, even, b"\n\0"), ("utf-16-be", even, odd, b"\0\n")):
        zeros = high.count(0)
        if zeros * 20 < pairs or zeros < 4 * low.count(0) or not zeros:
            continue
        starts_with_ascii = high[0] == 0 and 0 < low[0] < 0x80
        if starts_with_ascii or any(match.start() % 2 == 0 for match in re.finditer(re.escape(line_end), head)):
            return codec
    return None


def _utf8_or_cp1252(window: bytes) -> str | None:
    """Decide by what follows the first byte that is not ASCII; None when it looks like neither.

    A text with both UTF-8 characters and other bytes is taken for damaged UTF-8, unless the others are the clear
    majority (in cp1252 some pairs, such as a capital E with an acute accent before a curly apostrophe, are UTF-8 by
    chance): to stop at the damage is cheaper than to text thousands of people garbled names.
    """
    try:
        codecs.utf_8_decode(window, "strict", len(window) < _WINDOW_BYTES)
    except UnicodeDecodeError:
        pass
    else:
        return "utf-8"
    high = len(_NOT_ASCII.findall(window))
    in_utf8 = sum(len(character) for character in _UTF8_CHARACTER.findall(window))
    if high - in_utf8 <= 4 * in_utf8:
        return "utf-8"
    # Western European text has single letters that are not ASCII; words of nothing else are another script.
    in_runs = sum(len(run) for run in _NOT_ASCII_RUN.findall(window))
    return None if high >= 40 and in_runs * 5 >= high * 4 else "cp1252"
