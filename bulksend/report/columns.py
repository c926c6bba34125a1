"""A table that fits: the widest one that a terminal has room for, of columns that can be cut or left out."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

GAP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    Attributes:
        head: its heading.
        cells: one a row.
        rank: columns of the highest rank are left out first; those of rank 0 never are.
        left: whether cells begin at its left edge; else they end at its right one.
        narrowest: to how much it can be cut; 0: not at all.
    """

    head: str
    cells: Sequence[Text]
    rank: int = 0
    left: bool = False
    narrowest: int = 0

    @property
    def width(self) -> int:
        """Of the widest cell, or the heading."""
        return max(cell_len(self.head), *(cell.cell_len for cell in self.cells), 1)

    @property
    def least(self) -> int:
        """What it takes at least."""
        return min(self.width, self.narrowest) if self.narrowest else self.width


def fitted(columns: Sequence[Column], width: int, *, ellipsis: str) -> list[Text]:
    """The heading and the rows of a table that is at most `width` wide.

    Columns that do not fit are left out, by rank; what is left of the room goes to those that were cut, in order.
    """
    kept = [column for column in columns if column.cells]
    while len(kept) > 1 and _total([column.least for column in kept]) > width:
        worst = max(kept, key=lambda column: column.rank)
        if not worst.rank:
            break
        kept.remove(worst)
    widths = [column.least for column in kept]
    for index, column in enumerate(kept):
        widths[index] += max(0, min(column.width - column.least, width - _total(widths)))
    rows = []
    for number in range(-1, len(kept[0].cells) if kept else 0):
        line = Text()
        for index, (column, room) in enumerate(zip(kept, widths, strict=True)):
            cell = Text(column.head, style="dim") if number < 0 else column.cells[number].copy()
            cut_to(cell, room, ellipsis=ellipsis)
            pad = " " * (room - cell.cell_len)
            is_last = index == len(kept) - 1
            line.append_text(cell if column.left else Text(pad) + cell)
            line.append((pad if column.left and not is_last else "") + ("" if is_last else " " * GAP))
        rows.append(line)
    return rows


def cut_to(text: Text, width: int, *, ellipsis: str) -> Text:
    """Cut `text` to at most `width` columns of a terminal, in place, and return it."""
    if text.cell_len > width:
        plain = set_cell_size(text.plain, max(0, width - cell_len(ellipsis))).rstrip()
        text.right_crop(len(text.plain) - len(plain))
        text.append(ellipsis if width >= cell_len(ellipsis) else "")
    return text


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)
