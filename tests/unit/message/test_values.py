from decimal import Decimal

import pytest

from bulksend.message.values import (
    Missing,
    MissingField,
    TemplateError,
    contains,
    cut,
    equal,
    is_blank,
    less,
    look_up,
    number_of,
    printed,
)

GONE = Missing("city")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("  as it is \n", "  as it is \n"),
        (0, "0"),
        (-12, "-12"),
        (49.9, "49.9"),
        (5.0, "5.0"),
        (1e21, "1000000000000000000000"),
        (1e-7, "0.0000001"),
        (Decimal("1E+3"), "1000"),
        (True, "true"),
        (False, "false"),
    ],
)
def test_values_print_plainly(value: object, expected: str) -> None:
    """Text unchanged, numbers without exponent, booleans as JSON spells them."""
    assert printed(value) == expected


@pytest.mark.parametrize("value", [["secret"], {"a": "secret"}, float("nan"), b"secret", object()])
def test_what_has_no_one_print_is_an_error_without_the_value(value: object) -> None:
    """Lists, objects and strangers are refused, and the error does not show them."""
    with pytest.raises(TemplateError) as caught:
        printed(value)
    assert "secret" not in str(caught.value)


def test_printing_what_is_missing_names_it() -> None:
    """The exception carries the name that the template used."""
    with pytest.raises(MissingField) as caught:
        printed(GONE)
    assert caught.value.name == "city"
    with pytest.raises(MissingField):
        str(GONE)


@pytest.mark.parametrize("value", ["", " ", "\t\r\n", "\u00a0\u2003", None])
def test_blank_values(value: object) -> None:
    """Nothing, empty text and white space of any script count as missing."""
    assert is_blank(value)


@pytest.mark.parametrize("value", ["0", 0, False, [], {}, "\u200b.", "-"])
def test_values_that_are_not_blank(value: object) -> None:
    """Zero, false and empty lists are values."""
    assert not is_blank(value)


@pytest.mark.parametrize(
    ("value", "steps", "expected"),
    [
        ({"id": 7}, ("id",), 7),
        ({"items": [1, 2]}, ("items", 1), 2),
        ({"items": [1, 2]}, ("items", -1), 2),
        ({"items": [1, 2]}, ("items", 2), None),
        ({"keys": "value"}, ("keys",), "value"),
        ({}, ("keys",), None),
        ({"0": "zero"}, (0,), "zero"),
        ("Anna", (0,), "A"),
        ("Anna", ("upper",), None),
        (12345, (-1,), "5"),
        ([1], ("append",), None),
        (None, ("a",), None),
        (True, (0,), None),
        ({"a": {"__class__": 1}}, ("a", "__class__"), 1),
        ("x", ("__class__",), None),
    ],
)
def test_steps_reach_data_and_never_attributes(value: object, steps: tuple[str | int, ...], expected: object) -> None:
    """Keys and indices lead on; names of methods lead only to data of that name."""
    assert look_up(value, steps) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("12", 12),
        (" -3.50 ", -3.5),
        ("+1", 1),
        ("1e5", None),
        ("", None),
        ("١٢", None),
        ("0x1", None),
        ("1" * 40, None),
    ],
)
def test_text_that_spells_a_number(value: str, expected: float | None) -> None:
    """ASCII digits with a sign and decimals; nothing that would need guessing."""
    assert number_of(value) == expected


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("gold", "gold"),
        ("1", 1),
        (1, "1.0"),
        ("TRUE", True),
        (False, " false "),
        (GONE, ""),
        (GONE, None),
        (GONE, Missing("other")),
        (1, 1.0),
        ([1], [1]),
    ],
)
def test_equal_to_a_reader(left: object, right: object) -> None:
    """One template gives one result over CSV and JSON; a missing value equals the empty text. In either order."""
    assert equal(left, right)
    assert equal(right, left)


@pytest.mark.parametrize(
    ("left", "right"),
    [("gold", "Gold"), ("1", "1.0"), ("one", 1), (GONE, "x"), (GONE, 0), (GONE, False), ("", 0), ("yes", True)],
)
def test_not_equal_to_a_reader(left: object, right: object) -> None:
    """Texts are compared letter by letter; nothing is guessed. In either order."""
    assert not equal(left, right)
    assert not equal(right, left)


@pytest.mark.parametrize(("left", "right"), [(1, 2), ("9", 10), (9, "10.5"), ("a", "b"), ("10", "9")])
def test_order(left: object, right: object) -> None:
    """Numbers by size, with text that spells one; two texts by their letters."""
    assert less(left, right)
    assert not less(right, left)


@pytest.mark.parametrize(("left", "right"), [("secret", 1), ([1], [2]), (True, 1), ({}, 1)])
def test_what_has_no_order_is_an_error_without_the_values(left: object, right: object) -> None:
    """A text that spells no number is not sorted among numbers."""
    with pytest.raises(TemplateError) as caught:
        less(left, right)
    assert "secret" not in str(caught.value)


def test_ordering_needs_both_values() -> None:
    """There is no safe answer about a value that is not there."""
    for sides in ((GONE, 1), (1, GONE)):
        with pytest.raises(MissingField):
            less(*sides)


@pytest.mark.parametrize(
    ("container", "item", "expected"),
    [
        (["a", "b"], "a", True),
        ([1, 2], "2", True),
        (["a"], "A", False),
        ("London", "Lon", True),
        ("2026", 26, True),
        ({"vip": 1}, "vip", True),
        (GONE, "a", False),
        ("text", GONE, False),
        (["a"], GONE, False),
        (["a", ""], GONE, True),
    ],
)
def test_contains(container: object, item: object, *, expected: bool) -> None:
    """Lists by equality, texts by what they hold, objects by key; nothing is in what is missing."""
    assert contains(container, item) is expected


def test_nothing_is_in_a_number() -> None:
    """Asking is an error of the template."""
    with pytest.raises(TemplateError):
        contains(12, 1)


@pytest.mark.parametrize(
    ("value", "bounds", "expected"),
    [
        ("123456", (-4, None, None), "3456"),
        (123456, (-4, None, None), "3456"),
        ([1, 2, 3], (None, 2, None), [1, 2]),
        ("ab", (5, 9, None), ""),
        (GONE, (0, 1, None), GONE),
    ],
)
def test_slices(value: object, bounds: tuple[int | None, int | None, int | None], expected: object) -> None:
    """Texts, numbers as they are printed, and lists; a missing value stays missing."""
    assert cut(value, *bounds) == expected


def test_an_object_has_no_slices() -> None:
    """Cutting one is an error of the template."""
    with pytest.raises(TemplateError):
        cut({}, 0, 1, None)
