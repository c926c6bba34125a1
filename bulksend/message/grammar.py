"""The language of message templates: the part of Jinja that cannot take long, grow large or reach outside the row.

Allowed: text, comments, `{% raw %}`, `{{ ... }}`, `{% if %}` with elif and else; in expressions columns, members and
elements by a constant (`order.id`, `tags[0]`, `code[-4:]`), constants, lists of them, comparisons, `in`, `and`, `or`,
`not`, `... if ... else ...`, and the filters and tests of `filters.py`. Everything else is refused when the template is
read: loops, assignments, macros, blocks, other files, calls, arithmetic.

What is allowed is rewritten so that Jinja's own rules for values never apply: a column with its members becomes one
variable, which the caller fills, and each comparison becomes a filter of `values.py`.
"""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NoReturn

from jinja2 import Environment, nodes

from bulksend.base.errors import ConfigError
from bulksend.message.filters import FILTERS, TESTS, is_format
from bulksend.message.values import Step

EQUAL, LESS, CONTAINS, SLICE = "==", "<", "in", "[:]"
"""Names under which `equal`, `less`, `contains` and `cut` of `values.py` stand among the filters.

`contains` takes the container first, `cut` the text or list, then start, stop and step (whole numbers or None). No
template can write these names as filters.
"""


@dataclass(frozen=True, slots=True)
class Path:
    """A column, or a value inside one.

    Attributes:
        name: of the column, as the template spells it.
        steps: from the column to the value.
    """

    name: str
    steps: tuple[Step, ...] = ()

    def __str__(self) -> str:
        return self.name + "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in self.steps)


@dataclass(slots=True)
class Program:
    """A template after rewriting.

    Attributes:
        tree: what to compile; its only variables are those of `paths`.
        paths: variable -> what it stands for.
    """

    tree: nodes.Template
    paths: dict[str, Path] = field(default_factory=dict)


def rewrite(tree: nodes.Template, environment: Environment) -> Program:
    """Check `tree` against the language and rewrite it.

    Raises:
        ConfigError: something in it is not allowed; names the construct and its line.
    """
    rewriter = _Rewriter()
    body = rewriter.statements(tree.body)
    program = nodes.Template(body, lineno=1)
    program.set_environment(environment)
    return Program(program, {variable: path for path, variable in rewriter.variables.items()})


def refuse(line: int, what: str, hint: str = "") -> NoReturn:
    """Raise the `ConfigError` of a template that has `what` on `line`."""
    raise ConfigError(f"template line {line}: {what}", hint) from None


# Jinja's operator -> comparison, with the sides swapped, negated.
_COMPARISONS = MappingProxyType(
    {
        "eq": (EQUAL, False, False),
        "ne": (EQUAL, False, True),
        "lt": (LESS, False, False),
        "gt": (LESS, True, False),
        "lteq": (LESS, True, True),
        "gteq": (LESS, False, True),
        "in": (CONTAINS, True, False),
        "notin": (CONTAINS, True, True),
    }
)

_STATEMENTS: Mapping[type[nodes.Node], str] = MappingProxyType(
    {
        nodes.For: "{% for %}",
        nodes.Assign: "{% set %}",
        nodes.AssignBlock: "{% set %}",
        nodes.Include: "{% include %}",
        nodes.Import: "{% import %}",
        nodes.FromImport: "{% from %}",
        nodes.Extends: "{% extends %}",
        nodes.Block: "{% block %}",
        nodes.Macro: "{% macro %}",
        nodes.CallBlock: "{% call %}",
        nodes.FilterBlock: "{% filter %}",
        nodes.With: "{% with %}",
        nodes.Scope: "{% autoescape %}",
        nodes.ScopedEvalContextModifier: "{% autoescape %}",
    }
)

_ARITHMETIC_HINT = "Put the result into the input"
_EXPRESSIONS: Mapping[type[nodes.Node], tuple[str, str]] = MappingProxyType(
    {
        nodes.Call: ("a call", "Use a filter, such as {{ name | upper }}"),
        nodes.Concat: ("the operator ~", "Write the two one after the other: {{ a }}{{ b }}"),
        nodes.Add: ("the operator +", _ARITHMETIC_HINT),
        nodes.Sub: ("the operator -", f"{_ARITHMETIC_HINT}; a name with a hyphen is written with _"),
        nodes.Mul: ("the operator *", _ARITHMETIC_HINT),
        nodes.Div: ("the operator /", _ARITHMETIC_HINT),
        nodes.FloorDiv: ("the operator //", _ARITHMETIC_HINT),
        nodes.Mod: ("the operator %", _ARITHMETIC_HINT),
        nodes.Pow: ("the operator **", _ARITHMETIC_HINT),
        nodes.Neg: ("the operator -", _ARITHMETIC_HINT),
        nodes.Pos: ("the operator +", _ARITHMETIC_HINT),
        nodes.Dict: ("an object in braces", ""),
        nodes.Slice: ("a slice", ""),
    }
)


class _Rewriter:
    def __init__(self) -> None:
        self.variables: dict[Path, str] = {}

    def statements(self, body: Sequence[nodes.Node]) -> list[nodes.Node]:
        return [self._statement(node) for node in body]

    def _statement(self, node: nodes.Node) -> nodes.Node:
        line = node.lineno
        if isinstance(node, nodes.Output):
            return nodes.Output([self._expression(child) for child in node.nodes], lineno=line)
        if isinstance(node, nodes.If):
            return nodes.If(
                self._expression(node.test),
                self.statements(node.body),
                self.statements(node.elif_),
                self.statements(node.else_),
                lineno=line,
            )
        if isinstance(node, nodes.Scope):  # the one node that Jinja gives no line
            line = node.body[0].lineno
        construct = _STATEMENTS.get(type(node), type(node).__name__)
        refuse(line, f"{construct} cannot be used in a message", "Use {{ ... }} and {% if %} only")

    def _expression(self, node: nodes.Node) -> nodes.Expr:
        line = node.lineno
        match node:
            case nodes.TemplateData():
                return nodes.TemplateData(node.data, lineno=line)
            case nodes.Const():
                return nodes.Const(node.value, lineno=line)
            case nodes.Neg(node=nodes.Const(value=int() | float() as value)):
                return nodes.Const(-value, lineno=line)
            case nodes.Tuple() | nodes.List():
                return nodes.List([self._expression(item) for item in node.items], lineno=line)
            case nodes.Name() | nodes.Getattr() | nodes.Getitem():
                return self._value(node)
            case nodes.Filter():
                return self._filter(node)
            case nodes.Test():
                return self._test(node)
            case nodes.Compare():
                return self._comparison(node)
            case nodes.Not():
                return nodes.Not(self._expression(node.node), lineno=line)
            case nodes.And() | nodes.Or():
                return type(node)(self._expression(node.left), self._expression(node.right), lineno=line)
            case nodes.CondExpr():
                other = node.expr2 if node.expr2 is not None else nodes.Const("", lineno=line)
                return nodes.CondExpr(
                    self._expression(node.test), self._expression(node.expr1), self._expression(other), lineno=line
                )
        construct, hint = _EXPRESSIONS.get(type(node), (type(node).__name__, ""))
        refuse(line, f"{construct} cannot be used in a message", hint)

    def _value(self, node: nodes.Expr) -> nodes.Expr:
        """A column with the members and elements that follow it; or a slice of, or a step into, any expression."""
        steps: list[Step] = []
        inner: nodes.Expr = node
        while not isinstance(inner, nodes.Name):
            if isinstance(inner, nodes.Getattr):
                steps.append(inner.attr)
            elif isinstance(inner, nodes.Getitem) and not isinstance(inner.arg, nodes.Slice):
                steps.append(self._index(inner.arg))
            else:
                break
            inner = inner.node
        if isinstance(inner, nodes.Name):
            path = Path(inner.name, tuple(reversed(steps)))
            variable = self.variables.setdefault(path, f"v{len(self.variables)}")
            return nodes.Name(variable, "load", lineno=node.lineno)
        if steps:
            refuse(node.lineno, "only a column has members and elements", "Take the member first, then filter it")
        if isinstance(inner, nodes.Getitem) and isinstance(inner.arg, nodes.Slice):
            return self._slice(inner, inner.arg)
        return self._expression(inner)

    def _index(self, node: nodes.Expr) -> Step:
        constant = self._expression(node)
        if isinstance(constant, nodes.Const) and isinstance(constant.value, (str, int)):
            return constant.value
        refuse(node.lineno, "an index that is not a constant cannot be used in a message", "Use a number or a name")

    def _slice(self, node: nodes.Getitem, bounds: nodes.Slice) -> nodes.Expr:
        given = (bounds.start, bounds.stop, bounds.step)
        constants = [None if bound is None else self._index(bound) for bound in given]
        if any(isinstance(constant, str) for constant in constants) or constants[2] == 0:
            refuse(node.lineno, "a slice needs whole numbers", "Write, for example, code[-4:]")
        arguments: list[nodes.Expr] = [nodes.Const(constant, lineno=node.lineno) for constant in constants]
        return _call(SLICE, self._expression(node.node), arguments, node.lineno)

    def _filter(self, node: nodes.Filter) -> nodes.Expr:
        line = node.lineno
        function = FILTERS.get(node.name)
        if function is None:
            refuse(line, f'there is no filter "{node.name}"', f"There are {', '.join(sorted(FILTERS))}")
        if node.node is None:
            refuse(line, "{% filter %} cannot be used in a message", "Use {{ ... | " + node.name + " }}")
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            refuse(line, "* and ** cannot be used in a message", "Write the arguments out")
        arguments = [self._expression(argument) for argument in node.args]
        named = [nodes.Keyword(pair.key, self._expression(pair.value), lineno=line) for pair in node.kwargs]
        try:
            inspect.signature(function).bind(None, *arguments, **{pair.key: pair.value for pair in named})
        except TypeError as error:
            refuse(line, f'filter "{node.name}": {error}')
        subject = self._expression(node.node)
        if node.name == "format" and not (
            isinstance(subject, nodes.Const) and isinstance(subject.value, str) and is_format(subject.value)
        ):
            hint = 'Write, for example, {{ "%.2f" | format(price) }}; %s, %d, %i and %f at most two digits wide'
            refuse(line, "format needs a constant text with the places of its values", hint)
        return nodes.Filter(subject, node.name, arguments, named, None, None, lineno=line)

    def _test(self, node: nodes.Test) -> nodes.Expr:
        if node.name not in TESTS:
            refuse(node.lineno, f'there is no test "{node.name}"', f"There are {', '.join(sorted(TESTS))}")
        if node.args or node.kwargs or node.dyn_args is not None or node.dyn_kwargs is not None:
            refuse(node.lineno, f'test "{node.name}" takes no arguments')
        return nodes.Test(self._expression(node.node), node.name, [], [], None, None, lineno=node.lineno)

    def _comparison(self, node: nodes.Compare) -> nodes.Expr:
        line = node.lineno
        left = self._expression(node.expr)
        result: nodes.Expr | None = None
        for operand in node.ops:
            right = self._expression(operand.expr)
            name, swapped, negated = _COMPARISONS[operand.op]
            subject, argument = (right, left) if swapped else (left, right)
            compared = _call(name, subject, [argument], line)
            if negated:
                compared = nodes.Not(compared, lineno=line)
            result = compared if result is None else nodes.And(result, compared, lineno=line)
            left = right
        return left if result is None else result


def _call(name: str, subject: nodes.Expr, arguments: list[nodes.Expr], line: int) -> nodes.Expr:
    return nodes.Filter(subject, name, arguments, [], None, None, lineno=line)
