"""Names of inputs that are kept elsewhere, and of which there is a copy on this machine."""

from pathlib import Path
from typing import Self


class CopiedName(str):
    """What an input is called, `s3://bucket/list.csv`, together with the file that is read for it.

    A string like any other name of an input: errors, plans and ledgers show it. Only who opens it looks at `path`.
    """

    __slots__ = ("path", "plain")

    path: Path
    plain: str

    def __new__(cls, name: str, path: Path) -> Self:
        """`name`, of which `path` is a copy; `plain` is the name alone."""
        made = super().__new__(cls, name)
        made.path, made.plain = path, name
        return made

    def __str__(self) -> str:
        """Itself: who makes sure that a name is a string does not lose the file by it."""
        return self
