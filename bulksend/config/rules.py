"""What a value of the configuration may be: kinds of rules, each checking one value and saying what it breaks."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from bulksend.base.request import TextRule


class Breach(Exception):
    """A value breaks its rule.

    Args:
        what: the end of the sentence that the key begins, such as "must be a string, not an integer"; one line, and
            nothing of a value that could be a message or a secret.
        hint: what to do; may be empty.
        at: where inside the value, in TOML notation, such as `[0]` or `.team`; empty: the value itself.
    """

    def __init__(self, what: str, hint: str = "", *, at: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.at = at


@dataclass(frozen=True, slots=True)
class Rule:
    """What one key accepts.

    Attributes:
        check: takes the value as TOML or JSON gives it, returns it as the model keeps it, raises `Breach`.
        from_text: turns the text of an environment variable or a flag into what `check` takes, raises `Breach`.
    """

    check: Callable[[object], object]
    from_text: Callable[[str], object] = str


def text(rule: TextRule, *, unset: str | None) -> Rule:
    """A string that `rule` accepts; the empty string means "not set" and becomes `unset`."""

    def check(value: object) -> str | None:
        string = as_string(value)
        if not string:
            return unset
        if (breach := rule.breach(string)) is not None:
            raise Breach(breach)
        return string

    return Rule(check)


def free_text(*, unset: str | None) -> Rule:
    """Any string with more than white space in it; the empty string means "not set" and becomes `unset`."""

    def check(value: object) -> str | None:
        string = as_string(value)
        if not string:
            return unset
        if not string.strip():
            raise Breach("must hold more than white space")
        return string

    return Rule(check)


def whole(low: int, high: int) -> Rule:
    """A whole number from `low` to `high`."""
    meaning = f"must be a whole number from {low} to {high}"

    def check(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise Breach(f"{meaning}, not {type_name(value)}")
        if not low <= value <= high:
            raise Breach(f"{meaning}, not {value}" if abs(value) < 10**15 else meaning)
        return value

    def from_text(string: str) -> int:
        if re.fullmatch(r"[+-]?[0-9]{1,18}", string.strip()) is None:
            raise Breach(meaning)
        return int(string)

    return Rule(check, from_text)


def number(low: float, high: float, *, unit: str, above_low: bool = False) -> Rule:
    """A finite number from `low` (or, `above_low`, from just above it) to `high`, in `unit`; kept as a float."""
    start = f"above {low:g} and at most" if above_low else f"from {low:g} to"
    meaning = f"must be a number of {unit} {start} {high:g}" if unit else f"must be a number {start} {high:g}"

    def check(value: object) -> float:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise Breach(f"{meaning}, not {type_name(value)}")
        if not (low < value if above_low else low <= value) or not value <= high:
            raise Breach(meaning if isinstance(value, int) else f"{meaning}, not {value:g}")
        return float(value)

    def from_text(string: str) -> float:
        try:
            result = float(string)
        except ValueError:
            raise Breach(meaning) from None
        return result if math.isfinite(result) else math.inf

    return Rule(check, from_text)


def flag(*, optional: bool = False) -> Rule:
    """True or false; `optional`: the empty string means "not set" and becomes None."""
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}

    def check(value: object) -> bool | None:
        if optional and value == "" and isinstance(value, str):
            return None
        if not isinstance(value, bool):
            raise Breach(f"must be true or false, not {type_name(value)}")
        return value

    def from_text(string: str) -> object:
        if optional and not string:
            return ""
        if string.strip().lower() not in words:
            raise Breach("must be true or false")
        return words[string.strip().lower()]

    return Rule(check, from_text)


def choice(*values: str, optional: bool = False) -> Rule:
    """One of `values`, spelled exactly so; `optional`: the empty string means "not set" and becomes None."""
    meaning = "must be " + " or ".join(f'"{value}"' for value in values)

    def check(value: object) -> str | None:
        string = as_string(value)
        if optional and not string:
            return None
        if string not in values:
            shown = f', not "{string}"' if re.fullmatch(r"[A-Za-z0-9_.-]{1,20}", string) else ""
            raise Breach(meaning + shown)
        return string

    return Rule(check)


def json_text(string: str) -> object:
    """Read an environment variable or a flag that holds JSON."""
    try:
        return json.loads(string)
    except (ValueError, RecursionError) as error:
        place = f" ({error.msg}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise Breach(f"must be JSON here{place}") from None


def as_string(value: object) -> str:
    """Return `value` when it is a string that can be written as UTF-8."""
    if not isinstance(value, str):
        hint = "Put it in quotes" if isinstance(value, (int, float)) else ""
        raise Breach(f"must be a string, not {type_name(value)}", hint)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Breach("must be text in UTF-8") from None
    return value


def type_name(value: object) -> str:
    """What TOML calls the type of `value`, with its article."""
    names = {bool: "a boolean", int: "an integer", float: "a float", str: "a string", list: "an array", dict: "a table"}
    return "null" if value is None else names.get(type(value), "a date or time")
