"""The short way to render a template that only puts columns between constants, as most do.

It takes a fifth of the time of Jinja's (0.4 of 1.9 microseconds), and gives up where a row needs any of its rules.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jinja2 import nodes

from bulksend.message.grammar import Path
from bulksend.message.values import MAX_VALUE_LENGTH


@dataclass(frozen=True, slots=True)
class PlainForm:
    """A template as a text with places.

    Attributes:
        text: with `%s` in each place.
        keys: of the cells that belong there, in their order.
    """

    text: str
    keys: tuple[str, ...]

    def render(self, cells: Mapping[str, object]) -> str | None:
        """Return the message for one row; None where a value is missing, too long, or anything but text."""
        values = []
        for key in self.keys:
            value = cells.get(key)
            if type(value) is not str or not value or value.isspace() or len(value) > MAX_VALUE_LENGTH:
                return None
            values.append(value)
        return self.text % tuple(values)


def plain_form(tree: nodes.Template, paths: Mapping[str, Path], key_of: Callable[[str], str]) -> PlainForm | None:
    """Return the short way to render a rewritten template; None where it is more than columns between constants.

    Args:
        tree: a rewritten template (`grammar.rewrite`).
        paths: variable of the tree -> what it stands for.
        key_of: how the name of a column becomes a key of the cells.
    """
    text = ""
    keys = []
    for statement in tree.body:
        for node in statement.nodes if isinstance(statement, nodes.Output) else [statement]:
            if isinstance(node, nodes.TemplateData):
                text += node.data.replace("%", "%%")
            elif isinstance(node, nodes.Name) and not paths[node.name].steps:
                text += "%s"
                keys.append(key_of(paths[node.name].name))
            else:
                return None
    return PlainForm(text, tuple(keys))
