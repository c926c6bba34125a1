"""How the names of columns are matched: people write `First Name`, `first_name` and `FIRST-NAME` for one thing."""

import re
import unicodedata
from collections.abc import Sequence

from bulksend.base.errors import InputError
from bulksend.intake.invisible import without_invisible

_IGNORED = frozenset({"Pc", "Pd"})  # Unicode's kinds of "_" and of "-"
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
        spelt = " and ".join(f'"{" ".join(column.split())}"' for column in matches)
        raise InputError(f'the columns {spelt} both match "{wanted}"', "Rename or remove one of them")
    return matches[0] if matches else None


def _is_repetition(column: str, key: str) -> bool:
    made_unique = _MADE_UNIQUE.fullmatch(column)
    return made_unique is not None and column_key(made_unique["name"]) == key
