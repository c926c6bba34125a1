import pytest

from bulksend.message.gsm import BASIC, EXTENSION, non_gsm_characters, septets

# 3GPP TS 23.038, 6.2.1, by code point of Unicode instead of by place in the table.
STANDARD = (
    {0x0A, 0x0D, 0x5F, 0xA1, 0xA3, 0xA4, 0xA5, 0xA7, 0xBF, 0xC4, 0xC5, 0xC6, 0xC7, 0xC9, 0xD1, 0xD6, 0xD8, 0xDC, 0xDF}
    | {0xE0, 0xE4, 0xE5, 0xE6, 0xE8, 0xE9, 0xEC, 0xF1, 0xF2, 0xF6, 0xF8, 0xF9, 0xFC}
    | {0x393, 0x394, 0x398, 0x39B, 0x39E, 0x3A0, 0x3A3, 0x3A6, 0x3A8, 0x3A9}
    | set(range(0x20, 0x5B))
    | set(range(0x61, 0x7B))
)


def test_the_basic_alphabet_is_that_of_the_standard() -> None:
    """127 characters, each of one septet; the escape is not one of them."""
    assert {ord(char) for char in BASIC} == STANDARD
    assert len(BASIC) == 127


def test_every_character_costs_what_the_standard_says() -> None:
    """Over the whole of Unicode: one septet, two for the nine that AWS lists, none for the rest."""
    extension = set(map(ord, "^{}\\[~]|€"))
    for code in range(0x11_0000):
        expected = 1 if code in STANDARD else 2 if code in extension else 0
        if septets(chr(code)) != expected:
            pytest.fail(f"U+{code:04X} costs {septets(chr(code))}, not {expected}")
    assert {ord(char) for char in EXTENSION} == extension


@pytest.mark.parametrize("char", ["\f", "\x1b", "`", "ç", "\u2019", "®", "\t", "á", "😀", "\ud800"])
def test_look_alikes_and_controls_are_outside(char: str) -> None:
    """Form feed and escape, back quote, small c with cedilla and other usual suspects force UCS-2."""
    assert septets(char) == 0


def test_forcing_characters_come_in_order_with_count_and_place() -> None:
    """Each distinct character once, where it first stands, with how often it is there."""
    found = non_gsm_characters("“Hi” Ana\u2019s, it\u2019s")
    assert [(one.character, one.count, one.first_index) for one in found] == [
        ("“", 1, 0),
        ("”", 1, 3),
        ("\u2019", 2, 8),
    ]


def test_a_forcing_character_says_what_it_is() -> None:
    """Its code point and Unicode's name, or no name where Unicode has none."""
    quote, control = non_gsm_characters("\u2019\x07")
    assert (quote.code_point, quote.name) == ("U+2019", "RIGHT SINGLE QUOTATION MARK")
    assert (control.code_point, control.name) == ("U+0007", "")


def test_gsm_text_has_no_forcing_characters() -> None:
    """Extension characters cost two septets and force nothing."""
    assert non_gsm_characters("Price: 5€ {net} [a|b] ~^\\ @£ÇØΩ\r\n") == ()
