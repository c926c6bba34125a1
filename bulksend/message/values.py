"""Values inside a template: what counts as missing, how each is printed, how two are compared.

A column holds text when it comes from CSV and may hold a number, a boolean, a list or an object when it comes from
JSON. The rules here give one template the same result over both.
"""

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NoReturn

MAX_VALUE_LENGTH = 10_000
"""Characters of the longest value that a template handles; six times what a message can have."""

Step = str | int
"""One step into a value: a key of an object, or an index of a list or a text."""


class MissingField(Exception):
    """A template needs a column that the row does not have or has empty.

    Attributes:
        name: as the template spells it, `order.id` for a value inside a column.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class TemplateError(Exception):
    """A template cannot be rendered for this row. Its text says why, as a clause, and holds no value of the row."""


class Missing:
    """Stands for a value that is not there: false, equal to nothing but the empty text, printed as `MissingField`."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"Missing({self.name!r})"

    def __str__(self) -> NoReturn:
        raise MissingField(self.name)


def is_blank(value: object) -> bool:
    """Whether `value` is as good as absent: None, or text that is empty or white space alone."""
    return value is None or (isinstance(value, str) and (not value or value.isspace()))


def look_up(value: object, steps: Sequence[Step]) -> object:
    """Return what `steps` lead to inside `value`, None where they lead nowhere. Never an attribute or a method."""
    for step in steps:
        if isinstance(value, Mapping):
            value = value.get(step if step in value else str(step))
            continue
        row = _in_a_row(value)
        if row is None or not isinstance(step, int) or not -len(row) <= step < len(row):
            return None
        value = row[step]
    return value


def cut(value: object, start: int | None, stop: int | None, step: int | None) -> object:
    """Return a slice of a text, of a number as it is printed, or of a list; a missing value as it is."""
    if isinstance(value, Missing):
        return value
    row = _in_a_row(value)
    if row is None:
        raise TemplateError(f"{_kind(value)} cannot be sliced")
    return row[start:stop:step]


def _in_a_row(value: object) -> str | list[object] | None:
    if isinstance(value, (str, list)):
        return value
    return printed(value) if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) else None


def demand(value: object) -> object:
    """Return `value`; raise `MissingField` when it is not there."""
    if isinstance(value, Missing):
        raise MissingField(value.name)
    return value


def printed(value: object) -> str:
    """Return `value` as a message shows it: numbers without exponent, booleans as JSON spells them.

    Raises:
        MissingField: it is not there.
        TemplateError: it is a list or an object, for which there is no one right way.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isfinite(value):
        return format(Decimal(repr(value)), "f")
    if isinstance(value, (int, Decimal)):
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    demand(value)
    raise TemplateError(f"{_kind(value)} cannot be printed")


def number_of(value: object) -> int | float | None:
    """Return the number that `value` is or, as text, spells (`-12`, `3.50`); None when it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    return None


_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?\s*", re.ASCII)


def equal(left: object, right: object) -> bool:
    """Whether two values are the same to a reader.

    Text equals a number that it spells and a boolean that it names, so that `count == 1` and `vip == true` hold for
    `1` and `true` out of a CSV. A missing value equals the empty text and nothing else.
    """
    if isinstance(left, Missing) or isinstance(right, Missing):
        return all(isinstance(value, Missing) or is_blank(value) for value in (left, right))
    if isinstance(left, bool) and isinstance(right, str):
        return printed(left) == right.strip().lower()
    if isinstance(right, bool) and isinstance(left, str):
        return printed(right) == left.strip().lower()
    if isinstance(left, str) is not isinstance(right, str):
        numbers = number_of(left), number_of(right)
        if None not in numbers:
            return numbers[0] == numbers[1]
    return left == right


def less(left: object, right: object) -> bool:
    """Whether `left` comes before `right`: numbers by size, with text that spells one; two texts by their letters.

    Raises:
        MissingField: one is not there.
        TemplateError: the two have no order.
    """
    demand(left)
    demand(right)
    if isinstance(left, str) and isinstance(right, str):
        return left < right
    numbers = number_of(left), number_of(right)
    if numbers[0] is None or numbers[1] is None:
        raise TemplateError(f"{_kind(left)} and {_kind(right)} cannot be put in order")
    return numbers[0] < numbers[1]


def contains(container: object, item: object) -> bool:
    """Whether a list has an element equal to `item`, a text has it inside, or an object has it as a key.

    Nothing is in a missing value; a missing value is in no text, and only in a list that has an empty one.
    """
    if isinstance(container, (list, tuple)):
        return any(equal(element, item) for element in container)
    if isinstance(container, Missing) or isinstance(item, Missing):
        return False
    if isinstance(container, Mapping):
        return printed(item) in container
    if isinstance(container, str):
        return printed(item) in container
    raise TemplateError(f"{_kind(container)} cannot have something in it")


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float, Decimal)):
        return "a number"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, (list, tuple)):
        return "a list"
    return "an object" if isinstance(value, Mapping) else "a value of this kind"
