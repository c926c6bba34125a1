"""The filters and tests that a template may use. All are bounded: no result is longer than `MAX_VALUE_LENGTH`.

A filter hands a missing value on, so that `{{ name | title | default("there") }}` reaches its default; only printing
it, ordering it or using it as an argument raises `MissingField`.
"""

import re
from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from functools import wraps
from types import MappingProxyType
from urllib.parse import quote

from jinja2.filters import FILTERS as JINJA_FILTERS

from bulksend.message.values import (
    MAX_VALUE_LENGTH,
    Missing,
    TemplateError,
    demand,
    is_blank,
    number_of,
    printed,
)

_DIRECTIVE = re.compile(r"%(?:%|[-+ 0#]*[0-9]{0,2}(?:\.[0-9]{1,2})?[sdif])")
_ROUNDINGS = MappingProxyType({"common": ROUND_HALF_UP, "ceil": ROUND_CEILING, "floor": ROUND_FLOOR})
_MAX_PRECISION = 10


def default(value: object, default_value: object = "", boolean: object = False) -> object:  # noqa: FBT002 - Jinja's own signature
    """`value`, or `default_value` where it is missing or blank; with `boolean` also where it is false, as in Jinja."""
    if isinstance(value, Missing) or is_blank(value) or (boolean and not value):
        return default_value
    return value


def upper(value: object) -> str:
    """In capitals."""
    return printed(value).upper()


def lower(value: object) -> str:
    """In small letters."""
    return printed(value).lower()


def title(value: object) -> str:
    """Every word with a capital, the rest small."""
    return str(JINJA_FILTERS["title"](printed(value)))


def capitalize(value: object) -> str:
    """The first letter a capital, the rest small."""
    return printed(value).capitalize()


def trim(value: object, chars: object = None) -> str:
    """Without white space, or without `chars`, at both ends."""
    return printed(value).strip(None if chars is None else printed(chars))


def replace(value: object, old: object, new: object, count: object = None) -> str:
    """With `new` for each `old`, for the first `count` only where given."""
    text, before, after = printed(value), printed(old), printed(new)
    most = -1 if count is None else _whole(count, "replace")
    found = text.count(before)
    if most >= 0:
        found = min(found, most)
    _bound(len(text) + found * (len(after) - len(before)))
    return text.replace(before, after, most)


def truncate(value: object, length: object = 255, killwords: object = False, end: object = "...") -> str:  # noqa: FBT002 - Jinja's own signature
    """Cut to at most `length` characters, `end` included: after a word, or anywhere with `killwords`.

    Unlike Jinja's there is no leeway: `length` is kept to.
    """
    text, tail, limit = printed(value), printed(end), _whole(length, "truncate")
    if len(text) <= limit:
        return text
    if limit < len(tail):
        raise TemplateError("filter truncate: the length is less than that of the end")
    cut = text[: limit - len(tail)]
    return (cut if killwords else cut.rsplit(" ", 1)[0]) + tail


def join(value: object, separator: object = "") -> str:
    """The elements of a list that are not blank, with `separator` between them."""
    if not isinstance(value, (list, tuple)):
        raise TemplateError("filter join: the value is not a list")
    between = printed(separator)
    _bound(len(value) * len(between))
    elements = [printed(element) for element in value if not is_blank(element)]
    _bound(sum(map(len, elements)) + len(between) * len(elements))
    return between.join(elements)


def length(value: object) -> int:
    """How many characters, elements or keys."""
    if isinstance(value, (str, list, tuple, Mapping)):
        return len(value)
    raise TemplateError("filter length: the value has no length")


def integer(value: object, default_value: object = None) -> object:
    """A whole number, decimals cut off; what is no number, or missing, becomes `default_value` where that is given."""
    number = _finite(value)
    return _instead(value, default_value, "int") if number is None else int(number)


def floating(value: object, default_value: object = None) -> object:
    """A number with decimals; `default_value` as for `int`."""
    number = _finite(value)
    return _instead(value, default_value, "float") if number is None else float(number)


def rounded(value: object, precision: object = 0, method: object = "common") -> int | float:
    """Rounded to `precision` decimals, halves away from zero, or by ceil or floor; to no decimals, a whole number."""
    number, places, rounding = _finite(value), _whole(precision, "round"), _ROUNDINGS.get(printed(method))
    if number is None:
        raise TemplateError("filter round: the value is not a number")
    if rounding is None or not 0 <= places <= _MAX_PRECISION:
        raise TemplateError(f"filter round: at most {_MAX_PRECISION} decimals, by common, ceil or floor")
    result = Decimal(repr(number)).quantize(Decimal(1).scaleb(-places), rounding)
    return float(result) if places else int(result)


def formatted(pattern: object, *values: object) -> str:
    """`"%.2f" | format(price)`: values in the places of `pattern`; text that spells a number may stand for one."""
    template = printed(pattern)
    if not is_format(template):
        raise TemplateError("filter format: only %s, %d, %i and %f, at most two digits wide")
    kinds = [directive[-1] for directive in _DIRECTIVE.findall(template) if directive != "%%"]
    if len(kinds) != len(values):
        raise TemplateError("filter format: it has not as many values as places")
    ready: list[object] = []
    for kind, value in zip(kinds, values, strict=True):
        number = None if kind == "s" else _finite(value)
        if kind != "s" and number is None:
            raise TemplateError("filter format: the value is not a number")
        ready.append(printed(value) if kind == "s" else number)
    return template % tuple(ready)


def is_format(pattern: str) -> bool:
    """Whether `formatted` takes `pattern`: every % in it begins one of the short directives or is written twice."""
    return "%" not in _DIRECTIVE.sub("", pattern)


def urlencode(value: object) -> str:
    """Escaped for a link."""
    return quote(printed(value))


def _finite(value: object) -> int | float | None:
    number = number_of(value)
    return None if number is None or abs(number) > 10**30 or number != number else number


def _whole(value: object, name: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise TemplateError(f"filter {name}: a whole number is needed")


def _instead(value: object, default_value: object, name: str) -> object:
    if default_value is not None:
        return default_value
    if isinstance(value, Missing):
        return value
    raise TemplateError(f"filter {name}: the value is not a number")


def _bound(size: int) -> None:
    if size > MAX_VALUE_LENGTH:
        raise TemplateError(f"a value is longer than {MAX_VALUE_LENGTH:,} characters")


def _passing_on(function: Callable[..., object]) -> Callable[..., object]:
    @wraps(function)
    def apply(value: object, *args: object, **kwargs: object) -> object:
        if isinstance(value, Missing):
            return value
        given = [demand(arg) for arg in args]
        named = {name: demand(arg) for name, arg in kwargs.items()}
        result = function(value, *given, **named)
        if isinstance(result, str):
            _bound(len(result))
        return result

    return apply


_PLAIN_FILTERS: Mapping[str, Callable[..., object]] = MappingProxyType(
    {
        "capitalize": capitalize,
        "count": length,
        "format": formatted,
        "join": join,
        "length": length,
        "lower": lower,
        "replace": replace,
        "round": rounded,
        "title": title,
        "trim": trim,
        "truncate": truncate,
        "upper": upper,
        "urlencode": urlencode,
    }
)

FILTERS: Mapping[str, Callable[..., object]] = MappingProxyType(
    {"default": default, "d": default, "int": integer, "float": floating}
    | {name: _passing_on(plain) for name, plain in _PLAIN_FILTERS.items()}
)
"""By the name that a template uses."""

TESTS: Mapping[str, Callable[[object], bool]] = MappingProxyType(
    {
        "defined": lambda value: not isinstance(value, Missing),
        "undefined": lambda value: isinstance(value, Missing),
        "none": lambda value: isinstance(value, Missing),
        "true": lambda value: value is True,
        "false": lambda value: value is False,
        "boolean": lambda value: isinstance(value, bool),
        "number": lambda value: number_of(value) is not None,
        "string": lambda value: isinstance(value, str),
        "sequence": lambda value: isinstance(value, (list, tuple)),
        "mapping": lambda value: isinstance(value, Mapping),
    }
)
"""What may stand after `is`. Asking never needs the value to be there."""
