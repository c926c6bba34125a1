import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.intake.invisible import without_invisible


@pytest.mark.parametrize("char", ["\u200b", "\u200e", "\u202a", "\u2060", "\u2066", "\ufeff", "\u00ad", "\0", "\x7f"])
def test_invisible_characters_go(char: str) -> None:
    """Zero width, bidi and control characters are taken out wherever they are."""
    assert without_invisible(f"{char}a{char}b{char}") == "ab"


@pytest.mark.parametrize("text", ["", "plain", "a b\tc\r\nd", "a\u00a0b\u3000c", "naïve 中文 😀", "+1 (425) 555-0100"])
def test_what_can_be_seen_stays(text: str) -> None:
    """Letters, signs, emoji and white space are left alone."""
    assert without_invisible(text) == text


@given(st.text())
def test_nothing_is_left_to_take_out(text: str) -> None:
    """A second pass changes nothing, and nothing is added or moved."""
    once = without_invisible(text)
    remaining = iter(text)

    assert without_invisible(once) == once
    assert all(char in remaining for char in once)
