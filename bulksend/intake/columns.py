"""How the names of columns are matched: people write `First Name`, `first_name` and `FIRST-NAME` for one thing."""

import re
import unicodedata
from collections.abc import Sequence

from bulksend.base.errors import InputError
from bulksend.intake.invisible import without_invisible

SHOWN_COLUMNS = 12
SHOWN_CHARACTERS = 40

_IGNORED = frozenset({"Pc", "Pd"})  # Unicode's kinds of "_" and of "-"
_LIKE_A_NUMBER = re.compile(r"[+(]*\d(?:[\W_]{0,3}\d){6,}")
_MADE_UNIQUE = re.compile(r"(?P<name>.*) \([0-9]+\)", re.DOTALL)


def column_key(name: str) -> str:
    """Return what two names of one column have in common.

    Case, white space, underscores, hyphens and invisible characters do not count; nor do the ways in which Unicode
    can write the same character (NFKC: full-width letters, ligatures, composed accents).
    """
    folded = unicodedata.normalize("NFKC", without_invisible(name)).casefold()
    kept = "".join(
        char
        for char in unicodedata.normalize("NFKC", folded)
        if not char.isspace() and unicodedata.category(char) not in _IGNORED
    )
    return unicodedata.normalize("NFKC", kept)


def find_column(columns: Sequence[str], wanted: str) -> str | None:
    """Return the one of `columns` that `wanted` means, as it is spelt there; None when there is none.

    A header that has the same name twice counts as two, although the second was renamed to `name (2)`.

    Raises:
        InputError: two columns match, so that nobody can know which is meant. Names the columns, not the file.
    """
    key = column_key(wanted)
    matches = [column for column in columns if column_key(column) == key]
    if matches:
        matches += [column for column in columns if _is_repetition(column, key)]
    if len(matches) > 1:
        spelt = " and ".join(f'"{" ".join(show_column(column).split())}"' for column in matches)
        raise InputError(f'the columns {spelt} both match "{show_column(wanted)}"', "Rename or remove one of them")
    return matches[0] if matches else None


def show_column(name: str) -> str:
    """Return the name of a column as an error may quote it.

    A file without a header has a person's data there: what looks like a phone number, seven digits or more, is left
    out, and so is what comes after `SHOWN_CHARACTERS`.
    """
    shown = _LIKE_A_NUMBER.sub("[number]", name)
    return f"{shown[:SHOWN_CHARACTERS]}..." if len(shown) > SHOWN_CHARACTERS else shown


def missing_column(what: str, columns: Sequence[str], hint: str) -> InputError:
    """Return the error to raise where `columns`, a header, lack one: `what` is missed, what is there, what to do."""
    shown = ", ".join(repr(show_column(name)) for name in columns[:SHOWN_COLUMNS])
    if any(_LIKE_A_NUMBER.search(name) for name in columns):
        hint = f"is the header line missing? If not, {hint}"
    return InputError(f"{what}; there are {shown}{', ...' if len(columns) > SHOWN_COLUMNS else ''}", hint)


def _is_repetition(column: str, key: str) -> bool:
    made_unique = _MADE_UNIQUE.fullmatch(column)
    return made_unique is not None and column_key(made_unique["name"]) == key
