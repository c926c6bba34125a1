import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from bulksend.message.compose import MissingField, Template, TemplateError
from bulksend.message.grammar import rewrite
from bulksend.message.plain import PlainForm, plain_form
from bulksend.message.values import MAX_VALUE_LENGTH

NAMES = ("name", "code", "Last_Name")
PIECES = st.one_of(
    st.sampled_from([f"{{{{ {name} }}}}" for name in NAMES]),
    st.sampled_from(
        ["Hi ", "%", "%s", "%%(name)s", "{ ", " }", "\n", " ", "{# no #}", "100 % für Zoë", "{{ order.id }}"]
    ),
)
VALUES = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        [None, "", "  ", "\u00a0", "%s", "{{ name }}", "x" * MAX_VALUE_LENGTH, "x" * (MAX_VALUE_LENGTH + 1)]
    ),
    st.sampled_from([7, 2.5, 1e22, True, [], ["a"], {"id": "7"}, "\ud83d"]),
)


def outcome(template: Template, cells: dict[str, object]) -> tuple[str, str]:
    """The message, or which error says what."""
    try:
        return "text", template.render(cells)
    except (MissingField, TemplateError) as error:
        return type(error).__name__, str(error)


@given(st.lists(PIECES, max_size=6).map("".join), st.dictionaries(st.sampled_from([*NAMES, "order"]), VALUES))
@settings(max_examples=600)
@example("{{ name }}{{ code }}", {"name": [], "code": "x" * (MAX_VALUE_LENGTH + 1)})
def test_the_short_way_says_what_jinja_says(source: str, cells: dict[str, object]) -> None:
    """Same text, same error: an empty constant more keeps a template from being plain and changes nothing else."""
    assert outcome(Template(source), cells) == outcome(Template('{{ "" }}' + source), cells)


def form_of(source: str) -> PlainForm | None:
    """The short way for a template."""
    environment = Environment(autoescape=False)  # noqa: S701 - nothing is rendered
    program = rewrite(environment.parse(source), environment)
    return plain_form(program.tree, program.paths, str.lower)


@pytest.mark.parametrize(
    ("source", "form"),
    [
        ("Hi {{ Name }}, {{ code }}: 5 %", PlainForm("Hi %s, %s: 5 %%", ("name", "code"))),
        ("{{ name }}{{ name }}", PlainForm("%s%s", ("name", "name"))),
        ("just text", PlainForm("just text", ())),
        ("", PlainForm("", ())),
    ],
)
def test_columns_between_constants_have_a_short_way(source: str, form: PlainForm) -> None:
    """Each column by its key, in its place; signs of percent are kept."""
    assert form_of(source) == form


@pytest.mark.parametrize(
    "source",
    ["{{ name | upper }}", "{{ order.id }}", "{% if a %}b{% endif %}", "{{ 'a' }}", "{{ a or b }}", "{{ a[1:] }}"],
)
def test_anything_else_is_for_jinja(source: str) -> None:
    """Filters, conditions, constants in braces, values inside columns."""
    assert form_of(source) is None


@pytest.mark.parametrize("value", [None, "", " \t", 7, True, ["a"], "x" * (MAX_VALUE_LENGTH + 1)])
def test_what_needs_a_rule_is_left_to_jinja(value: object) -> None:
    """A value that is missing, too long, or no text."""
    assert PlainForm("%s", ("name",)).render({"name": value}) is None
    assert PlainForm("%s", ("name",)).render({"name": "Ann"}) == "Ann"
    assert PlainForm("%s", ("name",)).render({}) is None
