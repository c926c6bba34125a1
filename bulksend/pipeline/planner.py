"""What becomes of one row: composed, counted, checked, routed; or skipped, with a reason."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from bulksend.base.records import InputRow, PlannedRow, SkipReason, Status
from bulksend.base.request import TEXT_RULES
from bulksend.config.model import RecipientsSettings
from bulksend.intake.columns import column_key, find_column, missing_column
from bulksend.intake.excel import repair_number_cell
from bulksend.message.compose import MissingField, Template, TemplateError
from bulksend.message.parts import count_parts, too_long
from bulksend.message.phone import InvalidNumber, Number, NumberReader
from bulksend.origin.routing import NoIdentity, Router
from bulksend.pipeline.earlier import EarlierLedgers
from bulksend.schedule.names import UnknownZone
from bulksend.store.numbers import FirstSeen, NumberSet

if TYPE_CHECKING:
    from bulksend.schedule.zones import ZoneReader

_key = lru_cache(maxsize=4096)(column_key)
_BODY_RULE = TEXT_RULES["MessageBody"]
_encode_json = msgspec.json.Encoder().encode


class _Skip(Exception):
    def __init__(self, reason: SkipReason, note: str) -> None:
        super().__init__(note)
        self.reason = reason
        self.note = note


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that mean something to bulksend, as `column_key` spells them; "" for none."""

    phone: str
    body: str
    identity: str
    time_zone: str


def columns_of(
    settings: RecipientsSettings, template: Template | None, header: Sequence[str] | None, *, input_name: str
) -> Columns:
    """Find the columns that the settings and the template name.

    Args:
        settings: [recipients].
        template: of the campaign; None when a column holds the finished text.
        header: of a CSV input; None for JSONL, where every row has its own.
        input_name: for the error.

    Raises:
        InputError: the header lacks one of them, or has it twice.
    """
    wanted = {
        "recipients.phone": settings.phone,
        "recipients.body": settings.body,
        "recipients.identity": settings.identity,
        "recipients.time_zone": settings.time_zone,
    }
    if header is not None:
        for setting, name in wanted.items():
            if name and find_column(header, name) is None:
                raise missing_column(f"{input_name}: no column {name!r} ({setting})", header, f"set {setting}")
        for name in sorted(template.required if template else ()):
            if find_column(header, name) is None:
                hint = f"add the column, or write {{{{ {name} | default('...') }}}}"
                raise missing_column(f"{input_name}: no column {name!r} (campaign.template)", header, hint)
    return Columns(*(column_key(name) if name else "" for name in wanted.values()))


class Planner:
    """Turns input rows into planned rows. Holds what it has seen, so rows are to be given in the input's order.

    Args:
        columns: where to look.
        template: None when `columns.body` holds the finished text.
        numbers: reads phone numbers.
        router: chooses identities.
        suppressed: numbers never to text; all of them.
        earlier: whom earlier campaigns reached, or may have; None to text them all the same.
        first_seen: to skip numbers that occurred before; None to send to them again.
        zones: tells time zones; None where nothing depends on them.
    """

    def __init__(
        self,
        *,
        columns: Columns,
        template: Template | None,
        numbers: NumberReader,
        router: Router,
        suppressed: NumberSet,
        earlier: EarlierLedgers | None,
        first_seen: FirstSeen | None,
        zones: "ZoneReader | None",
    ) -> None:
        self._columns = columns
        self._template = template
        self._numbers = numbers
        self._router = router
        self._suppressed = suppressed if len(suppressed) else None
        self._earlier = earlier
        self._first_seen = first_seen
        self._zones = zones

    def plan(self, rows: Iterable[InputRow]) -> list[PlannedRow]:
        """Decide about some rows. Never raises for what a row contains."""
        planned = [self._plan(row) for row in rows]
        if self._first_seen is None:
            return planned
        # Last of all: a row that cannot be sent must not make a later one of the same number a duplicate.
        numbers = [(row.destination, row.row) for row in planned if row.status is Status.PENDING and row.destination]
        repeated = self._first_seen.repeated(numbers)
        if not repeated:
            return planned
        return [_as_duplicate(row, repeated[row.row]) if row.row in repeated else row for row in planned]

    def _plan(self, row: InputRow) -> PlannedRow:
        source = _source_of(row)
        number: Number | None = None
        try:
            cells = _cells_of(row)
            number, note = self._read_number(cells)
            return self._sendable(row, source, cells, number, note)
        except _Skip as skip:
            return PlannedRow(
                row=row.row,
                line=row.line,
                source=source,
                status=Status.SKIPPED,
                reason=skip.reason.value,
                note=skip.note,
                destination=number.e164 if number else None,
                country=number.country if number else None,
            )

    def _sendable(
        self, row: InputRow, source: str, cells: Mapping[str, object], number: Number, note: str | None
    ) -> PlannedRow:
        if self._suppressed is not None and number.e164 in self._suppressed:
            raise _Skip(SkipReason.SUPPRESSED, "the number is in a suppression file")
        if self._earlier is not None and (ledger := self._earlier.who_reached(number.e164)) is not None:
            raise _Skip(SkipReason.ALREADY_SENT, f"a message to this number was sent, or may have been, by {ledger}")
        text = self._compose(cells)
        count = count_parts(text)
        if sentence := too_long(count):
            raise _Skip(SkipReason.TOO_LONG, sentence)
        wanted = _text_of(cells.get(self._columns.identity)) if self._columns.identity else ""
        try:
            identity = self._router.route(destination=number.e164, country=number.country, wanted=wanted)
        except NoIdentity as error:
            raise _Skip(SkipReason.NO_IDENTITY, str(error)) from None
        return PlannedRow(
            row=row.row,
            line=row.line,
            source=source,
            status=Status.PENDING,
            note=note,
            destination=number.e164,
            country=number.country,
            identity=identity.id,
            bucket=identity.bucket,
            encoding=count.encoding,
            parts=count.parts,
            text=text,
            pinned=bool(wanted),
            zone=self._zone_of(number, cells),
        )

    def _zone_of(self, number: Number, cells: Mapping[str, object]) -> str | None:
        if self._zones is None:
            return None
        named = _text_of(cells.get(self._columns.time_zone)) if self._columns.time_zone else None
        try:
            return self._zones.zone_of(number.e164, number.country, named)
        except UnknownZone as error:
            raise _Skip(SkipReason.BAD_ROW, str(error)) from None

    def _read_number(self, cells: Mapping[str, object]) -> tuple[Number, str | None]:
        value = cells.get(self._columns.phone)
        if isinstance(value, float) and value % 1000 == 0:
            # JSON gives 1.42555E+10 and 14255500000.0 alike; the first has lost the digits that the second has.
            raise _Skip(SkipReason.INVALID_NUMBER, "it may have been rounded; write it as a string")
        text = _text_of(value)
        if not text:
            raise _Skip(SkipReason.MISSING_FIELD, "there is no phone number")
        cell = repair_number_cell(text)
        if cell.damage is not None:
            raise _Skip(SkipReason.INVALID_NUMBER, cell.damage)
        try:
            number = self._numbers.read(cell.text)
        except InvalidNumber as error:
            raise _Skip(SkipReason.INVALID_NUMBER, str(error)) from None
        if cell.note and number.note:
            return number, f"{cell.note}; {number.note}"
        return number, cell.note or number.note

    def _compose(self, cells: Mapping[str, object]) -> str:
        if self._template is None:
            body = cells.get(self._columns.body)
            text = "" if body is None else _plain(body)
        else:
            try:
                text = self._template.render(cells)
            except MissingField as error:
                raise _Skip(SkipReason.MISSING_FIELD, f"the field {error.name!r} is empty or missing") from None
            except TemplateError as error:
                raise _Skip(SkipReason.TEMPLATE_ERROR, str(error)) from None
        if not text or text.isspace():
            raise _Skip(SkipReason.EMPTY_BODY, "the message would be empty")
        if len(text) > _BODY_RULE.max_length:
            raise _Skip(SkipReason.TOO_LONG, f"the message {_BODY_RULE.breach(text)}")
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                raise _Skip(SkipReason.BAD_ROW, "the message holds half of a surrogate pair") from None
        return text


def _as_duplicate(row: PlannedRow, first: int) -> PlannedRow:
    return PlannedRow(
        row=row.row,
        line=row.line,
        source=row.source,
        status=Status.SKIPPED,
        reason=SkipReason.DUPLICATE.value,
        note=f"the same number as row {first}",
        destination=row.destination,
        country=row.country,
    )


def _cells_of(row: InputRow) -> dict[str, object]:
    if row.fault is not None:
        raise _Skip(SkipReason.BAD_ROW, row.fault)
    return dict(zip(_keys(tuple(row.cells)), row.cells.values(), strict=True))


@lru_cache(maxsize=256)
def _keys(names: tuple[str, ...]) -> tuple[str, ...]:
    """The keys of a row's cells: nearly always those of the row before, so they are worked out once."""
    return tuple(map(_key, names))


def _source_of(row: InputRow) -> str:
    try:
        return _encode_json(row.cells).decode()
    except UnicodeEncodeError:
        # Half a surrogate pair has no place in UTF-8; the row is kept all the same.
        return json.dumps(row.cells)


def _text_of(value: object) -> str:
    return "" if value is None else _plain(value).strip()


def _plain(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
