"""Numbers by the world's numbering plans, as libphonenumber knows them; the only file that parses with it.

`phonenumbers.parse` looks for a number in any text, which takes about as long as everything else that is done to a
number. What comes here is digits alone, and of those most need no more than their calling code split off, or the one
prefix that their country dials: only where another rule may apply is the library's parser asked. A test holds both ways
to the same result.
"""

import re
from dataclasses import dataclass

import phonenumbers
from msgspec import Struct
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

from bulksend.base.mask import mask_number

_MIN_NATIONAL_DIGITS, _MAX_NATIONAL_DIGITS = 2, 17  # what libphonenumber takes


class ParsedNumber(Struct, frozen=True, gc=False):
    """A number split by its numbering plan; nothing is said about whether it can exist.

    Attributes:
        code: the calling code.
        national: the digits after it, with the leading zeros that belong to the number.
    """

    code: int
    national: str

    @property
    def e164(self) -> str:
        """Its canonical form."""
        return f"+{self.code}{self.national}"

    def __repr__(self) -> str:
        return f"ParsedNumber({mask_number(self.e164)})"


@dataclass(frozen=True, slots=True)
class _Home:
    """How numbers are dialled in one country.

    Attributes:
        code: its calling code.
        prefixes: whatever may have to be taken off.
        international: what is dialled before a calling code.
        national: what is dialled before a national number, where that is always the same digits; else "".
        general: matches what can be a national number.
        lengths: digits that national numbers have, area code included.
    """

    code: int
    prefixes: re.Pattern[str]
    international: re.Pattern[str] | None
    national: str
    general: re.Pattern[str]
    lengths: frozenset[int]

    def without_prefix(self, digits: str) -> str | None:
        """Take off the calling code, or what is dialled at home; None where the library may see something else in it.

        Nothing else is in it where what is left can be a national number and, after a calling code, the whole cannot:
        then `phonenumbers.parse` takes it off too.
        """
        if self.international is not None and self.international.match(digits) is not None:
            return None
        if digits.startswith(str(self.code)):
            rest = digits.removeprefix(str(self.code))
            if self.general.fullmatch(digits) is not None or self.prefixes.match(rest) is not None:
                return None
        elif self.national and digits.startswith(self.national):
            rest = digits.removeprefix(self.national)
        else:
            return None
        return rest if len(rest) in self.lengths and self.general.fullmatch(rest) is not None else None


class Numbering:
    """Splits digits into calling code and national number.

    Args:
        default_country: ISO 3166 alpha-2 code, one of `phonenumbers.SUPPORTED_REGIONS`, or None.
    """

    def __init__(self, default_country: str | None) -> None:
        self._default_country = default_country
        self._home = _home_of(default_country)
        self._calling_codes = {str(code): code for code in COUNTRY_CODE_TO_REGION_CODE}
        self._national_prefixes: dict[int, re.Pattern[str] | None] = {}

    def international(self, digits: str) -> ParsedNumber | None:
        """Split `digits` that begin with a calling code; None when no country has it or the length is out of bounds."""
        for length in (1, 2, 3):
            code = self._calling_codes.get(digits[:length])
            if code is not None:
                national = digits[length:]
                if _is_complete(national, self._national_prefix(code)):
                    return ParsedNumber(code, national)
                return _parse(f"+{digits}", None)
        return None

    def national(self, digits: str) -> ParsedNumber | None:
        """Split `digits` as they are dialled in the default country: with its prefixes, national or international.

        None when there is no default country or the digits make no number of any length there.
        """
        home = self._home
        if home is None:
            return None
        if _is_complete(digits, home.prefixes):
            return ParsedNumber(home.code, digits)
        rest = home.without_prefix(digits)
        if rest is not None and _is_complete(rest, self._national_prefix(home.code)):
            return ParsedNumber(home.code, rest)
        return _parse(digits, self._default_country)

    def _national_prefix(self, code: int) -> re.Pattern[str] | None:
        if code not in self._national_prefixes:
            region = phonenumbers.region_code_for_country_code(code)
            metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
            self._national_prefixes[code] = _compiled(metadata.national_prefix_for_parsing if metadata else None)
        return self._national_prefixes[code]


def _home_of(country: str | None) -> _Home | None:
    metadata = None if country is None else PhoneMetadata.metadata_for_region(country)
    if metadata is None or metadata.country_code is None or metadata.general_desc is None:
        return None
    code, general, prefix = metadata.country_code, metadata.general_desc, metadata.national_prefix_for_parsing
    prefixes = [f"(?:{each})" for each in (metadata.international_prefix, str(code), prefix) if each]
    return _Home(
        code=code,
        prefixes=re.compile("|".join(prefixes)),
        international=_compiled(metadata.international_prefix),
        national=prefix if prefix and prefix.isdecimal() and not metadata.national_prefix_transform_rule else "",
        general=re.compile(general.national_number_pattern or ""),
        lengths=frozenset(general.possible_length) - frozenset(general.possible_length_local_only),
    )


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    return re.compile(pattern) if pattern else None


def _is_complete(national: str, prefixes: re.Pattern[str] | None) -> bool:
    return (
        _MIN_NATIONAL_DIGITS <= len(national) <= _MAX_NATIONAL_DIGITS
        and national[0] != "0"  # some countries keep a leading zero, which PhoneNumber notes apart
        and (prefixes is None or prefixes.match(national) is None)
    )


def _parse(text: str, country: str | None) -> ParsedNumber | None:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    return ParsedNumber(number.country_code or 0, phonenumbers.national_significant_number(number))
