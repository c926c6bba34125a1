"""Rules for files, addresses and amounts of money."""

import re
from decimal import Decimal

from bulksend.base.request import TextRule
from bulksend.config.rules import Breach, Rule, as_string, type_name

HOST = TextRule(1, 255, r"[A-Za-z0-9.:-]+", "an address to listen on, such as 127.0.0.1 or 0.0.0.0")

_S3_OBJECT = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[^\s?#]*[^\s?#/]")
_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")


def optional_file() -> Rule:
    """A path; "" is kept."""

    def check(value: object) -> str:
        name = as_string(value)
        if name and (not name.strip() or not name.isprintable()):
            raise Breach("must be the path of a file")
        return name

    return Rule(check)


def s3_object() -> Rule:
    """The address of an object in S3; "" is kept."""

    def check(value: object) -> str:
        address = as_string(value)
        if address and _S3_OBJECT.fullmatch(address) is None:
            raise Breach("must be the address of an object, such as s3://bucket/folder/sale.db")
        return address

    return Rule(check)


def amount() -> Rule:
    """US dollars as a decimal number above 0, kept as a string; "" is kept."""

    def check(value: object) -> str:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            raise Breach("must be a string, so that no cent is rounded", 'Put it in quotes: max_total = "250.00"')
        string = as_string(value)
        if string and (_AMOUNT.fullmatch(string) is None or Decimal(string) <= 0):
            raise Breach('must be US dollars, such as "250" or "250.00"')
        return string

    return Rule(check)


def event_sources() -> Rule:
    """A list of paths and s3:// addresses; in the environment and in flags separated by commas."""

    def check(value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise Breach(f'must be an array such as ["s3://bucket/events/"], not {type_name(value)}')
        for index, item in enumerate(value):
            if not isinstance(item, str) or not item.strip() or not item.isprintable():
                raise Breach("must be a path or an address that begins with s3://", at=f"[{index}]")
        return tuple(value)

    return Rule(check, lambda string: [part.strip() for part in string.split(",") if part.strip()])
