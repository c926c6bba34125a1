import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulksend.message.compose import MissingField, Template, TemplateError
from bulksend.message.values import MAX_VALUE_LENGTH


def render(source: str, **cells: object) -> str:
    """Compile and render at once."""
    return Template(source).render(cells)


@pytest.mark.parametrize(
    ("source", "cells", "expected"),
    [
        ("{{ x | upper }}", {"x": "straße"}, "STRASSE"),
        ("{{ x | lower }}", {"x": "ANNA"}, "anna"),
        ("{{ x | title }}", {"x": "ANNA o'neil-smith"}, "Anna O'neil-Smith"),
        ("{{ x | capitalize }}", {"x": "anna MARIA"}, "Anna maria"),
        ("{{ x | trim }}|", {"x": "  Anna \n"}, "Anna|"),
        ('{{ x | trim("+") }}', {"x": "++1+"}, "1"),
        ('{{ x | replace("-", " ") }}', {"x": "a-b-c"}, "a b c"),
        ('{{ x | replace("-", "", 1) }}', {"x": "a-b-c"}, "ab-c"),
        ('{{ x | replace("", ".") }}', {"x": "ab"}, ".a.b."),
        ('{{ x | replace(" ", "") | truncate(5, killwords=true, end="") }}', {"x": "a bc def"}, "abcde"),
        ("{{ x | truncate(12) }}", {"x": "one two three four"}, "one two..."),
        ("{{ x | truncate(20) }}", {"x": "one two three four"}, "one two three four"),
        ('{{ x | join(", ") }}', {"x": ["a", None, "", 2, True]}, "a, 2, true"),
        ("{{ x | length }}", {"x": "Anna"}, "4"),
        ("{{ x | count }}", {"x": [1, 2, 3]}, "3"),
        ("{{ x | int }}", {"x": "12.7"}, "12"),
        ("{{ x | int(0) }}", {"x": "twelve"}, "0"),
        ("{{ x | int(0) }}", {}, "0"),
        ("{{ x | float }}", {"x": "12"}, "12.0"),
        ("{{ x | float(1.5) }}", {"x": "-"}, "1.5"),
        ("{{ x | round }}", {"x": "2.5"}, "3"),
        ("{{ x | round(1) }}", {"x": 2.25}, "2.3"),
        ('{{ x | round(1, "floor") }}', {"x": 2.29}, "2.2"),
        ('{{ x | round(method="ceil") }}', {"x": "2.01"}, "3"),
        ('{{ "%.2f" | format(x) }}', {"x": "49.9"}, "49.90"),
        ('{{ "%05d of %s, 100%%" | format(x, y) }}', {"x": 7, "y": True}, "00007 of true, 100%"),
        (
            "https://x.example/?n={{ x | urlencode }}",
            {"x": "Ann & Bob é"},
            "https://x.example/?n=Ann%20%26%20Bob%20%C3%A9",
        ),
        ('{{ x | default("there") }}', {}, "there"),
        ('{{ x | d("there") }}', {"x": " "}, "there"),
        ('{{ x | default("there") }}', {"x": None}, "there"),
        ('{{ x | default("there") }}', {"x": 0}, "0"),
        ('{{ x | default("there", true) }}', {"x": 0}, "there"),
        ('{{ x | default("there", boolean=true) }}', {"x": False}, "there"),
        ("{{ x | default }}|", {}, "|"),
        ('{{ x | title | default("There") }}', {"x": ""}, "There"),
        ("{{ x | default(y) | upper }}", {"y": "b"}, "B"),
        ('{{ x | replace("a", "") | default("none left") }}', {"x": "aaa"}, "none left"),
        ("{{ 12 | upper }}", {}, "12"),
    ],
)
def test_filters(source: str, cells: dict[str, object], expected: str) -> None:
    """Each filter does what its name promises, to text and to numbers."""
    assert render(source, **cells) == expected


@pytest.mark.parametrize(
    "source",
    [
        "{{ x | int }}",
        "{{ x | float }}",
        "{{ x | round }}",
        "{{ n | round(99) }}",
        '{{ n | round(1, "up") }}',
        "{{ x | join }}",
        "{{ n | length }}",
        '{{ x | truncate("5") }}',
        "{{ x | truncate(2) }}",
        '{{ "%d" | format(x) }}',
        '{{ "%d %d" | format(n) }}',
        "{{ o | upper }}",
        "{{ o }}",
        "{{ x > 5 }}",
    ],
)
def test_a_value_that_does_not_suit_is_an_error_without_the_value(source: str) -> None:
    """The reason names the filter, never what the row holds."""
    with pytest.raises(TemplateError) as caught:
        render(source, x="secret word", n=271828, o={"k": "secret"})
    assert "secret" not in str(caught.value)
    assert "271828" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "name", ["upper", "lower", "title", "capitalize", "trim", "length", "round", "urlencode", "int"]
)
def test_a_missing_value_passes_through(name: str) -> None:
    """A filter neither hides that a value is missing nor keeps it from a default."""
    with pytest.raises(MissingField) as caught:
        render("{{ x | " + name + " }}")
    assert caught.value.name == "x"
    assert render("{{ x | " + name + ' | default("none") }}') == "none"


@pytest.mark.parametrize("source", ["{{ x | replace(y, 'a') }}", "{{ x | default(y) }}", "{{ '%s' | format(y) }}"])
def test_a_missing_argument_is_a_missing_field(source: str) -> None:
    """Where an argument is used its value must be there, and it is the argument that is named."""
    with pytest.raises(MissingField) as caught:
        render(source, x="" if "default" in source else "text")
    assert caught.value.name == "y"


@pytest.mark.parametrize(
    "source",
    [
        "{{ x | replace('a', y) }}",
        "{{ x | replace('', y) }}",
        "{{ z | join(y) }}",
        "{{ z | join }}",
        "{{ '%s%s' | format(y, y) }}",
        "{{ y | urlencode }}",
        "{{ y | replace('é', 'aaaaaaaaaa') | replace('a', 'bbbbbbbbbb') }}",
    ],
)
def test_no_filter_makes_a_value_grow_without_bound(source: str) -> None:
    """A result that is many times what a message can hold is refused before it is made."""
    long = "é" * (MAX_VALUE_LENGTH - 1)
    with pytest.raises(TemplateError, match="longer than 10,000 characters"):
        render(source, x="a" * 100, y=long, z=[long] * 3)


@given(st.text(), st.integers(3, 40), st.booleans())
def test_truncate_keeps_to_its_length(text: str, length: int, killwords: bool) -> None:  # noqa: FBT001 - a drawn value
    """Never longer than asked, never cut when it fits."""
    source = "{{ x | truncate(" + str(length) + ", " + ("true" if killwords else "false") + ') | default("") }}'
    result = render(source, x=text)
    assert len(result) <= length
    if len(text) <= length and text.strip():
        assert result == text


@pytest.mark.parametrize(
    ("source", "cells", "expected"),
    [
        ("{{ x is defined }}", {"x": "a"}, "true"),
        ("{{ x is defined }}", {"x": ""}, "false"),
        ("{{ x is undefined }}", {"x": None}, "true"),
        ("{{ x is not none }}", {"x": 0}, "true"),
        ("{{ x is none }}", {}, "true"),
        ("{{ x is true }}", {"x": True}, "true"),
        ("{{ x is false }}", {"x": "false"}, "false"),
        ("{{ x is boolean }}", {"x": False}, "true"),
        ("{{ x is number }}", {"x": "12"}, "true"),
        ("{{ x is number }}", {"x": "a"}, "false"),
        ("{{ x is string }}", {"x": 1}, "false"),
        ("{{ x is sequence }}", {"x": []}, "true"),
        ("{{ x is mapping }}", {"x": {}}, "true"),
    ],
)
def test_tests(source: str, cells: dict[str, object], expected: str) -> None:
    """Asking what a value is never needs it to be there."""
    assert render(source, **cells) == expected
