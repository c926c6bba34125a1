import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.base.request import TEXT_RULES
from bulksend.config import special
from bulksend.config.model import CampaignSettings
from bulksend.config.rules import Breach, Rule


def accepts(rule: Rule, value: object) -> bool:
    """Whether `rule` lets `value` through."""
    try:
        rule.check(value)
    except Breach:
        return False
    return True


@pytest.mark.parametrize(
    ("given_as", "seconds"),
    [("5s", 5), (5, 5), ("5", 5), ("15m", 900), ("15 m", 900), (" 72h ", 259_200), ("3d", 259_200), (259_200, 259_200)],
)
def test_time_to_live(given_as: str | int, seconds: int) -> None:
    """A duration in any unit becomes the seconds of TimeToLive; its ends are included."""
    kept = special.time_to_live().check(given_as)
    assert isinstance(kept, (str, int))
    assert CampaignSettings(time_to_live=kept).time_to_live_s == seconds


@pytest.mark.parametrize(
    "value", [4, "4s", 259_201, "73h", "4d", "1.5h", "-5", -5, "h", "5 weeks", "9" * 30, 10**30, 72.0, [], "\u0665s"]
)
def test_time_to_live_out_of_range(value: object) -> None:
    """What the service would refuse, or nobody can be sure to mean, is refused."""
    assert not accepts(special.time_to_live(), value)


def test_no_time_to_live() -> None:
    """Not set is not set: the service's default applies."""
    assert special.time_to_live().check("") is None
    assert CampaignSettings().time_to_live_s is None


@given(st.text(max_size=70))
def test_a_campaign_name_is_a_context_value_and_a_file_name(name: str) -> None:
    """Every accepted name is one that Context takes, is one part of a path, and hides no file."""
    if special.CAMPAIGN_NAME.breach(name) is None:
        assert TEXT_RULES["ContextValue"].breach(name) is None
        assert name.isascii()
        assert not set(name) & set('/\\:*?"<>| \0')
        assert not name.startswith((".", "-"))


@pytest.mark.parametrize("name", ["spring-sale", "2026.11_a", "A", "n" * 64])
def test_usual_campaign_names(name: str) -> None:
    """Names people give pass."""
    assert special.CAMPAIGN_NAME.breach(name) is None


@pytest.mark.parametrize(("value", "kept"), [("us", "US"), ("GB", "GB"), (" de ", "DE"), ("XK", "XK"), ("", "")])
def test_country(value: str, kept: str) -> None:
    """A country is taken in either case and kept in upper case."""
    assert special.country().check(value) == kept


@pytest.mark.parametrize("value", ["UK", "USA", "U", "001", "ZZ", " ", 1, ["US"], "1A"])
def test_no_country(value: object) -> None:
    """What is no country with telephone numbers is refused."""
    assert not accepts(special.country(), value)


@pytest.mark.parametrize("value", ["0.05", ".5", "99.99999", "0.0"])
def test_max_price(value: str) -> None:
    """Every accepted price is one that the service takes."""
    assert special.max_price().check(value) == value
    assert TEXT_RULES["MaxPrice"].breach(value) is None


@pytest.mark.parametrize("value", ["1", "0,05", "$0.05", "100.0", "0.123456", "-0.5", 0.05, 1, True, []])
def test_no_max_price(value: object) -> None:
    """A price that the service would refuse for every row is refused before the first."""
    assert not accepts(special.max_price(), value)


@pytest.mark.parametrize(
    ("value", "kept"), [("", ""), (",", ","), ("|", "|"), ("tab", "\t"), ("\\t", "\t"), ("\t", "\t")]
)
def test_delimiter(value: str, kept: str) -> None:
    """One character, or the word for the one that is hard to write."""
    assert special.delimiter().check(value) == kept


@pytest.mark.parametrize("value", ["", "utf-8", "UTF8", "cp1252", "utf-16-le", "latin-1", "gb18030"])
def test_encoding(value: str) -> None:
    """Every text encoding of Python can be named."""
    assert special.encoding().check(value) == value


@pytest.mark.parametrize("value", ["base64", "rot13", "klingon", "a\0b", "undefined", "../utf-8", 8])
def test_no_encoding(value: object) -> None:
    """A codec that is not for text, or none at all, is refused."""
    assert not accepts(special.encoding(), value)


@pytest.mark.parametrize("value", ["", "http://127.0.0.1:8021", "https://sms-voice.eu-west-2.amazonaws.com"])
def test_url(value: str) -> None:
    """The simulator's and the service's own addresses pass."""
    assert special.url().check(value) == value


@pytest.mark.parametrize(
    "value",
    [
        "127.0.0.1:8021",
        "ftp://host",
        "http://",
        "http://h:99999",
        "http://h:0",
        "http://a\nb",
        "http://u@h",
        "http://:p@h",
    ],
)
def test_no_url(value: str) -> None:
    """What is no http address, or holds credentials, is refused."""
    assert not accepts(special.url(), value)


@pytest.mark.parametrize("pairs", [{}, {"a": "1", "b": "2", "c": "3"}, {"k" * 100: "v" * 800}])
def test_context(pairs: dict[str, str]) -> None:
    """Three pairs of the user's own fit beside bulksend's two, as long as the service allows."""
    assert special.context().check(pairs) == pairs


@pytest.mark.parametrize(
    "pairs",
    [{"": "x"}, {"k" * 101: "x"}, {"k": "v" * 801}, {"k": ""}, {"k": "x "}, {"BulkSend_x": "x"}, {"k": None}, []],
)
def test_no_context(pairs: object) -> None:
    """A pair that the service would refuse for every row, or that bulksend needs itself, is refused."""
    assert not accepts(special.context(), pairs)
