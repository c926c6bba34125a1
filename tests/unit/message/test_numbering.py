from collections.abc import Iterator

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from bulksend.message.numbering import Numbering, ParsedNumber

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def by_the_library(text: str, country: str | None) -> tuple[int, int, bool, int | None, str] | None:
    """What libphonenumber's parser makes of a text."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    return facts(number, phonenumbers.format_number(number, PhoneNumberFormat.E164))


def facts(number: phonenumbers.PhoneNumber, e164: str) -> tuple[int, int, bool, int | None, str]:
    """All that tells two numbers apart."""
    assert number.country_code is not None
    assert number.national_number is not None
    zeros = number.number_of_leading_zeros
    return number.country_code, number.national_number, bool(number.italian_leading_zero), zeros, e164


def ours(parsed: ParsedNumber | None) -> tuple[int, int, bool, int | None, str] | None:
    """The same of our own."""
    if parsed is None:
        return None
    assert parsed.national == phonenumbers.national_significant_number(parsed.number)
    return facts(parsed.number, parsed.e164)


def examples(region: str) -> Iterator[str]:
    """Every kind of number of a country, with and without each prefix."""
    for kind in range(PhoneNumberType.VOICEMAIL + 1):
        number = phonenumbers.example_number_for_type(region, kind)
        if number is not None:
            national = phonenumbers.national_significant_number(number)
            formatted = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
            yield f"{number.country_code}{national}"
            yield national
            yield "".join(filter(str.isdecimal, formatted))
            yield f"0{national}"
            yield f"00{number.country_code}{national}"
            yield f"{number.country_code}0{national}"


@pytest.mark.parametrize("region", REGIONS)
def test_splits_as_the_library_does(region: str) -> None:
    """The short way to a number gives what libphonenumber's parser gives, for every country and kind of number."""
    numbering = Numbering(region)
    tried = 0
    for digits in examples(region):
        assert ours(numbering.national(digits)) == by_the_library(digits, region)
        assert ours(numbering.international(digits)) == by_the_library(f"+{digits}", None)
        tried += 1
    assert tried


@given(st.sampled_from(REGIONS), st.text("0123456789", min_size=1, max_size=22))
@settings(max_examples=1000)
@example("GB", "00")
@example("US", "011")
@example("IT", "390612345678")
def test_splits_any_digits_as_the_library_does(region: str, digits: str) -> None:
    """Also digits that are no number: both ways refuse the same ones."""
    numbering = Numbering(region)
    assert ours(numbering.national(digits)) == by_the_library(digits, region)
    assert ours(numbering.international(digits)) == by_the_library(f"+{digits}", None)


def test_without_a_default_country_nothing_is_national() -> None:
    """Digits alone say nothing then."""
    assert Numbering(None).national("14255550100") is None


def test_a_plus_is_never_dropped() -> None:
    """Digits after a + that no country has are no number, even where they are one of the default country."""
    assert Numbering("GB").international("07911123456") is None
    assert Numbering("GB").international("99912345678") is None


def test_reprs_show_no_number() -> None:
    """A stray log line cannot leak it."""
    parsed = Numbering(None).international("14255550100")
    assert parsed is not None
    assert "5550100" not in repr(parsed)
