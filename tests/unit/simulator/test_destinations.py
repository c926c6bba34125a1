import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.simulator.destinations import DESTINATION_SIMULATORS, country_of


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+14255550111", "US"),
        ("14255550111", "US"),
        ("+16045550111", "CA"),
        ("+12425550111", "BS"),
        ("+18885550111", "US"),
        ("+15555550111", "US"),
        ("+447700900111", "GB"),
        ("+441481960111", "GG"),
        ("+4915155550111", "DE"),
        ("+77015550111", "KZ"),
        ("+79015550111", "RU"),
        ("+37282720792", "EE"),
        ("+80012345678", None),
        ("+999123456", None),
        ("+1", "US"),
        ("+44", "GB"),
    ],
)
def test_country(number: str, country: str | None) -> None:
    """The country of the numbering plan; of the calling code where no plan has the number; none where nobody has it."""
    assert country_of(number) == country


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)))
def test_every_countrys_own_mobile_number(country: str) -> None:
    """An example mobile number of each country is found there."""
    example = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
    if example is not None and phonenumbers.region_code_for_number(example) == country:
        number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        assert country_of(number) == country


def test_destination_simulators() -> None:
    """Twenty-five countries, each with a number that succeeds and one that fails."""
    countries = {True: set[str | None](), False: set[str | None]()}
    for number, is_delivered in DESTINATION_SIMULATORS.items():
        countries[is_delivered].add(country_of(number))
    assert len(DESTINATION_SIMULATORS) == 50
    assert countries[True] == countries[False]
    assert len(countries[True]) == 25
    assert DESTINATION_SIMULATORS["+14254147755"]
    assert not DESTINATION_SIMULATORS["+14254147167"]
