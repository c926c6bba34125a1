from collections.abc import Iterator

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumber, PhoneNumberType

from bulksend.message.ranges import Ranges

RANGES = Ranges()
CODES = sorted(COUNTRY_CODE_TO_REGION_CODE)


def number_of(code: int, national: str) -> PhoneNumber:
    """The library's own form of a number."""
    zeros = len(national) - len(national.lstrip("0"))
    if zeros == len(national):
        zeros -= 1
    number = PhoneNumber(country_code=code, national_number=int(national))
    if zeros:
        number = PhoneNumber(
            country_code=code, national_number=int(national), italian_leading_zero=True, number_of_leading_zeros=zeros
        )
    assert phonenumbers.national_significant_number(number) == national
    return number


def assert_as_the_library_says(code: int, national: str) -> None:
    """Region, kind, validity and possibility are the library's."""
    number = number_of(code, national)
    region, kind = RANGES.find(code, national)
    assert region == phonenumbers.region_code_for_number(number)
    assert kind == phonenumbers.number_type(number)
    assert (kind != PhoneNumberType.UNKNOWN) is phonenumbers.is_valid_number(number)
    assert RANGES.possible(code, national) == phonenumbers.is_possible_number_with_reason(number)


def examples(code: int) -> Iterator[str]:
    """National numbers of a calling code: of every region and kind, and one that is not in use."""
    found = [phonenumbers.example_number_for_non_geo_entity(code)]
    for region in COUNTRY_CODE_TO_REGION_CODE[code]:
        found += [phonenumbers.example_number_for_type(region, kind) for kind in range(PhoneNumberType.VOICEMAIL + 1)]
        found.append(phonenumbers.invalid_example_number(region))
    for number in found:
        if number is not None and number.country_code == code:
            yield phonenumbers.national_significant_number(number)


@pytest.mark.parametrize("code", CODES)
def test_every_kind_of_number_of_every_country(code: int) -> None:
    """Region and kind of the library's examples, of each digit changed in them, cut short and made longer."""
    nationals = list(examples(code))
    assert nationals
    for national in dict.fromkeys(nationals):
        for at in range(len(national)):
            for digit in "0123456789":
                assert_as_the_library_says(code, national[:at] + digit + national[at + 1 :])
        for other in (national[:-1], national[:-2], national[1:], f"{national}0", f"{national}12"):
            if other:
                assert_as_the_library_says(code, other)


@given(st.sampled_from(CODES), st.text("0123456789", min_size=1, max_size=17))
@settings(max_examples=2000)
def test_any_digits(code: int, national: str) -> None:
    """Also what is no number."""
    assert_as_the_library_says(code, national)


def test_a_code_of_no_country() -> None:
    """Nothing is found, as in the library."""
    assert Ranges().find(999, "12345678") == (None, PhoneNumberType.UNKNOWN)
