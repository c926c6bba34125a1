"""Where a number is, and the destination simulators that AWS runs for tests."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

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


def _simulators() -> dict[str, bool]:
    known: dict[str, bool] = {}
    for pair in _PAIRS.split():
        success, failure = pair.split("/")
        known |= {success: True, failure: False}
    return known


_PAIRS = """
+61455944038/+61455944039 +43676800442031/+43676800442032 +32460213922/+32460213923 +56229140630/+56229140631
+420790542286/+420790542287 +4525919410/+4525919215 +37282720792/+37282720793 +3584573979110/+3584573979111
+33755512501/+33755512502 +85257048426/+85257048854 +36707178770/+36707178772 +394390009172/+394390009174
+447937404990/+447937404992 +352691385880/+352691385882 +3197008100148/+3197008100150 +4759449384/+4759449387
+48732141440/+48732141442 +351927946948/+351927946950 +40783900330/+40783900332 +34683783440/+34683783442
+46790645100/+46790645102 +41798075872/+41798075874 +886903444630/+886903444632 +447860019066/+447860019067
+14254147755/+14254147167
"""

DESTINATION_SIMULATORS: Mapping[str, bool] = MappingProxyType(_simulators())
"""Number -> whether its messages are delivered (AWS: "Test phone numbers and simulators")."""
