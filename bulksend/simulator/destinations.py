"""Where a number is, and the destination simulators that AWS runs for tests."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from bulksend.message.simulator_numbers import FAILING_NUMBERS, SIMULATOR_NUMBERS

_NANP = 1
_WORLD = "001"
_MAX_CALLING_CODE_DIGITS = 3


def country_of(number: str) -> str | None:
    """Return the country (ISO 3166 alpha-2) of an E.164 number, with or without its plus sign.

    A number that fits no numbering plan belongs to the main country of its calling code, as the service judges a
    destination by its prefix and leaves it to the carrier whether the number exists. None: no country has that
    calling code.
    """
    digits = number.removeprefix("+")
    for length in range(1, _MAX_CALLING_CODE_DIGITS + 1):
        code = int(digits[:length])
        countries = COUNTRY_CODE_TO_REGION_CODE.get(code)
        if countries is None:
            continue
        main = countries[0]
        if main == _WORLD:
            return None
        if len(countries) == 1:
            return main
        if code == _NANP:
            return _country_of_area(digits[length : length + 3])
        return _country_by_plan(code, digits[length:]) or main
    return None


@lru_cache(maxsize=1024)
def _country_of_area(area: str) -> str:
    """Return the country of a North American area code; the United States for one that nobody has."""
    return _country_by_plan(_NANP, f"{area}5550123") or "US"


def _country_by_plan(code: int, national: str) -> str | None:
    if not national:
        return None
    number = phonenumbers.PhoneNumber(country_code=code, national_number=int(national))
    return phonenumbers.region_code_for_number(number)


DESTINATION_SIMULATORS: Mapping[str, bool] = MappingProxyType(
    {number: number not in FAILING_NUMBERS for number in SIMULATOR_NUMBERS}
)
"""Number of a phone that AWS runs for tests -> whether its messages are delivered."""
