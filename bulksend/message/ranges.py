"""Which country a number belongs to, and what kind of number it is, by libphonenumber's own ranges.

`phonenumbers` answers these questions one by one, and for each answer it looks up and matches the same patterns again:
20 matches for a US number, 14 microseconds. Here each pattern is matched once, in the same order and out of the same
metadata: three matches, less than one. A test holds both to the same answers.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumber, PhoneNumberDesc, PhoneNumberType

_SPECIAL = (
    (PhoneNumberType.PREMIUM_RATE, "premium_rate"),
    (PhoneNumberType.TOLL_FREE, "toll_free"),
    (PhoneNumberType.SHARED_COST, "shared_cost"),
    (PhoneNumberType.VOIP, "voip"),
    (PhoneNumberType.PERSONAL_NUMBER, "personal_number"),
    (PhoneNumberType.PAGER, "pager"),
    (PhoneNumberType.UAN, "uan"),
    (PhoneNumberType.VOICEMAIL, "voicemail"),
)
"""Kinds that come before landlines and mobiles, in the library's order, with the names of their ranges."""

_Matches = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class _Lengths:
    """The patterns of one region that a number of one length can match.

    Attributes:
        general: every number of the region matches it.
        special: matches where any of `kinds` does; most numbers are of none, so one match rules all of them out.
        kinds: in the library's order.
        landline: `FIXED_LINE`.
        mobile: `MOBILE`; None also where landlines and mobiles have the same ranges.
        landlines_are: the kind of a number that is a landline and no mobile.
    """

    general: _Matches
    special: _Matches | None
    kinds: tuple[tuple[int, _Matches], ...]
    landline: _Matches | None
    mobile: _Matches | None
    landlines_are: int

    def kind(self, national: str) -> int:
        """Return the kind of number as `phonenumbers.PhoneNumberType`; UNKNOWN where it is in no range."""
        if self.general(national) is None:
            return PhoneNumberType.UNKNOWN
        if self.special is not None and self.special(national) is not None:
            return next(kind for kind, matches in self.kinds if matches(national) is not None)
        mobile = self.mobile is not None and self.mobile(national) is not None
        if self.landline is not None and self.landline(national) is not None:
            return PhoneNumberType.FIXED_LINE_OR_MOBILE if mobile else self.landlines_are
        return PhoneNumberType.MOBILE if mobile else PhoneNumberType.UNKNOWN


class _Region:
    """The ranges of one region of a calling code; the patterns are compiled when a number of their length comes."""

    def __init__(self, name: str, metadata: PhoneMetadata) -> None:
        self.name = name
        self.leading = re.compile(metadata.leading_digits).match if metadata.leading_digits is not None else None
        self._metadata = metadata
        self._by_length: dict[int, _Lengths | None] = {}

    def kind(self, national: str) -> int:
        """As `_Lengths.kind`."""
        length = len(national)
        try:
            patterns = self._by_length[length]
        except KeyError:
            patterns = self._by_length[length] = self._patterns(length)
        return PhoneNumberType.UNKNOWN if patterns is None else patterns.kind(national)

    def _patterns(self, length: int) -> _Lengths | None:
        metadata = self._metadata
        general = _pattern(metadata.general_desc, length)
        if general is None:
            return None
        special = [(kind, _pattern(getattr(metadata, name), length)) for kind, name in _SPECIAL]
        given = [(kind, pattern) for kind, pattern in special if pattern is not None]
        same = metadata.same_mobile_and_fixed_line_pattern
        return _Lengths(
            general=re.compile(general).fullmatch,
            special=_matches("|".join(f"(?:{pattern})" for _, pattern in given) or None),
            kinds=tuple((kind, re.compile(pattern).fullmatch) for kind, pattern in given),
            landline=_matches(_pattern(metadata.fixed_line, length)),
            mobile=None if same else _matches(_pattern(metadata.mobile, length)),
            landlines_are=PhoneNumberType.FIXED_LINE_OR_MOBILE if same else PhoneNumberType.FIXED_LINE,
        )


class Ranges:
    """The world's numbers by calling code, country and kind."""

    def __init__(self) -> None:
        self._regions: dict[int, tuple[_Region, ...]] = {}
        self._possible: dict[tuple[int, int], int] = {}

    def find(self, code: int, national: str) -> tuple[str | None, int]:
        """Return the region and the kind of the number with calling code `code` and these digits behind it.

        The region is that of `phonenumbers.region_code_for_number` ("001" where the numbers belong to no country), the
        kind that of `phonenumbers.number_type`. The number is valid where the kind is not `PhoneNumberType.UNKNOWN`.
        """
        regions = self._regions.get(code)
        if regions is None:
            regions = self._regions[code] = _regions_of(code)
        if len(regions) == 1:
            return regions[0].name, regions[0].kind(national)
        for region in regions:
            if region.leading is None:
                kind = region.kind(national)
                if kind != PhoneNumberType.UNKNOWN:
                    return region.name, kind
            elif region.leading(national) is not None:
                return region.name, region.kind(national)
        return None, PhoneNumberType.UNKNOWN

    def possible(self, code: int, national: str) -> int:
        """Whether a number can have this many digits: `phonenumbers.is_possible_number_with_reason`."""
        # For that the library looks at nothing but the calling code and how many digits there are.
        key = (code, len(national))
        if key not in self._possible:
            example = PhoneNumber(country_code=code, national_number=10 ** (len(national) - 1))
            self._possible[key] = phonenumbers.is_possible_number_with_reason(example)
        return self._possible[key]


def _regions_of(code: int) -> tuple[_Region, ...]:
    found = []
    for name in COUNTRY_CODE_TO_REGION_CODE.get(code, ()):
        metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, name)
        if metadata is not None:
            found.append(_Region(name, metadata))
    return tuple(found)


def _pattern(description: PhoneNumberDesc | None, length: int) -> str | None:
    """The pattern of a kind of number; None where there are none of this length."""
    if description is None or (description.possible_length and length not in description.possible_length):
        return None
    return description.national_number_pattern or None


def _matches(pattern: str | None) -> _Matches | None:
    return None if pattern is None else re.compile(pattern).fullmatch
