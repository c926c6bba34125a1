"""Numbers by the world's numbering plans, as libphonenumber knows them; the only file that parses with it.

`phonenumbers.parse` looks for a number in any text, which takes about as long as everything else that is done to a
number. What comes here is digits alone, and of those most need no more than their calling code split off: only where
a national or international prefix may have to be taken off is the library's parser asked. A test holds both ways to
the same result.
"""

import re
from dataclasses import dataclass, field

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumber, PhoneNumberFormat

_MIN_NATIONAL_DIGITS, _MAX_NATIONAL_DIGITS = 2, 17  # what libphonenumber takes


@dataclass(frozen=True, slots=True)
class ParsedNumber:
    """A number split by its numbering plan; nothing is said about whether it can exist.

    Attributes:
        number: as libphonenumber has it.
        e164: its canonical form.
        national: the digits after the calling code.
    """

    number: PhoneNumber = field(repr=False)
    e164: str = field(repr=False)
    national: str = field(repr=False)


class Numbering:
    """Splits digits into calling code and national number.

    Args:
        default_country: ISO 3166 alpha-2 code, one of `phonenumbers.SUPPORTED_REGIONS`, or None.
    """

    def __init__(self, default_country: str | None) -> None:
        self._default_country = default_country
        self._calling_codes = {str(code): code for code in COUNTRY_CODE_TO_REGION_CODE}
        self._national_prefixes: dict[int, re.Pattern[str] | None] = {}
        self._default_code = 0
        self._default_prefixes: re.Pattern[str] | None = None
        if default_country is not None:
            metadata = PhoneMetadata.metadata_for_region(default_country)
            if metadata is not None and metadata.country_code is not None:
                self._default_code = metadata.country_code
                self._default_prefixes = _any_of(
                    metadata.international_prefix, str(metadata.country_code), metadata.national_prefix_for_parsing
                )

    def international(self, digits: str) -> ParsedNumber | None:
        """Split `digits` that begin with a calling code; None when no country has it or the length is out of bounds."""
        for length in (1, 2, 3):
            code = self._calling_codes.get(digits[:length])
            if code is not None:
                national = digits[length:]
                if _is_complete(national, self._national_prefix(code)):
                    return _split(code, national)
                return _parse(f"+{digits}", None)
        return None

    def national(self, digits: str) -> ParsedNumber | None:
        """Split `digits` as they are dialled in the default country: with its prefixes, national or international.

        None when there is no default country or the digits make no number of any length there.
        """
        if self._default_country is None:
            return None
        if _is_complete(digits, self._default_prefixes):
            return _split(self._default_code, digits)
        return _parse(digits, self._default_country)

    def _national_prefix(self, code: int) -> re.Pattern[str] | None:
        if code not in self._national_prefixes:
            region = phonenumbers.region_code_for_country_code(code)
            metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
            self._national_prefixes[code] = None if metadata is None else _any_of(metadata.national_prefix_for_parsing)
        return self._national_prefixes[code]


def _any_of(*patterns: str | None) -> re.Pattern[str] | None:
    given = [f"(?:{pattern})" for pattern in patterns if pattern]
    return re.compile("|".join(given)) if given else None


def _is_complete(national: str, prefixes: re.Pattern[str] | None) -> bool:
    return (
        _MIN_NATIONAL_DIGITS <= len(national) <= _MAX_NATIONAL_DIGITS
        and national[0] != "0"  # some countries keep a leading zero, which PhoneNumber notes apart
        and (prefixes is None or prefixes.match(national) is None)
    )


def _split(code: int, national: str) -> ParsedNumber:
    return ParsedNumber(
        PhoneNumber(country_code=code, national_number=int(national)), e164=f"+{code}{national}", national=national
    )


def _parse(text: str, country: str | None) -> ParsedNumber | None:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    return ParsedNumber(
        number,
        e164=phonenumbers.format_number(number, PhoneNumberFormat.E164),
        national=phonenumbers.national_significant_number(number),
    )
