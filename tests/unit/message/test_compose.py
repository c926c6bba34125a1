import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bulksend.base.errors import ConfigError
from bulksend.message.compose import MissingField, Template, TemplateError
from bulksend.message.values import MAX_VALUE_LENGTH, is_blank


def render(source: str, cells: dict[str, object]) -> str:
    """Compile and render at once."""
    return Template(source).render(cells)


@pytest.mark.parametrize(
    ("source", "cells", "expected"),
    [
        (
            "Hi {{ first_name }}, your code is {{ code }}",
            {"first_name": "Anna", "code": "7"},
            "Hi Anna, your code is 7",
        ),
        ("No columns at all", {}, "No columns at all"),
        ("", {}, ""),
        ("{{ order.id }}", {"order": {"id": 7}}, "7"),
        ("{{ order.items }}, {{ order.keys }}", {"order": {"items": "two", "keys": "three"}}, "two, three"),
        ('{{ order["first item"].sizes[0] }}', {"order": {"first item": {"sizes": ["XL"]}}}, "XL"),
        ("{{ code[-4:] }}", {"code": 123456}, "3456"),
        ("{{ name[0] }}{{ name[1:3] }}{{ name[::-1] }}", {"name": "Anna"}, "AnnannA"),
        ("{{ paid }} {{ total }}", {"paid": True, "total": 49.9}, "true 49.9"),
        ("{% if a %}A{% elif b %}B{% else %}C{% endif %}", {"b": "1"}, "B"),
        ("{% if a and not b or c %}yes{% endif %}", {"a": "1", "b": " "}, "yes"),
        ("{{ a or b or 'none' }}", {"b": "B"}, "B"),
        ("{{ 'VIP ' if vip == true }}{{ name }}", {"vip": "TRUE", "name": "Anna"}, "VIP Anna"),
        ("{{ 'VIP ' if vip == true }}{{ name }}", {"vip": False, "name": "Anna"}, "Anna"),
        ("{% if n == 1 %}one{% else %}many{% endif %}", {"n": "1"}, "one"),
        ("{% if 1 < n <= 10 %}few{% endif %}", {"n": "10"}, "few"),
        ("{% if n > -1 %}{{ n }}{% endif %}", {"n": 0}, "0"),
        ('{% if city in ["Paris", "Lyon"] %}FR{% endif %}', {"city": "Lyon"}, "FR"),
        ('{% if "red" not in tags %}no{% endif %}', {"tags": ["blue"]}, "no"),
        ('{% if name == "" %}none{% endif %}', {}, "none"),
        ('{% if name != "" %}some{% endif %}', {"name": "x"}, "some"),
        ("{# a comment #}{% raw %}{{ as is }}{% endraw %}", {}, "{{ as is }}"),
        ("{{ 'Dear' }} {{ 5 }} {{ true }}", {}, "Dear 5 true"),
        ("{{ prénom }}", {"prénom": "Zoé"}, "Zoé"),
        ("{{ loop }}{{ self }}{{ range }}{{ v0 }}", {"loop": "a", "self": "b", "range": "c", "v0": "d"}, "abcd"),
        ("<{{ name }}>", {"name": "<b>&"}, "<<b>&>"),
    ],
)
def test_rendering(source: str, cells: dict[str, object], expected: str) -> None:
    """What a template of each allowed construct makes of a row."""
    assert render(source, cells) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("  Hi \n", "  Hi "),
        ("Hi\n\n", "Hi\n"),
        ("one\r\ntwo\r\n", "one\ntwo"),
        ("one\rtwo", "one\ntwo"),
        ("{% if true %}\n x{% endif %} ", "\n x "),
        ("a {%- if true %} b {%- endif %} c", "a b c"),
    ],
)
def test_white_space_is_kept(source: str, expected: str) -> None:
    """Only one newline at the very end goes; line ends become line feeds; the template's own - trims, as in Jinja."""
    assert render(source, {}) == expected


@pytest.mark.parametrize("value", ["{{ 7*7 }}", "{% for x in y %}", "{# gone #}", "{{ code }}", "%s {0} $x"])
def test_values_are_data(value: str) -> None:
    """A value that looks like a template appears as it is."""
    assert render("{{ name }} {{ code }}", {"name": value, "code": "1"}) == f"{value} 1"


@given(st.text(), st.text())
def test_any_text_appears_as_it_is(name: str, code: str) -> None:
    """Whatever a CSV holds comes out unchanged, unless it is blank and so missing."""
    template = Template("[{{ name }}|{{ code }}]")
    if is_blank(name) or is_blank(code):
        with pytest.raises(MissingField):
            template.render({"name": name, "code": code})
    else:
        assert template.render({"name": name, "code": code}) == f"[{name}|{code}]"


@pytest.mark.parametrize("cells", [{}, {"name": ""}, {"name": " \t\n"}, {"name": None}, {"name": "\u00a0"}])
def test_absent_and_empty_are_both_missing(cells: dict[str, object]) -> None:
    """A column without a value raises its name, and every guard works on it."""
    with pytest.raises(MissingField) as caught:
        render("Hi {{ name }}", cells)
    assert caught.value.name == "name"
    assert render("{{ name | default('there') }}", cells) == "there"
    assert render("{% if name %}a{% else %}b{% endif %}", cells) == "b"
    assert render("{% if name is defined %}a{% else %}b{% endif %}", cells) == "b"
    assert render("{{ name or 'there' }}", cells) == "there"


@pytest.mark.parametrize(
    ("source", "cells", "name"),
    [
        ("{{ order.id }}", {"order": {}}, "order.id"),
        ("{{ order.id }}", {}, "order.id"),
        ("{{ order.items[2].name }}", {"order": {"items": [1]}}, "order.items[2].name"),
        ("{{ order.id }}", {"order": "text"}, "order.id"),
        ("{{ name.upper }}", {"name": "Anna"}, "name.upper"),
        ("{{ tags.append }}", {"tags": ["a"]}, "tags.append"),
        ("{{ order.__class__ }}", {"order": {"id": 1}}, "order.__class__"),
        ("{{ a and b }}", {"b": "1"}, "a"),
        ("{% if n > 3 %}{% endif %}", {}, "n"),
        ("{{ 'x' if a else b }}", {}, "b"),
    ],
)
def test_a_missing_field_is_named_as_the_template_spells_it(source: str, cells: dict[str, object], name: str) -> None:
    """The path to the value that is not there; methods and attributes of values are never there."""
    with pytest.raises(MissingField) as caught:
        render(source, cells)
    assert caught.value.name == name


def test_bind_finds_the_column_by_key() -> None:
    """A variable finds its column however the header spells it; errors still name the variable."""
    template = Template("{{ first_name }} {{ Last }}")
    template.bind(lambda name: name.replace("_", "").lower())
    assert template.render({"firstname": "Anna", "last": "Berg"}) == "Anna Berg"
    with pytest.raises(MissingField) as caught:
        template.render({"first_name": "Anna", "last": "Berg"})
    assert caught.value.name == "first_name"


def test_names_are_the_columns_that_are_used() -> None:
    """Each once, without what is inside them, in whatever branch they stand."""
    template = Template("{{ a }}{{ a.b }}{% if c %}{{ d[0] | default(e) }}{% elif f == 1 %}{% endif %}")
    assert template.names == {"a", "c", "d", "e", "f"}


@pytest.mark.parametrize("value", [object(), b"secret", ["secret"], {"secret": 1}, pytest.param(10**5000, id="huge")])
def test_what_goes_wrong_inside_is_a_template_error_without_values(value: object) -> None:
    """Whatever the value, rendering ends in one of its two exceptions, and neither shows it or carries it along."""
    with pytest.raises(TemplateError) as caught:
        render("{{ x }}", {"x": value})
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


def test_a_value_that_is_far_too_long_is_refused_by_name() -> None:
    """A cell many times the size of a message is not copied around."""
    with pytest.raises(TemplateError, match="note is longer than 10,000 characters"):
        render("{{ note }}", {"note": "x" * (MAX_VALUE_LENGTH + 1)})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "items"]), inner, max_size=3)
    ),
    max_leaves=8,
)


EXPRESSIONS = (
    *("a", "a.b", "a[0]", "b.items[-1]", "a[1:]", "a == b", "a < b", "a in b", "a | upper", "a | int", "a | float(0)"),
    *("a | round(2)", "a | join(b)", "a | length", "a | title | default(b)", "a | replace('a', b)", "a | truncate(5)"),
    *("a | urlencode", "'%5.1f %s %d' | format(a, b, a)"),
)
PROGRAMS = [Template("{{ " + one + " }}") for one in EXPRESSIONS] + [
    Template("{% if " + one + " %}yes{% endif %}") for one in EXPRESSIONS
]


@given(st.fixed_dictionaries({}, optional={"a": JSON, "b": JSON}))
@settings(max_examples=300)
@example({"a": float("nan"), "b": {"b": float("inf")}})
def test_rendering_ends_in_a_text_or_in_one_of_two_errors(cells: dict[str, object]) -> None:
    """Over any JSON, every filter and comparison either works or says that it does not."""
    for template in PROGRAMS:
        fault = ""
        try:
            outcome = template.render(cells)
        except MissingField as error:
            outcome, fault = None, error.name
        except TemplateError as error:
            outcome, fault = None, str(error)
        assert (outcome is None) is bool(fault)


@given(
    st.lists(
        st.sampled_from(
            ["{{", "}}", "{%", "%}", "{#", "#}", "if ", "endif", "else", "a", ".", "|", "default", "(", ")"]
        )
        | st.sampled_from(
            ["[", "]", "==", "and ", "not ", "is ", "defined", "'", '"', "1", "~", "*", ",", "\n", " ", "for x in"]
        )
        | st.text(max_size=3),
        max_size=14,
    ).map("".join)
)
@settings(max_examples=500)
def test_any_source_is_a_template_or_a_configuration_error(source: str) -> None:
    """Nothing that can be typed into a template raises anything else."""
    template, fault = None, ""
    try:
        template = Template(source)
    except ConfigError as error:
        fault = str(error)
    assert "\n" not in fault
    assert fault if template is None else template.required <= template.names
