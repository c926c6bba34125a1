from typing import Literal

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from bulksend.base.errors import ConfigError
from bulksend.base.request import TEXT_RULES
from bulksend.message.phone import InvalidNumber, Number, NumberReader
from bulksend.message.simulator_numbers import SIMULATOR_NUMBERS

LOST_PLUS = "lost leading + restored"
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def read(text: str, country: str | None = None, validity: Literal["valid", "possible"] = "valid") -> Number:
    """Read one number with a reader of its own."""
    return NumberReader(default_country=country, validity=validity).read(text)


def refusal(text: str, country: str | None = None, validity: Literal["valid", "possible"] = "valid") -> str:
    """Why one number is refused."""
    with pytest.raises(InvalidNumber) as caught:
        read(text, country, validity)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "default", "e164", "country"),
    [
        ("+14255550100", None, "+14255550100", "US"),
        ("+14165550123", None, "+14165550123", "CA"),
        ("+1 809 555 0123", None, "+18095550123", "DO"),
        ("+44 (0)7400 123456", None, "+447400123456", "GB"),
        ("+44 0 7400 123456", None, "+447400123456", "GB"),
        ("0044 (0)7400 123456", "GB", "+447400123456", "GB"),
        ("07400 123456", "GB", "+447400123456", "GB"),
        ("7400123456", "GB", "+447400123456", "GB"),
        ("447400123456", "GB", "+447400123456", "GB"),
        ("07797 712345", "GB", "+447797712345", "JE"),
        ("+44 7781 123456", None, "+447781123456", "GG"),
        ("(425) 555-0100", "US", "+14255550100", "US"),
        ("1 425 555 0100", "us", "+14255550100", "US"),
        ("011 44 7400 123456", "US", "+447400123456", "GB"),
        ("0151 23456789", "DE", "+4915123456789", "DE"),
        ("0041 79 123 45 67", "DE", "+41791234567", "CH"),
        ("06 1234 5678", "IT", "+390612345678", "IT"),
        ("+39 06 1234 5678", None, "+390612345678", "IT"),
        ("312 345 6789", "IT", "+393123456789", "IT"),
        ("+7 701 234 5678", None, "+77012345678", "KZ"),
        ("8 912 345-67-89", "RU", "+79123456789", "RU"),
        ("011 15 2345-6789", "AR", "+5491123456789", "AR"),
        ("+800 1234 5678", None, "+80012345678", None),
    ],
)
def test_numbers_as_people_write_them(text: str, default: str | None, e164: str, country: str | None) -> None:
    """International with a +, otherwise as dialled in the default country; nothing repaired, so nothing noted."""
    assert read(text, default) == Number(e164, country, None)


@pytest.mark.parametrize(
    ("text", "default", "e164", "country"),
    [
        ("447400123456", None, "+447400123456", "GB"),
        ("14255550100", None, "+14255550100", "US"),
        ("14255550100", "GB", "+14255550100", "US"),
        ("447400123456", "US", "+447400123456", "GB"),
        ("919812345678", "US", "+919812345678", "IN"),
        ("919812345678", "GB", "+919812345678", "IN"),
        ("4407400123456", "US", "+447400123456", "GB"),
        ("3906123456789", "US", "+3906123456789", "IT"),
    ],
)
@pytest.mark.parametrize("validity", ["valid", "possible"])
def test_a_lost_plus_is_restored_where_it_is_certain(
    text: str, default: str | None, e164: str, country: str, validity: Literal["valid", "possible"]
) -> None:
    """Eleven bare digits or more, impossible in the default country, in use with a +: repaired, and said so."""
    assert read(text, default, validity) == Number(e164, country, LOST_PLUS)


@pytest.mark.parametrize("validity", ["valid", "possible"])
@pytest.mark.parametrize(
    ("text", "default"),
    [
        ("4712345678", None),  # ten digits
        ("44 7400 123456", None),  # written by hand, so no spreadsheet took a + away
        ("447700900123", None),  # in no range that is in use
        ("99912345678", None),  # no calling code
        ("00447400123456", "US"),  # dialled from elsewhere than the default country
        ("00447400123456", None),
    ],
)
def test_a_lost_plus_is_never_guessed(text: str, default: str | None, validity: Literal["valid", "possible"]) -> None:
    """Where it is not certain the number is refused, however numbers are judged."""
    assert refusal(text, default, validity)


def test_a_possible_number_of_the_default_country_is_not_taken_for_a_lost_plus() -> None:
    """Germany has numbers of eleven digits, so these could be one: no guess."""
    assert "in use in country DE" in refusal("14255550100", "DE")


@pytest.mark.parametrize(
    ("text", "default", "reason"),
    [
        ("4255550100", None, "the number has no leading + and there is no default country"),
        ("+999 1234 5678", "GB", "the digits after the + are no country's calling code and number"),
        ("+07400 123456", "GB", "the digits after the + are no country's calling code and number"),
        ("+00447400123456", "GB", "the digits after the + are no country's calling code and number"),
        ("+1425555010", None, "it is too short for country US and the others with its calling code"),
        ("+142555501000", None, "it is too long for country US and the others with its calling code"),
        ("555 0100", "US", "its area code is missing"),
        ("+33 1 23 45 67 8", None, "it is too short for country FR"),
        (
            "+44 7700 900123",
            None,
            "it lies in no range that is known to be in use in country GB and the others with its",
        ),
        ("1", "US", "it is no number of country US"),
        ("911", "US", "it is too short for country US and the others with its calling code"),
        ("+1 900 234 5678", None, "it is a premium-rate number"),
        ("0900 1234567", "NL", "it is a premium-rate number"),
        ("call me", "US", "there is no phone number in the cell"),
    ],
)
def test_refusals_say_why(text: str, default: str | None, reason: str) -> None:
    """One clause for people, without a digit of the number."""
    said = refusal(text, default)
    assert said.startswith(reason)
    assert not any(char.isdigit() for char in said)


def test_numbers_of_fiction() -> None:
    """US 555-01xx lies in an area code in use and is valid; Ofcom's 07700 900xxx is in no range in use."""
    assert read("+14255550123").country == "US"
    assert refusal("+447700900123")
    assert read("+447700900123", validity="possible").e164 == "+447700900123"


def test_possible_accepts_ranges_that_the_library_does_not_know() -> None:
    """Length decides; where several countries share the calling code, the main one is assumed, and said."""
    assert refusal("+33 0 00 00 00 01")
    note = "not in the numbering data; country taken from its calling code"
    assert read("+1 257 555 0100", validity="possible").country is not None
    assert read("+1 989 155 0100", validity="possible") == Number("+19891550100", "US", note)
    assert read("+447700900123", validity="possible") == Number("+447700900123", "GB", note)
    assert read("+41 10 000 00 01", validity="possible") == Number("+41100000001", "CH", None)


def test_possible_still_refuses_wrong_lengths_and_premium_rates() -> None:
    """A number of the wrong length, without its area code or at a premium is wrong in any range."""
    assert refusal("+1425555", validity="possible")
    assert refusal("555 0100", "US", "possible") == "its area code is missing"
    assert refusal("+19002345678", validity="possible") == "it is a premium-rate number"


@pytest.mark.parametrize("validity", ["valid", "possible"])
@pytest.mark.parametrize(("e164", "country"), SIMULATOR_NUMBERS.items())
def test_simulator_numbers_always_count(e164: str, country: str, validity: Literal["valid", "possible"]) -> None:
    """Whatever the library thinks of them, in any notation with the same digits, with AWS's own country."""
    digits = e164[1:]
    spaced = f"+{digits[:3]} ({digits[3:6]}) {digits[6:]}"
    for text in (e164, spaced, f"tel:{e164}"):
        assert read(text, "DE", validity) == Number(e164, country, None)
    assert read(f"00{digits}", "DE", validity) == Number(e164, country, None)
    assert read(digits, None, validity) == Number(e164, country, LOST_PLUS)
    assert read(f"{digits[:2]}-{digits[2:]}", None, validity) == Number(e164, country, LOST_PLUS)
    own = read(digits, country, validity)
    assert (own.e164, own.country) == (e164, country)


def test_the_default_country_comes_before_a_simulator_without_its_plus() -> None:
    """A number that the default country has is that one, not the simulator with the same digits."""
    assert read("4525919410", "AT", "possible").country == "AT"


@pytest.mark.parametrize("region", REGIONS)
def test_every_kind_of_number_of_every_country(region: str) -> None:
    """All valid numbers are accepted but those at a premium, which are always refused; the country is the library's."""
    reader = NumberReader(default_country=None, validity="valid")
    for kind in range(PhoneNumberType.VOICEMAIL + 1):
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None or not phonenumbers.is_valid_number(number):
            continue
        e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        if phonenumbers.number_type(number) == PhoneNumberType.PREMIUM_RATE:
            with pytest.raises(InvalidNumber, match="premium-rate"):
                reader.read(e164)
        else:
            assert reader.read(e164) == Number(e164, phonenumbers.region_code_for_number(number), None)


@pytest.mark.parametrize("region", REGIONS)
def test_numbers_are_read_in_their_national_form(region: str) -> None:
    """What people of a country write without a + is read with that country as default."""
    kinds = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE)
    numbers = [phonenumbers.example_number_for_type(region, kind) for kind in kinds]
    given_numbers = [number for number in numbers if number is not None]
    assert given_numbers
    for number in given_numbers:
        text = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
        assert read(text, region).e164 == phonenumbers.format_number(number, PhoneNumberFormat.E164)


@given(
    st.one_of(
        st.text("0123456789", min_size=1, max_size=20), st.text("+0123456789 -()", max_size=24), st.text(max_size=20)
    ),
    st.sampled_from([None, "US", "GB", "DE", "IT", "IN", "AR"]),
    st.sampled_from(["valid", "possible"]),
)
@settings(max_examples=1500)
def test_any_text_is_a_sendable_number_or_a_reason(
    text: str, country: str | None, validity: Literal["valid", "possible"]
) -> None:
    """What is accepted the service takes, and reads back as itself; what is not says why without digits."""
    number, reason = None, ""
    try:
        number = read(text, country, validity)
    except InvalidNumber as error:
        reason = str(error)
    assert not any(char.isdigit() for char in reason)
    if number is None:
        assert reason
    else:
        assert TEXT_RULES["DestinationPhoneNumber"].breach(number.e164) is None
        assert read(number.e164, country, validity).e164 == number.e164
        assert number.country is None or len(number.country) == 2
        assert number.note is None or not any(char.isdigit() for char in number.note)


def test_repr_masks_the_number() -> None:
    """Neither a log line nor a traceback shows a whole number."""
    assert repr(read("+14255550100")) == "Number(+14*******00, country='US', note=None)"


@pytest.mark.parametrize(
    ("country", "hint"), [("UK", "Use GB"), ("USA", "ISO 3166"), ("", "ISO 3166"), ("001", "ISO 3166")]
)
def test_an_unknown_default_country_is_a_configuration_error(country: str, hint: str) -> None:
    """It names the key and what to write instead."""
    with pytest.raises(ConfigError, match=r"^recipients\.default_country") as caught:
        NumberReader(default_country=country, validity="valid")
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("digits", "country", "e164"),
    [
        ("491701234567", "DE", "+491701234567"),  # a mobile of the default country that begins with its calling code
        ("4915112345678", "DE", "+4915112345678"),
        ("16012345678", "DE", "+4916012345678"),  # a mobile at home stands, though area code 601 exists in the US
        ("14255550100", "US", "+14255550100"),
        ("447860019066", "US", "+447860019066"),
    ],
)
def test_bare_digits_are_read_where_only_one_reading_is_likely(digits: str, country: str, e164: str) -> None:
    """A lost + is found even where the digits could be a landline at home."""
    assert NumberReader(default_country=country, validity="valid").read(digits).e164 == e164


@pytest.mark.parametrize(("digits", "country"), [("447911123456", "DE"), ("33612345678", "DE")])
def test_bare_digits_with_two_readings_are_refused(digits: str, country: str) -> None:
    """A landline at home, or somebody's mobile abroad without its +: nobody is texted on a guess."""
    with pytest.raises(InvalidNumber, match=r"can be read as a number of country \w\w and, with a lost \+"):
        NumberReader(default_country=country, validity="valid").read(digits)
