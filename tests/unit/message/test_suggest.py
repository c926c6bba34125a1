import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.message.compose import Template
from bulksend.message.gsm import BASIC, EXTENSION, OUTSIDE_GSM
from bulksend.message.suggest import MAX_LENGTH, replaced, replacement_of, suggested_template, template_characters


@pytest.mark.parametrize(
    ("character", "plain"),
    [
        ("\u2019", "'"),
        ("\u201c", '"'),
        ("\u2013", "-"),
        ("\u2026", "..."),
        ("\u00a0", " "),
        ("\u200b", ""),
        ("ë", "e"),
        ("ç", "c"),
        ("ł", "l"),
        ("œ", "oe"),
        ("½", "1/2"),
        ("™", "TM"),
        ("\U0001d5d5", "B"),  # letters of mathematics, which some take for bold ones
        ("\u0301", ""),
        ("你", None),
        ("\U0001f600", None),
        ("й", None),
        ("\u00a8", None),  # would be a space
        ("\uff5b", None),  # would be a brace, which begins something in a template
    ],
)
def test_what_could_stand_for_a_character(character: str, plain: str | None) -> None:
    """Something that reads alike in the GSM alphabet, or nothing."""
    assert replacement_of(character) == plain


@given(st.characters(exclude_categories=["Cs"]))
def test_a_stand_in_is_in_the_alphabet_and_short(character: str) -> None:
    """Whatever the character is, so that a text of stand-ins is GSM-7 and its length is bounded."""
    plain = replacement_of(character) if OUTSIDE_GSM.match(character) else None
    if plain is not None:
        assert set(plain) <= BASIC | EXTENSION
        assert len(plain) <= MAX_LENGTH
        assert "{" not in plain
        assert "}" not in plain


def test_letters_are_joined_with_accents_of_their_own() -> None:
    """What the alphabet has with its accent keeps it; what it has not loses it; what has no stand-in stays."""
    text = unicodedata.normalize("NFD", "café Zoë Ä") + " \u4f60"
    assert replaced(text, "".join(OUTSIDE_GSM.findall(text))) == "café Zoe Ä \u4f60"


def test_a_template_is_proposed_in_plain_characters() -> None:
    """Its own text and what is printed; not what values are compared with, and not comments, which no message has."""
    source = (
        "{# \u2019 #}Hi {{ n | default('it\u2019s you') }} \u2013 {% if n == 'Zoë' %}é…{% endif %}"
        "{{ 'ł' if n else \"“x”\" }}"
    )
    assert template_characters(source) == set("\u2019\u2013…ł“”")
    assert suggested_template(source) == (
        "{# \u2019 #}Hi {{ n | default(\"it's you\") }} - {% if n == 'Zoë' %}é...{% endif %}{{ 'l' if n else '\"x\"' }}"
    )


@pytest.mark.parametrize("name", ["Zoë", "Ann", ""])
def test_a_proposed_template_says_the_same(name: str) -> None:
    """It renders as the old one would with stand-ins in its own text."""
    source = "{{ n | default('it\u2019s') }} \u2013 {% if n == 'Zoë' %}é…{% endif %}\n"
    proposed = suggested_template(source)
    assert proposed is not None
    cells = {"n": name}
    assert Template(proposed).render(cells) == replaced(Template(source).render(cells), "\u2019\u2013…")


@pytest.mark.parametrize("source", ["Hi {{ name }}, your code is 12345", "你好 {{ name }}", "{# \u2013 #}Hi", ""])
def test_nothing_is_proposed_where_nothing_helps(source: str) -> None:
    """A template in GSM-7, or in a script that the alphabet does not have."""
    assert suggested_template(source) is None


def test_a_string_that_cannot_be_quoted_is_left_alone() -> None:
    """With both kinds of quotes in it, either end would come too early."""
    assert suggested_template("{{ n | default('”\u2019') }}") is None
