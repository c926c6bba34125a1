import phonenumbers
import pytest

from bulksend.message.simulator_numbers import SIMULATOR_NUMBERS


def test_there_are_two_for_each_of_aws_countries() -> None:
    """25 countries, each with one number that succeeds and one that fails."""
    countries = list(SIMULATOR_NUMBERS.values())
    assert len(set(countries)) == 25
    assert all(countries.count(country) == 2 for country in countries)


@pytest.mark.parametrize(("e164", "country"), SIMULATOR_NUMBERS.items())
def test_each_has_the_calling_code_of_its_country(e164: str, country: str) -> None:
    """A slip of the pen would put a stranger's number among them."""
    assert e164.startswith(f"+{phonenumbers.country_code_for_region(country)}")
    assert e164[1:].isdecimal()
    assert 9 < len(e164) < 16
