"""Which time zone a recipient is in: as the input says, by the number, by the country.

The zones of numbers are those of libphonenumber's table, which `phonenumbers.timezone` reads. That function parses and
judges each number again, which takes longer than all the rest of planning; here its table is looked up directly, and
what kind of number it is comes from outside.
"""

from collections.abc import Callable

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from phonenumbers.phonenumberutil import is_number_type_geographical
from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

from bulksend.schedule.names import UnknownZone, clock_of, countries, known_zone, together

KindOf = Callable[[int, str], tuple[str | None, int]]
"""Calling code and national number -> country and kind (`phonenumbers.PhoneNumberType`) of a number."""

_LONGEST_CODE = 3


class ZoneReader:
    """Tells the time zones of recipients.

    A number that may be in several zones has all of them. They are those of its area where it belongs to one, else
    those of its calling code; of either only those in its country, where there are any.

    Args:
        default: zone of numbers about which the table says nothing, IANA name; "" for the zones of their country, and
            for UTC where they have none.
        kind_of: see `KindOf`; such as `message.ranges.Ranges().find`.
    """

    def __init__(self, default: str, *, kind_of: KindOf) -> None:
        self._default = default
        self._kind_of = kind_of
        self._named: dict[str, str] = {}
        self._known: dict[tuple[tuple[str, ...], str | None], str] = {}

    def zone_of(self, e164: str, country: str | None, column_value: str | None) -> str:
        """Return the zones of a recipient: IANA names, sorted, with + between them.

        Args:
            e164: the number.
            country: it belongs to; None for none.
            column_value: what the input says of its zone; None or "" for nothing.

        Raises:
            UnknownZone: the input says something that is no time zone.
        """
        if column_value:
            return self._named.get(column_value) or self._read(column_value)
        zones = self._zones_of(e164)
        key = (zones, country)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._in_country(zones, country)
        return found

    def _read(self, name: str) -> str:
        zone = known_zone(name)
        if zone is None:
            # Not shown: in a list with shifted columns it may be a number.
            raise UnknownZone("its time zone is no name of IANA's, such as Europe/Berlin")
        self._named[name] = zone
        return zone

    def _zones_of(self, e164: str) -> tuple[str, ...]:
        """Zones by the table, as `phonenumbers.timezone.time_zones_for_number` has them; none: nothing is known.

        A number of a kind that is not known, where the library gives none, has those of its calling code.
        """
        digits = e164[1:]
        for length in range(min(TIMEZONE_LONGEST_PREFIX, len(digits)), 0, -1):
            zones = TIMEZONE_DATA.get(digits[:length])
            if zones is not None:
                break
        else:
            return ()
        code = next(digits[:n] for n in range(1, _LONGEST_CODE + 1) if int(digits[:n]) in COUNTRY_CODE_TO_REGION_CODE)
        everywhere = TIMEZONE_DATA.get(code, zones)
        if everywhere == zones:
            return zones
        kind = self._kind_of(int(code), digits[len(code) :])[1]
        return zones if is_number_type_geographical(kind, int(code)) else everywhere

    def _in_country(self, zones: tuple[str, ...], country: str | None) -> str:
        of_country = countries().get(country or "", ())
        if not zones:
            return self._default or together(of_country or ("UTC",))
        clocks = {clock_of(zone) for zone in zones}
        here = [zone for zone in of_country if clock_of(zone) in clocks]
        return together(here or sorted(clocks))
