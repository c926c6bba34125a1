"""Zones of recipients, held to libphonenumber's own answers."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumberType
from phonenumbers.timezone import time_zones_for_number
from phonenumbers.tzdata import TIMEZONE_DATA

from bulksend.message.ranges import Ranges
from bulksend.schedule.names import UnknownZone, apart, clock_of, countries, known_zone, together
from bulksend.schedule.zones import ZoneReader


@pytest.fixture(scope="module")
def reader() -> ZoneReader:
    """With no default."""
    return ZoneReader("", kind_of=Ranges().find)


def numbers() -> list[phonenumbers.PhoneNumber]:
    """Numbers in every area of the table, of every kind that turns up, and the examples of every country."""
    dice = random.Random(6)
    found = []
    for prefix in TIMEZONE_DATA:
        code = next(prefix[:n] for n in (1, 2, 3) if int(prefix[:n]) in COUNTRY_CODE_TO_REGION_CODE)
        for length in (8, 9, 10):
            rest = length - len(prefix) + len(code)
            if rest > 0:
                national = prefix[len(code) :] + "".join(dice.choices("0123456789", k=rest))
                if not national.startswith("0"):
                    found.append(phonenumbers.PhoneNumber(int(code), int(national)))
    for region in phonenumbers.SUPPORTED_REGIONS:
        kinds = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.TOLL_FREE)
        examples = (phonenumbers.example_number_for_type(region, kind) for kind in kinds)
        found.extend(example for example in examples if example is not None)
    return found


def test_numbers_have_the_zones_that_libphonenumber_knows(reader: ZoneReader) -> None:
    """The same clocks, unless the country rules some out; and a number of no known kind has its calling code's."""
    kinds = set()
    narrowed = 0
    for number in numbers():
        kind = phonenumbers.number_type(number)
        if kind == PhoneNumberType.UNKNOWN:
            continue
        kinds.add(kind)
        theirs = {clock_of(zone) for zone in time_zones_for_number(number)}
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        assert {clock_of(zone) for zone in apart(reader.zone_of(e164, None, None))} == theirs
        country = phonenumbers.region_code_for_number(number)
        ours = {clock_of(zone) for zone in apart(reader.zone_of(e164, country, None))}
        assert ours <= theirs
        of_country = {clock_of(zone) for zone in countries().get(country or "", ())}
        assert ours == (theirs & of_country or theirs)
        narrowed += ours != theirs
    assert narrowed
    assert {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE} <= kinds
    assert PhoneNumberType.TOLL_FREE in kinds


@pytest.mark.parametrize(
    ("e164", "country", "zones"),
    [
        ("+12125550100", "US", "America/New_York"),
        ("+442079460000", "GB", "Europe/London"),
        ("+4790000000", "NO", "Europe/Oslo"),  # and not Berlin, which has the same clock
        ("+34612345678", "ES", "Atlantic/Canary+Europe/Madrid"),
        ("+919876543210", "IN", "Asia/Kolkata"),
        ("+38344123456", "XK", "Europe/Belgrade"),  # a country that is in no table of zones
    ],
)
def test_zones_are_called_as_their_country_calls_them(reader: ZoneReader, e164: str, country: str, zones: str) -> None:
    """So that a plan can be read."""
    assert reader.zone_of(e164, country, None) == zones


def test_a_mobile_number_of_a_large_country_may_be_anywhere_in_it(reader: ZoneReader) -> None:
    """Also where its first digits are those of an area; and nowhere beyond, though its calling code goes further."""
    russian = apart(reader.zone_of("+79158300000", "RU", None))
    assert {"Europe/Moscow", "Asia/Kamchatka", "Asia/Yekaterinburg"} <= set(russian)
    assert "Asia/Almaty" not in russian
    assert {zone.split("/")[0] for zone in apart(reader.zone_of("+61412345678", "AU", None))} == {"Australia"}


def test_a_number_nothing_is_known_of_has_the_default_or_its_countrys_zones(reader: ZoneReader) -> None:
    """Every zone of the country, and UTC where there is none."""
    assert reader.zone_of("+88213000000", None, None) == "UTC"
    assert reader.zone_of("+88213000000", "PT", None) == "Atlantic/Azores+Atlantic/Madeira+Europe/Lisbon"
    told = ZoneReader("Europe/Berlin", kind_of=Ranges().find)
    assert told.zone_of("+88213000000", "PT", None) == "Europe/Berlin"
    assert told.zone_of("+12125550100", "US", None) == "America/New_York"


def test_the_input_decides(reader: ZoneReader) -> None:
    """In any case, old names too; what is no name is refused and not shown, since it may be a number."""
    assert reader.zone_of("+12125550100", "US", "pacific/honolulu") == "Pacific/Honolulu"
    assert reader.zone_of("+12125550100", "US", "US/Central") == "US/Central"
    assert reader.zone_of("+12125550100", "US", "") == "America/New_York"
    for wrong in ("+14255550100", "EST5", "Europe", "../../etc/passwd", "Factory", "localtime", "Berlin", "\x00"):
        with pytest.raises(UnknownZone, match=r"^its time zone is no name of IANA's, such as Europe/Berlin$"):
            reader.zone_of("+12125550100", "US", wrong)


def test_zones_are_put_together_and_taken_apart() -> None:
    """A name with the sign between them in it stays whole."""
    zones = ["Europe/Paris", "Etc/GMT+5", "America/Port-au-Prince", "Etc/GMT+5"]
    assert apart(together(zones)) == ("America/Port-au-Prince", "Etc/GMT+5", "Europe/Paris")


def test_every_name_in_the_tables_is_a_zone() -> None:
    """Those of countries, of numbers, and the ones that others only name differently."""
    of_numbers = {zone for zones in TIMEZONE_DATA.values() for zone in zones}
    of_countries = {zone for zones in countries().values() for zone in zones}
    for zone in of_numbers | of_countries:
        assert known_zone(zone.upper()) == zone
        assert ZoneInfo(clock_of(zone)).key == clock_of(zone)
    assert len(countries()) > 240


def test_no_zone_changes_its_clocks_twice_in_five_days() -> None:
    """What `windows` relies on when it looks for changes, for all zones and some years."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    moments = [start + timedelta(days=day) for day in range(4 * 365)]
    for zone in {clock_of(zone) for zones in countries().values() for zone in zones}:
        clock = ZoneInfo(zone)
        offsets = [moment.astimezone(clock).utcoffset() for moment in moments]
        changes = [day for day, (before, after) in enumerate(pairwise(offsets)) if before != after]
        assert all(later - earlier > 5 for earlier, later in pairwise(changes)), zone
