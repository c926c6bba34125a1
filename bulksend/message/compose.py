"""Templates: a text with places for the columns of a row. Values are data; nothing in them is ever read as template."""

from collections.abc import Callable, Mapping

from jinja2 import StrictUndefined
from jinja2 import Template as JinjaTemplate
from jinja2 import TemplateSyntaxError as JinjaSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bulksend.base.errors import ConfigError
from bulksend.message.filters import FILTERS, TESTS
from bulksend.message.grammar import CONTAINS, EQUAL, LESS, SLICE, refuse, rewrite
from bulksend.message.guards import required_names
from bulksend.message.plain import PlainForm, plain_form
from bulksend.message.values import (
    MAX_VALUE_LENGTH,
    Missing,
    MissingField,
    Step,
    TemplateError,
    contains,
    cut,
    equal,
    is_blank,
    less,
    look_up,
    printed,
)

_SYNTAX_HINT = "Check the {{ ... }} and {% ... %}; in the name of a column write _ for spaces and hyphens"

__all__ = ["MissingField", "Template", "TemplateError"]


class Template:
    """A message template, read once and rendered for every row.

    The language is the part of Jinja that `grammar.py` lists. A column that is absent, null, empty or white space
    alone is missing: printing it raises `MissingField`, unless `default`, an `if` or `is defined` guards it. Line
    ends of the template become line feeds, and one at its very end is dropped; apart from that every character counts.

    Args:
        source: the template.

    Attributes:
        names: the columns it uses, as it spells them.
        required: those of them that some use does without a guard.

    Raises:
        ConfigError: it cannot be read, or uses what a message must not; names the line.
    """

    names: frozenset[str]
    required: frozenset[str]

    def __init__(self, source: str) -> None:
        environment = _environment()
        try:
            program = rewrite(environment.parse(source), environment)
            columns = {variable: path.name for variable, path in program.paths.items()}
            self.required = required_names(program.tree, columns)
            code = environment.compile(program.tree)
        except JinjaSyntaxError as error:
            refuse(error.lineno, _clause(error.message), _SYNTAX_HINT)
        except (RecursionError, MemoryError, SyntaxError):
            raise ConfigError(
                "template: it is nested too deeply", "Put fewer brackets and ifs into one another"
            ) from None
        except ValueError:
            raise ConfigError("template: a number in it is too long", "Write it in quotes") from None
        self.names = frozenset(columns.values())
        # Taken out of the template: Jinja's own render() rewrites tracebacks at many times the cost of a rendering.
        self._compiled = JinjaTemplate.from_code(environment, code, {}, None)
        self._render = self._compiled.root_render_func
        self._tree, self._paths = program.tree, program.paths
        self._lookups: list[tuple[str, str, tuple[Step, ...], Missing]] = []
        self._plain: PlainForm | None = None
        self.bind(str)

    def bind(self, key_of: Callable[[str], str]) -> None:
        """Set how a name in the template becomes a key of the cells; until then it is the key itself."""
        self._lookups = [
            (variable, key_of(path.name), path.steps, Missing(str(path))) for variable, path in self._paths.items()
        ]
        self._plain = plain_form(self._tree, self._paths, key_of)

    def render(self, cells: Mapping[str, object]) -> str:
        """Return the message for one row.

        Args:
            cells: the row, by the keys that `bind` set; values as JSON or CSV holds them.

        Raises:
            MissingField: a value is needed that the row does not have.
            TemplateError: the values do not suit the template; the text holds none of them.
        """
        if self._plain is not None:
            text = self._plain.render(cells)
            if text is not None:
                return text
        variables: dict[str, object] = {}
        for variable, key, steps, missing in self._lookups:
            value = cells.get(key)
            if steps:
                value = look_up(value, steps)
            if is_blank(value):
                value = missing
            elif isinstance(value, str) and len(value) > MAX_VALUE_LENGTH:
                raise TemplateError(f"{missing.name} is longer than {MAX_VALUE_LENGTH:,} characters")
            variables[variable] = value
        try:
            return "".join(self._render(self._compiled.new_context(variables, shared=True)))
        except (MissingField, TemplateError):
            raise
        except Exception as error:
            fault = type(error).__name__
        # Outside the handler, so that no context of this exception carries a value along.
        raise TemplateError(f"rendering failed with {fault}")


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(autoescape=False, finalize=printed, undefined=StrictUndefined)
    environment.globals.clear()
    environment.filters = {**FILTERS, EQUAL: equal, LESS: less, CONTAINS: contains, SLICE: cut}
    environment.tests = dict(TESTS)
    return environment


def _clause(message: str | None) -> str:
    return " ".join((message or "it cannot be read").split()).rstrip(".")
