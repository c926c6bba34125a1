from collections.abc import Iterator

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from bulksend.message.numbering import Numbering, ParsedNumber

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def by_the_library(text: str, country: str | None) -> tuple[int | None, str, str] | None:
    """What libphonenumber's parser makes of a text."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    national = phonenumbers.national_significant_number(number)
    return number.country_code, national, phonenumbers.format_number(number, PhoneNumberFormat.E164)


def ours(parsed: ParsedNumber | None) -> tuple[int | None, str, str] | None:
    """The same of our own."""
    return None if parsed is None else (parsed.code, parsed.national, parsed.e164)


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
            yield f"1{national}"
            yield f"8{national}"


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


@given(st.data(), st.sampled_from(REGIONS))
@settings(max_examples=1000)
def test_splits_numbers_with_slips_of_the_pen_as_the_library_does(data: st.DataObject, region: str) -> None:
    """A number of the country, or of another with its calling code, with a digit changed, lost or added."""
    digits = data.draw(st.sampled_from([*examples(region), *examples(data.draw(st.sampled_from(REGIONS)))]))
    at = data.draw(st.integers(0, len(digits)))
    digits = digits[:at] + data.draw(st.text("0123456789", max_size=2)) + digits[at + data.draw(st.integers(0, 2)) :]
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
