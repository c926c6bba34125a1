"""From the first record of a CSV file to the names of its columns."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bulksend.base.export_fields import DELIVERY_FIELDS, EXPORT_FIELDS, original_name
from bulksend.base.formulas import as_before
from bulksend.intake.invisible import without_invisible


@dataclass(frozen=True, slots=True)
class Header:
    """What the first record says about all the others.

    Attributes:
        columns: names of the columns, no two the same.
        leading: how many cells of every record come before them and are left out: those that an export put there.
    """

    columns: tuple[str, ...]
    leading: int = 0


def read_header(cells: Sequence[str]) -> Header:
    """Name the columns after the `cells` of the header.

    Invisible characters and outer white space are taken off; a column without a name becomes `column 3`, after its
    place; the second one of a name becomes `name (2)`. The header of an export of ours gives the columns of the
    input that was exported.
    """
    names = [without_invisible(cell).strip() for cell in cells]
    leading = _export_fields(names)
    if leading:
        names = [original_name(as_before(name)) for name in names[leading:]]
    return Header(_unique([name or f"column {place}" for place, name in enumerate(names, start=1)]), leading)


def _export_fields(names: Sequence[str]) -> int:
    for fields in ((*EXPORT_FIELDS, *DELIVERY_FIELDS), EXPORT_FIELDS):
        if tuple(names[: len(fields)]) == fields:
            return len(fields)
    return 0


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    spelt = set(names)
    repetitions: Counter[str] = Counter()
    used: dict[str, None] = {}
    for name in names:
        unique = name
        while unique in used or (repetitions[name] and unique in spelt):
            repetitions[name] += 1
            unique = f"{name} ({repetitions[name] + 1})"
        used[unique] = None
    return tuple(used)
