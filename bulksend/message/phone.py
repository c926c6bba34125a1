"""Phone numbers as people write them, read into E.164 with the country they belong to."""

from typing import Literal

import phonenumbers
from msgspec import Struct
from phonenumbers import PhoneNumberType, ValidationResult

from bulksend.base.errors import ConfigError
from bulksend.base.mask import mask_number
from bulksend.base.request import TEXT_RULES
from bulksend.message.numbering import Numbering, ParsedNumber
from bulksend.message.ranges import Ranges
from bulksend.message.simulator_numbers import SIMULATOR_NUMBERS
from bulksend.message.written_number import InvalidNumber, WrittenNumber, read_cell

__all__ = ["InvalidNumber", "Number", "NumberReader"]

_NO_COUNTRY = "001"  # libphonenumber's region of numbers that belong to no country
_MIN_DIGITS_FOR_LOST_PLUS = 11
_LOST_PLUS = "lost leading + restored"
_LONGEST = TEXT_RULES["DestinationPhoneNumber"].max_length  # an E.164 form breaks no other part of that rule
_POSSIBLE = (ValidationResult.IS_POSSIBLE, ValidationResult.IS_POSSIBLE_LOCAL_ONLY)
_MAIN_COUNTRY = "not in the numbering data; country taken from its calling code"


class Number(Struct, frozen=True, gc=False):
    """A phone number that can be sent to.

    Attributes:
        e164: canonical, with its +.
        country: ISO 3166 alpha-2; None for numbers that belong to no country.
        note: what was repaired or assumed, as a clause without digits; None when nothing was.
    """

    e164: str
    country: str | None
    note: str | None

    def __repr__(self) -> str:
        return f"Number({mask_number(self.e164)}, country={self.country!r}, note={self.note!r})"


class NumberReader:
    """Reads phone numbers for one campaign.

    A number with a + is read as international; one without as it is dialled in `default_country`, whose national and
    international prefixes count. A + that a spreadsheet took away is put back only where that is certain: nothing but
    digits in the cell, at least eleven, no possible number of the default country, and in use somewhere with a +.

    Numbers that AWS gives for simulating destinations are always accepted, premium-rate numbers never.

    Args:
        default_country: ISO 3166 alpha-2; None: only numbers with a + (present or lost).
        validity: "valid" accepts what lies in a range that libphonenumber knows to be in use; "possible" what has a
            possible length for its calling code, so that ranges newer than the library are not refused.

    Raises:
        ConfigError: `default_country` is not a country that has phone numbers.
    """

    def __init__(self, *, default_country: str | None, validity: Literal["valid", "possible"]) -> None:
        if default_country is not None:
            default_country = default_country.upper()
            if default_country not in phonenumbers.SUPPORTED_REGIONS:
                hint = "Use GB" if default_country == "UK" else "Use a code of ISO 3166 with two letters, such as US"
                raise ConfigError(f'recipients.default_country: "{default_country}" is not the code of a country', hint)
        self._country = default_country
        self._must_be_valid = validity == "valid"
        self._numbering = Numbering(default_country)
        self._ranges = Ranges()

    def read(self, text: str) -> Number:
        """Read the one number in `text`.

        Raises:
            InvalidNumber: there is none, or more than one, or one that cannot exist; its text says which.
        """
        written = read_cell(text)
        if written.plus:
            parsed = self._numbering.international(written.digits)
            if parsed is None:
                raise InvalidNumber("the digits after the + are no country's calling code and number")
            return self._accept(parsed, must_be_valid=self._must_be_valid)
        return self._read_without_plus(written)

    def _read_without_plus(self, written: WrittenNumber) -> Number:
        parsed = self._numbering.national(written.digits)
        refusal: InvalidNumber | None = None
        if parsed is not None:
            try:
                found = self._accept(parsed, must_be_valid=self._must_be_valid)
            except InvalidNumber as error:
                refusal = error
            else:
                return self._sure(found, parsed, written)
        elif self._country is None:
            refusal = InvalidNumber("the number has no leading + and there is no default country")
        simulator = SIMULATOR_NUMBERS.get(f"+{written.digits}")
        if simulator is not None:
            return Number(f"+{written.digits}", simulator, _LOST_PLUS)
        if parsed is None or self._ranges.possible(parsed.code, parsed.national) not in _POSSIBLE:
            repaired = self._with_lost_plus(written)
            if repaired is not None:
                return repaired
        raise refusal or InvalidNumber(f"it is no number of country {self._country}")

    def _sure(self, found: Number, parsed: ParsedNumber, written: WrittenNumber) -> Number:
        """Return `found`, a national reading, unless the digits are a number with a lost + just as well.

        In countries whose landlines have no fixed length, nearly every foreign number without its + is a landline at
        home. A text to a landline is seldom meant, and a text to a stranger never: a mobile at home stands, a mobile of
        the default country that begins with its calling code is taken for that, anything else is refused.
        """
        if written.digits.startswith("0") or self._is_mobile(parsed):
            return found
        other = self._with_lost_plus(written)
        if other is None or other.e164 == found.e164:
            return found
        if other.country == self._country:
            reading = self._numbering.international(written.digits)
            if reading is not None and self._is_mobile(reading):
                return other
        raise InvalidNumber(
            f"it can be read as a number of country {found.country} and, with a lost +, of country {other.country}"
        )

    def _with_lost_plus(self, written: WrittenNumber) -> Number | None:
        if not written.bare or len(written.digits) < _MIN_DIGITS_FOR_LOST_PLUS:
            return None
        parsed = self._numbering.international(written.digits)
        if parsed is None:
            return None
        try:
            found = self._accept(parsed, must_be_valid=True)
        except InvalidNumber:
            return None
        return Number(found.e164, found.country, _LOST_PLUS)

    def _accept(self, parsed: ParsedNumber, *, must_be_valid: bool) -> Number:
        """Judge `parsed`; the notation it came from has been dealt with."""
        e164 = parsed.e164
        simulator = SIMULATOR_NUMBERS.get(e164)
        if simulator is not None:
            return Number(e164, simulator, None)
        # Where zeros belong to a number it reads the same with its calling code in front; elsewhere they do not.
        if parsed.national.startswith("0") and self._numbering.international(e164.removeprefix("+")) != parsed:
            raise InvalidNumber("it begins with zeros that belong to no number")
        country, kind = self._ranges.find(parsed.code, parsed.national)
        note = None
        if must_be_valid:
            if country is None or kind == PhoneNumberType.UNKNOWN:
                raise InvalidNumber(self._why_not_valid(parsed))
        else:
            if self._ranges.possible(parsed.code, parsed.national) != ValidationResult.IS_POSSIBLE:
                raise InvalidNumber(self._why_not_valid(parsed))
            if country is None:
                country, note = phonenumbers.region_code_for_country_code(parsed.code), _MAIN_COUNTRY
        if kind == PhoneNumberType.PREMIUM_RATE:
            raise InvalidNumber("it is a premium-rate number")
        if len(e164) > _LONGEST:
            raise InvalidNumber("it is longer than the service accepts")
        return Number(e164, None if country == _NO_COUNTRY else country, note)

    def _is_mobile(self, parsed: ParsedNumber) -> bool:
        _, kind = self._ranges.find(parsed.code, parsed.national)
        return kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)

    def _why_not_valid(self, parsed: ParsedNumber) -> str:
        code = parsed.code
        main = phonenumbers.region_code_for_country_code(code)
        where = "its calling code" if main == _NO_COUNTRY else f"country {main}"
        if len(phonenumbers.region_codes_for_country_code(code)) > 1:
            where += " and the others with its calling code"
        match self._ranges.possible(code, parsed.national):
            case ValidationResult.TOO_SHORT:
                return f"it is too short for {where}"
            case ValidationResult.TOO_LONG:
                return f"it is too long for {where}"
            case ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
                return "its area code is missing"
            case ValidationResult.INVALID_LENGTH:
                return f"no number of {where} has its length"
            case _:
                return f"it lies in no range that is known to be in use in {where}"
