"""From lines to the rows of a JSONL file: one JSON object a line."""

from collections.abc import Iterator

import msgspec

from bulksend.base.errors import InputError
from bulksend.base.export_fields import DELIVERY_FIELDS, EXPORT_FIELDS, SOURCE_FIELD
from bulksend.base.records import InputRow
from bulksend.intake.place import Place

_EXPORT_KEYS = frozenset({*EXPORT_FIELDS, SOURCE_FIELD})
_EXPORTS = (_EXPORT_KEYS, _EXPORT_KEYS | frozenset(DELIVERY_FIELDS))
_LINES_TO_GIVE_UP_AFTER = 20
_EMPTY = "empty row"


class JsonRecords:
    """The rows of a JSONL file, once.

    Blank lines are no rows. A line that is no JSON object, an object without members, and one with a NUL in it are
    given with their fault. An export of ours gives the objects of the input that was exported. Of two members with
    the same name the last one counts (RFC 8259, section 4, leaves that open).
    """

    def __init__(self, lists: Iterator[list[str]], place: Place) -> None:
        """Prepare to read the lines in `lists`; errors name `place`."""
        self._lists = lists
        self._place = place

    def __iter__(self) -> Iterator[InputRow]:
        """Yield the rows.

        Raises:
            InputError: none of the first 20 lines (of all lines, where there are fewer) is a JSON object.
        """
        rows = self._rows()
        held: list[InputRow] = []
        for row in rows:
            held.append(row)
            if row.fault is None or row.cells or row.fault == _EMPTY:
                break
            if len(held) == _LINES_TO_GIVE_UP_AFTER:
                raise self._not_jsonl(held)
        else:
            if held:
                raise self._not_jsonl(held)
        yield from held
        yield from rows

    def _rows(self) -> Iterator[InputRow]:
        decode = msgspec.json.Decoder().decode
        line = row = 0
        for lines in self._lists:
            for text in lines:
                line += 1
                try:
                    value: object = decode(text)
                except (msgspec.DecodeError, RecursionError) as error:
                    if text and not text.isspace():
                        row += 1
                        yield InputRow(row, line, {}, f"not valid JSON: {_cause(error)}")
                    continue
                row += 1
                if not isinstance(value, dict):
                    yield InputRow(row, line, {}, f"not a JSON object but {_kind(value)}")
                    continue
                if len(value) >= len(_EXPORT_KEYS) and value.keys() in _EXPORTS:
                    source = value[SOURCE_FIELD]
                    value = source if isinstance(source, dict) else value
                fault = None if value else _EMPTY
                if "\\u0000" in text and _holds_nul(value):
                    fault = "a NUL character (U+0000) in the row"
                yield InputRow(row, line, value, fault)

    def _not_jsonl(self, rows: list[InputRow]) -> InputError:
        return self._place.error(
            f"is this JSONL? None of the first {len(rows)} lines is a JSON object; this one is {rows[0].fault}",
            "Write one JSON object a line, not spread over lines; give a CSV file a name that ends in .csv",
            line=rows[0].line,
        )


def _cause(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    text = str(error).removeprefix("JSON is malformed: ")
    return text[:1].lower() + text[1:]


def _kind(value: object) -> str:
    match value:
        case list():
            return "an array"
        case str():
            return "a text"
        case None:
            return "null"
        case bool():
            return "true or false"
        case _:
            return "a number"


def _holds_nul(value: object) -> bool:
    unseen = [value]
    while unseen:
        match unseen.pop():
            case str() as text if "\0" in text:
                return True
            case dict() as members:
                unseen += [*members.keys(), *members.values()]
            case list() as items:
                unseen += items
    return False
