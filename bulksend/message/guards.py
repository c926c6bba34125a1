"""Which columns a template cannot do without: those whose absence would leave some row without a message.

A column is required unless every use of it is guarded: by `default`, by a test that asks whether it is there, or by an
`if` that comes to it only when it is. Guards count for the column as a whole, not for each value inside it.
"""

from collections.abc import Mapping, Sequence

from jinja2 import nodes

from bulksend.message.grammar import CONTAINS, EQUAL, LESS
from bulksend.message.values import is_blank

_NONE: frozenset[str] = frozenset()
_COMPARISONS = frozenset({EQUAL, LESS, CONTAINS})
_TRUE_ONLY_WHEN_PRESENT = frozenset({"defined", "true", "false", "boolean", "number", "string", "sequence", "mapping"})
_TRUE_WHEN_ABSENT = frozenset({"undefined", "none"})


def required_names(tree: nodes.Template, name_of: Mapping[str, str]) -> frozenset[str]:
    """Return the columns that are used somewhere without a guard.

    Args:
        tree: a rewritten template (`grammar.rewrite`).
        name_of: variable of the tree -> column.
    """
    needs = _Needs(name_of)
    needs.statements(tree.body, _NONE)
    return frozenset(needs.required)


class _Needs:
    """Walks the tree. `sure` is what is known to be there at that point."""

    def __init__(self, name_of: Mapping[str, str]) -> None:
        self._name_of = name_of
        self.required: set[str] = set()

    def statements(self, body: Sequence[nodes.Node], sure: frozenset[str]) -> None:
        for node in body:
            if isinstance(node, nodes.Output):
                for child in node.nodes:
                    self._demand(child, sure)
            elif isinstance(node, nodes.If):
                self._if(node, sure)

    def _if(self, node: nodes.If, sure: frozenset[str]) -> None:
        for branch in (node, *node.elif_):
            self._absences(branch.test, sure)
            self.statements(branch.body, sure | self._present(branch.test, when=True))
            sure |= self._present(branch.test, when=False)
        self.statements(node.else_, sure)

    def _demand(self, node: nodes.Node, sure: frozenset[str]) -> None:
        self.required |= self._absences(node, sure)

    def _absences(self, node: nodes.Node, sure: frozenset[str]) -> frozenset[str]:
        """Return the columns whose absence would make the value of `node` a missing one.

        Those that evaluating it needs in any case are noted as required on the way.
        """
        match node:
            case nodes.Name():
                return frozenset({self._name_of[node.name]}) - sure
            case nodes.And():
                left = self._absences(node.left, sure)
                return left | self._absences(node.right, sure | self._present(node.left, when=True))
            case nodes.Or():
                self._absences(node.left, sure)
                return self._absences(node.right, sure | self._present(node.left, when=False))
            case nodes.CondExpr(expr2=nodes.Expr() as other):
                self._absences(node.test, sure)
                first = self._absences(node.expr1, sure | self._present(node.test, when=True))
                return first | self._absences(other, sure | self._present(node.test, when=False))
            case nodes.Not():
                self._absences(node.node, sure)
            case nodes.Test():
                self._absences(node.node, sure)
            case nodes.List():
                for item in node.items:
                    self._absences(item, sure)
            case nodes.Filter(node=nodes.Expr() as subject):
                return self._absences_of_filter(node, subject, sure)
        return _NONE

    def _absences_of_filter(self, node: nodes.Filter, subject: nodes.Expr, sure: frozenset[str]) -> frozenset[str]:
        passed_on = self._absences(subject, sure)
        arguments = [*node.args, *(pair.value for pair in node.kwargs)]
        if node.name in {EQUAL, CONTAINS}:
            self._absences(arguments[0], sure)
            return _NONE
        if _replaces_absence(node):
            return _NONE.union(*(self._absences(argument, sure) for argument in arguments))
        for argument in arguments:
            self._demand(argument, sure)
        if node.name == LESS:
            self.required |= passed_on
            return _NONE
        return passed_on

    def _present(self, node: nodes.Node, *, when: bool) -> frozenset[str]:
        """Return the columns that are surely there when `node` is true, or false, as `when` says."""
        match node:
            case nodes.Name():
                return frozenset({self._name_of[node.name]}) if when else _NONE
            case nodes.Not():
                return self._present(node.node, when=not when)
            case nodes.And() | nodes.Or():
                left, right = self._present(node.left, when=when), self._present(node.right, when=when)
                return left | right if isinstance(node, nodes.And) is when else left & right
            case nodes.Test(node=nodes.Expr() as subject):
                decisive = _TRUE_ONLY_WHEN_PRESENT if when else _TRUE_WHEN_ABSENT
                return self._columns(subject) if node.name in decisive else _NONE
            case nodes.Filter(node=nodes.Expr() as subject):
                return self._present_by_filter(node, subject, when=when)
        return _NONE

    def _present_by_filter(self, node: nodes.Filter, subject: nodes.Expr, *, when: bool) -> frozenset[str]:
        if _replaces_absence(node):
            return _NONE
        if node.name == LESS:
            return self._columns(subject) | self._columns(node.args[0])
        if node.name == EQUAL:
            sides = ((subject, node.args[0]), (node.args[0], subject))
            return _NONE.union(*(self._columns(one) for one, other in sides if _is_blank_constant(other) is (not when)))
        if node.name == CONTAINS:
            if not when:
                return _NONE
            no_blank_in_list = isinstance(subject, nodes.List) and all(
                _is_blank_constant(item) is False for item in subject.items
            )
            return self._columns(subject) | (self._columns(node.args[0]) if no_blank_in_list else _NONE)
        return self._columns(subject) if when else _NONE

    def _columns(self, node: nodes.Node) -> frozenset[str]:
        """Return the column that `node` is, filtered or not; nothing for anything else."""
        while isinstance(node, nodes.Filter) and node.node is not None:
            if node.name in _COMPARISONS or _replaces_absence(node):
                return _NONE
            node = node.node
        return frozenset({self._name_of[node.name]}) if isinstance(node, nodes.Name) else _NONE


def _replaces_absence(node: nodes.Filter) -> bool:
    """Whether a filter puts another value in the place of a missing one; all but the comparisons else hand it on."""
    return node.name in {"default", "d"} or (node.name in {"int", "float"} and bool(node.args or node.kwargs))


def _is_blank_constant(node: nodes.Node) -> bool | None:
    """Whether a constant counts as missing; None for what is no constant."""
    return is_blank(node.value) if isinstance(node, nodes.Const) else None
