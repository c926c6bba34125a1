"""From bytes to JSON values, one at a time: lines, arrays, values put together without any separator, over many lines.

Every way in which AWS services write records is read alike: JSON lines; arrays, whose elements come one by one; what
Firehose puts into one object, one value right behind the other; pretty-printed values; and lines with a time before the
value, as CloudWatch Logs exports them.
"""

import codecs
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

MAX_VALUE_BYTES = 64 * 2**20
"""No value is longer: the services' own limits are far below (6 MB for what invokes a function)."""

MAX_BYTES_AGAIN = 64 * 2**20
"""As much as the longest value, so that one of them may be damaged."""

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError)
"""What decoding raises for what is no JSON."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something that should have been a delivery event and cannot be read.

    Attributes:
        line: where it begins, from 1.
        cause: what is wrong with it; quotes nothing of it.
    """

    line: int
    cause: str


@dataclass(frozen=True, slots=True)
class Other:
    """A record that is none of a text message: of voice, of media, of another service."""

    line: int


def read_values(
    blocks: Iterable[bytes], *, bytes_again: int = MAX_BYTES_AGAIN
) -> Iterator[tuple[int, object] | Unreadable]:
    """Yield the values in `blocks`, each with the line on which it begins, or why it cannot be read.

    Damage never ends the reading: it goes on behind a value that is complete but wrong, and at the next line behind one
    that has no end. Memory is bounded by the longest value, and time by the size of the input.

    Args:
        blocks: of any size; UTF-8, or UTF-16 with a byte order mark (what PowerShell makes of `>`).
        bytes_again: what may be read a second time behind values without an end. When it is used up, a value that is
            not all on one line is damage.
    """
    return iter(_Values(_as_utf8(iter(blocks)), bytes_again))


_SPACE = re.compile(rb"[ \t\r\n]*+")
# All up to the next bracket outside a string; stops in front of a string that does not end within the data.
_NO_BRACKET = re.compile(rb'(?:[^"\[\]{}]++|"(?:[^"\\\n]++|\\[^\n])*+")*+')
_REST_OF_STRING = re.compile(rb'(?:[^"\\\n]++|\\[^\n])*+')
_WORD = re.compile(rb"[-+.\w]*+")
# Exports to S3 have the time alone; `aws logs tail` puts the name of the stream behind it.
_TIME = re.compile(
    rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?(?:[ \t]+[^\s{\[]{1,600})?[ \t]+(?=[{\[])"
)
_LONGEST_TIME = 700

_OPENING, _CLOSING = b"{[", b"}]"
# What can stand before a bracket that opens inside another: a key's colon, or the beginning of an array's element.
_BEFORE_OPENING = {ord("{"): b":", ord("["): b"[,"}
_NEWLINE, _QUOTE, _COMMA, _BRACKET, _END_BRACKET = b"\n", *b'",[]'

_NOT_JSON = "this is not JSON"
_UNCLOSED = "the value has no end"


class _Values:
    """`read_values` for blocks in UTF-8. `_at` is where in `_data` the next value is looked for."""

    def __init__(self, blocks: Iterator[bytes], bytes_again: int) -> None:
        self._blocks = blocks
        self._decode = msgspec.json.Decoder().decode
        self._data = bytearray()
        self._at = 0
        self._line = 1
        self._counted = 0  # up to where in `_data` its lines are in `_line`
        self._ended = False
        self._in_array = False
        self._array_line = 0
        self._new_line = True  # nothing of this line has been read yet
        self._damaged = False  # brackets do not match up any more: some have lost their partners
        self._skipping = False  # what follows belongs to a damaged value, until something else begins
        self._again = bytes_again

    def __iter__(self) -> Iterator[tuple[int, object] | Unreadable]:
        while self._skip_space():
            line = self._current_line()
            byte = self._data[self._at]
            if byte in _OPENING and (byte != _BRACKET or self._in_array):
                yield self._container(line)
            elif byte == _BRACKET:
                self._in_array, self._array_line = True, line
                self._at += 1
            elif self._in_array and byte in b",]":
                self._in_array = byte == _COMMA
                self._at += 1
            elif self._skip_time() or (self._damaged and self._skip_stray(byte)):
                pass
            elif byte == _QUOTE:
                yield self._container(line)
            else:
                yield self._word(line)
        if self._in_array and not self._damaged:
            yield Unreadable(self._array_line, _UNCLOSED)

    def _container(self, line: int) -> tuple[int, object] | Unreadable:
        """Read an object, an array or a string."""
        if self._new_line and (end := self._end_of_line()) >= 0:
            text = self._data[self._at : end]
            if self._in_array:
                text = text.rstrip().removesuffix(b",")
            try:
                value: object = self._decode(text)
            except (*NOT_JSON, RecursionError):
                pass
            else:
                self._at = end
                self._skipping = False
                return line, value
        self._new_line = False
        length, cause = self._scan()
        if cause is None:
            text = self._data[self._at : self._at + length]
            self._at += length
            self._skipping = False
            try:
                return line, self._decode(text)
            except NOT_JSON:
                return Unreadable(line, _NOT_JSON)
            except RecursionError:
                return Unreadable(line, "it is nested too deeply")
        self._again -= length
        if self._data[self._at] != _QUOTE:
            self._damaged = self._skipping = True
        self._skip_line(line)
        return Unreadable(line, cause)

    def _word(self, line: int) -> tuple[int, object] | Unreadable:
        """Read what is neither container nor string: a value only as an element of an array."""
        self._ensure(_LONGEST_TIME)
        word = _WORD.match(self._data, self._at)
        if word and self._in_array:
            try:
                value: object = self._decode(word[0])
            except NOT_JSON:
                pass
            else:
                self._at = word.end()
                self._new_line = False
                return line, value
        self._skip_line(line)
        return Unreadable(line, _NOT_JSON)

    def _scan(self) -> tuple[int, str | None]:
        """Find the end of the value that begins here: its length, or how far it was read and why it has no end."""
        first = self._data[self._at]
        stack = bytearray() if first == _QUOTE else bytearray([first])
        in_string = first == _QUOTE
        last, done = first, 1
        while True:
            data, at = self._data, self._at + done
            found = (_REST_OF_STRING if in_string else _NO_BRACKET).match(data, at)
            stop = found.end() if found else at
            passed = data[at:stop]
            if not in_string:
                last = (passed.rstrip() or bytes([last]))[-1]
            done = stop - self._at
            if done > MAX_VALUE_BYTES:
                return done, f"the value is longer than {MAX_VALUE_BYTES // 2**20} MiB"
            if self._again <= 0 and _NEWLINE in passed:
                return done, _UNCLOSED
            if stop == len(data) or (in_string and stop == len(data) - 1 and data[stop] not in b'"\n'):
                if not self._fill():
                    return done, _UNCLOSED
                continue
            byte = data[stop]
            done += 1
            if in_string:
                if byte != _QUOTE:
                    return done, "a line ends inside a text"
                in_string, last = False, byte
            elif byte == _QUOTE:
                in_string = True
                continue
            elif byte in _OPENING:
                if last not in _BEFORE_OPENING[stack[-1]]:
                    return done, _UNCLOSED
                stack.append(byte)
                last = byte
            elif _OPENING.index(stack.pop()) != _CLOSING.index(byte):
                return done, "brackets do not match"
            else:
                last = byte
            if not stack:
                return done, None

    def _skip_space(self) -> bool:
        """Go to the next byte that is no white space; return whether there is one."""
        while True:
            space = _SPACE.match(self._data, self._at)
            end = space.end() if space else self._at
            self._new_line = self._new_line or self._data.find(_NEWLINE, self._at, end) >= 0
            self._at = end
            if end < len(self._data):
                return True
            if not self._fill():
                return False

    def _skip_time(self) -> bool:
        if not self._new_line:
            return False
        self._ensure(_LONGEST_TIME)
        time = _TIME.match(self._data, self._at)
        if time:
            self._at = time.end()
        return time is not None

    def _skip_stray(self, byte: int) -> bool:
        """Skip what damage has left: a bracket or comma that belongs to it, or a line of its inside."""
        if byte in b",]}":
            self._at += 1
        elif self._skipping:
            self._skip_line(0)
        else:
            return False
        return True

    def _skip_line(self, line: int) -> None:
        """Go to the end of the line; `line`: of damage that may have been taken for the beginning of an array."""
        if self._in_array and self._array_line == line:
            self._in_array = False
        while (end := self._data.find(_NEWLINE, self._at)) < 0:
            self._at = len(self._data)
            if not self._fill():
                return
        self._at = end

    def _end_of_line(self) -> int:
        """Where in the data this line ends; -1 when it goes on beyond."""
        end = self._data.find(_NEWLINE, self._at)
        return len(self._data) if end < 0 and self._ended else end

    def _current_line(self) -> int:
        self._line += self._data.count(_NEWLINE, self._counted, self._at)
        self._counted = self._at
        return self._line

    def _ensure(self, size: int) -> None:
        """Have `size` bytes from here on, where there are as many left."""
        while len(self._data) - self._at < size and self._fill():
            pass

    def _fill(self) -> bool:
        """Add a block to the data and drop what was read; False at the end."""
        block = next(self._blocks, b"")
        if not block:
            self._ended = True
            return False
        self._current_line()
        del self._data[: self._at]
        self._at = self._counted = 0
        self._data += block
        return True


def _as_utf8(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same text in UTF-8 without a byte order mark."""
    head = b""
    while len(head) < len(codecs.BOM_UTF8) and (block := next(blocks, b"")):
        head += block
    rest: Iterator[bytes] = itertools.chain([head.removeprefix(codecs.BOM_UTF8)], blocks)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        rest = (text.encode(errors="replace") for text in codecs.iterdecode(rest, "utf-16", errors="replace"))
    return filter(None, rest)
