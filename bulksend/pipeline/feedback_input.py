"""A file that says which messages were received: its rows, checked one by one, and the messages that they mean."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from bulksend.base.errors import InputError
from bulksend.base.records import InputRow
from bulksend.base.request import TextRule
from bulksend.config.model import RecipientsSettings
from bulksend.intake import Recipients, column_key, find_column, repair_number_cell
from bulksend.intake.columns import missing_column
from bulksend.message.phone import InvalidNumber, NumberReader
from bulksend.store.feedback import FeedbackLedger, Match, Said

FEEDBACK_COLUMN = "feedback"

FEEDBACK = {"received": "RECEIVED", "failed": "FAILED"}
"""What may stand in that column, in any case -> MessageFeedbackStatus."""

MESSAGE_ID = TextRule(1, 64, r"[A-Za-z0-9_:/-]+", "a message id, as exports have it")
"""MessageId of PutMessageFeedback (service model, API version 2022-03-31)."""

ROW_DIGITS = len(str(2**63))
"""As many as the number of a row can have."""

_key = lru_cache(maxsize=256)(column_key)


def match_file(ledger: FeedbackLedger, said: Iterable[Said], *, name: str) -> Match:
    """Find the messages that a file means, before the service is told anything.

    Raises:
        InputError: the file `name` has no rows, says different things of one message, could mean several by one row, or
            means none that this ledger sent; or what `said` raises.
    """
    match = ledger.match(said)
    if match.rows == 0:
        raise InputError(f"{name}: there are no rows", "give a file with feedback")
    if match.contradiction is not None:
        one, other = match.contradiction
        raise InputError(f"{name}: lines {one} and {other} say different things of one message", "remove one of them")
    if match.ambiguous is not None:
        line, count = match.ambiguous
        hint = "name it by message_id or row"
        raise InputError(f"{name}, line {line}: {count} messages were sent to that number", hint)
    if match.not_sent == match.rows:
        raise InputError(
            f"{name}: none of its {match.rows:,} rows means a message that is sent in {ledger.path}",
            "give the ledger that they belong to",
        )
    return match


class FeedbackReader:
    """Reads rows that have a column `feedback` and one that names the message.

    That is the first of `message_id`, `row`, `destination` and the campaign's own column of numbers that is not empty.

    Args:
        settings: [recipients] of the campaign: its column of numbers, and how they are read.
    """

    def __init__(self, settings: RecipientsSettings) -> None:
        self._names = tuple(dict.fromkeys(("message_id", "row", "destination", settings.phone)))
        self._numbers = NumberReader(default_country=settings.default_country or None, validity="possible")

    def read(self, recipients: Recipients) -> Iterator[Said]:
        """Yield what every row of an input says.

        Raises:
            InputError: a column is missing, or a row is not what it should be; names input and line.
        """
        if recipients.columns is not None:
            try:
                self._require_columns(recipients.columns)
            except InputError as error:
                raise InputError(f"{recipients.name}: {error.what}", error.hint) from None
        for row in recipients:
            cells = {_key(name): value for name, value in row.cells.items()}
            if all(_text(value) == "" for value in cells.values()) and row.cells:
                continue
            try:
                yield self._read(row, cells)
            except InputError as error:
                raise InputError(f"{recipients.name}, line {row.line}: {error.what}", error.hint) from None

    def _require_columns(self, columns: Sequence[str]) -> None:
        if find_column(columns, FEEDBACK_COLUMN) is None:
            hint = f"add it, with {_listed(FEEDBACK)} in every row"
            raise missing_column(f"there is no column {FEEDBACK_COLUMN!r}", columns, hint)
        if not [each for each in self._names if find_column(columns, each) is not None]:
            raise missing_column("no column says which message is meant", columns, self._hint())

    def _read(self, row: InputRow, cells: Mapping[str, object]) -> Said:
        if row.fault is not None:
            raise InputError(row.fault, "correct or remove the row")
        feedback = FEEDBACK.get(_text(cells.get(_key(FEEDBACK_COLUMN))).lower())
        if feedback is None:
            raise InputError(f"the column {FEEDBACK_COLUMN!r} has neither {_listed(FEEDBACK, 'nor')}", "correct it")
        for name in self._names:
            value = cells.get(_key(name))
            if _text(value):
                return self._said(row.line, feedback, name, value)
        raise InputError("nothing says which message is meant", self._hint())

    def _said(self, line: int, feedback: str, name: str, value: object) -> Said:
        text = _text(value)
        if name == "message_id":
            if problem := MESSAGE_ID.breach(text):
                raise InputError(f"message_id {problem}", "take it from an export")
            return Said(line, feedback, message_id=text)
        if name == "row":
            # The length first: of thousands of digits Python makes no number.
            if not (text.isascii() and text.isdecimal() and len(text) <= ROW_DIGITS) or not 0 < int(text) < 2**63:
                raise InputError("row must be the number of a row, from 1", "take it from an export")
            return Said(line, feedback, row=int(text))
        cell = repair_number_cell(text)
        if cell.damage is not None:
            raise InputError(f"{name}: {cell.damage}", "write the number as it is in an export")
        try:
            return Said(line, feedback, destination=self._numbers.read(cell.text).e164)
        except InvalidNumber as error:
            raise InputError(f"{name}: {error}", "write the number as it is in an export") from None

    def _hint(self) -> str:
        return f"give one of {_listed(self._names)}"


def _text(value: object) -> str:
    if value is None or isinstance(value, bool | list | dict):
        return "" if value is None else repr(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _listed(names: Sequence[str] | Mapping[str, str], word: str = "or") -> str:
    *others, last = names
    return f"{', '.join(others)} {word} {last}"
