"""Rules for moments, times of day and time zones."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bulksend.config.rules import Breach, Rule, as_string, type_name

_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_SPAN = re.compile(rf"{_TIME}-(?:{_TIME}|24:00)")
_DAY = r"(?:mon|tue|wed|thu|fri|sat|sun)"
_WINDOW = re.compile(rf"(?:{_DAY}(?:-{_DAY})? )?{_TIME}-(?:{_TIME}|24:00)", re.IGNORECASE)


def moment() -> Rule:
    """A date and time in ISO 8601, with or without an offset; "" is kept."""

    def check(value: object) -> str:
        string = as_string(value.isoformat() if isinstance(value, datetime) else value)
        try:
            if string:
                datetime.fromisoformat(string)
        except ValueError:
            raise Breach('must be a date and a time such as "2026-11-27T09:00" or "2026-11-27T09:00+01:00"') from None
        return string

    return Rule(check)


def windows() -> Rule:
    """A list of times of day, each with days before it or without; in the environment and in flags with commas."""

    def check(value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise Breach(f'must be an array such as ["mon-fri 09:00-20:00"], not {type_name(value)}')
        for index, item in enumerate(value):
            if not isinstance(item, str) or _WINDOW.fullmatch(item) is None:
                raise Breach('must be a time such as "09:00-20:00" or "mon-fri 09:00-20:00"', at=f"[{index}]")
        return tuple(value)

    return Rule(check, lambda string: [part.strip() for part in string.split(",") if part.strip()])


def quiet_hours() -> Rule:
    """A time of day such as "21:00-08:00"; "" is kept."""

    def check(value: object) -> str:
        string = as_string(value)
        if string and _SPAN.fullmatch(string) is None:
            raise Breach('must be a time such as "21:00-08:00"')
        return string

    return Rule(check)


def time_zone() -> Rule:
    """The name of a time zone of IANA; "" is kept."""

    def check(value: object) -> str:
        name = as_string(value)
        try:
            if name:
                ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise Breach('must be the name of a time zone, such as "Europe/Berlin"') from None
        return name

    return Rule(check)
