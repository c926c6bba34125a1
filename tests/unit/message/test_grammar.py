import pytest

from bulksend.base.errors import ConfigError
from bulksend.message.compose import Template


@pytest.mark.parametrize(
    ("source", "construct"),
    [
        ("{% for x in y %}{{ x }}{% endfor %}", "{% for %}"),
        ("{% set x = 1 %}", "{% set %}"),
        ("{% set x %}a{% endset %}", "{% set %}"),
        ("{% include 'a' %}", "{% include %}"),
        ("{% import 'a' as b %}", "{% import %}"),
        ("{% from 'a' import b %}", "{% from %}"),
        ("{% extends 'a' %}", "{% extends %}"),
        ("{% block a %}{% endblock %}", "{% block %}"),
        ("{% macro a() %}{% endmacro %}", "{% macro %}"),
        ("{% call a() %}{% endcall %}", "{% call %}"),
        ("{% filter upper %}a{% endfilter %}", "{% filter %}"),
        ("{% with x = 1 %}{% endwith %}", "{% with %}"),
        ("{% autoescape true %}a{% endautoescape %}", "{% autoescape %}"),
        ("{{ name.upper() }}", "a call"),
        ("{{ range(10) }}", "a call"),
        ("{{ a ~ b }}", "the operator ~"),
        ("{{ a + b }}", "the operator +"),
        ("{{ first-name }}", "the operator -"),
        ("{{ 'a' * 1000000000 }}", "the operator *"),
        ("{{ a / 2 }}", "the operator /"),
        ("{{ a // 2 }}", "the operator //"),
        ("{{ '%1000000000d' % a }}", "the operator %"),
        ("{{ 10 ** 10 ** 10 }}", "the operator **"),
        ("{{ -a }}", "the operator -"),
        ("{{ +a }}", "the operator +"),
        ("{{ {'a': 1} }}", "an object in braces"),
        ("{{ a[b] }}", "an index that is not a constant"),
        ("{{ a[b:] }}", "an index that is not a constant"),
        ("{% if a %}{% for x in y %}{% endfor %}{% endif %}", "{% for %}"),
        ("{% if a %}{% else %}{% set x = 1 %}{% endif %}", "{% set %}"),
        ("{{ a | default(b()) }}", "a call"),
        ("{{ a[b() :] }}", "a call"),
        ("{{ [1, a ~ b] }}", "the operator ~"),
        ("{{ a if b() else c }}", "a call"),
        ("{{ a | upper(*b) }}", "* and **"),
        ("{{ a | upper(**b) }}", "* and **"),
    ],
)
def test_what_a_message_must_not_use_is_named_with_its_line(source: str, construct: str) -> None:
    """Loops, assignments, other files, calls, arithmetic: refused when the template is read, wherever they stand."""
    with pytest.raises(ConfigError) as caught:
        Template("Hi\n\n" + source)
    assert caught.value.what == f"template line 3: {construct} cannot be used in a message"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ a | nope }}", 'template line 2: there is no filter "nope"'),
        ("{{ a | first }}", 'template line 2: there is no filter "first"'),
        ("{{ a is nope }}", 'template line 2: there is no test "nope"'),
        ("{{ a is defined(1) }}", 'template line 2: test "defined" takes no arguments'),
        ("{{ a | upper(1) }}", 'template line 2: filter "upper": too many positional arguments'),
        ("{{ a | replace('b') }}", "template line 2: filter \"replace\": missing a required argument: 'new'"),
        ("{{ a | round(places=1) }}", "template line 2: filter \"round\": got an unexpected keyword argument 'places'"),
        ("{{ (a | upper).b }}", "template line 2: only a column has members and elements"),
        ("{{ 'x'.y }}", "template line 2: only a column has members and elements"),
        ("{{ a['x':] }}", "template line 2: a slice needs whole numbers"),
        ("{{ a[::0] }}", "template line 2: a slice needs whole numbers"),
        ("{{ a | format(b) }}", "template line 2: format needs a constant text with the places of its values"),
        ("{{ '%1000d' | format(b) }}", "template line 2: format needs a constant text with the places of its values"),
        ("{{ '%(x)s' | format(b) }}", "template line 2: format needs a constant text with the places of its values"),
        ("{{ a", "template line 2: unexpected end of template, expected 'end of print statement'"),
        ("{{ first name }}", "template line 2: expected token 'end of print statement', got 'name'"),
        ("{% nope %}", "template line 2: Encountered unknown tag 'nope'"),
        ("}} {{ 'a }}", 'template line 2: unexpected char "\'" at 9'),
    ],
)
def test_mistakes_are_named_with_their_line_and_a_hint(source: str, message: str) -> None:
    """Misspelt filters, wrong arguments and broken syntax stop the campaign before it is planned."""
    with pytest.raises(ConfigError) as caught:
        Template("Hi\n" + source)
    assert caught.value.what == message


def test_an_unclosed_if_is_named() -> None:
    """Jinja's own sentence, on one line."""
    with pytest.raises(ConfigError, match=r"template line 1: .*'endif'") as caught:
        Template("{% if a %}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        "{{ " + "(" * 3000 + "a" + ")" * 3000 + " }}",
        "{{ " + "not " * 3000 + "a }}",
        "{{ " + "a or " * 30_000 + "b }}",
        "{% if a %}" * 300 + "x" + "{% endif %}" * 300,
        "{{ a" + " | upper" * 5000 + " }}",
    ],
)
def test_deep_nesting_is_a_configuration_error(source: str) -> None:
    """Not a crash of the parser or the compiler."""
    with pytest.raises(ConfigError, match="nested too deeply"):
        Template(source)


def test_a_number_of_thousands_of_digits_is_a_configuration_error() -> None:
    """Not a traceback out of Python's limit for such conversions."""
    with pytest.raises(ConfigError, match="a number in it is too long"):
        Template("{{ " + "9" * 5000 + " }}")


def test_a_refused_filter_comes_with_those_that_exist() -> None:
    """The hint lists what could be meant."""
    with pytest.raises(ConfigError) as caught:
        Template("{{ a | uper }}")
    assert "upper" in caught.value.hint
