"""Rules for the values that have a syntax of their own: durations, countries, context, URLs, files."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from bulksend.base.request import (
    CONTEXT_CAMPAIGN,
    COUNTRY_PARAMETER_KEYS,
    MAX_CONTEXT_PAIRS,
    MAX_TIME_TO_LIVE_S,
    MIN_TIME_TO_LIVE_S,
    OWN_CONTEXT_KEYS,
    TEXT_RULES,
    TextRule,
)
from bulksend.config.names import did_you_mean, toml_key
from bulksend.config.rules import Breach, Rule, as_string, json_text, type_name
from bulksend.origin.identity import identity_kind

_SECONDS_PER_UNIT = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"\s*([0-9]{1,9})\s*([smhd]?)\s*")
_OWN_PREFIX = "bulksend_"
_NOT_A_COUNTRY = {"UK": "GB", "EN": "GB", "EL": "GR", "USA": "US"}

CAMPAIGN_NAME = TextRule(
    1, 64, r"[A-Za-z0-9][A-Za-z0-9._-]*", "letters (a to z), digits, dots, _ and -, beginning with a letter or digit"
)
"""A campaign's name goes into file names and into `Context`; these are the portable file name characters of POSIX."""

REGION = TextRule(3, 32, r"[a-z]{2,}(-[a-z]+)+-[0-9]+", "the name of an AWS Region, such as us-east-1")
PROFILE = TextRule(1, 128, r"\S(.*\S)?", "free of white space at both ends and of line breaks")
COLUMN = TextRule(1, 256, r"\S(.*\S)?", "the name of a column, free of white space at both ends and of line breaks")
BUCKET = TextRule(1, 256, r"[A-Za-z0-9_:/+.-]+", "letters (a to z), digits and any of _ : / + . -")


def seconds_of(duration: str | int) -> int | None:
    """Return the seconds of "72h", "15m", "90s", "3d", "3600" or 3600; None when it is none of these."""
    if isinstance(duration, int):
        return duration
    found = _DURATION.fullmatch(duration)
    return int(found[1]) * _SECONDS_PER_UNIT[found[2]] if found else None


def time_to_live() -> Rule:
    """A duration that TimeToLive accepts; the empty string means "not set" and becomes None."""
    meaning = f'must be a duration from {MIN_TIME_TO_LIVE_S} s to {MAX_TIME_TO_LIVE_S // 3600} h, such as "72h"'

    def check(value: object) -> str | int | None:
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise Breach(f"{meaning}, or whole seconds, not {type_name(value)}")
        if value == "":
            return None
        seconds = seconds_of(value)
        if seconds is None or not MIN_TIME_TO_LIVE_S <= seconds <= MAX_TIME_TO_LIVE_S:
            raise Breach(meaning, "Write a whole number and s, m, h or d")
        return value.strip() if isinstance(value, str) else value

    return Rule(check)


def country() -> Rule:
    """An ISO 3166 alpha-2 code that has telephone numbers, in either case; kept in upper case; "" is kept."""
    return Rule(lambda value: _country(value) if value != "" else "")


def max_price() -> Rule:
    """A price that MaxPrice accepts, in US dollars; the empty string means "not set" and becomes None."""
    rule = TEXT_RULES["MaxPrice"]

    def check(value: object) -> str | None:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            raise Breach("must be a string: the service takes no number here", 'Put it in quotes: max_price = "0.05"')
        price = as_string(value)
        if price and rule.breach(price) is not None:
            raise Breach(f"must be {rule.meaning}")
        return price or None

    return Rule(check)


def countries() -> Rule:
    """A list of country codes; kept in its order without repetitions."""

    def check(value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise Breach(f'must be an array such as ["US", "CA"], not {type_name(value)}')
        return tuple(dict.fromkeys(_inside(f"[{index}]", _country, item) for index, item in enumerate(value)))

    return Rule(check, json_text)


def file() -> Rule:
    """A path; the empty string means "not set" and becomes None."""
    return Rule(lambda value: _path(value) if value != "" else None)


def files() -> Rule:
    """A list of paths; in the environment and in flags separated by commas."""

    def check(value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise Breach(f'must be an array of paths such as ["suppressed.txt"], not {type_name(value)}')
        return tuple(_inside(f"[{index}]", _path, item) for index, item in enumerate(value))

    return Rule(check, lambda string: [part.strip() for part in string.split(",") if part.strip()])


def context() -> Rule:
    """The user's own pairs of `Context`: at most as many as bulksend's two leave free, none of its names."""
    most = MAX_CONTEXT_PAIRS - len(OWN_CONTEXT_KEYS)
    names, string = TEXT_RULES["ContextKey"], _string_of(TEXT_RULES["ContextValue"])

    def check(value: object) -> dict[str, str]:
        if not isinstance(value, dict):
            raise Breach(f"must be a table of names and strings, not {type_name(value)}")
        for key, item in value.items():
            at = f".{toml_key(key)}"
            if key.lower().startswith(_OWN_PREFIX):
                raise Breach(f"begins with {_OWN_PREFIX}, which is kept for {CONTEXT_CAMPAIGN} and its like", at=at)
            if (breach := names.breach(key)) is not None:
                raise Breach(f"has a name that {breach}", at=at)
            _inside(at, string, item)
        if len(value) > most:
            raise Breach(
                f"must hold at most {most} pairs, not {len(value)}",
                f"The service takes {MAX_CONTEXT_PAIRS}, bulksend adds {len(OWN_CONTEXT_KEYS)}",
            )
        return dict(value)

    return Rule(check, _table_text)


def country_parameters() -> Rule:
    """The pairs of `DestinationCountryParameters`."""
    string = _string_of(TEXT_RULES["DestinationCountryParameterValue"])

    def check(value: object) -> dict[str, str]:
        if not isinstance(value, dict):
            raise Breach(f"must be a table of names and strings, not {type_name(value)}")
        for key, item in value.items():
            at = f".{toml_key(key)}"
            if key not in COUNTRY_PARAMETER_KEYS:
                raise Breach(
                    "is not a known key" + did_you_mean(key, {one: one for one in COUNTRY_PARAMETER_KEYS}), at=at
                )
            _inside(at, string, item)
        return dict(value)

    return Rule(check, _table_text)


def identity_id() -> Rule:
    """What OriginationIdentity can be."""
    rule = TEXT_RULES["OriginationIdentity"]

    def check(value: object) -> str:
        name = as_string(value)
        if identity_kind(name) is None:
            raise Breach(
                "must be a number such as +18885550100, a short code, a sender id of 1 to 11 letters, digits, _ and -,"
                " phone-..., pool-..., or the ARN of one of these"
            )
        if (breach := rule.breach(name)) is not None:
            raise Breach(breach)
        return name

    return Rule(check)


def mps(most: int, *, auto: str) -> Rule:
    """A whole number from 1 to `most`, or the word `auto`."""
    meaning = f'must be a whole number from 1 to {most} or "{auto}"'

    def check(value: object) -> int | str:
        if value == auto and isinstance(value, str):
            return value
        if not isinstance(value, int) or isinstance(value, bool):
            raise Breach(f"{meaning}, not {type_name(value)}")
        if not 1 <= value <= most:
            raise Breach(f"{meaning}, not {value}" if abs(value) < 10**15 else meaning)
        return value

    return Rule(check)


def encoding() -> Rule:
    """The name of a text encoding that Python knows; "" is kept."""

    def check(value: object) -> str:
        name = as_string(value)
        try:
            "".encode(name or "utf-8")
        except (LookupError, ValueError):
            raise Breach('must be the name of a text encoding, such as "utf-8" or "cp1252"') from None
        return name

    return Rule(check)


def delimiter() -> Rule:
    r"""One character that can separate cells; `tab` and `\t` mean a tab; "" is kept."""

    def check(value: object) -> str:
        name = as_string(value)
        sign = "\t" if name.lower() in ("tab", "\\t") else name
        if name and (len(sign) != 1 or sign in '"\r\n\0'):
            raise Breach('must be one character that is neither a quote nor a line end, or "tab"')
        return sign

    return Rule(check)


def url() -> Rule:
    """An http or https URL without credentials in it; "" is kept."""

    def check(value: object) -> str:
        address = as_string(value)
        if not address:
            return ""
        try:
            parts = urlsplit(address)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            raise Breach("must be a URL such as http://127.0.0.1:8021") from None
        if not usable or re.search(r"[\s\x00-\x1f]", address):
            raise Breach("must be a URL such as http://127.0.0.1:8021")
        if parts.username is not None or parts.password is not None:
            raise Breach("must not hold credentials", "Leave them to the SDK: AWS_PROFILE, ~/.aws or a role")
        return address

    return Rule(check)


def _country(value: object) -> str:
    # phonenumbers takes tens of milliseconds to load, which commands that name no country need not pay.
    from phonenumbers import SUPPORTED_REGIONS

    code = as_string(value).strip().upper()
    if code not in SUPPORTED_REGIONS:
        meant = _NOT_A_COUNTRY.get(code)
        raise Breach(
            'must be the ISO 3166 code of a country, two letters such as "US"'
            + (f", did you mean {meant}?" if meant else "")
        )
    return code


def _path(value: object) -> str:
    name = as_string(value)
    if not name.strip() or not name.isprintable():
        raise Breach("must be the path of a file")
    return name


def _inside(at: str, check: Callable[[object], str], value: object) -> str:
    try:
        return check(value)
    except Breach as breach:
        raise Breach(breach.what, breach.hint, at=at) from None


def _string_of(rule: TextRule) -> Callable[[object], str]:
    def check(value: object) -> str:
        string = as_string(value)
        if (breach := rule.breach(string)) is not None:
            raise Breach(breach)
        return string

    return check


def _table_text(string: str) -> object:
    return json_text(string) if string else {}
