"""What kind of sender an id looks like, and the limit that AWS documents for that kind."""

from dataclasses import dataclass
from enum import StrEnum

from bulksend.origin.identity import IdentityKind, identity_kind


class NumberType(StrEnum):
    """Kinds of senders that have limits of their own; the first five are the values of `NumberType` in the API."""

    SHORT_CODE = "short_code"
    TOLL_FREE = "toll_free"
    TEN_DLC = "ten_dlc"
    LONG_CODE = "long_code"
    SIMULATOR = "simulator"
    SENDER_ID = "sender_id"
    POOL = "pool"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Look:
    """What an id looks like.

    Attributes:
        type: UNKNOWN where the id does not show it, as `phone-...` does not.
        country: ISO 3166 alpha-2 of the country whose number it is; None where the id does not show it.
    """

    type: NumberType
    country: str | None = None


def type_called(name: str) -> NumberType:
    """The type of that name; UNKNOWN for one that AWS has added since."""
    return NumberType(name) if name in set(NumberType) else NumberType.UNKNOWN


UNDOCUMENTED_MPS = 1
"""Parts per second where AWS documents no limit: the lowest that it documents for anything."""

_TOLL_FREE_CODES = frozenset({"800", "833", "844", "855", "866", "877", "888"})
_NORTH_AMERICA = frozenset({"US", "CA"})
_BY_KIND = {
    IdentityKind.SHORT_CODE: NumberType.SHORT_CODE,
    IdentityKind.SENDER_ID: NumberType.SENDER_ID,
    IdentityKind.SENDER_ID_ARN: NumberType.SENDER_ID,
    IdentityKind.POOL_ID: NumberType.POOL,
    IdentityKind.POOL_ARN: NumberType.POOL,
}


def look_of(id: str) -> Look:  # noqa: A002 - the word of the configuration and of AWS
    """Return what `id` looks like.

    A number of country code 1 is toll-free by its area code (the seven that the NANP has in use), and otherwise 10DLC
    in the US and a long code elsewhere: no other ordinary number can send to the US.
    """
    kind = identity_kind(id)
    if kind is IdentityKind.PHONE_NUMBER:
        return _look_of_number(id.removeprefix("+"))
    country = id.rpartition("/")[2] if kind is IdentityKind.SENDER_ID_ARN else None
    return Look(_BY_KIND[kind], country) if kind in _BY_KIND else Look(NumberType.UNKNOWN)


def default_mps(type: NumberType, country: str | None = None) -> int:  # noqa: A002 - the word of AWS
    """Return the parts per second that AWS documents for a kind of sender, for where the account states no limit.

    Source: AWS, "Message Parts per Second (MPS) limits": short codes of the US and Canada 100, US toll-free 3, long
    codes 10 and those of Canada 1, sender ids 10. 10DLC has what its campaign is approved for (documented as 1 a number
    until September 2026), short codes elsewhere what their country allows; pools and simulator numbers are not in the
    table. All of these, and what is not known, count as `UNDOCUMENTED_MPS`: too little only costs time.

    Args:
        type: of the sender.
        country: ISO 3166 alpha-2 of the number; None where it is not known, which takes the lower of what is possible.
    """
    match type:
        case NumberType.SHORT_CODE if country in _NORTH_AMERICA:
            return 100
        case NumberType.TOLL_FREE:
            return 3
        case NumberType.LONG_CODE if country is not None and country not in _NORTH_AMERICA:
            return 10
        case NumberType.SENDER_ID:
            return 10
        case _:
            return UNDOCUMENTED_MPS


def assumed_mps(id: str, countries: frozenset[str] = frozenset()) -> int:  # noqa: A002 - as above
    """Return `default_mps` of what `id` looks like.

    Args:
        id: as configured.
        countries: that it is configured to serve. A short code is a number of the only country that it serves.
    """
    look = look_of(id)
    country = look.country
    if look.type is NumberType.SHORT_CODE and countries and countries <= _NORTH_AMERICA:
        country = min(countries)
    return default_mps(look.type, country)


def _look_of_number(digits: str) -> Look:
    # phonenumbers takes tens of milliseconds to load, which commands that ask for no default need not pay.
    from phonenumbers import NumberParseException, parse, region_code_for_country_code, region_code_for_number

    try:
        number = parse(f"+{digits}")
    except NumberParseException:
        return Look(NumberType.UNKNOWN)
    country: str | None = region_code_for_number(number)
    if number.country_code != 1:
        return Look(NumberType.LONG_CODE, country or region_code_for_country_code(number.country_code or 0))
    if digits[1:4] in _TOLL_FREE_CODES:
        return Look(NumberType.TOLL_FREE, "US")
    # A number of no range in use (a made-up one) is the kind that most numbers of this country code are.
    return Look(NumberType.TEN_DLC, "US") if country in (None, "US") else Look(NumberType.LONG_CODE, country)
