"""Where in the input the reader is, shared by its layers so that every error can name it."""

from dataclasses import dataclass

from bulksend.base.errors import InputError


@dataclass(slots=True)
class Place:
    """A place in one input.

    Attributes:
        name: of the input, as the user gave it.
        line: physical line that is being read, from 1; 0 as long as the input is not read as text.
    """

    name: str
    line: int = 0

    def error(self, cause: str, hint: str = "", *, line: int | None = None) -> InputError:
        """Return the error to raise: the name, the line (this place's unless given) and the cause."""
        at = self.line if line is None else line
        return InputError(f"{self.name}, line {at}: {cause}" if at else f"{self.name}: {cause}", hint)
