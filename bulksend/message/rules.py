"""Checks the members of a SendTextMessage request before anything is sent; botocore lets most breaches through."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bulksend.base.request import (
    COUNTRY_PARAMETER_KEYS,
    MAX_CONTEXT_PAIRS,
    MAX_COUNTRY_PARAMETERS,
    MAX_TIME_TO_LIVE_S,
    MESSAGE_TYPES,
    MIN_TIME_TO_LIVE_S,
    TEXT_RULES,
)


def breaches(members: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return what the service would refuse in `members`, as (member, what it must be); empty when nothing.

    Checks types, lengths, patterns, enums, ranges, the size of maps with their keys and values, and that every member
    is known; not whether a member is there. The second half ends the sentence that the member's name begins and holds
    no value of a member; a key of a map is named when it is one that the service could take.
    """
    found = []
    for member, value in members.items():
        check = _CHECKS.get(member)
        rules = [f"is not a member of SendTextMessage; it has {', '.join(_CHECKS)}"] if check is None else check(value)
        found += [(member, rule) for rule in rules]
    return found


_Check = Callable[[object], list[str]]


def _text(rule_name: str) -> _Check:
    rule = TEXT_RULES[rule_name]

    def check(value: object) -> list[str]:
        if not isinstance(value, str):
            return [f"must be text, not {_kind(value)}"]
        breach = rule.breach(value)
        return [] if breach is None else [breach]

    return check


def _boolean(value: object) -> list[str]:
    return [] if isinstance(value, bool) else [f"must be true or false, not {_kind(value)}"]


def _message_type(value: object) -> list[str]:
    return [] if value in MESSAGE_TYPES else [f"must be {' or '.join(MESSAGE_TYPES)}"]


def _time_to_live(value: object) -> list[str]:
    if not isinstance(value, int) or isinstance(value, bool):
        return [f"must be a whole number of seconds, not {_kind(value)}"]
    if MIN_TIME_TO_LIVE_S <= value <= MAX_TIME_TO_LIVE_S:
        return []
    return [f"must be {MIN_TIME_TO_LIVE_S} to {MAX_TIME_TO_LIVE_S} seconds"]


def _map(check_key: _Check, check_value: _Check, max_pairs: int) -> _Check:
    def check(value: object) -> list[str]:
        if not isinstance(value, Mapping):
            return [f"must be a map of text to text, not {_kind(value)}"]
        found = [] if len(value) <= max_pairs else [f"must have at most {max_pairs} pairs, not {len(value)}"]
        for position, (key, item) in enumerate(value.items(), start=1):
            if rules := check_key(key):
                found += [f"key number {position} {rule}" for rule in rules]
            else:
                found += [f'value of "{key}" {rule}' for rule in check_value(item)]
        return found

    return check


def _country_parameter_key(value: object) -> list[str]:
    return [] if value in COUNTRY_PARAMETER_KEYS else [f"must be {' or '.join(COUNTRY_PARAMETER_KEYS)}"]


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", dict: "a map", list: "a list"}
    return names.get(type(value), "something else")


_CHECKS: Mapping[str, _Check] = MappingProxyType(
    {
        "DestinationPhoneNumber": _text("DestinationPhoneNumber"),
        "OriginationIdentity": _text("OriginationIdentity"),
        "MessageBody": _text("MessageBody"),
        "MessageType": _message_type,
        "Keyword": _text("Keyword"),
        "ConfigurationSetName": _text("ConfigurationSetName"),
        "MaxPrice": _text("MaxPrice"),
        "TimeToLive": _time_to_live,
        "Context": _map(_text("ContextKey"), _text("ContextValue"), MAX_CONTEXT_PAIRS),
        "DestinationCountryParameters": _map(
            _country_parameter_key, _text("DestinationCountryParameterValue"), MAX_COUNTRY_PARAMETERS
        ),
        "DryRun": _boolean,
        "ProtectConfigurationId": _text("ProtectConfigurationId"),
        "MessageFeedbackEnabled": _boolean,
    }
)
