import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulksend.message.compose import MissingField, Template, TemplateError


@pytest.mark.parametrize(
    ("source", "required"),
    [
        ("{{ a }} {{ b }}", "ab"),
        ("{{ a | upper }}", "a"),
        ("{{ a.b.c }}", "a"),
        ("{{ a | default('x') }}", ""),
        ("{{ a | d('x') | upper }}", ""),
        ("{{ a | upper | default('x') }}", ""),
        ("{{ a | default(b) }}", "b"),
        ("{{ a | default(b | default('x')) }}", ""),
        ("{{ a | int(0) }}{{ b | int }}", "b"),
        ("{{ a | default('x') }}{{ a }}", "a"),
        ("{{ a or 'x' }}", ""),
        ("{{ a or b }}", "b"),
        ("{{ a and b }}", "ab"),
        ("{{ a if a else 'x' }}", ""),
        ("{{ a if b }}", "a"),
        ("{{ a if b else c }}", "ac"),
        ("{{ a is defined }}", ""),
        ("{% if a %}{{ a }}{% endif %}", ""),
        ("{% if a %}{{ b }}{% endif %}", "b"),
        ("{% if a %}x{% else %}{{ a }}{% endif %}", "a"),
        ("{% if not a %}x{% else %}{{ a }}{% endif %}", ""),
        ("{% if a is defined %}{{ a }}{% endif %}", ""),
        ("{% if a is not defined %}x{% elif b %}{{ a }}{{ b }}{% endif %}", ""),
        ("{% if a is undefined or b %}x{% else %}{{ a }}{{ b }}{% endif %}", "b"),
        ("{% if a and b %}{{ a }}{{ b }}{% endif %}", ""),
        ("{% if a or b %}{{ a }}{% endif %}", "a"),
        ("{% if a == 'x' %}{{ a }}{% endif %}", ""),
        ("{% if a != '' %}{{ a }}{% endif %}", ""),
        ("{% if a == '' %}x{% else %}{{ a }}{% endif %}", ""),
        ("{% if a == '' %}{{ a }}{% endif %}", "a"),
        ("{% if a != 'x' %}{{ a }}{% endif %}", "a"),
        ("{% if a > 3 %}x{% endif %}", "a"),
        ("{% if a and a > 3 %}x{% endif %}", ""),
        ("{% if a | int(0) > 3 %}x{% endif %}", ""),
        ("{% if a | length > 3 %}x{% endif %}", "a"),
        ("{% if a in ['x', 'y'] %}{{ a }}{% endif %}", ""),
        ("{% if a in ['x', ''] %}{{ a }}{% endif %}", "a"),
        ("{% if a in b %}{{ b }}{{ a }}{% endif %}", "a"),
        ("{% if a | trim %}{{ a }}{% endif %}", ""),
        ("{{ 'x' | replace('x', a) }}", "a"),
        ("plain", ""),
    ],
)
def test_required_columns(source: str, required: str) -> None:
    """Those that some use does without a default, an `is defined` or an `if` around it."""
    assert Template(source).required == set(required)


CONSTANTS = st.sampled_from(["'x'", "''", "3", "true", "['x', '']", "['x']"])
EXPRESSIONS = st.recursive(
    st.sampled_from(["a", "b", "c"]) | CONSTANTS,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("(not {})".format, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("({} {} {})".format, inner, st.sampled_from(["==", "!=", "<", ">=", "in", "not in"]), inner),
        st.builds(
            "({} is {})".format, inner, st.sampled_from(["defined", "undefined", "none", "number", "not defined"])
        ),
        st.builds("({} | default({}))".format, inner, inner),
        st.builds("({} | int({}))".format, inner, inner),
        st.builds("({} | {})".format, inner, st.sampled_from(["upper", "int", "length", "default"])),
        st.builds("({} | replace('x', {}))".format, inner, inner),
    ),
    max_leaves=8,
)
STATEMENTS = st.recursive(
    st.builds("{{{{ {} }}}}".format, EXPRESSIONS),
    lambda inner: st.builds(
        "{{% if {} %}}{}{{% elif {} %}}{}{{% else %}}{}{{% endif %}}".format,
        EXPRESSIONS,
        inner,
        EXPRESSIONS,
        inner,
        inner,
    ),
    max_leaves=4,
)


@given(
    STATEMENTS, st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sampled_from(["x", "3", 3, 0, True, ["x", ""]]))
)
@settings(max_examples=400)
def test_no_field_is_missed_when_the_required_ones_are_there(source: str, cells: dict[str, object]) -> None:
    """A row that has every required column never lacks a field, whatever the template asks and the others hold."""
    template = Template(source)
    complete = dict.fromkeys(template.required, "x") | cells
    try:
        template.render(complete)
    except MissingField as error:
        pytest.fail(f"{error.name} is missing in {source}")
    except TemplateError:
        pass
